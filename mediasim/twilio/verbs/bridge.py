"""What Dial says to its app, and what it records: of telephones, of a queue, of a conference."""

from __future__ import annotations

from dataclasses import dataclass, field

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dial import DialStatus, Moment, TalkOptions
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import SipFacts
from mediasim.twilio.session import CallSession
from mediasim.twilio.status import Params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.record import recording_request

__all__ = ["DialVerbRecording", "Outcome", "talk_options"]


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
        desk = self._session.service.recordings
        self.recording = desk.of_call(self._session, ask, "DialVerb")

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
