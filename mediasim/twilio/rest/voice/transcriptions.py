"""Transcriptions of recordings by Voice, version 3: requested, listed, reported by a webhook.

Lists have tokens, as those of Voice's newer APIs: that of a page is the id of its first one.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.representations import iso8601
from mediasim.twilio.rest.intelligence.transcripts import STORED, moment
from mediasim.twilio.rest.json_body import listed_objects
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcripts.manager import VOICE_CALLBACK
from mediasim.twilio.transcripts.records import TranscriptRecord

__all__ = ["VOICE_TRANSCRIPTIONS"]

_PATH: Final = "/v3/Transcriptions"
_STATUSES: Final = ("queued", "in-progress", "completed", "failed")
_LARGEST: Final = 1000
_PARTICIPANT: Final = ("type", "address", "name", "audioChannelIndex")


def _json(request: ApiRequest, record: TranscriptRecord) -> dict[str, Any]:
    dates = request.account.dates
    return {
        "id": record.sid,
        "accountId": record.account_sid,
        "status": record.status,
        "transcriptionConfigurationId": record.service_sid,
        "sourceId": record.recording_sid or None,
        "mediaUrl": record.media_url or None,
        "audioStartedAt": record.media_start_time,
        "conversationId": None,
        "participants": record.participants,
        "duration": record.duration_seconds if record.status == "completed" else None,
        "resolvedConfiguration": record.configuration,
        "createdAt": iso8601(dates, record.created_ns),
        "updatedAt": iso8601(dates, record.updated_ns),
        "url": _url(request, record),
        "links": {},
    }


def _url(request: ApiRequest, record: TranscriptRecord) -> str:
    return f"{request.account.base_url}{_PATH}/{record.sid}"


def _create(request: ApiRequest) -> ApiResponse:
    form, account = request.form, request.account
    name = form.text("transcriptionConfigurationId") or ""
    configurations = account.transcriber.configurations
    configuration = configurations.find(account.sid, "Transcription", name) if name else None
    if configuration is None:
        words = "Invalid transcriptionConfigurationId: expected one that the account has"
        raise bad_parameter(words)
    source, url = form.text("sourceId") or "", form.url("mediaUrl") or ""
    if bool(source) == bool(url):
        raise bad_parameter("expected either sourceId or mediaUrl")
    people = [_participant(each) for each in listed_objects(form, "participants") or ()]
    begun = form.text("audioStartedAt")
    record = account.transcriber.transcripts.by_configuration(
        configuration,
        source=source,
        media_url=url,
        participants=people,
        media_start_time=f"{moment('audioStartedAt', begun):%Y-%m-%dT%H:%M:%SZ}" if begun else None,
    )
    shown = _json(request, record)
    body = {
        "operationId": record.sid.replace("transcription", "transcriptionoperation"),
        "id": record.sid,
        "status": record.status,
        "statusUrl": shown["url"],
        "transcription": shown,
    }
    return ApiResponse(body, 202, {"Location": shown["url"]})


def _participant(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("audioChannelIndex") not in (1, 2):
        raise _wrong("each participant has an audioChannelIndex: 1 or 2")
    if unknown := given.keys() - set(_PARTICIPANT):
        raise _wrong(f"a participant has no {min(map(str, unknown))[:40]}")
    return {name: value for name, value in given.items() if value is not None}


def _wrong(why: str) -> TwilioError:
    return bad_parameter(f"Invalid participants: {why}")


def _found(request: ApiRequest) -> TranscriptRecord:
    record: TranscriptRecord = request.found_in(STORED.store(request.account), "id")
    if record.kind != "voice":
        raise request.missing()
    return record


def _fetch(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_json(request, _found(request)))


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.transcriber.transcripts.records.remove(_found(request).sid)
    return ApiResponse(status=204)


def _list(request: ApiRequest) -> ApiResponse:
    query, dates = request.query, request.account.dates
    status = query.word("status", _STATUSES)
    language, source = query.text("languageCode"), query.text("sourceId")
    after, before = query.text("createdAfter"), query.text("createdBefore")
    first = moment("createdAfter", after) if after else None
    last = moment("createdBefore", before) if before else None
    size = query.number("pageSize", 1, _LARGEST) or 50
    token = query.text("pageToken")
    found = [
        each
        for each in reversed(request.own(STORED.store(request.account).all()))
        if each.kind == "voice"
        and status in (None, each.status)
        and language in (None, "", each.language_code)
        and source in (None, "", each.recording_sid)
        and (first is None or dates.at(each.created_ns) >= first)
        and (last is None or dates.at(each.created_ns) <= last)
    ]
    ids = [each.sid for each in found]
    if token and token not in ids:
        raise bad_parameter("Invalid pageToken: expected the nextToken or previousToken of a page")
    start = ids.index(token) if token else 0
    end = start + size
    meta = {
        "key": "transcriptions",
        "pageSize": size,
        "nextToken": ids[end] if end < len(ids) else None,
        "previousToken": ids[max(start - size, 0)] if start else None,
    }
    shown = [_json(request, each) for each in found[start:end]]
    return ApiResponse({"meta": meta, "transcriptions": shown})


VOICE_TRANSCRIPTIONS: Final = Resource(
    name="VoiceTranscription",
    many="transcriptions",
    host="voice",
    callbacks=(VOICE_CALLBACK,),
    paths={
        _PATH: {
            "GET": Operation(
                _list,
                (
                    *("createdAfter", "createdBefore", "languageCode", "sourceId", "status"),
                    *("pageSize", "pageToken"),
                ),
            ),
            "POST": Operation(
                _create,
                (
                    *("transcriptionConfigurationId", "sourceId", "mediaUrl", "participants"),
                    "audioStartedAt",
                ),
                {"inputSource": "it follows from sourceId or mediaUrl"},
                json=True,
            ),
        },
        f"{_PATH}/{{id}}": {"GET": Operation(_fetch), "DELETE": Operation(_delete)},
    },
)
