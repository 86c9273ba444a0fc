"""Recordings that an app asks for: what is recorded of whom, and who is told of it.

Each recording belongs to one call (or conference) and ends with it. Channels follow the layout
rule of :mod:`mediasim.exchange.layout`; here it is said which leg's track each of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.events import Event, RecordingEvent
from mediasim.exchange.profiles import Kind
from mediasim.exchange.recording import RecordedTracks, call_tracks, start_recording
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import RecordingRecord, RecordingSource, UnknownSid
from mediasim.exchange.recovery import CALLBACK
from mediasim.exchange.states import IllegalMove
from mediasim.media.recorder import PauseBehavior
from mediasim.truth.faults.material import FaultError
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.publishing import break_recording, publish_truth
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.representations import error_code, rfc2822
from mediasim.twilio.requests import Callback, RecordingRequest
from mediasim.twilio.status import Params
from mediasim.twilio.webhooks import AppRequest
from mediasim.twilio.webhooks.webhooks import RECORDER

__all__ = ["RecordingManager"]

_TOLD: Final = {"started": "in-progress", "completed": "completed", "absent": "absent"}
"""Events of a recording that a callback tells of, and the status it tells."""
_DEFAULT_EVENTS: Final = ("completed",)
_RECORDER_FAULT: Final = 13000


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who is told of a recording."""

    callback: Callback
    more: tuple[tuple[str, str], ...] = ()


class RecordingManager:
    """Every recording of the account, from its start to its deletion."""

    def __init__(self, account: AccountParts) -> None:
        self._account = account
        self._exchange = account.exchange
        self._watches: dict[str, _Watch] = {}
        self._made = 0
        self._exchange.before_media = publish_truth
        self._exchange.events.on("event", self._happened)

    # -- starting ---------------------------------------------------------------------------

    def start(
        self,
        tracks: Callable[[], RecordedTracks],
        kind: Kind,
        ask: RecordingRequest,
        source: RecordingSource,
        *,
        call_sid: str,
        name: str = "",
        conference_sid: str | None = None,
        friendly_name: str | None = None,
    ) -> LiveRecording:
        """Begin to record now, and tell of it where that was asked for."""
        self._made += 1
        name = name or f"recording-{self._made}"
        return start_recording(
            self._exchange,
            self._account.room,
            tracks,
            kind,
            ask,
            source,
            call_sid=call_sid,
            name=name,
            conference_sid=conference_sid,
            before=lambda sid: self._watch(sid, ask.callback, friendly_name),
            notes=self._notes,
        )

    def of_call(
        self, control: CallControl, ask: RecordingRequest, source: RecordingSource, name: str = ""
    ) -> LiveRecording:
        """Record a call and whom it is connected to."""
        kind: Kind = "dial" if source == "DialVerb" else "call"
        return self.start(
            lambda: call_tracks(control.call, control.peer),
            kind,
            ask,
            source,
            call_sid=control.call.sid,
            name=name,
        )

    def _watch(self, sid: str, callback: Callback | None, friendly_name: str | None) -> None:
        if callback is not None and callback.url:
            more = (("FriendlyName", friendly_name),) if friendly_name is not None else ()
            self._watches[sid] = _Watch(callback, more)

    # -- under way --------------------------------------------------------------------------

    def current(self, call_sid: str) -> RecordingRecord:
        """``Twilio.CURRENT``: the only recording under way of a call."""
        found = self._exchange.active_recordings(call=call_sid)
        if len(found) > 1:
            raise bad_parameter(
                f"Call {call_sid} has {len(found)} recordings in progress: use a recording's SID"
            )
        if not found:
            path = f"{self._account.account_path}/Calls/{call_sid}/Recordings/Twilio.CURRENT.json"
            raise not_found(path)
        return found[0].record

    def update(self, sid: str, status: str, pause_behavior: str | None) -> RecordingRecord:
        """Pause, resume or stop. Raises TwilioError for what its status does not allow."""
        behavior = {"skip": PauseBehavior.SKIP, "silence": PauseBehavior.SILENCE}.get(
            pause_behavior or "silence"
        )
        if behavior is None:
            raise bad_parameter(f"Invalid PauseBehavior {pause_behavior}: skip or silence")
        if status not in ("in-progress", "paused", "stopped"):
            raise bad_parameter(f"Invalid Status {status}: in-progress, paused or stopped")
        record = self._account.catalogue.recording(sid)
        live = (each for each in self._exchange.recordings if each.sid == sid and each.active)
        recording = next(live, None)
        if recording is None:
            raise TwilioError(
                400, 21220, f"Recording {sid} is {record.status}: it can no longer be changed"
            )
        if status == record.status:
            return record
        try:
            if status == "paused":
                recording.pause(behavior)
            elif status == "in-progress":
                recording.resume()
            else:
                recording.stop()
        except IllegalMove as error:
            raise bad_parameter(str(error)) from None
        return record

    # -- telling ----------------------------------------------------------------------------

    def summary(self, call_sid: str) -> Params:
        """What a call's last status callback says of its newest recording."""
        for record in reversed(self._account.catalogue.recordings(call=call_sid)):
            if record.status == "completed" and record.conference_sid is None:
                return [
                    ("RecordingUrl", self._account.recording_url(record.sid)),
                    ("RecordingSid", record.sid),
                    ("RecordingDuration", str(record.duration_seconds())),
                ]
        return []

    def _happened(self, event: Event) -> None:
        if not isinstance(event, RecordingEvent):
            return
        word = event.kind.removeprefix("recording.")
        if word in ("completed", "absent"):
            self._over(event.recording_sid)
        watch = self._watches.get(event.recording_sid)
        if watch is None or word not in _TOLD:
            return
        status = _TOLD[word]
        if status in (watch.callback.events or _DEFAULT_EVENTS):
            self._tell(self._account.catalogue.recording(event.recording_sid), watch, status)
        if word != "started":
            del self._watches[event.recording_sid]

    def forget_ended(self) -> None:
        """Let go of calls that have ended, unless a recording may still have to name them."""
        if not self._exchange.recordings:
            calls = self._exchange.calls
            calls[:] = [call for call in calls if not call.ended.is_set()]

    def _over(self, sid: str) -> None:
        recording = next(each for each in self._exchange.recordings if each.sid == sid)
        if recording.record.status == "completed":
            self._break(recording)
        # Of what has ended only the records are kept, or a server would grow for ever.
        self._exchange.recordings.remove(recording)
        self.forget_ended()

    def _break(self, recording: LiveRecording) -> None:
        """Break it where the weather has it so."""
        record, webhooks = recording.record, self._account.webhooks
        faults = self._faults_of(record)
        if not faults:
            return
        try:
            break_recording(recording, faults)
        except FaultError as error:
            words = f"recording {record.sid} could not be broken as the weather has it: {error}"
            self._account.notify(record.call_sid, _RECORDER_FAULT, words, warning=True)
            return
        request = AppRequest(
            self._account.recording_url(record.sid), "GET", (), RECORDER, record.sid
        )
        webhooks.note(request, [f"recorder fault {order}" for order in faults])

    def _faults_of(self, record: RecordingRecord) -> tuple[FaultOrder, ...]:
        weather = self._account.webhooks.weather
        if weather.calm:
            return ()
        try:
            call = self._account.catalogue.call(record.call_sid)
            numbers = [call.from_, call.to]
        except UnknownSid:  # deleted meanwhile
            numbers = []
        sids = {record.sid, record.call_sid, record.conference_sid or ""}
        return weather.recording(sids, self._account.recording_url(record.sid), numbers)

    def _tell(self, record: RecordingRecord, watch: _Watch, status: str) -> None:
        params = [
            ("AccountSid", record.account_sid),
            # A conference's recording is of no call in particular.
            ("CallSid", record.call_sid)
            if record.conference_sid is None
            else ("ConferenceSid", record.conference_sid),
            ("RecordingSid", record.sid),
            ("RecordingUrl", self._account.recording_url(record.sid)),
            ("RecordingStatus", status),
            ("RecordingChannels", str(record.layout.stored_channels)),
            ("RecordingStartTime", rfc2822(self._account.dates, record.start_ns)),
            ("RecordingSource", record.source),
            ("RecordingTrack", record.layout.requested_track),
        ]
        if status == "completed":
            params.append(("RecordingDuration", str(record.duration_seconds())))
        if (code := error_code(record)) is not None:
            params.append(("ErrorCode", str(code)))
        request = AppRequest(
            watch.callback.url,
            watch.callback.method,
            (*params, *watch.more),
            "recording-status",
            record.sid,
        )
        lane, done = record.conference_sid or record.call_sid, None
        if status != "in-progress":
            journals = self._exchange.journals
            journals.require(record.sid, CALLBACK)
            done = partial(journals.done, record.sid, CALLBACK)
        self._account.webhooks.notify(request, lane, done)

    # -- after a kill -----------------------------------------------------------------------

    def _notes(self, sid: str) -> dict[str, Any]:
        """What a recording's journal says of its callback."""
        watch = self._watches.get(sid)
        return {} if watch is None else {CALLBACK: asdict(watch)}

    def resume(self, record: RecordingRecord, journal: Mapping[str, Any]) -> None:
        """Tell of a recording what its journal has untold; a start found it finished."""
        try:
            noted = journal[CALLBACK]
            callback = Callback(**{**noted["callback"], "events": (*noted["callback"]["events"],)})
            watch = _Watch(callback, tuple((name, value) for name, value in noted["more"]))
        except (KeyError, TypeError, ValueError):
            return
        if record.status in (watch.callback.events or _DEFAULT_EVENTS):
            self._tell(record, watch, record.status)
