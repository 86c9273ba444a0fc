"""Dial: other telephones are rung, and the first to answer is connected to the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import Dial, DialledLeg
from mediasim.exchange.phone import ReachByPassword
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.asks import Callback, DialRequest, Script
from mediasim.twilio.session import CallSession, FollowUp, HangUp
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.bridge import DialVerbRecording, Outcome, talk_options
from mediasim.twilio.verbs.record import callback_of
from mediasim.twilio.verbs.sound import touch_tones

__all__ = ["Noun", "Place", "dial", "dial_telephone"]

Place = Callable[[CallSession, str, str, Callback | None], CallSession]
"""Makes a child call, queued: of a call, to an address, with a caller ID and a status callback."""
Noun = Callable[[CallSession, Verb, Verb, Outcome], Awaitable[None]]
"""Connects a call to what a Dial and a noun in it say."""

_ADDRESSES: Final = {"Number": "", "Client": "client:", "Sip": ""}
_MOST_AT_ONCE: Final = 10


async def dial(
    session: CallSession, verb: Verb, *, place: Place, nouns: Mapping[str, Noun]
) -> FollowUp | None:
    """Connect the call to somebody; then the app is asked what follows, if there is an action.

    ``nouns`` connect it to what is no telephone.
    """
    ended = False
    outcome = Outcome()
    try:
        await _connect(session, verb, outcome, place, nouns)
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


async def dial_telephone(session: CallSession, *, request: DialRequest, place: Place) -> None:
    """Connect the call to a telephone, as was asked for without a document."""
    leg = DialledLeg(partial(place, session, request.address, "", None))
    await Dial(session, [leg], timeout_ns=request.timeout_seconds * NS_PER_SECOND).run()


async def _connect(
    session: CallSession, verb: Verb, outcome: Outcome, place: Place, nouns: Mapping[str, Noun]
) -> None:
    for noun in verb.children:
        if noun.name in nouns:  # a conference, a queue: nobody is rung
            session.connect(False)
            await nouns[noun.name](session, verb, noun, outcome)
            return
    telephones = [noun for noun in verb.children if noun.name in _ADDRESSES]
    if not telephones and verb.text.strip():
        telephones = [Verb("Number", {}, verb.text, (), verb.line)]
    if telephones:
        legs = [_leg(session, verb, noun, place) for noun in telephones[:_MOST_AT_ONCE]]
        await _dial_telephones(session, verb, legs, outcome)


def _address(noun: Verb) -> str:
    identity = next((child for child in noun.children if child.name == "Identity"), noun)
    return _ADDRESSES[noun.name] + identity.text.strip()


async def _dial_telephones(
    session: CallSession, verb: Verb, legs: list[DialledLeg], outcome: Outcome
) -> None:
    """From the first ring to the last word."""
    recording = DialVerbRecording(session, verb)
    dialled = Dial(
        session,
        legs,
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


def _leg(session: CallSession, verb: Verb, noun: Verb, place: Place) -> DialledLeg:
    screens = noun.attribute("sendDigits") or noun.attribute("url")
    return DialledLeg(
        place=partial(_place, session, verb, noun, place),
        screen=partial(_screen, session, noun) if screens else None,
    )


def _place(session: CallSession, verb: Verb, noun: Verb, place: Place) -> CallSession:
    """A noun's call, queued."""
    callback = callback_of(noun, session, "statusCallback")
    other = place(session, _address(noun), verb.attribute("callerId"), callback)
    reach = other.phone.reach
    if isinstance(reach, ReachByPassword) and noun.attribute("username"):
        user, password = noun.attribute("username"), noun.attribute("password")
        other.phone = replace(other.phone, reach=reach.as_user(user, password))
    return other


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
