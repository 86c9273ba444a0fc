"""A conference's recordings: what they hold, and when they begin and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mediasim.exchange.recording_control import LiveRecording, Source, SourcedChannel
from mediasim.exchange.records import ConferenceRecord, RecordingRecord, RecordingSource
from mediasim.media.recorder import Track
from mediasim.twilio.asks import RecordingRequest
from mediasim.twilio.conferencing.participant import Participant
from mediasim.twilio.conferencing.voice import ConferenceVoice

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["Taping"]


class Taping:
    """All of one conference."""

    def __init__(
        self,
        service: Service,
        record: ConferenceRecord,
        voice: ConferenceVoice,
        joined: list[Participant],
        hearers: Callable[[], list[Participant]],
    ) -> None:
        """``joined``: everybody who ever joined, in order; ``hearers``: who is in it now."""
        self._desk = service.recordings
        self._record = record
        self._voice = voice
        self._joined = joined
        self._hearers = hearers
        self._ask: RecordingRequest | None = None
        self._asked: LiveRecording | None = None

    def start(
        self, ask: RecordingRequest, source: RecordingSource = "StartConferenceRecordingAPI"
    ) -> LiveRecording:
        """Record from now until the end, or until stopped."""
        return self._desk.start(
            self._joined[0].sid,
            "conference",
            ask,
            source,
            self._made_of,
            conference_sid=self._record.sid,
            friendly_name=self._record.friendly_name,
        )

    def start_as_asked(self) -> None:
        """Begin the one that a participant asked for, once."""
        asks = (each.ask.conference_recording for each in self._hearers())
        ask = next((ask for ask in asks if ask is not None), None)
        if ask is not None and self._asked is None:
            self._ask = ask
            self._asked = self.start(ask, "Conference")

    def halt(self) -> list[LiveRecording]:
        """Record no more; these are to be published when everybody has been told of the end."""
        return self._desk.halt(self._desk.under_way(conference=self._record.sid))

    @property
    def untold(self) -> RecordingRecord | None:
        """The finished recording that a participant asked for without a callback of its own."""
        if self._ask is None or self._ask.callback is not None or self._asked is None:
            return None
        record = self._asked.record
        return record if record.status == "completed" else None

    def _made_of(self, role: str) -> SourcedChannel:
        heard = [each for each in self._hearers() if each.call.active and not each.unheard]
        first = self._joined[0]
        if role == "first-participant":
            return tuple(Source(each.call, Track.INBOUND) for each in heard if each is first)
        if role == "everyone-else":
            heard = [each for each in heard if each is not first]
        channel = tuple(Source(each.call, Track.INBOUND) for each in heard)
        own = (Source(self._voice, Track.OUTBOUND),) if self._voice.active else ()
        return channel + own
