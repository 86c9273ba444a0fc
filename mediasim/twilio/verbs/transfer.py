"""A party of a Dial asks for a transfer (SIP REFER to Twilio): ``referUrl`` is asked what to do.

The party that remains executes the document of ``referUrl``. Without ``answerOnBridge`` the party
that asked is hung up on once the document was fetched; with it, once the other was put through, and
if that does not happen both are connected again
(https://www.twilio.com/docs/voice/api/refer-to-twilio). The Dial's own action is not requested
then, which no page says (our choice).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import ConnectedCalls, Dial, TalkOptions
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.waiting import never
from mediasim.media.far_end import Transfer
from mediasim.twilio.session import CallSession, HangUp
from mediasim.twilio.twiml import Document, Verb

__all__ = ["DialTransfers"]

_NO_URL: Final = 13802
_UNAVAILABLE, _NOT_REACHED, _DONE = 503, 480, 200


class _Recording(Protocol):
    """The recording of a Dial."""

    def halt(self) -> list[LiveRecording]:
        """Halt it; return those to publish."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A transfer that is to be carried out."""

    transfer: Transfer
    by: CallSession
    """The party that asked."""
    remaining: CallSession
    document: Document | None
    """What the remaining party does; None: it is hung up on."""


class DialTransfers:
    """The transfers that the parties of one Dial ask for."""

    def __init__(self, session: CallSession, verb: Verb, recording: _Recording) -> None:
        self._session = session
        self._verb = verb
        self._recording = recording
        self._stays = verb.flag("answerOnBridge", False)
        """Whether the party that asks stays until the other is put through."""
        self._children: list[CallSession] = []
        self._asked: asyncio.Queue[tuple[LiveCall, Transfer]] = asyncio.Queue()
        self._busy = False
        self._accepted: _Accepted | None = None
        self._halted: list[LiveRecording] = []
        session.call.on_refer = self._take

    def watch(self, child: CallSession) -> None:
        """Take the requests of a telephone of the Dial, too."""
        self._children.append(child)
        child.call.on_refer = self._take

    def close(self) -> None:
        """Take no more requests: the Dial has ended. Publish what was recorded of it."""
        for each in (self._session, *self._children):
            each.call.on_refer = None
        for recording in self._halted:
            recording.publish()

    def _take(self, call: LiveCall, transfer: Transfer) -> bool:
        session = self._session
        if not self._verb.attribute("referUrl"):
            words = "Dial: No referUrl attribute specified"
            session.warn(_NO_URL, words, self._verb.line)
            return False
        if self._busy or session.bridge is None:
            return False
        self._busy = True
        self._asked.put_nowait((call, transfer))
        return True

    async def accepted(self, dialled: Dial) -> None:
        """Wait for a request that is accepted; the Dial ends then."""
        while self._accepted is None:
            call, transfer = await self._asked.get()
            await self._ask(call, transfer, dialled)
            self._busy = False
        self._halted = self._recording.halt()
        if self._stays or self._accepted.remaining is not self._session:
            child = next(each for each in self._children if each.bridge is not None)
            dialled.keep(child)

    async def _ask(self, call: LiveCall, transfer: Transfer, dialled: Dial) -> None:
        """Ask the app what to do for a request."""
        session, verb = self._session, self._verb
        child = next(each for each in self._children if each.call is dialled.child)
        by, remaining = (session, child) if call is session.call else (child, session)
        url = session.absolute(verb.attribute("referUrl"))
        method = verb.attribute("referMethod", "POST")
        target = [("ReferTransferTarget", transfer.target)]
        document = await remaining.fetched(url, method, target)
        if document is None and self._stays:
            transfer.notify(_UNAVAILABLE)
            return
        if not self._stays:
            transfer.notify(_UNAVAILABLE if document is None else _DONE)
        self._accepted = _Accepted(transfer, by, remaining, document)

    async def carry_out(self, talk: TalkOptions) -> None:
        """Carry the accepted transfer out, if there is one; the Dial has ended.

        Raises HangUp or CallEnded, as the document of the Dial is not gone on with.
        """
        accepted = self._accepted
        if accepted is None:
            return
        if accepted.document is None:
            if accepted.remaining is not self._session:
                await accepted.remaining.finish()
            raise HangUp
        if accepted.remaining is self._session:
            await self._parent_goes_on(accepted, accepted.document, talk)
        else:
            await self._child_goes_on(accepted, accepted.document, talk)
        raise HangUp

    async def _parent_goes_on(
        self, accepted: _Accepted, document: Document, talk: TalkOptions
    ) -> None:
        session, other = self._session, accepted.by
        if not self._stays:
            await _follow(session, document)
            return
        done = self._on_bridged(session, accepted, lambda: session.account.spawn(other.finish()))
        try:
            await _follow(session, document)
            if not done.is_set():
                await self._reconnect(accepted, other, talk)
        finally:
            session.on_bridged = lambda: None
            if not done.is_set():
                await other.finish()

    async def _child_goes_on(
        self, accepted: _Accepted, document: Document, talk: TalkOptions
    ) -> None:
        session, child = self._session, accepted.remaining
        failed = asyncio.Event()
        account = session.account
        if not self._stays:
            account.spawn(child.come_in(partial(_follow, document=document)))
            return
        done = self._on_bridged(child, accepted, lambda: None)

        async def go_on(child: CallSession) -> None:
            await _follow(child, document)
            if not done.is_set():
                failed.set()
                await child.until(never())

        account.spawn(child.come_in(go_on))
        try:
            await session.until(done.wait(), failed.wait(), child.call.ended.wait())
            if failed.is_set():
                child.on_bridged = lambda: None
                await self._reconnect(accepted, child, talk)
        finally:
            if not done.is_set():
                await child.finish()

    def _on_bridged(
        self, remaining: CallSession, accepted: _Accepted, then: Callable[[], object]
    ) -> asyncio.Event:
        """Return what is set when the remaining party has been put through to another."""
        done = asyncio.Event()

        def bridged() -> None:
            if not done.is_set():
                done.set()
                accepted.transfer.notify(_DONE)
                then()

        remaining.on_bridged = bridged
        return done

    async def _reconnect(self, accepted: _Accepted, other: CallControl, talk: TalkOptions) -> None:
        """Let both talk again: the target of the transfer was not put through."""
        accepted.transfer.notify(_NOT_REACHED)
        if not other.call.active:
            return
        self._session.on_bridged = lambda: None
        again = ConnectedCalls(self._session, **talk)
        try:
            await again.talk(other)
        finally:
            again.disconnect()


async def _follow(session: CallSession, document: Document) -> None:
    """Execute a document that was fetched, and those that it leads to."""
    following = await session.carry_out(document)
    if following is not None:
        await session.perform(following)
