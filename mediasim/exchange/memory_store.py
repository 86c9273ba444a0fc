"""A media store in memory: of an exchange whose recordings are read at once and not kept.

It has the samples of recordings, and no documents: whoever wants those has the records.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import WAV_HEADER_SIZE
from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.media.spool import SpoolFile

__all__ = ["MemorySpool", "MemoryStore"]

_CHANNELS_AT: Final = 22
"""Byte of a WAV header at which the number of channels stands."""


class MemorySpool(SpoolFile):
    """A recording in progress in memory."""

    def __init__(self, directory: Path, name: str, channels: int, journal: dict[str, Any]) -> None:
        self.path = directory / f"{name}.part"
        self.journal = directory / f"{name}.journal"
        self.error = None
        self.unwritten = []
        self._empty = np.zeros((0, channels), np.int16)
        self._pieces: list[NDArray[np.int16]] = []

    def write(self, samples: NDArray[np.int16]) -> None:
        self._pieces.append(samples.copy())

    def close(self) -> None:
        """Do nothing: there is no file."""

    def finish(self) -> None:
        """Do nothing: there is no file."""

    def note(self, **more: Any) -> None:
        """Do nothing: there is no journal."""

    def drop(self) -> None:
        self._pieces.clear()

    def pcm(self) -> NDArray[np.int16]:
        return np.concatenate((self._empty, *self._pieces)).T


class MemoryStore(MediaStore):
    """A media store that keeps the samples of recordings in memory, and nothing else."""

    keeps_documents = False

    def __init__(self) -> None:
        super().__init__(Path("memory"))
        self._spools: dict[Path, MemorySpool] = {}
        self._pcm: dict[str, NDArray[np.int16]] = {}

    def open_spool(
        self, directory: Path, name: str, channels: int, journal: dict[str, Any]
    ) -> MemorySpool:
        """Return a new spool, whose audio the store takes when the recording has ended."""
        spool = MemorySpool(directory, name, channels, journal)
        self._spools[spool.path] = spool
        return spool

    @contextmanager
    def publish_wav(self, sid: str) -> Iterator[BinaryIO]:
        buffer = BytesIO()
        yield buffer
        wav = buffer.getvalue()
        channels = int.from_bytes(wav[_CHANNELS_AT : _CHANNELS_AT + 2], "little")
        whole = len(wav) - (len(wav) - WAV_HEADER_SIZE) % (2 * channels)
        samples = np.frombuffer(wav[WAV_HEADER_SIZE:whole], "<i2").reshape(-1, channels)
        self._pcm[sid] = samples.T.astype(np.int16, copy=False)

    def adopt_wav(self, sid: str, finished: Path) -> None:
        self._pcm[sid] = self._spools.pop(finished).pcm()

    def publish_part(self, sid: str, finished: Path, start: int, end: int) -> None:
        self._pcm[sid] = self._spools.pop(finished).pcm()[:, start:end]

    def pcm(self, sid: str) -> NDArray[np.int16]:
        if sid not in self._pcm:
            raise MediaNotFound(f"there is no recording {sid}")
        return self._pcm[sid]
