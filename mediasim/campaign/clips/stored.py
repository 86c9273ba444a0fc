"""The clips that stage one has stored: found by digest, speaker or text, read when needed.

A worker of stage two has the index in memory, some of the clips' samples, and makes no speech.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.word_time import WordTime
from mediasim.campaign.clip import Clip
from mediasim.campaign.clips.stage import INDEX, clip_name
from mediasim.campaign.flac import decode_flac
from mediasim.campaign.storage import Storage

__all__ = ["ClipsError", "KnownClip", "StoredClips"]

_MOST_BYTES: Final = 128 << 20
"""Bytes of samples that are kept: more than two hours of speech."""
_MOST_ROWS: Final = 4096
"""Clips whose words are kept."""


class ClipsError(LookupError):
    """Raised where a clip is not there or not what the index says; the message names it."""


@dataclass(frozen=True, slots=True)
class KnownClip:
    """What draws need to know of a clip."""

    digest: str
    speaker: str
    samples: int
    split: str | None
    gender: str | None
    language: str | None
    licence: str | None
    voice: str | None


class StoredClips:
    """The clips of a campaign's storage."""

    def __init__(self, storage: Storage) -> None:
        """Read the index. Raises ClipsError if there is none, or it cannot be read."""
        self._storage = storage
        try:
            self._index = storage.read(INDEX)
        except FileNotFoundError:
            raise ClipsError(f"there is no {INDEX}: the clips are still to be made") from None
        self.known: list[KnownClip] = []
        """All clips, in the order of the index."""
        self._places: list[tuple[int, int]] = []
        """Where the row of each clip is in the index."""
        self._by_digest: dict[str, int] = {}
        self._by_speaker: dict[str, list[int]] = {}
        self._by_voice: dict[tuple[str, str], int] = {}
        self._rows: OrderedDict[int, Clip] = OrderedDict()
        self._pcm: OrderedDict[str, NDArray[np.int16]] = OrderedDict()
        self._kept = 0
        at = 0
        for number, line in enumerate(self._index.splitlines(keepends=True)):
            try:
                self._add(number, json.loads(line), at, at + len(line))
            except (ValueError, KeyError, TypeError):
                raise ClipsError(f"{INDEX}, line {number + 1}, is no row of a clip") from None
            at += len(line)

    def _add(self, number: int, row: dict[str, Any], start: int, end: int) -> None:
        self.known.append(
            KnownClip(
                row["digest"],
                row["speaker"],
                row["samples"],
                *(row.get(key) for key in ("split", "gender", "language", "licence", "voice")),
            )
        )
        self._places.append((start, end))
        self._by_digest.setdefault(row["digest"], number)
        self._by_speaker.setdefault(row["speaker"], []).append(number)
        if row.get("voice") is not None:
            self._by_voice.setdefault((row["text"], row["voice"]), number)

    def __len__(self) -> int:
        return len(self.known)

    def __iter__(self) -> Iterator[Clip]:
        return map(self._clip, range(len(self)))

    @property
    def licences(self) -> tuple[str, ...]:
        """The licences of the clips, sorted."""
        return tuple(sorted({each.licence for each in self.known if each.licence is not None}))

    def said(self, text: str, voice: str) -> Clip:
        """Return the clip of a text in a voice. Raises ClipsError if there is none."""
        number = self._by_voice.get((text, voice))
        if number is None:
            raise ClipsError(f"there is no clip of {text[:60]!r} in the voice {voice}")
        return self._clip(number)

    def of(self, speaker: str) -> list[Clip]:
        """Return all clips of a speaker, in the index's order; empty for one it does not know."""
        return [self._clip(number) for number in self._by_speaker.get(speaker, ())]

    def clip(self, digest: str) -> Clip:
        """Return a clip by its digest, the first that has it. Raises ClipsError without any."""
        number = self._by_digest.get(digest)
        if number is None:
            raise ClipsError(f"there is no clip {digest[:60]}")
        return self._clip(number)

    def _clip(self, number: int) -> Clip:
        clip = self._rows.get(number)
        if clip is None:
            start, end = self._places[number]
            row = json.loads(self._index[start:end])
            words = tuple(
                WordTime(it["text"], it["start_sample"], it["end_sample"], it["estimated"])
                for it in row["words"]
            )
            clip = self._rows[number] = Clip(
                row["digest"],
                row["text"],
                row["speaker"],
                row["language"],
                row["samples"],
                words,
                row.get("voice"),
            )
            if len(self._rows) > _MOST_ROWS:
                self._rows.popitem(last=False)
        self._rows.move_to_end(number)
        return clip

    def pcm(self, digest: str) -> NDArray[np.int16]:
        """Return a clip's samples, int16 (samples,) at 8 kHz, which cannot be written to.

        Raises ClipsError if its file is missing or damaged.
        """
        pcm = self._pcm.get(digest)
        if pcm is None:
            samples = self.clip(digest).samples
            name = clip_name(digest)
            try:
                pcm = decode_flac(self._storage.read(name))[0]
            except FileNotFoundError:
                raise ClipsError(f"{name} is missing; remove clips/parts to have it made") from None
            except ValueError as error:
                raise ClipsError(f"{name} cannot be read: {error}") from None
            if len(pcm) != samples:
                words = f"{name} has {len(pcm)} samples: the index says {samples}"
                raise ClipsError(words)
            pcm.setflags(write=False)
            self._pcm[digest] = pcm
            self._kept += pcm.nbytes
            while self._kept > _MOST_BYTES and len(self._pcm) > 1:
                self._kept -= self._pcm.popitem(last=False)[1].nbytes
        self._pcm.move_to_end(digest)
        return pcm
