"""A call that an app controls: its TwiML is fetched and executed, verb by verb.

The session lives from the call's first ring to its last callback. Documents follow each other
(Redirect, actions, an update by REST) until one runs out, which hangs up. A verb waits with
:meth:`CallSession.until`, which ends with :class:`CallEnded` when the party has hung up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urljoin

from mediasim.exchange.call_control import LONGEST_CALL_NS, CallControl
from mediasim.exchange.events import Event
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Directory, Phone
from mediasim.exchange.waiting import CallEnded, first_of
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.error_dictionary import is_error
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.live_transcription import LiveTranscriptionManager
from mediasim.twilio.messages import MessageManager
from mediasim.twilio.payments import PaymentManager
from mediasim.twilio.recordings import RecordingManager
from mediasim.twilio.relay.manager import RelayManager
from mediasim.twilio.requests import MachineDetection, Params, TwimlSource
from mediasim.twilio.resources import AccountRecord
from mediasim.twilio.retention import Retention
from mediasim.twilio.siprec import SiprecManager
from mediasim.twilio.status import call_params
from mediasim.twilio.streams import StreamManager
from mediasim.twilio.studio import Studio
from mediasim.twilio.transcriptions import TranscriptionManager
from mediasim.twilio.twiml import Document, TwimlError, Verb, parse_twiml
from mediasim.twilio.webhooks import AppFailure, AppRequest, Delivery, Webhooks

__all__ = [
    "VERBS",
    "CallDocuments",
    "CallSession",
    "Execute",
    "FollowUp",
    "HangUp",
    "Instructions",
    "VerbEvent",
    "executes",
]

_MOST_DOCUMENTS: Final = 100
"""Most documents in a row at one instant; more are an app that redirects in a circle."""
_LONGEST_TEXT: Final = 120
"""Most characters of a verb's text in its events."""
_APOLOGY: Final = "We are sorry, an application error has occurred. Goodbye."


class HangUp(Exception):
    """A document ends the call."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The next document of a call, and the parameters of the request for it."""

    source: TwimlSource
    params: Params


Instructions = TwimlSource | FollowUp | Callable[["CallSession"], Awaitable[None]]
"""What a call does: it follows documents, or runs one operation, which answers it, without any."""
_Verb = TypeVar("_Verb", bound="Execute")
Execute = Callable[["CallSession", Verb], Awaitable[TwimlSource | FollowUp | None]]
"""Executes a verb; returns the document that replaces the current one, if any."""
VERBS: Final[dict[str, Execute]] = {}
"""Verbs that need nothing but the call, by element name; :func:`executes` adds them."""


def executes(name: str) -> Callable[[_Verb], _Verb]:
    """Return a decorator that adds a function as what executes an element."""

    def add(execute: _Verb) -> _Verb:
        VERBS[name] = execute
        return execute

    return add


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbEvent(Event):
    """A verb of a document has begun, ``twiml.verb``, or ended, ``twiml.verb-ended``."""

    call_sid: str
    verb: str
    line: int
    """Line of the verb in its document, from 1."""

    @property
    def subject(self) -> str:
        return self.call_sid


class CallSession(CallControl):
    """A call and the TwiML documents that it executes."""

    def __init__(self, account: CallDocuments, call: LiveCall, phone: Phone) -> None:
        super().__init__(call, phone)
        self.account = account
        self.base = ""
        """URL of the current document, the base of relative URLs in it."""
        self.delivery: Delivery | None = None
        """The request for the current document; None for one that was given inline."""
        self.longest_ns = LONGEST_CALL_NS
        self.send_digits = ""
        """Touch tones that are played to the callee when it answers."""
        self.machine_detection: MachineDetection | None = None
        """The detection that goes on beside the document once the call is answered."""
        self.turn: Callable[[], Awaitable[None]] | None = None
        """Waits until the call may be dialled; None: at once."""
        self.preamble: Callable[[CallSession], Awaitable[None]] | None = None
        """What the call does before its first document."""
        self.screening = False
        """Whether it executes the document of a Dial's noun, before it is connected."""
        self.on_answer: Callable[[CallSession], None] = lambda session: None
        """Called when the call is answered, before its party acts."""
        self._working: asyncio.Task[None] | None = None
        self._next: TwimlSource | None = None

    # -- life -------------------------------------------------------------------------------

    async def come_in(self, source: Instructions) -> None:
        """Run an inbound call: the first verb that is not Reject answers it."""
        try:
            await self._follow(source)
        finally:
            await self.finish()

    async def go_out(self, source: Instructions, timeout_ns: int) -> None:
        """Run an outbound call: ring the party, and run the instructions once it answers."""
        try:
            await first_of(self._dial(timeout_ns), self.call.ended.wait())
            if self.call.active:
                # The document first: where it dials at once, the party hears ringing at once.
                await self._follow(source, begun=self.answered)
        finally:
            await self.finish()

    async def _dial(self, timeout_ns: int) -> None:
        if self.turn is not None:
            await self.turn()
        await self.ring(timeout_ns)

    def answered(self) -> None:
        """Start the time limit and the work that begins when the call is answered."""
        self.limit(self.longest_ns)
        self.on_answer(self)
        super().answered()

    def redirect(self, source: TwimlSource) -> None:
        """Cancel the current document and go on with another.

        Raises TwilioError for a call over a trunk, which has none.
        """
        if self.call.record.trunk_sid is not None:
            raise bad_parameter("Cannot redirect: a call over a trunk follows no TwiML")
        self._next = source
        if self._working is not None:
            self._working.cancel()

    async def _follow(self, source: Instructions, begun: Callable[[], None] = lambda: None) -> None:
        """Execute documents until none follows, then hang up.

        ``begun`` is called when the task of the first exists.
        """
        while True:
            self._working = asyncio.ensure_future(self._execute(source))
            begun, first = lambda: None, begun
            first()
            try:
                await self._working
            except asyncio.CancelledError:
                # A redirect cancels the document alone; otherwise the call itself is cancelled.
                if self._next is None:
                    raise
            except (CallEnded, HangUp):
                pass
            if self._next is None or not self.live:
                break
            source, self._next = self._next, None
        self._working = None
        self.end("failed" if self.call.record.status == "queued" else self.unanswered)

    async def _execute(self, instructions: Instructions) -> None:
        preamble, self.preamble = self.preamble, None
        if preamble is not None:
            await preamble(self)
        if isinstance(instructions, TwimlSource | FollowUp):
            await self.perform(instructions)
        else:
            await instructions(self)

    async def finish(self) -> None:
        """End the call's document, its background tasks and its leg."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        await super().finish()
        self.account.sessions.pop(self.call.sid, None)
        self.account.recordings.forget_ended()

    # -- documents --------------------------------------------------------------------------

    async def perform(self, source: TwimlSource | FollowUp) -> None:
        """Execute a document and those that it leads to, until none follows."""
        following: TwimlSource | FollowUp | None = source
        since_ns, documents = self.exchange.now_ns, 0
        while following is not None:
            follow_up = following if isinstance(following, FollowUp) else FollowUp(following, [])
            documents = documents + 1 if since_ns == self.exchange.now_ns else 1
            since_ns = self.exchange.now_ns
            if documents > _MOST_DOCUMENTS:
                self.account.notify(self.call.sid, 12000, "the app's documents lead in a circle")
                return
            document = await self.document(follow_up.source, follow_up.params)
            following = None if document is None else await self.carry_out(document)

    async def document(self, source: TwimlSource, more: Params) -> Document | None:
        """Return the document of a source or of its fallback.

        Returns None if the call has ended; otherwise a failure plays an apology and raises HangUp.
        """
        if source.twiml is not None:
            self.base, self.delivery = "", None  # a relative URL in it leads nowhere
            return await self._parse(source.twiml.encode(), "text/xml", "")
        found = await self.fetched(source.url or "", source.method, more)
        if found is None and source.fallback_url:
            found = await self.fetched(source.fallback_url, source.fallback_method, more)
        if found is None and self.live:
            self.answer()
            await self.play(await self.account.studio.say(_APOLOGY), "apology", speech=False)
            raise HangUp
        return found

    async def fetched(self, url: str, method: str, more: Params) -> Document | None:
        """Fetch a document; return None, after a notification, if there is none or it is wrong."""
        token = ("CallToken", self.account.call_token(self.call.sid))
        params = (*call_params(self.call.record), token, *more)
        request = AppRequest(self.absolute(url), method, params, "twiml", self.call.sid)
        try:
            response = await self.account.webhooks.fetch(request)
        except AppFailure as failure:
            self.account.notify(
                self.call.sid,
                failure.code,
                failure.message,
                request.url,
                delivery=failure.delivery,
            )
            return None
        self.base, self.delivery = response.url, response.delivery
        return await self._parse(response.body, response.content_type, response.url)

    async def _parse(self, body: bytes, content_type: str, url: str) -> Document | None:
        try:
            document = parse_twiml(body, content_type, url=url)
        except TwimlError as error:
            self._notify(error.code, error.message, url, error.line)
            return None
        for warning in document.warnings:
            graded = not is_error(warning.code)
            self._notify(warning.code, warning.message, url, warning.line, warning=graded)
        return document

    def note(self, verb: Verb) -> None:
        """Add a warning about each part of a verb that is right, and not acted on."""
        for each in verb.notes:
            self.warn(each.code, each.message, each.line)

    def warn(self, code: int, words: str, line: int) -> None:
        """Add a notification about a line of the current document; its level is the code's."""
        self._notify(code, words, self.base, line, warning=not is_error(code))

    def refused(
        self, error: TwilioError, line: int | None = None, *, warning: bool = False
    ) -> TwilioError:
        """Add a notification about what is refused of the current document; return the error."""
        self._notify(error.code, error.message, self.base, line, warning=warning)
        return error

    def _notify(
        self, code: int, words: str, url: str, line: int | None = None, *, warning: bool = False
    ) -> None:
        """Add a notification about the current document, which is at a URL."""
        self.account.notify(
            self.call.sid, code, words, url, delivery=self.delivery, line=line, warning=warning
        )

    def source(self, url: str, verb: Verb, method: str = "method") -> TwimlSource:
        """Return the source at a URL of a verb, fetched by the method in another attribute."""
        return TwimlSource(self.absolute(url), verb.attribute(method, "POST"))

    def action(self, verb: Verb, params: Params) -> FollowUp | None:
        """Return the document of a verb's action; None if it has no action."""
        url = verb.attribute("action")
        return FollowUp(self.source(url, verb), params) if url else None

    def absolute(self, url: str) -> str:
        """Resolve a URL against the current document's."""
        try:
            return urljoin(self.base, url)
        except ValueError:  # no URL at all: the request for it will fail
            return url

    async def carry_out(self, document: Document) -> TwimlSource | FollowUp | None:
        """Execute a document's verbs in order; return the document that follows, if any."""
        for number, verb in enumerate(document.verbs):
            execute = self.account.verbs.get(verb.name)
            if execute is None:
                continue
            if _answers(document.verbs[number:]):
                self.answer()
            # Only a Dial goes on with putting the call through.
            if verb.name != "Dial":
                self.connect(False)
            self.note(verb)
            self._emit(verb, "twiml.verb")
            try:
                following = await execute(self, verb)
            finally:
                if self.live:  # the end of a call ends its verb without a further event
                    self._emit(verb, "twiml.verb-ended")
            if following is not None:
                return following
        return None

    def _emit(self, verb: Verb, kind: str) -> None:
        said = next((each.text for each in (verb, *verb.children) if each.text), "")
        self.exchange.events.emit(
            VerbEvent(
                at_ns=self.exchange.now_ns,
                kind=kind,
                text=f"{verb.name}: {said[:_LONGEST_TEXT]}" if said else verb.name,
                call_sid=self.call.sid,
                verb=verb.name,
                line=verb.line,
            )
        )


def _answers(verbs: Sequence[Verb]) -> bool:
    """Tell whether executing the first of these verbs answers a ringing call.

    Reject does not, nor a Pause before it, nor Redirect, nor a Dial with ``answerOnBridge``.
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
    """The part of an account that the documents of calls use."""

    directory: Directory
    verbs: Mapping[str, Execute]
    """The function that executes each verb of TwiML, by the verb's name."""
    streams: StreamManager
    relays: RelayManager
    siprecs: SiprecManager
    messages: MessageManager

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
        self.retention = Retention(self)
        self.transcriber = TranscriptionManager(self, studio.apart)
        self.sessions: dict[str, CallSession] = {}
        """Sessions of active calls by call SID."""
        self.payments = PaymentManager(self, self.sessions, studio)
        kept = self.transcriber.transcripts
        self.live_transcriptions = LiveTranscriptionManager(self, self.sessions, studio, kept)

    def recorded(self, session: CallSession) -> CallSession:
        """Return the call that a recording of a call is of: of two legs always the parent."""
        parent = self.sessions.get(session.call.record.parent_call_sid or "")
        return session if parent is None or not parent.call.active else parent
