"""For each parameter of transcripts that acts, a request in which it changes something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from account_stage import APP
from coverage_stage import NAMED, Play, Stage
from meeting import until

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


_FORM: Final = {"ServiceSid": "desk", "Channel": json.dumps(ELSEWHERE)}
_SETTINGS: Final = {"FriendlyName": "Desk", "AutoRedaction": "true"}
SCENES_OF_TRANSCRIPTS: Final[tuple[tuple[str, Play, Mapping[str, str]], ...]] = (
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
        "Transcripts": transcripts.records.all()[0].sid,
        "OperatorResults": operators[0],
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
    "Redacted": "false",
    "SourceSid": "RE" + "0" * 32,
    "WordTimestamps": "true",
}
SPECIAL_OF_TRANSCRIPTS: Final = {(TRANSCRIPTS, "Status"): "failed"}
"""Values of parameters of queries that change the answer."""
