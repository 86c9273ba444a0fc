"""Dial: other telephones are rung, and the first to answer is connected to the caller."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.live_call import LiveCall
from mediasim.media.player import Player
from mediasim.twilio.asks import Script
from mediasim.twilio.ports import ReachByPassword
from mediasim.twilio.ringing import ring
from mediasim.twilio.session import CallEnded, CallSession, FollowUp, HangUp
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.bridge import Outcome, part, record_from, talk
from mediasim.twilio.verbs.record import callback_of
from mediasim.twilio.verbs.sound import touch_tones

__all__ = ["dial"]

_ADDRESSES: Final = {"Number": "", "Client": "client:", "Sip": ""}
_MOST_AT_ONCE: Final = 10


async def dial(session: CallSession, verb: Verb) -> FollowUp | None:
    """Connect the call to somebody; then the app is asked what follows, if there is an action."""
    ended = False
    outcome = Outcome()
    try:
        await _connect(session, verb, outcome)
    except CallEnded:
        ended = True
    action = verb.attribute("action")
    if not action:
        if ended:
            raise CallEnded
        return None
    script = Script(session.absolute(action), verb.attribute("method", "POST"))
    if ended:
        await session.document(script, outcome.params(session))  # told, though nobody is there
        raise CallEnded
    return FollowUp(script, outcome.params(session))


async def _connect(session: CallSession, verb: Verb, outcome: Outcome) -> None:
    for noun in verb.children:
        if noun.name == "Conference":
            await session.service.conferences.dial(session, verb, noun, outcome)
            return
        if noun.name == "Queue":
            await session.service.queues.dial(session, verb, noun, outcome)
            return
    nouns = [noun for noun in verb.children if noun.name in _ADDRESSES]
    if not nouns and verb.text.strip():
        nouns = [Verb("Number", {}, verb.text, (), verb.line)]
    if not nouns:
        return
    await _Dialling(session, verb, nouns[:_MOST_AT_ONCE], outcome).run()


def _address(noun: Verb) -> str:
    identity = next((child for child in noun.children if child.name == "Identity"), noun)
    return _ADDRESSES[noun.name] + identity.text.strip()


class _Dialling:
    """One Dial of telephones, from the first ring to the last word."""

    def __init__(
        self, session: CallSession, verb: Verb, nouns: list[Verb], outcome: Outcome
    ) -> None:
        self._session = session
        self._verb = verb
        self._nouns = nouns
        self._outcome = outcome
        self._calls: list[tuple[LiveCall, Verb]] = []
        self._ringback: Player | None = None
        self._others: dict[LiveCall, CallSession] = {}

    async def run(self) -> None:
        session, outcome = self._session, self._outcome
        timeout_ns = self._verb.seconds("timeout", 30) * NS_PER_SECOND
        groups = [[noun] for noun in self._nouns]
        if not self._verb.flag("sequential", False):
            groups = [self._nouns]
        try:
            for nouns in groups:
                child = await self._ring(nouns, timeout_ns)
                if child is None:
                    continue
                outcome.child = child
                if await self._screened(child):
                    await self._talk(child)
                    return
            ends = [call.record.status for call, _ in self._calls]
            outcome.child = self._calls[-1][0]
            outcome.status = next(
                (each for each in ("busy", "no-answer", "failed") if each in ends), "no-answer"
            )
        finally:
            self._stop_ringing()
            if outcome.recording is not None:
                outcome.recording.stop()
            for other in self._others.values():
                await other.finish()
            part(session)
            if outcome.child is not None and outcome.bridged:
                outcome.status = "completed"
            elif session.call.ended.is_set():
                outcome.status = "canceled"

    # -- ringing ----------------------------------------------------------------------------

    async def _ring(self, nouns: list[Verb], timeout_ns: int) -> LiveCall | None:
        """Ring some telephones at once; returns the first that answers."""
        session, exchange = self._session, self._session.exchange
        rung: dict[asyncio.Task[bool], LiveCall] = {}
        for noun in nouns:
            call, phone = session.service.dial_out(
                session.call,
                _address(noun),
                self._verb.attribute("callerId"),
                callback_of(noun, session, "statusCallback"),
            )
            if isinstance(phone.reach, ReachByPassword) and noun.attribute("username"):
                user, password = noun.attribute("username"), noun.attribute("password")
                phone = replace(phone, reach=phone.reach.as_user(user, password))
            call.on_early = self._hear_early
            self._calls.append((call, noun))
            self._others[call] = session.service.session_of(call, phone)
            rung[session.spawn(ring(exchange, call, phone, timeout_ns))] = call
        self._start_ringing()
        winner = None
        try:
            waiting = set(rung)
            while waiting and winner is None:
                done = await self._first(waiting)
                answered = (call for task, call in rung.items() if task in done and call.active)
                winner = next(answered, None)
                waiting -= done
            return winner
        finally:
            for task in rung:
                task.cancel()
            await asyncio.gather(*rung, return_exceptions=True)
            for call in rung.values():
                if call.active and call is not winner:
                    call.take_down()

    async def _first(self, waiting: set[asyncio.Task[bool]]) -> set[asyncio.Task[bool]]:
        await self._session.until(asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED))
        return {task for task in waiting if task.done()}

    def _start_ringing(self) -> None:
        """The caller hears that it rings, and a recording from ringing begins."""
        call = self._session.call
        if call.active and self._ringback is None:
            ringing = self._session.exchange.ringback
            self._ringback = call.room.play(call.leg, ringing, loop=True, label="ringing")
        record_from("ringing", self._session, self._verb, self._outcome)

    def _hear_early(self, child: LiveCall) -> None:
        """The caller hears who is rung, the first to speak, instead of the ringing tone."""
        call = self._session.call
        if call.active and not call.leg.hears:
            self._stop_ringing()
            call.room.hear(call.leg, child.leg)

    def _stop_ringing(self) -> None:
        if self._ringback is not None:
            if self._session.call.active:
                self._session.call.room.stop_player(self._ringback)
            self._ringback = None

    # -- talking ----------------------------------------------------------------------------

    async def _screened(self, child: LiveCall) -> bool:
        """Let the noun's own document run on the answered leg; returns whether it stays."""
        noun = next(noun for call, noun in self._calls if call is child)
        other = self._others[child]
        digits = noun.attribute("sendDigits")
        try:
            if digits:
                await other.play(touch_tones(digits), "digits")
            if noun.attribute("url"):
                script = Script(
                    self._session.absolute(noun.attribute("url")), noun.attribute("method", "POST")
                )
                await self._session.until(other.perform(script))
        except HangUp:
            child.take_down()
        except CallEnded:
            if self._session.call.ended.is_set():
                raise
        return child.active

    async def _talk(self, child: LiveCall) -> None:
        self._stop_ringing()
        await talk(self._session, self._others[child], self._verb, self._outcome)
        if child.active:
            child.take_down()
        self._session.exchange.follow_recordings(self._session.call.room)
