"""Transcriptions of recordings, below the account or below their recording.

A path that ends in ``.txt`` is the text alone.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.exchange.events import TranscriptionEvent
from mediasim.exchange.media_store import MediaStore
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Stored,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcriptions import TranscriptionRecord, finish

__all__ = ["TRANSCRIPTIONS"]


def _list(request: ApiRequest) -> ApiResponse:
    recording_sid = request.at.get("recording")
    if recording_sid is not None:
        _recording(request, recording_sid)
    return listed(
        request,
        [
            each
            for each in request.account.transcriptions.all()
            if recording_sid in (None, each.recording_sid)
        ],
        lambda record: _json(request, record),
    )


def _fetch(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_json(request, _found(request)))


def _words(request: ApiRequest) -> ApiResponse:
    """Return the text alone."""
    return ApiResponse(_found(request).text)


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.transcriptions.remove(_found(request).sid)
    return ApiResponse(status=204)


def _recording(request: ApiRequest, sid: str) -> None:
    try:
        request.account.catalogue.recording(sid)
    except LookupError:
        raise request.missing() from None


def _found(request: ApiRequest) -> TranscriptionRecord:
    record = request.account.transcriptions.find(request.at["sid"])
    if request.at.get("recording") not in (None, record.recording_sid):
        raise request.missing()
    return record


def _json(request: ApiRequest, record: TranscriptionRecord) -> dict[str, Any]:
    return record.to_twilio_json(request.account.dates, below_recording="recording" in request.at)


def _end(record: TranscriptionRecord, died_ns: int, media: MediaStore) -> None:
    finish(record, died_ns)


def _paths(path: str) -> dict[str, dict[str, Operation]]:
    return {
        path: {"GET": Operation(_list, PAGING)},
        f"{path}/{{sid}}.txt": {"GET": Operation(_words)},
        f"{path}/{{sid}}": {"GET": Operation(_fetch), "DELETE": Operation(_delete)},
    }


TRANSCRIPTIONS: Final = Resource(
    name="Transcription",
    many="transcriptions",
    prefix="TR",
    stored=Stored(
        "transcription",
        TranscriptionRecord,
        in_resource_list("Transcriptions"),
        Owner.WORKER,
        event=TranscriptionEvent,
        end=_end,
    ),
    callbacks=("transcription",),
    paths={
        **_paths(f"{ACCOUNT}/Transcriptions"),
        **_paths(f"{ACCOUNT}/Recordings/{{recording}}/Transcriptions"),
    },
)
