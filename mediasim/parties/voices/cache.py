"""Utterances kept on disk, so that a text is synthesised once per machine.

An entry is a file named by everything that decides its samples, holding their checksum and then
the samples (int16, little endian, 8 kHz). The cache only ever saves time: an entry that is
missing, cut short or damaged counts as absent, and a place that cannot be written is left alone.
It can be deleted at any time.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["UtteranceCache", "cache_directory"]

CHECKSUM_BYTES: Final = 16


def cache_directory() -> Path:
    """``$MEDIASIM_CACHE``, or ``mediasim`` in the user's XDG cache directory."""
    if chosen := os.environ.get("MEDIASIM_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is invalid and to be ignored.
    root = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.cache"))
    return root / "mediasim"


class UtteranceCache:
    """Samples by key in the ``speech`` folder of a directory, `cache_directory()` by default."""

    def __init__(self, directory: Path | None = None) -> None:
        self._folder = (directory or cache_directory()) / "speech"

    def load(self, *key: str) -> NDArray[np.int16] | None:
        """The samples stored under the key, or None."""
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        checksum, samples = stored[:CHECKSUM_BYTES], stored[CHECKSUM_BYTES:]
        if not samples or checksum != _checksum(samples):
            return None
        return np.frombuffer(samples, "<i2").astype(np.int16)

    def store(self, pcm: NDArray[np.int16], *key: str) -> None:
        """Keep the samples under the key, if that is possible."""
        from tempfile import NamedTemporaryFile

        samples = pcm.astype("<i2").tobytes()
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written aside and moved into place: another process sees all of it or nothing.
            with NamedTemporaryFile(dir=path.parent, prefix="new-", delete=False) as aside:
                try:
                    aside.write(_checksum(samples) + samples)
                    aside.close()
                    os.replace(aside.name, path)
                except OSError:
                    os.unlink(aside.name)
        except OSError:
            pass

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder / f"{_checksum(repr(key).encode()).hex()}.pcm"


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=CHECKSUM_BYTES).digest()
