"""Transcriptions of recordings, for a Record verb with ``transcribe``.

A transcription has what the call's recogniser makes of the recording
(:mod:`mediasim.recogniser`); without any words it fails. It takes as long as its recording (our
choice). Sources: Twilio docs, "TwiML Voice: Record", transcribe and
transcribeCallback; Error and Warning Dictionary, 13615 and 13617.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol, TypeVar

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.exchange import lifecycle
from mediasim.exchange.dates import Dates
from mediasim.exchange.events import TranscriptionEvent
from mediasim.exchange.lifecycle import Emit
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import TRANSCRIPTION, TranscriptionStatus
from mediasim.recogniser.recordings import recording_transcript
from mediasim.truth.sidecar import recording_truth
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.representations import API_VERSION, account_path, dates_json
from mediasim.twilio.requests import Callback
from mediasim.twilio.resources import Dated
from mediasim.twilio.status import call_params
from mediasim.twilio.transcripts.configurations import Configurations
from mediasim.twilio.transcripts.manager import TranscriptManager

__all__ = ["TranscriptionManager", "TranscriptionRecord", "finish"]

T = TypeVar("T")
_LONGEST_SECONDS: Final = 120
_SHORTEST_SECONDS: Final = 2
_MAX_LENGTH_TOO_HIGH: Final = 13615
_OUT_OF_RANGE: Final = 13617


@dataclass(slots=True)
class TranscriptionRecord(Dated):
    """The words of a recording: Twilio's Transcription resource."""

    LIFECYCLE: ClassVar = TRANSCRIPTION

    sid: str
    account_sid: str
    recording_sid: str
    duration_seconds: int
    words: str
    """The text that the completed transcription will have; "" if it will fail."""
    created_ns: int
    updated_ns: int = field(init=False)
    status: TranscriptionStatus = "in-progress"

    @property
    def text(self) -> str:
        """The words of a completed transcription; "" before and after a failure."""
        return self.words if self.status == "completed" else ""

    def to_twilio_json(self, dates: Dates, *, below_recording: bool = False) -> dict[str, Any]:
        """Return the resource, with its path below the account or ``below_recording``."""
        path = account_path(self.account_sid)
        if below_recording:
            path += f"/Recordings/{self.recording_sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            **dates_json(self, dates),
            "duration": str(self.duration_seconds),
            "price": None,
            "price_unit": "USD",
            "recording_sid": self.recording_sid,
            "sid": self.sid,
            "status": self.status,
            "transcription_text": self.text,
            "type": "fast",
            "uri": f"{path}/Transcriptions/{self.sid}.json",
        }


def finish(record: TranscriptionRecord, now_ns: int, emit: Emit = lambda word: None) -> None:
    """End a transcription: completed if it has words, otherwise failed."""
    lifecycle.move(record, "completed" if record.words else "failed", now_ns, emit)


class Apart(Protocol):
    """Runs a function beside the loop, and returns its result."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class TranscriptionManager:
    """Transcribes recordings and sends the results to the app."""

    def __init__(self, account: AccountParts, apart: Apart) -> None:
        """``apart`` runs what takes long beside the loop."""
        self._account = account
        self._apart = apart
        self._records: ResourceList[TranscriptionRecord] = account.resource_list("Transcriptions")
        self.configurations = Configurations(account)
        self.transcripts = TranscriptManager(account, apart, self.configurations)
        """Transcripts of recordings, sentence by sentence."""

    def allowed(self, call_sid: str, max_length: int) -> bool:
        """Tell whether a recording of at most ``max_length`` seconds can be transcribed.

        Adds a warning if it cannot. 0: the app gives no limit, and the recording's length decides.
        """
        if max_length <= _LONGEST_SECONDS:
            return True
        words = (
            f"Record: maxLength too high for transcription: {max_length} s, at most "
            f"{_LONGEST_SECONDS} s; the recording is made without"
        )
        self._account.notify(call_sid, _MAX_LENGTH_TOO_HIGH, words, warning=True)
        return False

    def begin(self, recording: LiveRecording, call: CallRecord, callback: Callback | None) -> None:
        """Start the transcription of a completed recording, and report its end to the callback."""
        account, samples = self._account, recording.record.samples or 0
        fits = _SHORTEST_SECONDS * SAMPLE_RATE < samples < _LONGEST_SECONDS * SAMPLE_RATE
        record = TranscriptionRecord(
            sid=account.new_sid("TR"),
            account_sid=call.account_sid,
            recording_sid=recording.sid,
            duration_seconds=recording.record.duration_seconds() or 0,
            words="",
            created_ns=account.now_ns,
        )
        self._records.add(record)
        self._emit(record, call, "started")
        if not fits:
            words = (
                f"Record: Recording length is out of range for transcription: {recording.sid} has "
                f"{samples / SAMPLE_RATE:.1f} s; more than {_SHORTEST_SECONDS} and less than "
                f"{_LONGEST_SECONDS} s can be transcribed"
            )
            account.notify(call.sid, _OUT_OF_RANGE, words, warning=True)
            self._finish(record, call, callback)
            return
        heard = self._hearing(recording, call)
        for_ns = samples * NS_PER_SECOND // SAMPLE_RATE
        account.spawn(self._work(record, call, callback, heard, for_ns))

    def _hearing(self, recording: LiveRecording, call: CallRecord) -> Callable[[], str]:
        """Return what recognises the words of a recording that has ended."""
        exchange, recognisers = recording.exchange, self._account.recognisers
        parties = (each.party or "" for each in recording.channel_map())
        settings = recognisers.of_sid(call.sid, next(parties, ""))
        truth, path = recording_truth(recording), exchange.store.wav_path(recording.sid)
        real = settings.real_audio == "transcribe" and any(it.unscripted for it in truth.channels)

        def hear() -> str:
            pcm = read_wav(path).pcm if real else None
            return recording_transcript(truth, settings, seeds=exchange.seeds, pcm=pcm).text

        return hear

    async def _work(
        self,
        record: TranscriptionRecord,
        call: CallRecord,
        callback: Callback | None,
        heard: Callable[[], str],
        for_ns: int,
    ) -> None:
        record.words = await self._apart(heard)
        await self._account.exchange.sleep(for_ns)
        self._finish(record, call, callback)

    def _finish(
        self, record: TranscriptionRecord, call: CallRecord, callback: Callback | None
    ) -> None:
        account = self._account
        if not self._records.has(record.sid):
            return  # deleted meanwhile
        finish(record, account.now_ns, lambda word: self._emit(record, call, word))
        if callback is None:
            return
        recording = account.recording_url(record.recording_sid)
        params = [
            *call_params(call),
            ("TranscriptionSid", record.sid),
            ("TranscriptionText", record.text),
            ("TranscriptionStatus", record.status),
            ("TranscriptionType", "fast"),
            ("TranscriptionUrl", f"{recording}/Transcriptions/{record.sid}"),
            ("RecordingSid", record.recording_sid),
            ("RecordingUrl", recording),
        ]
        account.send_callback(
            callback, params, "transcription", record.recording_sid, lane=call.sid
        )

    def _emit(self, record: TranscriptionRecord, call: CallRecord, word: str) -> None:
        self._account.exchange.events.emit(
            TranscriptionEvent(
                at_ns=self._account.now_ns,
                kind=f"transcription.{word}",
                text=f"transcription of {record.recording_sid} {word}",
                transcription_sid=record.sid,
                recording_sid=record.recording_sid,
                call_sid=call.sid,
            )
        )
