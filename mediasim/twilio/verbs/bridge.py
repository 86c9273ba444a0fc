"""Two calls connected by Dial: recorded as it says, until one of its ends comes.

What a Dial of telephones and a Dial of a queue have in common.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.keypad import NOTICE_FRAMES, Keys, listen_for_keys
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import SipFacts
from mediasim.twilio.session import CallSession
from mediasim.twilio.status import Params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.record import recording_request

__all__ = ["Outcome", "part", "record_from", "stay", "talk"]


@dataclass(slots=True)
class Outcome:
    """What became of a Dial, as its action is told."""

    status: str = "failed"
    child: LiveCall | None = None
    bridged: bool = False
    recording: LiveRecording | None = None
    more: Params = field(default_factory=list)

    def params(self, session: CallSession) -> Params:
        params = [("DialCallStatus", self.status)]
        if self.child is not None:
            params.append(("DialCallSid", self.child.sid))
            if self.child.record.status == "completed":
                seconds = self.child.record.duration_seconds() or 0
                params.append(("DialCallDuration", str(seconds)))
            params += _sip_params(self.child.record.sip)
        params.append(("DialBridged", "true" if self.bridged else "false"))
        if self.recording is not None and self.recording.record.status == "completed":
            desk = session.service.recordings
            params += [
                ("RecordingUrl", desk.url(self.recording.sid)),
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


def record_from(moment: str, session: CallSession, verb: Verb, outcome: Outcome) -> None:
    """Begin the recording that starts at this moment, ringing or answer, if it was asked for."""
    words = verb.attribute("record")
    words = "record-from-answer" if words == "true" else words
    if not words.startswith(f"record-from-{moment}") or not session.call.active:
        return
    if outcome.recording is None:
        ask = recording_request(
            verb,
            session,
            channels="dual" if words.endswith("-dual") else "mono",
            track=verb.attribute("recordingTrack", "both"),
            trim=verb.attribute("trim", "do-not-trim"),
        )
        outcome.recording = session.service.recordings.of_dial(
            session.call, lambda: session.bridged, ask
        )


async def talk(
    session: CallSession,
    other: CallSession,
    verb: Verb,
    outcome: Outcome,
    *ends: Awaitable[Any],
) -> None:
    """Let the calls hear each other until the other has ended, or Dial's own ends come."""
    call, exchange = session.call, session.exchange
    session.answer()
    session.bridged = other.call
    outcome.bridged = True
    call.room.bridge(call.leg, other.call.leg)
    exchange.follow_recordings(call.room)
    other.call.tell("bridged", f"{call.party.name} and {other.call.party.name} are bridged")
    record_from("answer", session, verb, outcome)
    other.behave()
    session.behave()
    await stay(session, verb, other.call.ended.wait(), _all_done(session, other), *ends)


async def stay(session: CallSession, verb: Verb, *ends: Awaitable[Any]) -> None:
    """Wait for some ends, Dial's time limit, or its ``*``. Raises CallEnded."""
    limit = session.exchange.sleep(verb.seconds("timeLimit", 14_400) * NS_PER_SECOND)
    if verb.flag("hangupOnStar", False):
        with listen_for_keys(session.call) as keys:
            await session.until(*ends, limit, _star(session, keys))
    else:
        await session.until(*ends, limit)


def part(session: CallSession) -> None:
    """The session's call is connected no more; neither hears the other."""
    other, session.bridged = session.bridged, None
    for call in (session.call, other):
        if call is not None and call.active:
            call.room.hear(call.leg)
    session.exchange.follow_recordings(session.call.room)


async def _all_done(session: CallSession, other: CallSession) -> None:
    """Both parties were scripted and have said everything: the other one hangs up."""
    if not other.scripted:
        await asyncio.Event().wait()
    await other.behaved()
    await session.behaved()
    await other.linger()
    await other.call.hang_up()


async def _star(session: CallSession, keys: Keys) -> None:
    while True:
        frame, digit = await keys.get()
        if digit == "*":
            await session.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)
            return
