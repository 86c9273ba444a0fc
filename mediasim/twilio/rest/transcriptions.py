"""Transcriptions: the words of recordings, of the account or below their recording.

One whose path ends in ``.txt`` is its text alone.
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
    in_book,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcriptions import TranscriptionRecord, finish

__all__ = ["TRANSCRIPTIONS"]


def _list(ask: ApiRequest) -> ApiResponse:
    of = ask.at.get("recording")
    if of is not None:
        _recording(ask, of)
    return listed(
        ask,
        [each for each in ask.service.transcriptions.all() if of in (None, each.recording_sid)],
        lambda record: _json(ask, record),
    )


def _fetch(ask: ApiRequest) -> ApiResponse:
    return ApiResponse(_json(ask, _found(ask)))


def _words(ask: ApiRequest) -> ApiResponse:
    """The text alone."""
    return ApiResponse(_found(ask).text)


def _delete(ask: ApiRequest) -> ApiResponse:
    ask.service.transcriptions.remove(_found(ask).sid)
    return ApiResponse(status=204)


def _recording(ask: ApiRequest, sid: str) -> None:
    try:
        ask.service.catalogue.recording(sid)
    except LookupError:
        raise ask.missing() from None


def _found(ask: ApiRequest) -> TranscriptionRecord:
    record = ask.service.transcriptions.find(ask.at["sid"])
    if ask.at.get("recording") not in (None, record.recording_sid):
        raise ask.missing()
    return record


def _json(ask: ApiRequest, record: TranscriptionRecord) -> dict[str, Any]:
    return record.to_twilio_json(ask.service.dates, below_recording="recording" in ask.at)


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
        in_book("Transcriptions"),
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
