"""Downloads of a recording's media: which file answers, in how many channels, in which format.

``layout.resolve_download`` decides the channels. The stored WAV is given as it is; a downmix or an
MP3 is made when first asked for, and kept in the store's cache. A recording has media from when it
is completed, before that it is Not Found (Twilio: 404 until then).

Content types are Twilio's: ``audio/x-wav`` and ``audio/mpeg``. The bit rate of an MP3, 32 kbit/s a
channel, is our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import numpy as np

from mediasim.audio.files import encode_mp3
from mediasim.audio.mixing import downmix
from mediasim.audio.wav import read_wav, wav_header
from mediasim.exchange.layout import resolve_download
from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.records import RecordingRecord

__all__ = ["MP3_BIT_RATE", "Download", "Format", "download"]

Format = Literal["wav", "mp3"]

MP3_BIT_RATE: Final = 32_000
"""Bits per second of one channel."""

_CONTENT_TYPES: Final[dict[Format, str]] = {"wav": "audio/x-wav", "mp3": "audio/mpeg"}


@dataclass(frozen=True, slots=True)
class Download:
    """The answer to a download: a file, or why there is none."""

    status: int
    """HTTP status: 200, 400 or 404."""
    message: str
    """Why, in words."""
    path: Path | None = None
    """The file to send, with status 200 only; so are the next two."""
    content_type: str | None = None
    channels: int | None = None
    code: int | None = None
    """Twilio's error code, with any other status."""
    notification: int | None = None
    """Twilio's warning to be put among the call's notifications."""


def download(
    store: MediaStore,
    record: RecordingRecord,
    *,
    requested_channels: int | str | None = None,
    format: Format = "wav",
) -> Download:
    """The answer to a download of a recording.

    ``requested_channels`` is the query parameter RequestedChannels as it came, None without one.
    """
    if record.status != "completed":
        return _not_found(f"The recording is {record.status}: only a completed one has media.")
    decision = resolve_download(record.layout, requested_channels)
    rule = decision.rule
    if decision.channels is None:
        return Download(rule.status, rule.reason, code=rule.code, notification=rule.notification)
    try:
        stored = store.wav_path(record.sid)
    except MediaNotFound:
        return _not_found("The recording's media is not in the store.")
    return Download(
        rule.status,
        rule.reason,
        path=_file(store, record, stored, decision.channels, format),
        content_type=_CONTENT_TYPES[format],
        channels=decision.channels,
    )


def _file(
    store: MediaStore, record: RecordingRecord, stored: Path, channels: int, format: Format
) -> Path:
    as_stored = channels == record.layout.stored_channels
    if format == "wav" and as_stored:
        return stored

    def make(file: BinaryIO) -> None:
        pcm = read_wav(stored, believe_length=False).pcm  # it may be broken on purpose
        if not as_stored:
            pcm = downmix(pcm)[np.newaxis]
        if format == "mp3":
            file.write(encode_mp3(pcm, MP3_BIT_RATE * channels))
        else:
            file.write(wav_header(channels, pcm.shape[1]))
            file.write(pcm.T.astype("<i2", order="C").data)

    return store.derived(record.sid, f"{channels}ch.{format}", make)


def _not_found(message: str) -> Download:
    return Download(404, message, code=20404)
