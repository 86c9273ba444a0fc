"""A call under an app's control: its TwiML is fetched and carried out, verb by verb.

The session lives from the call's first ring to its last callback. Documents follow each other
(Redirect, actions, an update by REST) until one runs out, which hangs up. A verb waits with
:meth:`CallSession.until`, which ends with :class:`CallEnded` when the party has hung up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from mediasim.exchange.call_control import LONGEST_CALL_NS, CallControl
from mediasim.exchange.events import Event
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Phone
from mediasim.exchange.waiting import CallEnded, first_of
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.recordings import RecordingManager
from mediasim.twilio.requests import TwimlSource
from mediasim.twilio.resources import AccountRecord
from mediasim.twilio.status import Params, call_params
from mediasim.twilio.streams import StreamManager
from mediasim.twilio.studio import Studio
from mediasim.twilio.transcriptions import TranscriptionManager
from mediasim.twilio.twiml import Document, TwimlError, Verb, parse_twiml
from mediasim.twilio.webhooks import AppFailure, AppRequest, Webhooks

__all__ = [
    "CallDocuments",
    "CallSession",
    "Execute",
    "FollowUp",
    "HangUp",
    "Instructions",
    "VerbEvent",
]

_MOST_DOCUMENTS: Final = 100
"""Documents in a row that let no time pass: an app that redirects in a circle."""
_MOST_TOLD: Final = 120
"""Characters of a verb's text in its events."""
_APOLOGY: Final = "We are sorry, an application error has occurred. Goodbye."


class HangUp(Exception):
    """The document says to end the call."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A document to go on with, and what to tell the app when asking for it."""

    script: TwimlSource
    params: Params


Operation = Callable[["CallSession"], Awaitable[None]]
Instructions = TwimlSource | FollowUp | Operation
"""What a call is to do: follow documents, or one thing that was asked for without any."""
Execute = Callable[["CallSession", Verb], Awaitable[TwimlSource | FollowUp | None]]
"""Carries out a verb; returns the document to go on with instead of the next verb, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbEvent(Event):
    """A verb of an app's document begins, ``twiml.verb``, or is done, ``twiml.verb-ended``."""

    call_sid: str
    verb: str
    line: int
    """Of the document, from 1."""

    @property
    def subject(self) -> str:
        return self.call_sid


class CallSession(CallControl):
    """One call, and the documents that it carries out."""

    def __init__(self, service: CallDocuments, call: LiveCall, phone: Phone) -> None:
        super().__init__(call, phone)
        self.service = service
        self.base = ""
        """The URL of the document under way: relative ones are seen from there."""
        self.longest_ns = LONGEST_CALL_NS
        self.send_digits = ""
        """To be dialled when it answers."""
        self.on_answer: Callable[[CallSession], None] = lambda session: None
        """Called when it has been answered, before its party does anything."""
        self._working: asyncio.Task[None] | None = None
        self._next: TwimlSource | None = None

    # -- life -------------------------------------------------------------------------------

    async def come_in(self, script: Instructions) -> None:
        """A call that rings here: it is answered by the first verb that is not Reject."""
        try:
            await self._follow(script)
        finally:
            await self.finish()

    async def go_out(self, script: Instructions, timeout_ns: int) -> None:
        """A call that the app makes."""
        try:
            await first_of(self.ring(timeout_ns), self.call.ended.wait())
            if self.call.active:
                # The document first: where it dials at once, the party hears ringing at once.
                await self._follow(script, begun=self.answered)
        finally:
            await self.finish()

    def answered(self) -> None:
        self.limit(self.longest_ns)
        self.on_answer(self)
        super().answered()

    def redirect(self, script: TwimlSource) -> None:
        """Leave what it is doing for another document, from outside."""
        self._next = script
        if self._working is not None:
            self._working.cancel()

    async def _follow(self, script: Instructions, begun: Callable[[], None] = lambda: None) -> None:
        """Carry out documents until they run out, then hang up.

        ``begun`` is called when the first is on its way.
        """
        while True:
            self._working = asyncio.ensure_future(self._work(script))
            begun, first = lambda: None, begun
            first()
            try:
                await self._working
            except asyncio.CancelledError:
                if self._next is None:
                    raise
            except (CallEnded, HangUp):
                pass
            if self._next is None or not self.live:
                break
            script, self._next = self._next, None
        self._working = None
        self.end("failed" if self.call.record.status == "queued" else self.unanswered)

    async def _work(self, instructions: Instructions) -> None:
        if isinstance(instructions, TwimlSource | FollowUp):
            await self.perform(instructions)
        else:
            self.answer()
            await instructions(self)

    async def finish(self) -> None:
        """Everything of the call ends now: its document, what runs beside it, its leg."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        await super().finish()
        self.service.sessions.pop(self.call.sid, None)
        self.service.recordings.forget_ended()

    # -- documents --------------------------------------------------------------------------

    async def perform(self, script: TwimlSource | FollowUp) -> None:
        """A document, and those that it leads to, until one runs out."""
        following: TwimlSource | FollowUp | None = script
        since_ns, documents = self.exchange.now_ns, 0
        while following is not None:
            asked = following if isinstance(following, FollowUp) else FollowUp(following, [])
            documents = documents + 1 if since_ns == self.exchange.now_ns else 1
            since_ns = self.exchange.now_ns
            if documents > _MOST_DOCUMENTS:
                self.service.notify(self.call.sid, 12000, "the app's documents lead in a circle")
                return
            document = await self.document(asked.script, asked.params)
            following = None if document is None else await self.carry_out(document)

    async def document(self, script: TwimlSource, more: Params) -> Document | None:
        """What the app answers, or its fallback; None once an apology has been made."""
        if script.twiml is not None:
            self.base = self.service.base_url
            return await self._checked(script.twiml.encode(), "text/xml", "")
        found = await self.fetched(script.url or "", script.method, more)
        if found is None and script.fallback_url:
            found = await self.fetched(script.fallback_url, script.fallback_method, more)
        if found is None and self.live:
            self.answer()
            await self.play(await self.service.studio.say(_APOLOGY), "apology", speech=False)
            raise HangUp
        return found

    async def fetched(self, url: str, method: str, more: Params) -> Document | None:
        """What the app answers; None for no answer or a bad one, which is noted."""
        params = tuple(call_params(self.call.record) + more)
        request = AppRequest(self.absolute(url), method, params, "twiml", self.call.sid)
        try:
            response = await self.service.webhooks.fetch(request)
        except AppFailure as failure:
            self.service.notify(self.call.sid, failure.code, failure.message, request.url)
            return None
        self.base = response.url
        if response.content_type.startswith("audio/"):
            return Document((Verb("Play", {}, response.url, (), 1),), ())
        return await self._checked(response.body, response.content_type, response.url)

    async def _checked(self, body: bytes, content_type: str, url: str) -> Document | None:
        try:
            document = parse_twiml(body, content_type)
        except TwimlError as error:
            self.service.notify(self.call.sid, error.code, error.message, url, line=error.line)
            return None
        for warning in document.warnings:
            self.service.notify(
                self.call.sid, warning.code, warning.message, url, line=warning.line, warning=True
            )
        return document

    def absolute(self, url: str) -> str:
        """A URL of a document, as seen from it."""
        try:
            return urljoin(self.base, url)
        except ValueError:  # no URL at all: asking for it will say so
            return url

    async def carry_out(self, document: Document) -> TwimlSource | FollowUp | None:
        """Its verbs, in order; returns the document to go on with, None: at its end."""
        for number, verb in enumerate(document.verbs):
            execute = self.service.verbs.get(verb.name)
            if execute is None:
                continue
            if _answers(document.verbs[number:]):
                self.answer()
            if verb.name != "Dial":
                self.connect(False)
            self._tell(verb, "twiml.verb")
            try:
                following = await execute(self, verb)
            finally:
                if self.live:  # its end is the verb's otherwise
                    self._tell(verb, "twiml.verb-ended")
            if following is not None:
                return following
        return None

    def _tell(self, verb: Verb, kind: str) -> None:
        said = next((each.text for each in (verb, *verb.children) if each.text), "")
        self.exchange.events.emit(
            VerbEvent(
                at_ns=self.exchange.now_ns,
                kind=kind,
                text=f"{verb.name}: {said[:_MOST_TOLD]}" if said else verb.name,
                call_sid=self.call.sid,
                verb=verb.name,
                line=verb.line,
            )
        )


def _answers(verbs: Sequence[Verb]) -> bool:
    """Whether carrying out the first of these verbs answers a ringing call.

    Reject does not, nor a Pause before it, nor Redirect, nor a Dial that waits for the other side.
    """
    first = verbs[0]
    if first.name in ("Reject", "Redirect"):
        return False
    if first.name == "Pause" and len(verbs) > 1:
        return _answers(verbs[1:])
    if first.name == "Dial" and first.flag("answerOnBridge", False):
        return any(child.name in ("Conference", "Queue") for child in first.children)
    return True


class CallDocuments(AccountParts):
    """What the documents of calls use of an account."""

    verbs: Mapping[str, Execute]
    """How each verb of TwiML is carried out."""
    streams: StreamManager

    def __init__(
        self,
        exchange: Exchange,
        account: AccountRecord,
        webhooks: Webhooks,
        base_url: str,
        studio: Studio,
    ) -> None:
        super().__init__(exchange, account, webhooks, base_url)
        self.studio = studio
        self.recordings = RecordingManager(self)
        self.transcriber = TranscriptionManager(self)
        self.sessions: dict[str, CallSession] = {}
        """Of calls under way, by call SID."""
