"""Recordings that an app asks for: what is recorded of whom, and who is told of it.

Each recording belongs to one call (or conference) and ends with it. Channels follow the layout
rule of :mod:`mediasim.exchange.layout`; here it is said which leg's track each of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mediasim.exchange.catalogue import UnknownSid
from mediasim.exchange.events import Event, RecordingEvent
from mediasim.exchange.journals import CALLBACK
from mediasim.exchange.layout import Kind, recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording, Source, SourcedChannel, new_record
from mediasim.exchange.records import RecordingRecord, RecordingSource
from mediasim.exchange.states import IllegalMove
from mediasim.media.recorder import PauseBehavior, Track
from mediasim.truth.faults.material import FaultError
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.publishing import break_recording, publish_truth
from mediasim.twilio.asks import Callback, RecordingRequest
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.status import Params
from mediasim.twilio.webhooks import AppRequest
from mediasim.twilio.webhooks.webhooks import RECORDER

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["RecordingDesk"]

_TOLD: Final = {"started": "in-progress", "completed": "completed", "absent": "absent"}
"""Events of a recording that a callback tells of, and the status it tells."""
_DEFAULT_EVENTS: Final = ("completed",)
_RECORDER_FAULT: Final = 13000


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who is told of a recording."""

    callback: Callback
    more: tuple[tuple[str, str], ...] = ()


class RecordingDesk:
    """Every recording of the account, from its start to its deletion."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._exchange = service.exchange
        self._watches: dict[str, _Watch] = {}
        self._live: dict[str, LiveRecording] = {}
        self._made = 0
        self._exchange.before_media = publish_truth
        self._exchange.events.on("event", self._happened)

    # -- starting ---------------------------------------------------------------------------

    def of_call(
        self, call: LiveCall, ask: RecordingRequest, source: RecordingSource, name: str = ""
    ) -> LiveRecording:
        """Both tracks, or one, of a call as the server hears and sends them."""

        def made_of(role: str) -> SourcedChannel:
            if not call.active:
                return ()
            said, sent = Source(call, Track.INBOUND), Source(call, Track.OUTBOUND)
            return {"inbound": (said,), "outbound": (sent,), "mix": (said, sent)}[role]

        return self.start(call.sid, "call", ask, source, made_of, name=name)

    def of_dial(
        self, parent: LiveCall, child: Callable[[], LiveCall | None], ask: RecordingRequest
    ) -> LiveRecording:
        """A caller and whom it is connected to; before that, what the caller is sent."""

        def made_of(role: str) -> SourcedChannel:
            if not parent.active:
                return ()
            said, sent = Source(parent, Track.INBOUND), Source(parent, Track.OUTBOUND)
            other = child()
            heard = Source(other, Track.INBOUND) if other is not None and other.active else sent
            of_role = {
                "parent": (said,),
                "child": (heard,),
                "inbound": (said,),
                "outbound": (sent,),
                "mix": (said, heard),
            }
            return of_role[role]

        return self.start(parent.sid, "dial", ask, "DialVerb", made_of)

    def of_verb(self, call: LiveCall, ask: RecordingRequest) -> LiveRecording:
        """What the caller says."""

        def made_of(role: str) -> SourcedChannel:
            return (Source(call, Track.INBOUND),) if call.active else ()

        return self.start(call.sid, "record-verb", ask, "RecordVerb", made_of)

    def start(
        self,
        call_sid: str,
        kind: Kind,
        ask: RecordingRequest,
        source: RecordingSource,
        made_of: Callable[[str], SourcedChannel],
        *,
        name: str = "",
        conference_sid: str | None = None,
        friendly_name: str | None = None,
    ) -> LiveRecording:
        """Begin to record now; ``made_of`` tells what a channel's role is made of at any moment."""
        layout = recording_layout(kind, ask.channels, ask.track, self._exchange.profile)
        record = new_record(
            self._exchange,
            layout=layout,
            source=source,
            call_sid=call_sid,
            conference_sid=conference_sid,
        )
        if ask.callback is not None and ask.callback.url:
            more = (("FriendlyName", friendly_name),) if friendly_name is not None else ()
            self._watches[record.sid] = _Watch(ask.callback, more)
        self._made += 1
        roles = [role.role for role in layout.channels]
        recording = LiveRecording(
            self._exchange,
            record,
            self._service.room,
            name or f"recording-{self._made}",
            ask.trim,
            lambda: tuple(made_of(role) for role in roles),
            self._notes(record.sid),
        )
        self._live[record.sid] = recording
        return recording

    # -- under way --------------------------------------------------------------------------

    def under_way(
        self, *, call: str | None = None, conference: str | None = None
    ) -> list[LiveRecording]:
        """Those not ended yet, of a call or of a conference, oldest first."""
        return [
            recording
            for recording in self._live.values()
            if recording.active
            and (
                recording.record.conference_sid == conference
                if conference is not None
                else recording.record.conference_sid is None and recording.record.call_sid == call
            )
        ]

    def current(self, call_sid: str) -> RecordingRecord:
        """``Twilio.CURRENT``: the only recording under way of a call."""
        found = self.under_way(call=call_sid)
        if len(found) > 1:
            raise bad_parameter(
                f"Call {call_sid} has {len(found)} recordings in progress: use a recording's SID"
            )
        if not found:
            path = f"{self._service.account_path}/Calls/{call_sid}/Recordings/Twilio.CURRENT.json"
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
        record = self._service.catalogue.recording(sid)
        recording = self._live.get(sid)
        if recording is None or not recording.active:
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

    def halt(self, recordings: list[LiveRecording]) -> list[LiveRecording]:
        """Record no more of these; they are published by :meth:`publish`."""
        halted = [recording for recording in recordings if recording.active]
        for recording in halted:
            recording.halt()
        return halted

    # -- telling ----------------------------------------------------------------------------

    def url(self, sid: str) -> str:
        """Where its media is served, without an extension."""
        service = self._service
        return f"{service.base_url}{service.account_path}/Recordings/{sid}"

    def summary(self, call_sid: str) -> Params:
        """What a call's last status callback says of its newest recording."""
        for record in reversed(self._service.catalogue.recordings(call=call_sid)):
            if record.status == "completed" and record.conference_sid is None:
                return [
                    ("RecordingUrl", self.url(record.sid)),
                    ("RecordingSid", record.sid),
                    ("RecordingDuration", str(record.duration_seconds())),
                ]
        return []

    def _happened(self, event: Event) -> None:
        if not isinstance(event, RecordingEvent):
            return
        word = event.kind.removeprefix("recording.")
        if word in ("completed", "absent"):
            self._over(self._live.pop(event.recording_sid))
        watch = self._watches.get(event.recording_sid)
        if watch is None or word not in _TOLD:
            return
        status = _TOLD[word]
        if status in (watch.callback.events or _DEFAULT_EVENTS):
            self._tell(self._service.catalogue.recording(event.recording_sid), watch, status)
        if word != "started":
            del self._watches[event.recording_sid]

    def forget_ended(self) -> None:
        """Let go of calls that have ended, unless a recording may still have to name them."""
        if not self._live:
            calls = self._exchange.calls
            calls[:] = [call for call in calls if not call.ended.is_set()]

    def _over(self, recording: LiveRecording) -> None:
        if recording.record.status == "completed":
            self._break(recording)
        # Of what has ended only the records are kept, or a server would grow for ever.
        self._exchange.recordings.remove(recording)
        self.forget_ended()

    def _break(self, recording: LiveRecording) -> None:
        """Break it where the weather has it so."""
        record, webhooks = recording.record, self._service.webhooks
        faults = self._faults_of(record)
        if not faults:
            return
        try:
            break_recording(recording, faults)
        except FaultError as error:
            words = f"recording {record.sid} could not be broken as the weather has it: {error}"
            self._service.notify(record.call_sid, _RECORDER_FAULT, words, warning=True)
            return
        request = AppRequest(self.url(record.sid), "GET", (), RECORDER, record.sid)
        webhooks.note(request, [f"recorder fault {order}" for order in faults])

    def _faults_of(self, record: RecordingRecord) -> tuple[FaultOrder, ...]:
        weather = self._service.webhooks.weather
        if weather.calm:
            return ()
        try:
            call = self._service.catalogue.call(record.call_sid)
            numbers = [call.from_, call.to]
        except UnknownSid:  # deleted meanwhile
            numbers = []
        sids = {record.sid, record.call_sid, record.conference_sid or ""}
        return weather.recording(sids, self.url(record.sid), numbers)

    def _tell(self, record: RecordingRecord, watch: _Watch, status: str) -> None:
        params = [
            ("AccountSid", record.account_sid),
            # A conference's recording is of no call in particular.
            ("CallSid", record.call_sid)
            if record.conference_sid is None
            else ("ConferenceSid", record.conference_sid),
            ("RecordingSid", record.sid),
            ("RecordingUrl", self.url(record.sid)),
            ("RecordingStatus", status),
            ("RecordingChannels", str(record.layout.reported_channels)),
            ("RecordingStartTime", self._service.dates.rfc2822(record.start_ns)),
            ("RecordingSource", record.source),
            ("RecordingTrack", record.layout.asked_track),
        ]
        if status == "completed":
            params.append(("RecordingDuration", str(record.duration_seconds())))
        if record.error_code is not None:
            params.append(("ErrorCode", str(record.error_code)))
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
        self._service.webhooks.notify(request, lane, done)

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
