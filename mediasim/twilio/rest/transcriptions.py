"""Transcriptions: the words of recordings, of the account or below their recording.

One whose path ends in ``.txt`` is its text alone.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.twilio.resources import TranscriptionRecord
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["TRANSCRIPTIONS"]


def _list(ask: Ask) -> Answer:
    of = ask.at.get("recording")
    if of is not None:
        _recording(ask, of)
    return listed(
        ask,
        "transcriptions",
        [each for each in ask.service.transcriptions.all() if of in (None, each.recording_sid)],
        lambda record: _shown(ask, record),
        sid=lambda record: record.sid,
    )


def _fetch(ask: Ask) -> Answer:
    return Answer(_shown(ask, _found(ask)))


def _words(ask: Ask) -> Answer:
    """The text alone."""
    return Answer(_found(ask).text)


def _delete(ask: Ask) -> Answer:
    ask.service.transcriptions.remove(_found(ask).sid)
    return Answer(status=204)


def _recording(ask: Ask, sid: str) -> None:
    try:
        ask.service.catalogue.recording(sid)
    except LookupError:
        raise ask.missing() from None


def _found(ask: Ask) -> TranscriptionRecord:
    record = ask.service.transcriptions.find(ask.at["sid"])
    if ask.at.get("recording") not in (None, record.recording_sid):
        raise ask.missing()
    return record


def _shown(ask: Ask, record: TranscriptionRecord) -> dict[str, Any]:
    return record.to_twilio_json(ask.service.dates, below_recording="recording" in ask.at)


_ONE: Final = {"GET": _fetch, "DELETE": _delete}
_PATH: Final = "Accounts/{account}/Transcriptions"
_OF_RECORDING: Final = "Accounts/{account}/Recordings/{recording}/Transcriptions"
TRANSCRIPTIONS: Final = (
    Resource(_PATH, "Transcription", {"GET": _list}),
    Resource(f"{_PATH}/{{sid}}.txt", "Transcription", {"GET": _words}),
    Resource(f"{_PATH}/{{sid}}", "Transcription", _ONE),
    Resource(_OF_RECORDING, "Transcription", {"GET": _list}),
    Resource(f"{_OF_RECORDING}/{{sid}}.txt", "Transcription", {"GET": _words}),
    Resource(f"{_OF_RECORDING}/{{sid}}", "Transcription", _ONE),
)
