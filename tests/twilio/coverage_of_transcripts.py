"""For each parameter of transcripts that acts, a request in which it changes something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from account_stage import APP
from coverage_stage import NAMED, Play, Stage
from meeting import until

from mediasim.twilio.transcripts.configurations import ConfigurationRecord
from mediasim.twilio.transcripts.operators import OPERATORS
from mediasim.twilio.transcripts.records import ServiceRecord, TranscriptRecord
from mediasim.twilio.transcripts.sentences import Sentence, SentenceWord

SERVICES: Final = "/v2/Services"
TRANSCRIPTS: Final = "/v2/Transcripts"
ONE: Final = {"UniqueName": "desk"}
ELSEWHERE: Final = {"media_properties": {"media_url": f"{APP}/a.wav"}}


def creates(**form: str) -> Play:
    """Create a service."""

    async def play(stage: Stage) -> None:
        await stage.tried("POST", SERVICES, **form)

    return play


def changes(**form: str) -> Play:
    """Change a service."""

    async def play(stage: Stage) -> None:
        await stage.ask("POST", SERVICES, **ONE)
        await stage.tried("POST", f"{SERVICES}/desk", **form)

    return play


def reported(method: str = "", *, new: bool = True) -> Play:
    """Transcribe what somebody says, by a service that reports it, or by one of all recordings."""

    async def play(stage: Stage) -> None:
        stage.app.answers["/done"] = "<Response><Hangup/></Response>"
        form = ONE | ({"WebhookUrl": f"{APP}/ready"} if method else {})
        form |= {"AutoTranscribe": "true"} if method == "auto" else {}
        if new:
            await stage.tried("POST", SERVICES, **form)
        else:
            await stage.ask("POST", SERVICES, **form)
            await stage.tried("POST", f"{SERVICES}/desk")
        stage.comes('<Record action="/done" timeout="1" playBeep="false"/>', 0.5, NAMED, 3.0)
        await until(stage, 9)

    return play


def transcribes(**form: str) -> Play:
    """Request a transcript of what is elsewhere."""

    async def play(stage: Stage) -> None:
        await stage.ask("POST", SERVICES, **ONE)
        await stage.tried("POST", TRANSCRIPTS, **form)
        await until(stage, 1)

    return play


def posts(path: str, **form: str) -> Play:
    """Ask for something that is shown in the answer."""

    async def play(stage: Stage) -> None:
        await stage.tried("POST", path, **form)

    return play


def by_configuration(**form: str) -> Play:
    """Request a transcription by a configuration."""

    async def play(stage: Stage) -> None:
        await stage.ask("POST", WORDS, unique_name="batch")
        await stage.tried("POST", VOICE, **form)
        await until(stage, 1)

    return play


WORDS: Final = "/v2/Configurations/Transcription"
RECORDINGS: Final = "/v2/Configurations/Recording"
DEFAULT: Final = "/v2/AccountDefaultConfiguration/Recording"
VOICE: Final = "/v3/Transcriptions"
_BY: Final = {"transcriptionConfigurationId": "batch", "mediaUrl": f"{APP}/a.wav"}
_PEOPLE: Final = '[{"audioChannelIndex": 1, "type": "CUSTOMER"}]'
_TOLD: Final = "transcriptionStatusCallback"
_DESCRIBED: Final = {"description": "All"}
_OF_WORDS: Final = {
    "unique_name": "other",
    "configuration.transcriptionEngine": "deepgram",
    "configuration.speechModel": "nova-3",
    "configuration.language": "de-DE",
    f"configuration.{_TOLD}.url": f"{APP}/words",
    f"configuration.{_TOLD}.method": "POST",
    "configuration.participantDefaults": _PEOPLE,
    "configuration.configurationType": "Recording",
}
_OF_RECORDINGS: Final = {
    "configuration.compositionPolicy.channels": "mono",
    "configuration.compositionPolicy.trim": "trim-silence",
    "configuration.compositionPolicy.track": "inbound",
    **{
        f"configuration.{who}RecordingStatusCallback.{part}": value
        for who in ("call", "conference")
        for part, value in {
            "url": f"{APP}/told",
            "method": "GET",
            "events": '["completed"]',
        }.items()
    },
    "configuration.features": '[{"type": "transcription", "featureId": "batch"}]',
    "configuration.configurationType": "Transcription",
}
SCENES_OF_VOICE: Final[tuple[tuple[str, Play, Mapping[str, str]], ...]] = (
    (WORDS, posts(WORDS), {**_DESCRIBED, **_OF_WORDS}),
    (RECORDINGS, posts(RECORDINGS), {**_DESCRIBED, **_OF_RECORDINGS, "unique_name": "other"}),
    (DEFAULT, posts(DEFAULT), {**_DESCRIBED, **_OF_RECORDINGS}),
    (VOICE, by_configuration(mediaUrl=_BY["mediaUrl"]), {"transcriptionConfigurationId": "batch"}),
    (
        VOICE,
        by_configuration(transcriptionConfigurationId="batch"),
        {"sourceId": "RE" + "0" * 32, "mediaUrl": f"{APP}/a.wav"},
    ),
    (
        VOICE,
        by_configuration(**_BY),
        {"participants": _PEOPLE, "audioStartedAt": "2026-01-01T00:00:00Z"},
    ),
)
_FORM: Final = {"ServiceSid": "desk", "Channel": json.dumps(ELSEWHERE)}
_SETTINGS: Final = {"FriendlyName": "Desk", "AutoRedaction": "true"}
SCENES_OF_TRANSCRIPTS: Final[tuple[tuple[str, Play, Mapping[str, str]], ...]] = (
    *SCENES_OF_VOICE,
    (SERVICES, creates(), ONE),
    (SERVICES, creates(**ONE), {**_SETTINGS, "LanguageCode": "de-DE"}),
    (SERVICES, reported(), {"AutoTranscribe": "true"}),
    (SERVICES, reported("auto"), {"WebhookHttpMethod": "GET", "WebhookUrl": f"{APP}/other"}),
    (f"{SERVICES}/{{service}}", changes(), {**_SETTINGS, "UniqueName": "other"}),
    (f"{SERVICES}/{{service}}", reported(new=False), {"AutoTranscribe": "true"}),
    (
        f"{SERVICES}/{{service}}",
        reported("auto", new=False),
        {"WebhookHttpMethod": "GET", "WebhookUrl": f"{APP}/other"},
    ),
    (TRANSCRIPTS, transcribes(Channel=_FORM["Channel"]), {"ServiceSid": "desk"}),
    (TRANSCRIPTS, transcribes(ServiceSid="desk"), {"Channel": _FORM["Channel"]}),
    (
        TRANSCRIPTS,
        transcribes(**_FORM),
        {"CustomerKey": "case", "MediaStartTime": "2026-01-01T00:00:00Z"},
    ),
)
"""Paths, what happens, and parameters that change what comes of it."""


def with_transcripts(stage: Stage) -> dict[str, str]:
    """Add services with transcripts; return SIDs by the parts of paths that they stand behind."""
    account = stage.service
    transcripts = account.transcriber.transcripts
    operators = tuple(each.sid for each in OPERATORS[:2])
    for number in range(2):
        service = ServiceRecord(
            sid=account.new_sid("GA"),
            account_sid=account.sid,
            unique_name=f"desk{number}",
            created_ns=0,
        )
        transcripts.services.add(service)
        for kind in ("Transcription", "Recording"):
            account.transcriber.configurations.records.add(
                ConfigurationRecord(
                    sid=f"voice_{kind.lower()}configuration_{number:026d}",
                    account_sid=account.sid,
                    type="Recording" if kind == "Recording" else "Transcription",
                    created_ns=0,
                )
            )
        transcripts.records.add(
            TranscriptRecord(
                sid=f"voice_transcription_{number:026d}",
                account_sid=account.sid,
                kind="voice",
                service_sid="voice_transcriptionconfiguration_0",
                created_ns=0,
                status="completed",
            )
        )
        transcripts.records.add(
            TranscriptRecord(
                sid=account.new_sid("GT"),
                account_sid=account.sid,
                kind="intelligence",
                service_sid=service.sid,
                created_ns=0,
                recording_sid=account.new_sid("RE"),
                media_start_time="2026-01-01T00:00:00Z",
                redaction=True,
                operator_sids=operators,
                sentences=tuple(_sentence(at, "Call 5550142 now.") for at in (1, 2)),
                status="completed",
            )
        )
    return {
        "Services": transcripts.services.all()[0].sid,
        "Transcripts": transcripts.records.all()[1].sid,
        "OperatorResults": operators[0],
        "Transcription": f"voice_transcriptionconfiguration_{0:026d}",
        "Recording": f"voice_recordingconfiguration_{0:026d}",
        "Operators": operators[0],
    }


def _sentence(at: int, text: str) -> Sentence:
    words = tuple(
        SentenceWord(word, at * 8000 + number * 800, at * 8000 + number * 800 + 700, 1.0)
        for number, word in enumerate(text.split())
    )
    return Sentence(f"GX{at:032d}", 1, words)


FILTERS_OF_TRANSCRIPTS: Final[Mapping[str, str]] = {
    **{f"After{name}": "2099-01-01T00:00:00Z" for name in ("StartTime", "DateCreated")},
    **{f"Before{name}": "2001-01-01T00:00:00Z" for name in ("StartTime", "DateCreated")},
    "LanguageCode": "de-DE",
    "languageCode": "de-DE",
    "createdAfter": "2099-01-01T00:00:00Z",
    "createdBefore": "2001-01-01T00:00:00Z",
    "pageSize": "1",
    "sourceId": "RE" + "0" * 32,
    "status": "failed",
    "pageToken": f"voice_transcription_{0:026d}",
    "Redacted": "false",
    "SourceSid": "RE" + "0" * 32,
    "WordTimestamps": "true",
}
SPECIAL_OF_TRANSCRIPTS: Final = {(TRANSCRIPTS, "Status"): "failed"}
"""Values of parameters of queries that change the answer."""
