"""Dial: other telephones are rung, and the first to answer is connected to the caller."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import Dial, DialledLeg
from mediasim.exchange.phone import ReachByPassword
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.asks import Script
from mediasim.twilio.session import CallSession, FollowUp, HangUp
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.bridge import DialVerbRecording, Outcome, talk_options
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
    await _dial_telephones(session, verb, nouns[:_MOST_AT_ONCE], outcome)


def _address(noun: Verb) -> str:
    identity = next((child for child in noun.children if child.name == "Identity"), noun)
    return _ADDRESSES[noun.name] + identity.text.strip()


async def _dial_telephones(
    session: CallSession, verb: Verb, nouns: list[Verb], outcome: Outcome
) -> None:
    """From the first ring to the last word."""
    recording = DialVerbRecording(session, verb)
    dialled = Dial(
        session,
        [_leg(session, verb, noun) for noun in nouns],
        timeout_ns=verb.seconds("timeout", 30) * NS_PER_SECOND,
        sequential=verb.flag("sequential", False),
        recording=recording,
        **talk_options(verb),
    )
    try:
        await dialled.run()
    finally:
        outcome.status, outcome.child = dialled.status, dialled.child
        outcome.bridged, outcome.recording = dialled.bridged, recording.recording


def _leg(session: CallSession, verb: Verb, noun: Verb) -> DialledLeg:
    screens = noun.attribute("sendDigits") or noun.attribute("url")
    return DialledLeg(
        place=partial(_place, session, verb, noun),
        screen=partial(_screen, session, noun) if screens else None,
    )


def _place(session: CallSession, verb: Verb, noun: Verb) -> CallSession:
    """A noun's call, queued."""
    call, phone = session.service.dial_out(
        session.call,
        _address(noun),
        verb.attribute("callerId"),
        callback_of(noun, session, "statusCallback"),
    )
    if isinstance(phone.reach, ReachByPassword) and noun.attribute("username"):
        user, password = noun.attribute("username"), noun.attribute("password")
        phone = replace(phone, reach=phone.reach.as_user(user, password))
    return session.service.session_of(call, phone)


async def _screen(session: CallSession, noun: Verb, other: CallControl) -> None:
    """Let the noun's keys and its own document run on the answered leg, heard by it alone."""
    assert isinstance(other, CallSession)
    try:
        if noun.attribute("sendDigits"):
            await session.until(other.play(touch_tones(noun.attribute("sendDigits")), "digits"))
        if noun.attribute("url"):
            script = Script(
                session.absolute(noun.attribute("url")), noun.attribute("method", "POST")
            )
            await session.until(other.perform(script))
    except HangUp:
        other.call.take_down()
    except CallEnded:
        if session.call.ended.is_set():
            raise
