"""Telling an app how a conference is doing: which events there are, and what is said of each.

Source: Twilio docs, TwiML Conference, "statusCallback" and "statusCallbackEvent". The first
participant's callback is the conference's; without a choice of events nothing is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mediasim.exchange.records import ConferenceRecord, EndReason, RecordingRecord
from mediasim.twilio.asks import Callback
from mediasim.twilio.status import Params
from mediasim.twilio.webhooks import AppRequest

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["ConferenceCallbacks"]

_CHOICES: Final = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
    "participant-speech-start": "speaker",
    "participant-speech-stop": "speaker",
    "announcement-end": "announcement",
    "announcement-fail": "announcement",
}
"""Each event, and the word of statusCallbackEvent that asks for it."""

_WORDS: Final[dict[EndReason, str]] = {
    "conference-ended-via-api": "Conference ended via API",
    "participant-with-end-conference-on-exit-left": "Participant with endConferenceOnExit left",
    "participant-with-end-conference-on-exit-kicked": "Participant with endConferenceOnExit "
    "was kicked",
    "last-participant-kicked": "Last participant was kicked",
    "last-participant-left": "Last participant left",
}
"""``Reason`` in words (our own)."""


class ConferenceCallbacks:
    """What is told of one conference."""

    def __init__(self, service: Service, record: ConferenceRecord) -> None:
        self._service = service
        self._record = record
        self._callback: Callback | None = None
        self._told = 0

    def send_to(self, callback: Callback | None) -> None:
        """Tell of it there, from now on."""
        self._callback = callback

    def wanted(self, word: str) -> bool:
        """Whether events of a word of statusCallbackEvent are told."""
        return self._callback is not None and word in self._callback.events

    def tell(self, event: str, params: Params) -> None:
        """Tell of an event, if it was asked for."""
        if self._callback is None or not self.wanted(_CHOICES[event]):
            return
        self._told += 1
        head = [
            *self._subject(),
            ("SequenceNumber", str(self._told)),
            ("StatusCallbackEvent", event),
        ]
        self._send(self._callback.url, self._callback.method, head + params)

    def ended(self, by_label: str | None) -> None:
        """Tell of the end, as the conference's record has it."""
        reason, by = self._record.reason_ended, self._record.call_sid_ending
        assert reason is not None
        params = [("ReasonConferenceEnded", str(reason)), ("Reason", _WORDS[reason])]
        if by is not None:
            params.append(("CallSidEndingConference", by))
        if by_label is not None:
            params.append(("ParticipantLabelEndingConference", by_label))
        self.tell("conference-end", params)

    def recorded(self, url: str, recording: RecordingRecord) -> None:
        """The older way to tell of a recording: the noun's ``eventCallbackUrl``."""
        size = self._service.store.wav_path(recording.sid).stat().st_size
        params = [
            *self._subject(),
            ("EventName", "conference-record-end"),
            ("RecordingUrl", self._service.recordings.url(recording.sid)),
            ("Duration", str(recording.duration_seconds())),
            ("RecordingFileSize", str(size)),
        ]
        self._send(url, "POST", params)

    def _subject(self) -> Params:
        return [
            ("ConferenceSid", self._record.sid),
            ("FriendlyName", self._record.friendly_name),
            ("AccountSid", self._record.account_sid),
            ("Timestamp", self._service.dates.rfc2822(self._service.now_ns)),
        ]

    def _send(self, url: str, method: str, params: Params) -> None:
        sid = self._record.sid
        request = AppRequest(url, method, tuple(params), "conference-status", sid)
        self._service.webhooks.notify(request, lane=sid)
