"""Responses to downloads of a recording's media: HTTP status, error code, file.

:mod:`mediasim.exchange.rendition` decides which file is served; here each outcome has its
response. Of an encrypted recording there is one file, which only the customer could mix down or
encode: a WAV in the channels that were requested for it. What is in a bucket of the customer's
is not found here. Content types are Twilio's: ``audio/x-wav`` and ``audio/mpeg``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from mediasim.exchange.layout import DownloadOutcome
from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.rendition import Format, rendition
from mediasim.twilio.errors import BAD_PARAMETER, NOT_FOUND

__all__ = ["ANSWERS", "Download", "Format", "Outcome", "download"]


Outcome = DownloadOutcome | Literal["elsewhere", "encrypted-mp3", "encrypted-channels"]
"""The outcome of a download from an account whose recordings may be encrypted or elsewhere."""
_ENCRYPTED_MP3: Final = 16109


class _Answer(NamedTuple):
    status: int
    code: int | None = None
    notification: int | None = None


ANSWERS: Final[dict[Outcome, _Answer]] = {
    "file": _Answer(200),
    # Twilio docs, Recordings resource: 404 until the media is there.
    "no-media": _Answer(404, NOT_FOUND),
    # Twilio blog, 25 May 2022, and error 16113; that the code is 20404 is our choice.
    "not-found": _Answer(404, NOT_FOUND, 16113),
    # Twilio docs, Recordings resource; that the code is 20001 is our choice.
    "too-few-channels": _Answer(400, BAD_PARAMETER, 16113),
    # Our choice.
    "invalid-channels": _Answer(400, BAD_PARAMETER),
    # Twilio docs, Recordings resource.
    "elsewhere": _Answer(404, NOT_FOUND),
    # Twilio's error 16109; that the status is 400 is our choice.
    "encrypted-mp3": _Answer(400, _ENCRYPTED_MP3, _ENCRYPTED_MP3),
    # Our choice.
    "encrypted-channels": _Answer(400, BAD_PARAMETER),
}
"""HTTP status, error code of the body and code of the notification, by outcome."""

_CONTENT_TYPES: Final[dict[Format, str]] = {"wav": "audio/x-wav", "mp3": "audio/mpeg"}


@dataclass(frozen=True, slots=True)
class Download:
    """The response to a download: a file, or why there is none."""

    status: int
    """HTTP status: 200, 400 or 404."""
    message: str
    """Why this file was chosen, or why there is none."""
    path: Path | None = None
    """The file to send; None unless the status is 200."""
    content_type: str | None = None
    channels: int | None = None
    code: int | None = None
    """Twilio's error code; None with status 200."""
    notification: int | None = None
    """Code of the warning to add to the call's notifications; None for no warning."""


def download(
    store: MediaStore,
    record: RecordingRecord,
    *,
    requested_channels: int | str | None = None,
    format: Format = "wav",
) -> Download:
    """Return the response to a download of a recording.

    ``requested_channels`` is the query parameter RequestedChannels as it came, None without one.
    """
    found = rendition(store, record, requested_channels=requested_channels, format=format)
    if record.status == "completed" and record.external_url is not None:
        words = f"The recording's media is stored externally, at {record.external_url}."
        return _refused("elsewhere", words)
    if record.encryption is not None and found.path is not None:
        if format == "mp3":
            words = "Cannot fetch .mp3 of an encrypted recording: it is a WAV, to be decrypted."
            return _refused("encrypted-mp3", words)
        if found.channels != record.layout.plain_channels:
            words = f"The recording is encrypted with {record.layout.plain_channels} channels."
            return _refused("encrypted-channels", words)
        try:
            found = replace(found, path=store.encrypted_path(record.sid))
        except MediaNotFound:
            return _refused("no-media", "The recording's encrypted media is not in the store.")
    answer = ANSWERS[found.outcome]
    return Download(
        answer.status,
        found.reason,
        path=found.path,
        content_type=None if found.path is None else _CONTENT_TYPES[format],
        channels=found.channels,
        code=answer.code,
        notification=answer.notification,
    )


def _refused(outcome: Outcome, words: str) -> Download:
    answer = ANSWERS[outcome]
    return Download(answer.status, words, code=answer.code, notification=answer.notification)
