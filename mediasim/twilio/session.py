"""A call under an app's control: its TwiML is fetched and carried out, verb by verb.

The session lives from the call's first ring to its last callback. Documents follow each other
(Redirect, actions, an update by REST) until one runs out, which hangs up. A verb waits with
:meth:`CallSession.until`, which ends with :class:`CallEnded` when the party has hung up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.events import VerbEvent
from mediasim.exchange.flow import LINGER_NS
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CALL
from mediasim.twilio.asks import Script
from mediasim.twilio.floor import LineFloor
from mediasim.twilio.ports import Phone
from mediasim.twilio.ringing import pick_up, ring
from mediasim.twilio.status import Params, call_params
from mediasim.twilio.twiml import Document, TwimlError, Verb, parse_twiml
from mediasim.twilio.webhooks import AppFailure, AppRequest

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["CallEnded", "CallSession", "FollowUp", "HangUp"]

LONGEST_CALL_NS: Final = 4 * 3600 * NS_PER_SECOND
_MOST_DOCUMENTS: Final = 100
"""Documents in a row that let no time pass: an app that redirects in a circle."""
_MOST_TOLD: Final = 120
"""Characters of a verb's text in its events."""
_APOLOGY: Final = "We are sorry, an application error has occurred. Goodbye."


class CallEnded(Exception):
    """The party has hung up, or the call was ended from outside."""


class HangUp(Exception):
    """The document says to end the call."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A document to go on with, and what to tell the app when asking for it."""

    script: Script
    params: Params


class CallSession:
    """One call, and what it is doing."""

    def __init__(self, service: Service, call: LiveCall, phone: Phone) -> None:
        self.service = service
        self.exchange = service.exchange
        self.call = call
        self.phone = phone
        self.base = ""
        """The URL of the document under way: relative ones are seen from there."""
        self.bridged: LiveCall | None = None
        """Whom Dial has connected it to."""
        self.longest_ns = LONGEST_CALL_NS
        self.send_digits = ""
        """To be dialled when it answers."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._behaving: asyncio.Task[Any] | None = None
        self._working: asyncio.Task[None] | None = None
        self._next: Script | None = None
        self._limit: asyncio.TimerHandle | None = None

    # -- life -------------------------------------------------------------------------------

    async def come_in(self, script: Script | FollowUp) -> None:
        """A call that rings here: it is answered by the first verb that is not Reject."""
        try:
            await self._follow(script)
        finally:
            await self.finish()

    async def go_out(self, script: Script, timeout_ns: int) -> None:
        """A call that the app makes."""
        try:
            ringing = self.spawn(ring(self.exchange, self.call, self.phone, timeout_ns))
            await asyncio.wait(
                (ringing, self.spawn(self.call.ended.wait())), return_when="FIRST_COMPLETED"
            )
            if self.call.active:
                self._connected()
                await self._follow(script)
        finally:
            await self.finish()

    def answer(self) -> None:
        """Answer a call that came in, unless that was done."""
        if self.call.record.status == "ringing":
            pick_up(self.call, self.phone)
            self._connected()

    def _connected(self) -> None:
        if self._limit is None:
            self.limit(self.longest_ns)
        self.service.connected(self)
        self.behave()

    def behave(self) -> None:
        """Let the party do what it does once it is connected."""
        if self.phone.behavior is not None and self._behaving is None:
            self._behaving = self.spawn(self.phone.behavior(self.floor, self.call))

    @cached_property
    def floor(self) -> LineFloor:
        """What its party may know of the call and do to it; one alone, for it knows who is held."""
        service = self.service
        aside = service.conferences.stand_aside
        return LineFloor(self.call, service.heard_by, self.spawn, aside)

    async def behaved(self) -> None:
        """Wait until the party has nothing more to do."""
        if self._behaving is not None:
            await asyncio.wait((self._behaving,))

    @property
    def scripted(self) -> bool:
        """Whether the party does anything of itself."""
        return self._behaving is not None

    def limit(self, longest_ns: int) -> None:
        """End the call when it has lasted this long, counted from now."""
        if self._limit is not None:
            self._limit.cancel()
        at = (self.exchange.now_ns + longest_ns) / NS_PER_SECOND
        self._limit = self.exchange.loop.call_at(at, self.call.take_down)

    def redirect(self, script: Script) -> None:
        """Leave what it is doing for another document, from outside."""
        self._next = script
        if self._working is not None:
            self._working.cancel()

    async def _follow(self, script: Script | FollowUp) -> None:
        """Carry out documents until they run out, then hang up."""
        while True:
            self._working = asyncio.ensure_future(self.perform(script))
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
        if self.call.active:
            self.call.take_down()
        elif not self.call.ended.is_set():
            self.call.fail("failed" if self.call.record.status == "queued" else "no-answer")

    @property
    def live(self) -> bool:
        """Whether the call is ringing or in progress."""
        return not CALL.is_final(self.call.record.status)

    async def finish(self) -> None:
        """Everything of the call ends now: what runs beside it, recordings, its leg."""
        if self._working is not None:
            self._working.cancel()
        tasks = [*self._tasks, *([self._working] if self._working else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._limit is not None:
            self._limit.cancel()
        halted = self.service.recordings.halt(self.service.recordings.under_way(call=self.call.sid))
        if self.call.active:
            self.call.take_down()
        elif not self.call.ended.is_set():
            self.call.fail("canceled")
        for recording in halted:
            recording.publish()
        self.service.sessions.pop(self.call.sid, None)
        self.service.recordings.forget_ended()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside the call until it ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.service.broke(self.call.sid, error)

    # -- waiting ----------------------------------------------------------------------------

    async def until(self, *happenings: Awaitable[Any]) -> int:
        """Wait for the first of some happenings; returns its number. Raises CallEnded."""
        waits = [asyncio.ensure_future(each) for each in happenings]
        ended = asyncio.ensure_future(self.call.ended.wait())
        try:
            await asyncio.wait((*waits, ended), return_when=asyncio.FIRST_COMPLETED)
            for number, wait in enumerate(waits):
                if wait.done():
                    wait.result()
                    return number
            raise CallEnded
        finally:
            for wait in (*waits, ended):
                wait.cancel()

    async def sleep(self, for_ns: int) -> None:
        await self.until(self.exchange.sleep(for_ns))

    async def play(self, pcm: NDArray[np.int16], label: str, *stops: Awaitable[Any]) -> int:
        """Play to the party until it has been heard (0), or something else happens (1, 2 ...)."""
        if not len(pcm):
            for stop in stops:
                if isinstance(stop, Coroutine):
                    stop.close()
            return 0
        room, call = self.call.room, self.call
        player = room.play(call.leg, pcm, label=label)
        assert player.end_frame is not None
        try:
            return await self.until(self.exchange.sleep_until(player.end_frame * FRAME_NS), *stops)
        finally:
            if call.active:
                room.stop_player(player)

    async def linger(self) -> None:
        """As long as a party takes to hang up when all has been said."""
        frames = self.call.party.path_frames
        await self.exchange.sleep(max(LINGER_NS, frames * FRAME_NS))

    # -- documents --------------------------------------------------------------------------

    async def perform(self, script: Script | FollowUp) -> None:
        """A document, and those that it leads to, until one runs out."""
        following: Script | FollowUp | None = script
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

    async def document(self, script: Script, more: Params) -> Document | None:
        """What the app answers, or its fallback; None once an apology has been made."""
        if script.twiml is not None:
            self.base = self.service.base_url
            return await self._checked(script.twiml.encode(), "text/xml", "")
        found = await self.fetched(script.url or "", script.method, more)
        if found is None and script.fallback_url:
            found = await self.fetched(script.fallback_url, script.fallback_method, more)
        if found is None and self.live:
            self.answer()
            await self.play(await self.service.studio.say(_APOLOGY), "apology")
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

    async def carry_out(self, document: Document) -> Script | FollowUp | None:
        """Its verbs, in order; returns the document to go on with, None: at its end."""
        from mediasim.twilio.verbs import VERBS, answers

        for number, verb in enumerate(document.verbs):
            execute = VERBS.get(verb.name)
            if execute is None:
                continue
            if answers(document.verbs[number:]):
                self.answer()
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
