"""Makes transcripts of recordings, and reports them to the app.

A transcript has what the call's recogniser makes of the recording, and takes as long as the
recording (our choice). An encrypted recording is not transcribed, as with Twilio, nor are media
from elsewhere, whose words are not known here: their transcripts fail, and a notification says why.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.exchange import lifecycle
from mediasim.exchange.events import Event, RecordingEvent, TranscriptEvent
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.records import RecordingRecord, UnknownSid
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.settings import RecogniserSettings
from mediasim.seeds import Seeds
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.representations import iso8601
from mediasim.twilio.requests import Callback
from mediasim.twilio.transcripts.configurations import (
    ConfigurationRecord,
    Configurations,
    new_id,
)
from mediasim.twilio.transcripts.records import (
    AVAILABLE,
    ServiceRecord,
    TranscriptRecord,
    voice_json,
)
from mediasim.twilio.transcripts.sentences import Sentence, sentences_of

__all__ = ["INTELLIGENCE_CALLBACK", "VOICE_CALLBACK", "TranscriptManager"]

INTELLIGENCE_CALLBACK: Final = "intelligence-transcript"
"""Kind of the callback of a service."""
VOICE_CALLBACK: Final = "voice-transcription"
"""Kind of the callback of a transcription configuration."""
_FAILED: Final = 13620
"""Code of Twilio's error dictionary: transcription not available for this recording."""
Heard = Callable[[], tuple[Sentence, ...]]
Apart = Callable[[Heard], Awaitable[tuple[Sentence, ...]]]
"""Runs a function beside the loop, and returns its result."""


class TranscriptManager:
    """All transcripts of an account, from their request to their report."""

    def __init__(self, account: AccountParts, apart: Apart, configurations: Configurations) -> None:
        """``apart`` runs what takes long beside the loop."""
        self._account = account
        self._apart = apart
        self._configurations = configurations
        self.services: ResourceList[ServiceRecord] = account.resource_list("IntelligenceServices")
        self.records: ResourceList[TranscriptRecord] = account.resource_list("Transcripts")
        self._reports: dict[str, Callable[[TranscriptRecord], object]] = {
            "intelligence": self._report,
            "voice": self._report_by_voice,
        }
        """What reports the end of a transcript, by its kind."""
        account.exchange.events.on("event", self._on_event)

    # -- requests ---------------------------------------------------------------------------

    def recording(self, sid: str, account_sid: str) -> RecordingRecord:
        """Return a recording that can be transcribed. Raises TwilioError (400) if there is none."""
        try:
            record = self._account.catalogue.recording(sid)
        except UnknownSid:
            record = None
        if record is None or record.account_sid != account_sid:
            raise bad_parameter(f"Recording {sid[:40]} was not found")
        if record.status != "completed":
            raise bad_parameter(
                f"Recording {sid} is {record.status}: expected one that is completed"
            )
        return record

    def of_recording(self, service: ServiceRecord, sid: str, **more: Any) -> TranscriptRecord:
        """Begin a service's transcript of a recording.

        Raises TwilioError (400) if the recording cannot be transcribed, or has a transcript.
        """
        account_sid = service.account_sid
        source = self.recording(sid, account_sid)
        if any(
            (each.kind, each.recording_sid) == ("intelligence", sid) for each in self.records.all()
        ):
            raise bad_parameter(
                f"A transcript of {sid} exists already: delete it to transcribe the recording again"
            )
        return self.begin(self._new(service, recording_sid=sid, **more), source)

    def service(self, key: str, account_sid: str) -> ServiceRecord | None:
        """Return an account's service by its SID or unique name; None if there is none."""
        for each in self.services.all():
            if each.account_sid == account_sid and key in (each.sid, each.unique_name):
                return each
        return None

    def of_call(self, service: ServiceRecord, call_sid: str, **more: Any) -> TranscriptRecord:
        """Add and report a service's transcript of a call, made while the call went on.

        ``more`` are fields of the record: its sentences, its duration.
        """
        record = self._new(service, **more)
        emit = partial(self._emit, record, None, call_sid=call_sid)
        self.records.add(record)
        emit("queued")
        lifecycle.move(record, "in-progress", self._account.now_ns, emit)
        self._end(record, "", emit)
        return record

    def of_media(self, service: ServiceRecord, url: str, **more: Any) -> TranscriptRecord:
        """Begin a service's transcript of media at a URL, which may be those of a recording."""
        return self.begin(self._new(service, media_url=url, **more), self._at(url))

    def _new(self, service: ServiceRecord, **more: Any) -> TranscriptRecord:
        return TranscriptRecord(
            sid=self._account.new_sid("GT"),
            account_sid=service.account_sid,
            kind="intelligence",
            service_sid=service.sid,
            created_ns=self._account.now_ns,
            language_code=service.language_code,
            redaction=service.auto_redaction,
            operator_sids=service.operator_sids,
            **more,
        )

    def by_configuration(
        self, configuration: ConfigurationRecord, *, source: str, media_url: str = "", **more: Any
    ) -> TranscriptRecord:
        """Begin Voice's transcript of a recording, or of media at a URL.

        Raises TwilioError (400) if the recording cannot be transcribed.
        """
        account_sid, settings = configuration.account_sid, configuration.configuration
        found = self.recording(source, account_sid) if source else self._at(media_url)
        people = more.pop("participants", [])
        given = {each["audioChannelIndex"] for each in people}
        defaults = settings.get("participantDefaults", ())
        record = TranscriptRecord(
            sid=new_id(self._account, "VT", "transcription"),
            account_sid=account_sid,
            kind="voice",
            service_sid=configuration.sid,
            created_ns=self._account.now_ns,
            recording_sid=source,
            media_url=media_url,
            language_code=settings.get("language", "en-US"),
            participants=[
                *people,
                *(it for it in defaults if it["audioChannelIndex"] not in given),
            ],
            configuration={k: v for k, v in settings.items() if k != "configurationType"},
            **more,
        )
        return self.begin(record, found)

    def _at(self, url: str) -> RecordingRecord | None:
        """Return the account's own recording at a URL; None for any other URL."""
        for record in self._account.catalogue.recordings():
            if record.status == "completed" and record.sid in url:
                return record
        return None

    # -- work -------------------------------------------------------------------------------

    def begin(self, record: TranscriptRecord, source: RecordingRecord | None) -> TranscriptRecord:
        """Add a transcript and start to make it. ``source`` is its recording; None: not here."""
        account = self._account
        if source is not None:
            record.duration_seconds = source.duration_seconds() or 0
            record.media_start_time = record.media_start_time or iso8601(
                account.dates, source.start_ns
            )
        self.records.add(record)
        self._emit(record, source, "queued")
        account.spawn(self._work(record, source))
        return record

    async def _work(self, record: TranscriptRecord, source: RecordingRecord | None) -> None:
        emit = partial(self._emit, record, source)
        exchange = self._account.exchange
        if source is None:
            self._end(record, "its media are not a recording of this account", emit)
            return
        if source.encryption is not None:
            self._end(record, f"recording {source.sid} is encrypted", emit)
            return
        lifecycle.move(record, "in-progress", exchange.now_ns, emit)
        failure, sentences = "", tuple[Sentence, ...]()
        try:
            sentences = await self._apart(self._hearing(record, source))
        except (MediaNotFound, OSError, KeyError, ValueError, RuntimeError) as error:
            failure = str(error) or type(error).__name__
        await exchange.sleep((source.samples or 0) * NS_PER_SECOND // SAMPLE_RATE)
        record.sentences = sentences
        self._end(record, failure, emit)

    def _hearing(self, record: TranscriptRecord, source: RecordingRecord) -> Heard:
        """Return what recognises the words of a recording."""
        account, exchange = self._account, self._account.exchange
        party = next((each.party or "" for each in source.channel_map), "")
        settings = account.recognisers.of_sid(source.call_sid, party)
        seeds, store = exchange.seeds, exchange.store
        return partial(_heard, store.truth, store.wav_path, source.sid, settings, seeds, record)

    def _end(self, record: TranscriptRecord, failure: str, emit: Callable[[str], object]) -> None:
        account = self._account
        if not self.records.has(record.sid):
            return  # deleted meanwhile
        record.failure = failure
        if failure:
            words = f"transcript {record.sid} failed: {failure}"
            account.notify(None, _FAILED, words, warning=True)
        lifecycle.move(record, "failed" if failure else "completed", account.now_ns, emit)
        self._reports[record.kind](record)

    def _report(self, record: TranscriptRecord) -> None:
        """Send the webhook of the transcript's service."""
        if record.status != "completed" or not self.services.has(record.service_sid):
            return
        service = self.services.find(record.service_sid)
        if not service.webhook_url or service.webhook_http_method == "NULL":
            return
        params = [
            ("account_sid", record.account_sid),
            ("service_sid", record.service_sid),
            ("transcript_sid", record.sid),
            *([("customer_key", record.customer_key)] if record.customer_key else []),
            ("event_type", AVAILABLE),
        ]
        self._account.send_callback(
            Callback(service.webhook_url, service.webhook_http_method),
            params,
            INTELLIGENCE_CALLBACK,
            record.sid,
            as_json=service.webhook_http_method == "POST",
            account_sid=record.account_sid,
        )

    def _report_by_voice(self, record: TranscriptRecord) -> None:
        """Send the webhook of a transcript's configuration, with all sentences."""
        told = record.configuration.get("transcriptionStatusCallback", {})
        if told.get("url"):
            self._account.send_callback(
                Callback(told["url"]),
                [],
                VOICE_CALLBACK,
                record.sid,
                as_json=True,
                document=json.dumps(voice_json(record)),
                account_sid=record.account_sid,
            )

    # -- automatic transcripts --------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        """Transcribe a completed recording for each service that transcribes all of them, and by
        the configuration of the recording."""
        if isinstance(event, RecordingEvent) and event.kind == "recording.completed":
            source = self._account.catalogue.recording(event.recording_sid)
            for service in self.services.all():
                if service.auto_transcribe and service.account_sid == source.account_sid:
                    self.begin(self._new(service, recording_sid=source.sid), source)
            found = self._configurations.transcription_of(
                source.account_sid, source.configuration_id
            )
            if found is not None:
                self.by_configuration(found, source=source.sid)

    def _emit(
        self,
        record: TranscriptRecord,
        source: RecordingRecord | None,
        word: str,
        *,
        call_sid: str = "",
    ) -> None:
        self._account.exchange.events.emit(
            TranscriptEvent(
                at_ns=self._account.now_ns,
                kind=f"transcript.{word}",
                text=f"transcript of {record.recording_sid or record.media_url or call_sid} {word}",
                transcript_sid=record.sid,
                recording_sid=record.recording_sid,
                call_sid=call_sid if source is None else source.call_sid,
            )
        )


def _heard(
    truth: Callable[[str], dict[str, Any]],
    wav_path: Callable[[str], Any],
    sid: str,
    settings: RecogniserSettings,
    seeds: Seeds,
    record: TranscriptRecord,
) -> tuple[Sentence, ...]:
    """Return the sentences that are heard in a recording."""
    document = truth(sid)
    unknown = any(each.get("unscripted") for each in document["channels"])
    pcm = read_wav(wav_path(sid)).pcm if settings.real_audio == "transcribe" and unknown else None
    transcript = recording_transcript(
        document, settings, seeds=seeds, language=record.language_code, pcm=pcm
    )
    return sentences_of(transcript, seeds.fork("sentences").fork(record.sid))
