"""A recording's media and its outline, for a player. Called in a thread: both read files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from mediasim.audio.levels import waveform_peaks
from mediasim.audio.wav import read_wav
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import RecordingRecord
from mediasim.twilio.download import Format, download
from mediasim.twilio.errors import TwilioError

__all__ = ["media_file", "outline_file"]

_SAMPLES_PER_PEAK: Final = 80
_MOST_PEAKS: Final = 20_000
_TYPES: Final[dict[Format, str]] = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def media_file(
    store: MediaStore, record: RecordingRecord, channels: int, format: Format
) -> tuple[Path, str]:
    """The file and its type. Raises TwilioError where a download of Twilio's would fail."""
    found = download(store, record, requested_channels=channels, format=format)
    if found.path is None:
        raise TwilioError(found.status, found.code or 20404, found.message)
    return found.path, _TYPES[format]


def outline_file(store: MediaStore, sid: str) -> Path:
    """A JSON file: ``seconds``, and per channel the loudest of each stretch, from 0 to 1.

    Raises MediaNotFound for a recording without media.
    """
    wav = store.wav_path(sid)

    def make(file: BinaryIO) -> None:
        pcm = read_wav(wav, believe_length=False).pcm  # it may be broken on purpose
        count = min(_MOST_PEAKS, max(1, pcm.shape[1] // _SAMPLES_PER_PEAK))
        peaks = [
            np.abs(waveform_peaks(channel, count).astype(np.int32)).max(axis=1) for channel in pcm
        ]
        outline = {
            "seconds": pcm.shape[1] / 8000,
            "channels": [np.round(each / 32768, 4).tolist() for each in peaks],
        }
        file.write(json.dumps(outline, separators=(",", ":")).encode())

    return store.derived(sid, "outline.json", make)
