"""Clips, which a speaker returns, and utterances kept on disk.

A text is synthesised once per machine. An entry of the cache is a file named by everything that
decides its samples, holding a checksum, the times of its words as a line of JSON, and the samples
(int16, little endian, 8 kHz). The cache only saves time: an entry that is missing, cut short or
damaged counts as absent, and a directory that cannot be written is left alone. The cache can be
deleted at any time.

The samples of a neural voice differ from processor to processor in the last bits. A folder of clips
(``$MEDIASIM_CLIPS``) gives the same bytes everywhere: its entries are named by voice and text
alone, so a clip made on one machine is used by all machines that have the folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.parties.voices.word_times import WordTime

__all__ = ["SpeechClip", "Utterance", "UtteranceCache", "cache_directory", "clips_folder", "keep"]


@dataclass(frozen=True, slots=True)
class SpeechClip:
    """One utterance, starting with its first sound and ending with its last."""

    pcm: NDArray[np.int16] = field(repr=False, compare=False)
    """8 kHz mono samples, read-only: clips are shared."""
    text: str
    """The text as requested."""
    voice: str
    """The catalogue name of the requested voice."""
    engine: str
    """The engine that has spoken: not the voice's own if another had to take over."""
    words: tuple[WordTime, ...] = ()
    """The words, with the samples in which each is said."""
    digest: str = field(init=False)
    """Digest of the samples: equal for equal sound."""

    def __post_init__(self) -> None:
        self.pcm.setflags(write=False)
        samples = self.pcm.astype("<i2").tobytes()
        object.__setattr__(self, "digest", blake2b(samples, digest_size=16).hexdigest())


# -- on disk --------------------------------------------------------------------------------


CHECKSUM_BYTES: Final = 16


def cache_directory() -> Path:
    """Return ``$MEDIASIM_CACHE``, or ``mediasim`` in the user's XDG cache directory."""
    if chosen := os.environ.get("MEDIASIM_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is invalid and to be ignored.
    root = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.cache"))
    return root / "mediasim"


def clips_folder() -> UtteranceCache | None:
    """Return the folder of clips that ``$MEDIASIM_CLIPS`` names; None if it is not set."""
    chosen = os.environ.get("MEDIASIM_CLIPS")
    return UtteranceCache(folder=Path(chosen)) if chosen else None


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text as spoken by an engine: samples int16 (n,) at 8 kHz, and word times."""

    pcm: NDArray[np.int16]
    words: tuple[WordTime, ...] = ()


class UtteranceCache:
    """Utterances by key in a folder: ``speech`` of a directory, `cache_directory()` by default."""

    def __init__(self, directory: Path | None = None, *, folder: Path | None = None) -> None:
        self._folder = folder or (directory or cache_directory()) / "speech"

    def load(self, *key: str) -> Utterance | None:
        """Return the utterance stored under a key; None if there is none."""
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        checksum, content = stored[:CHECKSUM_BYTES], stored[CHECKSUM_BYTES:]
        if not content or checksum != _checksum(content):
            return None
        line, _, samples = content.partition(b"\n")
        words = tuple(WordTime(*each) for each in json.loads(line))
        return Utterance(np.frombuffer(samples, "<i2").astype(np.int16), words)

    def store(self, utterance: Utterance, *key: str) -> None:
        """Store an utterance under a key; does nothing if the disk cannot be written."""
        words = [(it.text, it.start, it.end, it.estimated) for it in utterance.words]
        samples = utterance.pcm.astype("<i2").tobytes()
        content = json.dumps(words).encode() + b"\n" + samples
        keep(self._path(key), _checksum(content) + content)

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder / f"{_checksum(repr(key).encode()).hex()}.pcm"


def keep(path: Path, content: bytes) -> None:
    """Write a file of the cache; does nothing if the disk cannot be written."""
    from tempfile import NamedTemporaryFile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and moved into place: another process sees all of it or nothing.
        with NamedTemporaryFile(dir=path.parent, prefix="new-", delete=False) as aside:
            try:
                aside.write(content)
                aside.close()
                os.replace(aside.name, path)
            except OSError:
                os.unlink(aside.name)
    except OSError:
        pass


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=CHECKSUM_BYTES).digest()
