"""Dial: telephones, a queue or a conference are connected to the caller, and the app is told of it.

Of several telephones that are rung, the first to answer is connected.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import Dial, DialledLeg, DialStatus, Moment, TalkOptions
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import AuthenticatingGateway
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import SipFacts
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.requests import Callback, DialRequest, TwimlSource
from mediasim.twilio.session import CallSession, FollowUp, HangUp
from mediasim.twilio.status import Params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.basic import touch_tones
from mediasim.twilio.verbs.record import callback_of, recording_request

__all__ = [
    "DialVerbRecording",
    "Noun",
    "Outcome",
    "Place",
    "dial",
    "dial_telephone",
    "talk_options",
]

Place = Callable[[CallSession, str, str, Callback | None], CallSession]
"""Makes a child call, queued: of a call, to an address, with a caller ID and a status callback."""
_ADDRESSES: Final = {"Number": "", "Client": "client:", "Sip": ""}
_MOST_AT_ONCE: Final = 10


class DialVerbRecording:
    """The recording that a Dial verb asks for; a :class:`mediasim.exchange.dial.DialRecording`."""

    def __init__(self, session: CallSession, verb: Verb) -> None:
        self._session = session
        self._verb = verb
        self.recording: LiveRecording | None = None

    def begin(self, moment: Moment) -> None:
        words = self._verb.attribute("record")
        words = "record-from-answer" if words == "true" else words
        if self.recording is not None or not words.startswith(f"record-from-{moment}"):
            return
        ask = recording_request(
            self._verb,
            self._session,
            channels="dual" if words.endswith("-dual") else "mono",
            track=self._verb.attribute("recordingTrack", "both"),
            trim=self._verb.attribute("trim", "do-not-trim"),
        )
        manager = self._session.service.recordings
        self.recording = manager.of_call(self._session, ask, "DialVerb")

    def halt(self) -> list[LiveRecording]:
        if self.recording is None or not self.recording.active:
            return []
        self.recording.halt()
        return [self.recording]


@dataclass(slots=True)
class Outcome:
    """What became of a Dial, as its action is told."""

    status: DialStatus = "failed"
    child: LiveCall | None = None
    bridged: bool = False
    recording: LiveRecording | None = None
    more: Params = field(default_factory=list)

    def params(self, session: CallSession) -> Params:
        params: Params = [("DialCallStatus", self.status)]
        if self.child is not None:
            params.append(("DialCallSid", self.child.sid))
            if self.child.record.status == "completed":
                seconds = self.child.record.duration_seconds() or 0
                params.append(("DialCallDuration", str(seconds)))
            params += _sip_params(self.child.record.sip)
        params.append(("DialBridged", "true" if self.bridged else "false"))
        if self.recording is not None and self.recording.record.status == "completed":
            account = session.service
            params += [
                ("RecordingUrl", account.recording_url(self.recording.sid)),
                ("RecordingSid", self.recording.sid),
                ("RecordingDuration", str(self.recording.record.duration_seconds())),
            ]
        return params + self.more


def _sip_params(sip: SipFacts | None) -> Params:
    """Of a dialled SIP telephone (Twilio docs, Sip noun, "Call action request parameters")."""
    if sip is None:
        return []
    params = [("DialSipCallId", sip.call_id)] if sip.call_id else []
    if sip.response_code is not None:
        params.append(("DialSipResponseCode", str(sip.response_code)))
    return params + [(f"DialSipHeader_{name}", value) for name, value in sip.headers.items()]


def talk_options(verb: Verb) -> TalkOptions:
    """What a Dial verb says about how its talk ends."""
    options: TalkOptions = {"star_ends": verb.flag("hangupOnStar", False)}
    if "timeLimit" in verb.attributes:
        options["time_limit_ns"] = verb.seconds("timeLimit", 14_400) * NS_PER_SECOND
    return options


Noun = Callable[[CallSession, Verb, Verb, Outcome], Awaitable[None]]
"""Connects a call to what a Dial and a noun in it say."""


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
    script = TwimlSource(session.absolute(action), verb.attribute("method", "POST"))
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
    gateway = other.phone.gateway
    if isinstance(gateway, AuthenticatingGateway) and noun.attribute("username"):
        user, password = noun.attribute("username"), noun.attribute("password")
        other.phone = replace(other.phone, gateway=gateway.as_user(user, password))
    return other


async def _screen(session: CallSession, noun: Verb, other: CallControl) -> None:
    """Let the noun's keys and its own document run on the answered leg, heard by it alone."""
    assert isinstance(other, CallSession)
    try:
        if noun.attribute("sendDigits"):
            await session.until(other.play(touch_tones(noun.attribute("sendDigits")), "digits"))
        if noun.attribute("url"):
            script = TwimlSource(
                session.absolute(noun.attribute("url")), noun.attribute("method", "POST")
            )
            await session.until(other.perform(script))
    except HangUp:
        other.call.take_down()
    except CallEnded:
        if session.call.ended.is_set():
            raise
