"""Recordings that an app requests: their start, their changes and their status callbacks.

Each recording belongs to one call (or conference) and ends with it. Channels follow the layout
rule of :mod:`mediasim.exchange.layout`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.events import Event, RecordingEvent
from mediasim.exchange.profiles import Kind
from mediasim.exchange.recording import RecordedTracks, call_tracks, start_recording
from mediasim.exchange.recording_control import LiveRecording, delete_recording
from mediasim.exchange.records import RecordingRecord, RecordingSource, UnknownSid
from mediasim.exchange.recovery import CALLBACK
from mediasim.exchange.states import IllegalMove
from mediasim.media.recorder import PauseBehavior
from mediasim.truth.faults.material import FaultError
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.publishing import break_recording, publish_truth
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import (
    TwilioError,
    bad_parameter,
    not_complete,
    not_found,
    not_in_progress,
)
from mediasim.twilio.representations import encryption_details, error_code, rfc2822
from mediasim.twilio.requests import DEFAULT_EVENTS, Callback, Params, RecordingRequest
from mediasim.twilio.transcripts.configurations import Configurations
from mediasim.twilio.webhooks import AppRequest
from mediasim.twilio.webhooks.webhooks import RECORDER

__all__ = ["RecordingManager"]

_STATUSES: Final = {"started": "in-progress", "completed": "completed", "absent": "absent"}
"""Statuses that a callback reports, by the recording's event."""
_RECORDER_FAULT: Final = 13000
_CONCURRENT: Final = 16108
"""Code of a request for ``Twilio.CURRENT`` where several recordings are in progress."""


@dataclass(frozen=True, slots=True)
class _Subscription:
    """The callback of a recording, with the parameters that are added to it."""

    callback: Callback
    more: tuple[tuple[str, str], ...] = ()


class RecordingManager:
    """All recordings of the account, from their start to their deletion."""

    def __init__(self, account: AccountParts) -> None:
        self._account = account
        self._exchange = account.exchange
        self._configurations = Configurations(account)
        self._subscriptions: dict[str, _Subscription] = {}
        self._made = 0
        self._struck: set[str] = set()
        """SIDs of recordings that were damaged and have not ended yet."""
        self._exchange.before_media = publish_truth
        self._exchange.events.on("event", self._on_event)

    # -- starting ---------------------------------------------------------------------------

    def start(
        self,
        tracks: Callable[[], RecordedTracks],
        kind: Kind,
        request: RecordingRequest,
        source: RecordingSource,
        *,
        call_sid: str,
        name: str = "",
        conference_sid: str | None = None,
        friendly_name: str | None = None,
    ) -> LiveRecording:
        """Start a recording now, and report it to the request's callback."""
        self._made += 1
        name = name or f"recording-{self._made}"
        account_sid = self._account.call_record(call_sid).account_sid
        request = self._configured(request, account_sid, kind, call_sid)
        recording = start_recording(
            self._exchange,
            self._account.room,
            tracks,
            kind,
            request,
            source,
            call_sid=call_sid,
            name=name,
            conference_sid=conference_sid,
            account_sid=account_sid,
            # Before the first event, which may be one that the callback reports.
            before=lambda sid: self._subscribe(sid, request.callback, friendly_name),
            notes=self._journal_entry,
        )
        recording.record.configuration_id = request.configuration_id
        return recording

    def _configured(
        self, request: RecordingRequest, account_sid: str, kind: Kind, call_sid: str
    ) -> RecordingRequest:
        """Return a request as its configuration has it; one that is wrong leaves a notification,
        and the request's own parameters count."""
        try:
            return self._configurations.resolved(
                request,
                account_sid,
                conference=kind == "conference",
                message=kind == "record-verb",
            )
        except TwilioError as error:
            self._account.notify(call_sid, error.code, error.message)
            return replace(request, configuration_id="")

    def of_call(
        self,
        control: CallControl,
        request: RecordingRequest,
        source: RecordingSource,
        name: str = "",
    ) -> LiveRecording:
        """Start a recording of a call and the party that it is connected to."""
        kind: Kind = "dial" if source in ("DialVerb", "Trunking") else "call"
        return self.start(
            lambda: call_tracks(control.call, control.peer),
            kind,
            request,
            source,
            call_sid=control.call.sid,
            name=name,
        )

    def _subscribe(self, sid: str, callback: Callback | None, friendly_name: str | None) -> None:
        if callback is not None and callback.url:
            more = (("FriendlyName", friendly_name),) if friendly_name is not None else ()
            self._subscriptions[sid] = _Subscription(callback, more)

    # -- changing ---------------------------------------------------------------------------

    def current(self, call_sid: str) -> RecordingRecord:
        """Return the only active recording of a call, ``Twilio.CURRENT``.

        Raises TwilioError if there is none, or more than one.
        """
        return self.only(self._exchange.active_recordings(call=call_sid), f"Calls/{call_sid}")

    def only(self, found: Sequence[LiveRecording], owner: str) -> RecordingRecord:
        """Return the only one of the active recordings of a call or conference.

        ``owner`` is its part of a path: ``Calls/CA…``. Raises TwilioError if there is none, or more
        than one.
        """
        if len(found) > 1:
            words = f"{owner} has {len(found)} recordings in progress: use a recording's SID"
            raise bad_parameter(words, _CONCURRENT)
        if not found:
            path = f"{self._account.account_path}/{owner}/Recordings/Twilio.CURRENT.json"
            raise not_found(path)
        return found[0].record

    def update(self, sid: str, status: str, pause_behavior: str | None = None) -> RecordingRecord:
        """Pause, resume or stop a recording. Raises TwilioError if its status does not allow it."""
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
            raise not_in_progress(
                f"Recording {sid} is {record.status}: it can no longer be changed"
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

    def delete(self, sid: str) -> None:
        """Delete a recording's media; its metadata stays for 40 days.

        Raises TwilioError if the recording is active or already deleted.
        """
        record = self._account.recording_record(sid)
        if record.status == "deleted":
            raise not_found(f"{self._account.account_path}/Recordings/{sid}.json")
        if record.status not in ("completed", "absent"):
            raise not_complete("recording", record.status)
        delete_recording(self._exchange, record, self._exchange.now_ns)

    # -- callbacks --------------------------------------------------------------------------

    def summary(self, call_sid: str) -> Params:
        """Return the parameters of a call's newest recording, for its last status callback.

        Only recordings by the call's ``Record`` parameter or a Dial's ``record`` are told there;
        one that ends with its call has the length that it has had so far, not yet trimmed.
        """
        for record in reversed(self._account.catalogue.recordings(call=call_sid)):
            if record.source not in ("OutboundAPI", "DialVerb"):
                continue
            if record.status in ("processing", "completed") and record.samples:
                return self._account.recording_params(record)
            for live in self._exchange.active_recordings(call=call_sid):
                if live.record is record:
                    return self._account.recording_params(record, live.recorder.samples)
        return []

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, RecordingEvent):
            return
        word = event.kind.removeprefix("recording.")
        if word in ("completed", "absent"):
            self._on_end(event.recording_sid)
        subscription = self._subscriptions.get(event.recording_sid)
        if subscription is None or word not in _STATUSES:
            return
        record = self._account.catalogue.recording(event.recording_sid)
        self._tell(record, subscription, _STATUSES[word])
        if word != "started":
            del self._subscriptions[event.recording_sid]

    def forget_ended(self) -> None:
        """Drop calls that have ended, unless an active recording or a recogniser may refer to
        them."""
        if not self._exchange.recordings and not self._exchange.recognising:
            calls = self._exchange.calls
            calls[:] = [call for call in calls if not call.ended.is_set()]

    def _on_end(self, sid: str) -> None:
        recording = next(each for each in self._exchange.recordings if each.sid == sid)
        if recording.record.status == "completed":
            self.inject_faults(recording)
        self._struck.discard(sid)
        # Only records are kept of what has ended, or a server would grow for ever.
        self._exchange.recordings.remove(recording)
        self.forget_ended()

    def inject_faults(self, recording: LiveRecording) -> None:
        """Damage a recording whose media is published, once, if fault injection has faults for it.

        It is done before it is encrypted or leaves for another store.
        """
        record, webhooks = recording.record, self._account.webhooks
        faults = self._faults_of(record)
        if not faults or record.sid in self._struck:
            return
        self._struck.add(record.sid)
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
        injection = self._account.webhooks.faults
        if injection.idle:
            return ()
        try:
            call = self._account.catalogue.call(record.call_sid)
            numbers = [call.from_, call.to]
        except UnknownSid:  # deleted meanwhile
            numbers = []
        sids = {record.sid, record.call_sid, record.conference_sid or ""}
        return injection.recording(sids, self._account.recording_url(record.sid), numbers)

    def _tell(self, record: RecordingRecord, subscription: _Subscription, status: str) -> None:
        """Send a callback about a status, if the app wants to be told of it.

        A recording that could not be encrypted is ``failed`` there, and ``absent`` as a resource.
        """
        wanted = subscription.callback.events or DEFAULT_EVENTS
        told = "failed" if record.absence == "no-public-key" else status
        if told in wanted or status in wanted:
            self._send(record, subscription, told)

    def _send(self, record: RecordingRecord, subscription: _Subscription, status: str) -> None:
        params = [
            ("AccountSid", record.account_sid),
            # A conference's recording belongs to no call.
            ("CallSid", record.call_sid)
            if record.conference_sid is None
            else ("ConferenceSid", record.conference_sid),
            ("RecordingSid", record.sid),
            ("RecordingUrl", record.external_url or self._account.recording_url(record.sid)),
            ("RecordingStatus", status),
            ("RecordingChannels", str(record.layout.stored_channels)),
            ("RecordingStartTime", rfc2822(self._account.dates, record.start_ns)),
            ("RecordingSource", record.source),
            ("RecordingTrack", record.layout.requested_track),
        ]
        if status == "completed":
            params.append(("RecordingDuration", str(record.duration_seconds())))
        if (details := encryption_details(record)) is not None:
            params.append(("EncryptionDetails", json.dumps(details, separators=(",", ":"))))
        if (code := error_code(record)) is not None:
            params.append(("ErrorCode", str(code)))
        done = None
        if status != "in-progress":
            # The journal keeps the last callback until it was sent, so that a crash loses none.
            journals = self._exchange.journals
            journals.require(record.sid, CALLBACK)
            done = partial(journals.done, record.sid, CALLBACK)
        self._account.send_callback(
            subscription.callback,
            [*params, *subscription.more],
            "recording-status",
            record.sid,
            lane=record.conference_sid or record.call_sid,
            done=done,
        )

    # -- crash recovery ---------------------------------------------------------------------

    def _journal_entry(self, sid: str) -> dict[str, Any]:
        """Return the entry of a recording's callback in its journal."""
        subscription = self._subscriptions.get(sid)
        return {} if subscription is None else {CALLBACK: asdict(subscription)}

    def resume(self, record: RecordingRecord, journal: Mapping[str, Any]) -> None:
        """Send the last callback of a recording that crash recovery has finished.

        ``journal`` is that of the recording; one without a readable callback sends nothing.
        """
        try:
            noted = journal[CALLBACK]
            callback = Callback(**{**noted["callback"], "events": (*noted["callback"]["events"],)})
            subscription = _Subscription(
                callback, tuple((name, value) for name, value in noted["more"])
            )
        except (KeyError, TypeError, ValueError):
            return
        self._tell(record, subscription, record.status)
