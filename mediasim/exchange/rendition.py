"""A recording's media for download: which file, in how many channels, in which format.

``layout.resolve_download`` decides the channels. The stored WAV is returned as it is; a downmix or
an MP3 is made at its first request, and kept in the store's cache. A recording has media once it is
completed. The bit rate of an MP3, 32 kbit/s a channel, is our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import numpy as np

from mediasim.audio.files import encode_mp3
from mediasim.audio.levels import downmix
from mediasim.audio.wav import read_wav, write_wav_to
from mediasim.exchange.layout import DownloadOutcome, resolve_download
from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.records import RecordingRecord

__all__ = ["MP3_BIT_RATE", "Format", "Rendition", "plain_media", "rendition"]

Format = Literal["wav", "mp3"]

MP3_BIT_RATE: Final = 32_000
"""Bits per second of one channel."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A recording's media in the requested channels and format, or why there is none."""

    outcome: DownloadOutcome
    reason: str
    """The reason for the outcome, in words."""
    path: Path | None = None
    """The file; None unless the outcome is ``file``."""
    channels: int | None = None
    """Number of channels of the file; None without one."""


def rendition(
    store: MediaStore,
    record: RecordingRecord,
    *,
    requested_channels: int | str | None = None,
    format: Format = "wav",
) -> Rendition:
    """Return a recording's media; ``requested_channels`` is None if no number was requested."""
    if record.status != "completed":
        words = f"The recording is {record.status}: only a completed one has media."
        return Rendition("no-media", words)
    decision = resolve_download(record.layout, requested_channels)
    if decision.channels is None:
        return Rendition(decision.rule.outcome, decision.rule.reason)
    try:
        stored = store.wav_path(record.sid)
    except MediaNotFound:
        return Rendition("no-media", "The recording's media is not in the store.")
    return Rendition(
        decision.rule.outcome,
        decision.rule.reason,
        path=_file(store, record, stored, decision.channels, format),
        channels=decision.channels,
    )


def plain_media(store: MediaStore, record: RecordingRecord) -> Path:
    """Return the WAV that a download of a recording gives if no number of channels is requested.

    Its media must have been published. Raises MediaNotFound.
    """
    stored = store.wav_path(record.sid)
    return _file(store, record, stored, record.layout.plain_channels, "wav")


def _file(
    store: MediaStore, record: RecordingRecord, stored: Path, channels: int, format: Format
) -> Path:
    as_stored = channels == record.layout.stored_channels
    if format == "wav" and as_stored:
        return stored

    def make(file: BinaryIO) -> None:
        pcm = read_wav(
            stored, believe_length=False
        ).pcm  # its header may be broken by a fault injection
        if not as_stored:
            pcm = downmix(pcm)[np.newaxis]
        if format == "mp3":
            file.write(encode_mp3(pcm, MP3_BIT_RATE * channels))
        else:
            write_wav_to(file, pcm)

    return store.derived(record.sid, f"{channels}ch.{format}", make)
