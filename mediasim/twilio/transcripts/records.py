"""The records of transcripts of recordings, and of the services that make them.

A transcript is one of Conversational Intelligence, whose SID begins with GT, or one of Voice, whose
id begins with ``voice_transcription_``. Source: Twilio docs, "Conversation Intelligence (classic)"
and "Batch Transcription"; the helper libraries' resources.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from mediasim.exchange.dates import Dates
from mediasim.exchange.states import TRANSCRIPT, TranscriptStatus
from mediasim.twilio.representations import iso8601
from mediasim.twilio.resources import Dated
from mediasim.twilio.transcripts.sentences import Sentence, redacted, seconds

__all__ = [
    "AVAILABLE",
    "ServiceRecord",
    "TranscriptKind",
    "TranscriptRecord",
    "sentence_json",
    "voice_json",
]

AVAILABLE: Final = "voice_intelligence_transcript_available"
"""Kind of event that a service's webhook reports."""
TranscriptKind = Literal["intelligence", "voice"]


@dataclass(slots=True)
class ServiceRecord(Dated):
    """A service of Conversational Intelligence: how transcripts are made, and where reported."""

    sid: str
    account_sid: str
    unique_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    friendly_name: str = ""
    language_code: str = "en-US"
    auto_transcribe: bool = False
    auto_redaction: bool = False
    webhook_url: str = ""
    webhook_http_method: str = "POST"
    operator_sids: tuple[str, ...] = ()
    version: int = 1

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "account_sid": self.account_sid,
            "auto_redaction": self.auto_redaction,
            "media_redaction": False,
            "auto_transcribe": self.auto_transcribe,
            "data_logging": False,
            "date_created": iso8601(dates, self.created_ns),
            "date_updated": iso8601(dates, self.updated_ns),
            "friendly_name": self.friendly_name,
            "language_code": self.language_code,
            "sid": self.sid,
            "unique_name": self.unique_name,
            "webhook_url": self.webhook_url,
            "webhook_http_method": self.webhook_http_method,
            "read_only_attached_operator_sids": list(self.operator_sids),
            "version": self.version,
            "encryption_credential_sid": None,
        }


@dataclass(slots=True)
class TranscriptRecord(Dated):
    """A transcript of a recording."""

    LIFECYCLE: ClassVar = TRANSCRIPT

    sid: str
    account_sid: str
    kind: TranscriptKind
    service_sid: str
    """SID of its service; of one of Voice the id of its configuration."""
    created_ns: int
    updated_ns: int = field(init=False)
    recording_sid: str = ""
    """The recording that it is of; "" for media from elsewhere, and for a call."""
    media_url: str = ""
    language_code: str = "en-US"
    customer_key: str = ""
    media_start_time: str | None = None
    """When the media began, in ISO 8601; None if that is not known."""
    participants: list[dict[str, Any]] = field(default_factory=list)
    """Who is in which channel, as the app says."""
    redaction: bool = False
    operator_sids: tuple[str, ...] = ()
    duration_seconds: int = 0
    configuration: dict[str, Any] = field(default_factory=dict)
    """Settings of one of Voice, as they were resolved."""
    sentences: tuple[Sentence, ...] = ()
    """What was heard; none before it is completed."""
    failure: str = ""
    """Why it failed; "" if it did not."""
    status: TranscriptStatus = "queued"

    def shown(self, *, with_personal: bool | None) -> tuple[Sentence, ...]:
        """Return the sentences; redacted ones if it is redacted, unless personal ones are asked
        for."""
        if not self.redaction or with_personal:
            return self.sentences
        return tuple(redacted(each) for each in self.sentences)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        media: dict[str, Any] = {"media_properties": {}}
        if self.recording_sid:
            media["media_properties"]["source_sid"] = self.recording_sid
        if self.media_url:
            media["media_properties"]["media_url"] = self.media_url
        return {
            "account_sid": self.account_sid,
            "service_sid": self.service_sid,
            "sid": self.sid,
            "date_created": iso8601(dates, self.created_ns),
            "date_updated": iso8601(dates, self.updated_ns),
            "status": self.status,
            "channel": {"type": "voice", **media, "participants": self.participants},
            "data_logging": False,
            "language_code": self.language_code,
            "customer_key": self.customer_key or None,
            "media_start_time": self.media_start_time,
            "duration": self.duration_seconds if self.status == "completed" else None,
            "redaction": self.redaction,
            "encryption_credential_sid": None,
        }


def sentence_json(sentence: Sentence, index: int, *, words: bool) -> dict[str, Any]:
    """Return a sentence as Conversational Intelligence shows it."""
    return {
        "media_channel": sentence.channel,
        "sentence_index": index,
        "start_time": _time(sentence.start),
        "end_time": _time(sentence.end),
        "transcript": sentence.text,
        "sid": sentence.sid,
        "confidence": f"{sentence.confidence:.4f}",
        "words": [
            {"word": word.text, "start_time": _time(word.start), "end_time": _time(word.end)}
            for word in sentence.words
        ]
        if words
        else None,
    }


def voice_json(record: TranscriptRecord) -> dict[str, Any]:
    """Return what Voice's webhook tells of a transcript that has ended."""
    return {
        "id": record.sid,
        "accountId": record.account_sid,
        "transcriptionConfigurationId": record.service_sid,
        "sourceId": record.recording_sid or None,
        "status": record.status,
        "participants": record.participants,
        "sentences": [
            {
                "audioChannelIndex": each.channel,
                "sentenceIndex": index,
                "startTimeSeconds": seconds(each.start),
                "endTimeSeconds": seconds(each.end),
                "text": each.text,
                "confidence": each.confidence,
                "words": [
                    {
                        "text": word.text,
                        "startTimeSeconds": seconds(word.start),
                        "endTimeSeconds": seconds(word.end),
                        "confidence": word.confidence,
                    }
                    for word in each.words
                ],
            }
            for index, each in enumerate(record.sentences)
        ],
    }


def _time(samples: int) -> str:
    return f"{seconds(samples):.3f}"
