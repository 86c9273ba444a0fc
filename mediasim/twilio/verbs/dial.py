"""Dial: connects the caller to telephones, a queue or a conference, and reports it to the app.

Of several telephones that are rung, the first to answer is connected.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.audio.ringing_tones import RINGING_TONES, ringing_tone
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import Dial, DialledLeg, DialStatus, TalkOptions
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import ParameterGateway
from mediasim.exchange.profiles import Channels
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import SipFacts
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.addresses import dialled
from mediasim.twilio.machine_detection import detect, noun_detection
from mediasim.twilio.mode_recording import ModeRecording
from mediasim.twilio.own_numbers import APPLICATION, ApplicationGateway
from mediasim.twilio.requests import Callback, DialRequest, Params, RecordingRequest
from mediasim.twilio.session import CallSession, FollowUp, HangUp
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.verbs.action import ended_with
from mediasim.twilio.verbs.basic import touch_tones
from mediasim.twilio.verbs.record import callback_of, recording_request
from mediasim.twilio.verbs.transfer import DialTransfers

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
"""Creates a queued child of a call: to an address, with a caller ID and a status callback."""
_ADDRESSES: Final = {"Number": "", "Client": "client:", "Sip": "", "Application": APPLICATION}
_MIXED: Final = 13000
_DIAL_IN_A_DIAL: Final = 13201
_INVALID_RING_TONE: Final = 13220
_INVALID_NUMBER: Final = 13223
_INVALID_SIP_URI: Final = 13243
_NO_NUMBER: Final = "Dial: Invalid phone number format"
_MOST_AT_ONCE: Final = 10


class DialVerbRecording(ModeRecording):
    """The recording that a Dial verb requests."""

    def __init__(self, session: CallSession, verb: Verb) -> None:
        def request(channels: Channels) -> RecordingRequest:
            return recording_request(
                verb,
                session,
                channels=channels,
                track=verb.attribute("recordingTrack", "both"),
                trim=verb.attribute("trim", "do-not-trim"),
            )

        super().__init__(session, verb.attribute("record"), "DialVerb", request)


@dataclass(slots=True)
class Outcome:
    """The outcome of a Dial, sent to its action."""

    status: DialStatus = "failed"
    child: LiveCall | None = None
    bridged: bool = False
    recording: LiveRecording | None = None
    more: Params = field(default_factory=list)
    transfers: DialTransfers | None = None
    """What a party may have asked for in the talk; None where no telephone was rung."""

    def params(self, session: CallSession) -> Params:
        """Return the parameters of the request for the action."""
        params: Params = [("DialCallStatus", self.status)]
        if self.child is not None:
            params.append(("DialCallSid", self.child.sid))
            if self.child.record.status == "completed":
                seconds = self.child.record.duration_seconds() or 0
                params.append(("DialCallDuration", str(seconds)))
            params += _sip_params(self.child.record.sip)
        params.append(("DialBridged", "true" if self.bridged else "false"))
        if self.recording is not None and self.recording.has_media:
            params += session.account.recording_params(self.recording.record)
        return params + self.more


def _sip_params(sip: SipFacts | None) -> Params:
    """Return parameters of a SIP telephone (docs, Sip noun, "Call action request parameters")."""
    if sip is None:
        return []
    params = [("DialSipCallId", sip.call_id)] if sip.call_id else []
    if sip.response_code is not None:
        params.append(("DialSipResponseCode", str(sip.response_code)))
    return params + [(f"DialSipHeader_{name}", value) for name, value in sip.headers.items()]


def talk_options(verb: Verb) -> TalkOptions:
    """Return the attributes of a Dial verb that end the connected call."""
    options: TalkOptions = {"star_ends": verb.flag("hangupOnStar", False)}
    if "timeLimit" in verb.attributes:
        options["time_limit_ns"] = verb.seconds("timeLimit", 14_400) * NS_PER_SECOND
    return options


def ring_seconds(verb: Verb) -> int:
    """Return for how many seconds telephones ring: 5 to 600 as given, and 5 that Twilio adds."""
    return min(max(verb.seconds("timeout", 30), 5), 600) + 5


Noun = Callable[[CallSession, Verb, Verb, Outcome], Awaitable[None]]
"""Connects a call to the target of a noun in a Dial, and fills in the outcome."""


async def dial(
    session: CallSession, verb: Verb, *, place: Place, nouns: Mapping[str, Noun]
) -> FollowUp | None:
    """Connect the call to the targets of a Dial; then its action, if any, gives the next document.

    ``nouns`` connect it to targets other than telephones. Raises CallEnded if the call ends, HangUp
    once a transfer has been carried out.
    """
    if session.screening:
        words = "Dial: Cannot Dial out from a Dial Call Segment: the document of a noun's url"
        session.warn(_DIAL_IN_A_DIAL, words, verb.line)
        return None
    ended = False
    outcome = Outcome()
    try:
        await _connect(session, verb, outcome, place, nouns)
    except CallEnded:
        ended = True
    if not ended and outcome.transfers is not None:
        await outcome.transfers.carry_out(talk_options(verb))
    follow_up = session.action(verb, outcome.params(session))
    if ended:
        raise await ended_with(session, follow_up)
    return follow_up


async def dial_telephone(session: CallSession, *, request: DialRequest, place: Place) -> None:
    """Answer the call and connect it to one telephone, without a document."""
    session.answer()
    leg = DialledLeg(partial(place, session, request.address, session.call.record.from_, None))
    await Dial(session, [leg], timeout_ns=request.timeout_seconds * NS_PER_SECOND).run()


async def _connect(
    session: CallSession, verb: Verb, outcome: Outcome, place: Place, nouns: Mapping[str, Noun]
) -> None:
    if len(verb.children) > _MOST_AT_ONCE:
        words = f"Dial: of {len(verb.children)} nouns the first {_MOST_AT_ONCE} are dialled"
        session.warn(SCHEMA, words, verb.line)
    for noun in verb.children:
        if noun.name in nouns:  # a conference or a queue, where no telephone rings
            if len(verb.children) > 1:
                words = f"{noun.name} Noun cannot be mixed with others: it alone is dialled"
                session.warn(_MIXED, words, noun.line)
            session.connect(False)
            await nouns[noun.name](session, verb, noun, outcome)
            return
    telephones = [noun for noun in verb.children if noun.name in _ADDRESSES]
    if not telephones and verb.text.strip():
        telephones = [Verb("Number", {}, verb.text, (), verb.line)]
    legs = [
        _leg(session, verb, noun, place, address)
        for noun in telephones[:_MOST_AT_ONCE]
        if (address := _address(session, noun)) is not None
    ]
    if legs:
        await _dial_telephones(session, verb, legs, outcome)


def _uri(noun: Verb) -> Verb:
    """Return the first Uri of a Sip noun by priority and weight; the noun itself without one."""
    uris = [child for child in noun.children if child.name == "Uri"]
    order = [(each.number("priority", 0), -each.number("weight", 0)) for each in uris]
    return uris[order.index(min(order))] if uris else noun


def _sip_address(session: CallSession, noun: Verb, text: str) -> str | None:
    """Return a SIP address with the headers of its noun; None if it is none.

    Headers are written as Twilio has them in an address: as its query.
    """
    if not text.startswith(("sip:", "sips:")):
        return None
    if sum(child.name == "Uri" for child in noun.children) > 1:
        words = "Dial: of several Uris the first by priority and weight is called"
        session.warn(SCHEMA, words, noun.line)
    parts = [part for child in noun.children if child.name == "Headers" for part in child.children]
    for header in parts:
        name, value = header.attribute("name"), header.attribute("value")
        if not name.upper().startswith("X-"):
            words = f"Dial: the Header {name[:40]!r} is not sent: its name has to begin with X-"
            session.warn(SCHEMA, words, header.line)
            continue
        text += f"{'&' if '?' in text else '?'}{name}={quote(value, safe='')}"
    return text


def _address(session: CallSession, noun: Verb) -> str | None:
    """Return the address of a noun; None, after a notification, for what cannot be called."""
    named = ("Identity", "ApplicationSid")
    place = next((child for child in noun.children if child.name in named), _uri(noun))
    text = place.text.strip()
    address = dialled(text) if noun.name == "Number" else _ADDRESSES[noun.name] + text
    if noun.name == "Sip":
        address = _sip_address(session, noun, text)
    if address is None or not text:
        code = _INVALID_SIP_URI if noun.name == "Sip" else _INVALID_NUMBER
        what = "Dial->SIP: Invalid SIP URI" if noun.name == "Sip" else _NO_NUMBER
        session.warn(code, f"{what}: {text[:60]!r} of a {noun.name}", noun.line)
        return None
    return address


async def _dial_telephones(
    session: CallSession, verb: Verb, legs: list[DialledLeg], outcome: Outcome
) -> None:
    """Ring telephones and connect the first that answers, until the connected call ends.

    Or until a transfer that one of both asks for is accepted, which is to be carried out then.
    """
    recording = DialVerbRecording(session, verb)
    transfers = DialTransfers(session, verb, recording)
    for number, leg in enumerate(legs):
        legs[number] = replace(leg, place=partial(_watched, leg.place, transfers))
    dialled = Dial(
        session,
        legs,
        timeout_ns=ring_seconds(verb) * NS_PER_SECOND,
        sequential=verb.flag("sequential", False),
        recording=recording,
        ring_tone=_ring_tone(session, verb),
        **talk_options(verb),
    )
    try:
        await dialled.run(transfers.accepted(dialled))
    finally:
        transfers.close()
        outcome.status, outcome.child = dialled.status, dialled.child
        outcome.bridged, outcome.recording = dialled.bridged, recording.recording
        outcome.transfers = transfers


def _watched(place: Callable[[], CallControl], transfers: DialTransfers) -> CallControl:
    """Create the call of a telephone that may ask for a transfer."""
    other = place()
    assert isinstance(other, CallSession)
    transfers.watch(other)
    return other


def _ring_tone(session: CallSession, verb: Verb) -> NDArray[np.int16] | None:
    """Return the ringing tone that a Dial asks for; None, after a warning for an unknown one."""
    name = verb.attribute("ringTone").strip().lower()
    if not name:
        return None
    if name in RINGING_TONES:
        return ringing_tone(name)
    words = f"Dial: Invalid ringTone value: {name[:40]!r} is none of {', '.join(RINGING_TONES)}"
    session.warn(_INVALID_RING_TONE, f"{words}: the usual ringback is heard", verb.line)
    return None


def _leg(session: CallSession, verb: Verb, noun: Verb, place: Place, address: str) -> DialledLeg:
    names = ("sendDigits", "url", "machineDetection")
    screens = any(noun.attribute(name) for name in names)
    return DialledLeg(
        place=partial(_place, session, verb, noun, place, address),
        screen=partial(_screen, session, noun) if screens else None,
    )


def _place(session: CallSession, verb: Verb, noun: Verb, place: Place, address: str) -> CallSession:
    """Create the queued call of a noun."""
    callback = callback_of(noun, session, "statusCallback")
    other = place(session, address, verb.attribute("callerId"), callback)
    gateway = other.phone.gateway
    params = noun.parameters()
    if isinstance(gateway, ParameterGateway):
        other.phone = replace(other.phone, gateway=gateway.with_parameters(params))
    if isinstance(gateway, ApplicationGateway):
        to = session.call.record.to if noun.flag("copyParentTo", False) else ""
        way = gateway.dialled(params, noun.attribute("customerId"), to)
        other.phone = replace(other.phone, gateway=way)
    uri = _uri(noun)
    user = uri.attribute("username") or noun.attribute("username")
    if user:
        password = uri.attribute("password") or noun.attribute("password")
        other.phone = other.phone.as_user((user, password))
    return other


async def _screen(session: CallSession, noun: Verb, other: CallControl) -> None:
    """Detect who has answered, and play the noun's digits and document, before it is connected."""
    assert isinstance(other, CallSession)
    detection = noun_detection(session, noun)
    if detection is not None:
        session.account.spawn(detect(other, detection))
    try:
        if noun.attribute("sendDigits"):
            await session.until(other.play(touch_tones(noun.attribute("sendDigits")), "digits"))
        if noun.attribute("url"):
            source = session.source(noun.attribute("url"), noun)
            other.screening = True
            await session.until(other.perform(source))
    except HangUp:
        other.call.take_down()
    except CallEnded:
        # If only the callee has hung up, Dial notices that by its leg.
        if session.call.ended.is_set():
            raise
    finally:
        other.screening = False
