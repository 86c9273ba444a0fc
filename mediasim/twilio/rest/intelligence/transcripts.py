"""Transcripts of Conversational Intelligence, their sentences, media and operators' results."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mediasim.exchange.events import TranscriptEvent
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.representations import iso8601
from mediasim.twilio.rest.intelligence.services import INTELLIGENCE, service_of
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Stored,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcripts.manager import INTELLIGENCE_CALLBACK
from mediasim.twilio.transcripts.operators import LanguageOperator, operator_of
from mediasim.twilio.transcripts.records import TranscriptRecord, sentence_json
from mediasim.twilio.transcripts.sentences import Sentence

__all__ = [
    "OPERATOR_RESULTS",
    "SENTENCES",
    "STORED",
    "TRANSCRIPTS",
    "TRANSCRIPT_MEDIA",
    "moment",
]

_PATH: Final = f"{INTELLIGENCE}/Transcripts"
_ONE: Final = f"{_PATH}/{{sid}}"
_STATUSES: Final = (*("new", "queued", "in-progress", "completed", "failed", "canceled", "error"),)
_CHANNELS: Final = (1, 2)
_PARTICIPANT: Final = (
    *("media_participant_id", "user_id", "email", "full_name", "image_url", "role"),
)
_LONGEST_KEY: Final = 64


# -- transcripts --------------------------------------------------------------------------------


def _json(request: ApiRequest, record: TranscriptRecord) -> dict[str, Any]:
    url = f"{request.account.base_url}{_PATH}/{record.sid}"
    links = {
        "sentences": f"{url}/Sentences",
        "media": f"{url}/Media",
        "operator_results": f"{url}/OperatorResults",
        "encrypted_sentences": f"{url}/Sentences/Encrypted",
        "encrypted_operator_results": f"{url}/OperatorResults/Encrypted",
    }
    return {**record.to_twilio_json(request.account.dates), "url": url, "links": links}


def _found(request: ApiRequest) -> TranscriptRecord:
    record: TranscriptRecord = request.found_in(STORED.store(request.account), "sid")
    if record.kind != "intelligence":
        raise request.missing()
    return record


def _create(request: ApiRequest) -> ApiResponse:
    form = request.form
    name = form.text("ServiceSid")
    if not name:
        raise bad_parameter("ServiceSid parameter is required.")
    service = service_of(request.account, name)
    if service is None:
        raise bad_parameter(f"ServiceSid {name[:40]} is no service of this account")
    channel = _channel(form.text("Channel") or "")
    begun = form.text("MediaStartTime")
    more = {
        "participants": channel.participants,
        "customer_key": form.text("CustomerKey", longest=_LONGEST_KEY) or "",
        "media_start_time": moment("MediaStartTime", begun).strftime("%Y-%m-%dT%H:%M:%SZ")
        if begun
        else None,
    }
    transcripts = request.account.transcriber.transcripts
    if channel.source_sid:
        record = transcripts.of_recording(service, channel.source_sid, **more)
    else:
        record = transcripts.of_media(service, channel.media_url, **more)
    return ApiResponse(_json(request, record), 201)


@dataclass(frozen=True, slots=True)
class _Channel:
    """What a request says of the media and of who is in which channel."""

    source_sid: str
    media_url: str
    participants: list[dict[str, Any]]


def _channel(text: str) -> _Channel:
    """Read the parameter Channel. Raises TwilioError (400) if it is wrong."""
    if not text:
        raise bad_parameter("Channel parameter is required.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("expected a JSON object") from None
    if not isinstance(found, dict):
        raise _wrong("expected a JSON object")
    if unknown := found.keys() - {"type", "media_properties", "participants"}:
        raise _wrong(f"{min(unknown)[:40]} is none of media_properties, participants")
    media = found.get("media_properties")
    if not isinstance(media, dict):
        raise _wrong("expected media_properties with source_sid or media_url")
    source, url = media.get("source_sid") or "", media.get("media_url") or ""
    if not isinstance(source, str) or not isinstance(url, str) or bool(source) == bool(url):
        raise _wrong("expected media_properties with either source_sid or media_url")
    given = found.get("participants") or []
    if not isinstance(given, list):
        raise _wrong("expected participants as a list")
    people = [_participant(each) for each in given]
    if len({each["channel_participant"] for each in people}) < len(people):
        raise _wrong("two participants have the same channel_participant")
    return _Channel(source, url, people or [{"channel_participant": each} for each in _CHANNELS])


def _participant(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or given.get("channel_participant") not in _CHANNELS:
        raise _wrong("each participant needs a channel_participant: 1 or 2")
    if unknown := given.keys() - {"channel_participant", *_PARTICIPANT}:
        raise _wrong(f"a participant has no {min(map(str, unknown))[:40]}")
    for name in _PARTICIPANT:
        if not isinstance(given.get(name), str | None):
            raise _wrong(f"{name} of a participant is a text")
    return {name: value for name, value in given.items() if value is not None}


def _wrong(why: str) -> TwilioError:
    return bad_parameter(f"Invalid Channel: {why}")


def moment(name: str, text: str) -> datetime:
    """Read a parameter that is a time in ISO 8601. Raises TwilioError (400) if it is none."""
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        raise bad_parameter(
            f"Invalid {name} {text[:40]}: expected a time such as 2026-01-31T20:30:00Z"
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _list(request: ApiRequest) -> ApiResponse:
    query, dates = request.query, request.account.dates
    status = query.word("Status", _STATUSES)
    language, source = query.text("LanguageCode"), query.text("SourceSid")
    started = _between(request, "StartTime")
    created = _between(request, "DateCreated")

    def keep(record: TranscriptRecord) -> bool:
        return (
            record.kind == "intelligence"
            and status in (None, record.status)
            and language in (None, "", record.language_code)
            and source in (None, "", record.recording_sid)
            and started(record.media_start_time)
            and created(iso8601(dates, record.created_ns))
        )

    return listed(request, request.store.all(), lambda record: _json(request, record), keep=keep)


def _between(request: ApiRequest, name: str) -> Callable[[str | None], bool]:
    """Return what tells whether a time is after and before those of a query."""
    after, before = request.query.text(f"After{name}"), request.query.text(f"Before{name}")
    first = moment(f"After{name}", after) if after else None
    last = moment(f"Before{name}", before) if before else None

    def within(text: str | None) -> bool:
        if first is None and last is None:
            return True
        if text is None:
            return False
        at = moment(name, text)
        return (first is None or at >= first) and (last is None or at <= last)

    return within


def _fetch(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_json(request, _found(request)))


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.transcriber.transcripts.records.remove(_found(request).sid)
    return ApiResponse(status=204)


_FILTERS: Final = (
    *(f"{side}{name}" for name in ("StartTime", "DateCreated") for side in ("After", "Before")),
    *("Status", "LanguageCode", "SourceSid"),
)
STORED: Final = Stored(
    "transcript",
    TranscriptRecord,
    in_resource_list("Transcripts"),
    Owner.WORKER,
    event=TranscriptEvent,
)
TRANSCRIPTS: Final = Resource(
    name="Transcript",
    many="transcripts",
    host="intelligence",
    stored=STORED,
    callbacks=(INTELLIGENCE_CALLBACK,),
    paths={
        _PATH: {
            "GET": Operation(_list, (*PAGING, *_FILTERS)),
            "POST": Operation(_create, ("ServiceSid", "Channel", "CustomerKey", "MediaStartTime")),
        },
        _ONE: {"GET": Operation(_fetch), "DELETE": Operation(_delete)},
    },
)
"""Transcripts of both kinds have one store; their SIDs have no common prefix."""


# -- what is in them ----------------------------------------------------------------------------


def _sentences(request: ApiRequest) -> ApiResponse:
    shown = _found(request).shown(with_personal=_personal(request))
    words = request.query.flag("WordTimestamps") or False
    numbers = {each.sid: number for number, each in enumerate(shown)}

    def show(sentence: Sentence) -> dict[str, Any]:
        return sentence_json(sentence, numbers[sentence.sid], words=words)

    return listed(request, shown, show, newest_first=False)


def _personal(request: ApiRequest) -> bool | None:
    """Tell whether a request is for what is personal too; None if it does not say."""
    redacted = request.query.flag("Redacted")
    return None if redacted is None else not redacted


SENTENCES: Final = Resource(
    name="Sentence",
    many="sentences",
    host="intelligence",
    paths={
        f"{_ONE}/Sentences": {
            "GET": Operation(_sentences, (*PAGING, "Redacted", "WordTimestamps"))
        },
    },
)


def _media(request: ApiRequest) -> ApiResponse:
    record, account = _found(request), request.account
    url = account.recording_url(record.recording_sid) if record.recording_sid else ""
    return ApiResponse(
        {
            "account_sid": record.account_sid,
            "media_url": f"{url}.wav" if url else record.media_url,
            "service_sid": record.service_sid,
            "sid": record.sid,
            "url": f"{account.base_url}{_PATH}/{record.sid}/Media",
        }
    )


TRANSCRIPT_MEDIA: Final = Resource(
    name="TranscriptMedia",
    many="media",
    host="intelligence",
    paths={
        f"{_ONE}/Media": {
            "GET": Operation(_media, noted={"Redacted": "media are not redacted here"})
        }
    },
)


def _results(request: ApiRequest) -> ApiResponse:
    record = _found(request)
    shown = record.shown(with_personal=_personal(request))
    operators = [
        found
        for sid in record.operator_sids
        if record.status == "completed" and (found := operator_of(sid)) is not None
    ]
    return listed(
        request,
        operators,
        lambda operator: _result(request, record, operator, shown),
        newest_first=False,
    )


def _result_of(request: ApiRequest) -> ApiResponse:
    record = _found(request)
    sid = request.at["operator"]
    operator = operator_of(sid) if sid in record.operator_sids else None
    if operator is None or record.status != "completed":
        raise request.missing()
    shown = record.shown(with_personal=_personal(request))
    return ApiResponse(_result(request, record, operator, shown))


def _result(
    request: ApiRequest,
    record: TranscriptRecord,
    operator: LanguageOperator,
    sentences: Sequence[Sentence],
) -> dict[str, Any]:
    path = f"{_PATH}/{record.sid}/OperatorResults/{operator.sid}"
    return {
        "operator_type": operator.operator_type,
        "name": operator.name,
        "operator_sid": operator.sid,
        **operator.result(sentences),
        "transcript_sid": record.sid,
        "url": request.account.base_url + path,
    }


OPERATOR_RESULTS: Final = Resource(
    name="OperatorResult",
    many="operator_results",
    host="intelligence",
    paths={
        f"{_ONE}/OperatorResults": {"GET": Operation(_results, (*PAGING, "Redacted"))},
        f"{_ONE}/OperatorResults/{{operator}}": {"GET": Operation(_result_of, ("Redacted",))},
    },
)
