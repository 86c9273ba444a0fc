"""The app's answer to an incoming message: TwiML with Message and Redirect."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin

from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.error_dictionary import is_error
from mediasim.twilio.message_records import MessageRecord
from mediasim.twilio.messages import (
    MessageManager,
    MessageRequest,
    incoming_params,
    status_params,
)
from mediasim.twilio.requests import Callback, Params
from mediasim.twilio.resources import NumberRecord
from mediasim.twilio.twiml import Document, TwimlError, Verb, parse_messaging_twiml
from mediasim.twilio.webhooks import AppFailure, AppRequest

__all__ = ["MessageReplies"]

_MOST_DOCUMENTS: Final = 10
_CIRCLE: Final = 14101


class MessageReplies:
    """Asks the app what to do about incoming messages, and does it."""

    def __init__(self, account: AccountParts, messages: MessageManager) -> None:
        self._account = account
        self._messages = messages
        messages.on_received = self.begin

    def begin(self, record: MessageRecord, number: NumberRecord) -> None:
        """Ask the app about a message, if its number has a URL for messages."""
        settings = self._messages.settings_of(number)
        if settings.sms_url:
            first = settings.sms_url, settings.sms_method
            fallback = settings.sms_fallback_url, settings.sms_fallback_method
            self._account.spawn(self._answer(record, first, fallback))

    async def _answer(
        self,
        record: MessageRecord,
        first: tuple[str, str],
        fallback: tuple[str | None, str],
    ) -> None:
        params = self._params(record)
        found = await self._document(record, *first, params)
        if isinstance(found, _Failed) and fallback[0]:
            params += [("ErrorCode", str(found.code)), ("ErrorUrl", first[0])]
            found = await self._document(record, fallback[0], fallback[1], params)
        for _ in range(_MOST_DOCUMENTS):
            if isinstance(found, _Failed):
                return
            following = self._carry_out(record, *found)
            if following is None:
                return
            found = await self._document(record, *following)
        self._messages.notify(record, _CIRCLE, "the app's documents lead in a circle")

    def _params(self, record: MessageRecord) -> Params:
        media = [
            (each.content_type, self._messages.media_url(each))
            for each in self._messages.media_of(record.sid)
        ]
        return incoming_params(record, media)

    async def _document(
        self, record: MessageRecord, url: str, method: str, params: Params
    ) -> tuple[Document, str] | _Failed:
        """Return a document and its URL, or, after a notification, why there is none."""
        try:
            response = await self._account.webhooks.fetch(
                AppRequest(url, method, tuple(params), "sms", record.sid)
            )
            document = parse_messaging_twiml(response.body, response.content_type)
        except (AppFailure, TwimlError) as failure:
            self._messages.notify(record, failure.code, failure.message, url)
            return _Failed(failure.code)
        notes = [note for verb in document.verbs for note in verb.notes]
        for warning in (*document.warnings, *notes):
            self._messages.notify(
                record,
                warning.code,
                warning.message,
                response.url,
                line=warning.line,
                warning=not is_error(warning.code),
            )
        return document, response.url

    def _carry_out(
        self, record: MessageRecord, document: Document, base: str
    ) -> tuple[str, str, Params] | None:
        """Carry out a document; return URL, method and parameters of the one that follows."""
        for verb in document.verbs:
            if verb.name == "Redirect":
                url, method = urljoin(base, verb.text), verb.attribute("method", "POST")
                return url, method, self._params(record)
            following = self._send(record, verb, base)
            if following is not None:
                return following
        return None

    def _send(self, record: MessageRecord, verb: Verb, base: str) -> tuple[str, str, Params] | None:
        """Send the message of a verb; return what its action asks for."""
        bodies = [each.text for each in verb.children if each.name == "Body"]
        media = [urljoin(base, each.text) for each in verb.children if each.name == "Media"]
        callback = verb.attribute("statusCallback")
        request = MessageRequest(
            to=verb.attribute("to") or record.from_ or "",
            from_=verb.attribute("from") or record.to,
            body="".join(bodies) or verb.text,
            media=tuple(media),
            status_callback=Callback(urljoin(base, callback)) if callback else None,
            direction="outbound-reply",
        )
        sent = self._messages.reply(record, request)
        action = verb.attribute("action")
        if not action:
            return None
        params = [("AccountSid", record.account_sid), ("MessageStatus", "failed")]
        params += [("From", request.from_), ("To", request.to)]
        url, method = urljoin(base, action), verb.attribute("method", "POST")
        return url, method, params if sent is None else status_params(sent)


class _Failed:
    """There is no document, for the reason of a code."""

    def __init__(self, code: int) -> None:
        self.code = code
