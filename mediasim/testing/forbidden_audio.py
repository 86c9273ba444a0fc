"""Looking for what must not be in a recording, in whole or in part.

The truth is asked first: it knows of a tenth of a second that slipped in before a pause. Then the
samples are listened to, second by second of the clip, for what no truth tells of. Keys are looked
for with a receiver of telephone tones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import DtmfDetector
from mediasim.audio.files import load_clip
from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.documents.diagnostics import says
from mediasim.scenario.expectations.verdicts import PublishedMedia
from mediasim.testing.source import SpokenUtterance
from mediasim.truth.measure import find_within
from mediasim.truth.reference import reference_of

__all__ = ["ForbiddenClip", "Sought", "Trace", "clips_of", "first_trace"]

ForbiddenClip = str | Path | NDArray[np.int16]
"""Words or keys; an audio file; samples (n,) at 8 kHz."""

_PIECE: Final = SAMPLE_RATE
_LIKE: Final = 0.5
"""The correlation from which on a piece counts as found."""
_SHORTEST: Final = 800
"""Samples of which nothing can be recognised: 100 ms."""
_FEWEST_KEYS: Final = 4
"""Of a longer number, so many in a row are part of it."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for."""

    name: str
    words: str | None
    keys: str
    """Keys that were pressed; empty where none are looked for."""
    pieces: tuple[NDArray[np.int16], ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Where some of it is."""

    found: str
    channel: int
    at: int


def clips_of(clip: ForbiddenClip, utterances: Sequence[SpokenUtterance]) -> Sought:
    """What to look for. Raises ValueError if there is nothing to be looked for."""
    if isinstance(clip, np.ndarray):
        if clip.ndim != 1 or clip.dtype != np.int16 or not clip.any():
            raise ValueError("expected a clip of int16 samples (n,), not all of them silent")
        return Sought("the clip", None, "", tuple(_pieces(clip)))
    if isinstance(clip, Path):
        return Sought(str(clip), None, "", tuple(_pieces(load_clip(clip))))
    keys = re.sub(r"[^0-9*#A-D]", "", clip) if re.fullmatch(r"[0-9*#A-D\s-]+", clip) else ""
    meant = [it for it in utterances if _is_meant(it, clip, keys)]
    if not meant:
        raise ValueError(
            f"nobody says or presses {clip!r} in any call: there is nothing to look for"
        )
    pieces = [piece for it in meant if it.kind != "dtmf" for piece in _pieces(_sounding(it))]
    pressed = keys if any(it.kind == "dtmf" for it in meant) else ""
    return Sought(repr(clip), clip, pressed, tuple(pieces))


def _is_meant(said: SpokenUtterance, words: str, keys: str) -> bool:
    if said.kind == "dtmf":
        return bool(keys) and keys in said.text
    return said.kind == "say" and says(said.text, words)


def _sounding(said: SpokenUtterance) -> NDArray[np.int16]:
    return reference_of(said.pcm, said.codec)


def _pieces(clip: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The clip second by second; a rest that is too short to be recognised goes to the last."""
    cuts = list(range(0, max(1, len(clip) - _PIECE // 2), _PIECE))
    return [clip[start:end] for start, end in zip(cuts, [*cuts[1:], len(clip)], strict=True)]


def first_trace(media: PublishedMedia, sought: Sought) -> Trace | None:
    """Where some of it is in a recording; None: nothing of it is."""
    for look in (_by_truth, _by_ear, _by_keys):
        trace = look(media, sought)
        if trace is not None:
            return trace
    return None


def _by_truth(media: PublishedMedia, sought: Sought) -> Trace | None:
    for channel in media.truth.channels:
        for it in channel.intervals:
            long_enough = it.end - it.start >= _SHORTEST
            spoken = it.kind == "say" and sought.words and says(it.text, sought.words)
            if spoken and long_enough:
                length = (it.end - it.start) / SAMPLE_RATE
                words = f"{length:.2f} s of {it.party}'s {it.text!r} in channel {channel.channel}"
                return Trace(words, channel.channel, it.start)
    return None


def _by_ear(media: PublishedMedia, sought: Sought) -> Trace | None:
    for number, pcm in enumerate(media.pcm, 1):
        for order, piece in enumerate(sought.pieces, 1):
            match = find_within(pcm, piece, (-len(piece) // 2, len(pcm)))
            if match is not None and match.correlation >= _LIKE:
                words = (
                    f"second {order} of it is heard in channel {number}, "
                    f"correlation {match.correlation:.2f}"
                )
                return Trace(words, number, max(0, match.offset))
    return None


def _by_keys(media: PublishedMedia, sought: Sought) -> Trace | None:
    if not sought.keys:
        return None
    for number, pcm in enumerate(media.pcm, 1):
        detector = DtmfDetector()
        padded = np.concatenate((pcm, np.zeros(-len(pcm) % FRAME_SAMPLES + SAMPLE_RATE, np.int16)))
        hits = detector.feed(padded)
        pressed = "".join(hit.digit for hit in hits)
        for length in range(len(sought.keys), min(_FEWEST_KEYS, len(sought.keys)) - 1, -1):
            for start in range(len(sought.keys) - length + 1):
                place = pressed.find(sought.keys[start : start + length])
                if place >= 0:
                    words = f"{length} of its keys can be heard in channel {number}"
                    return Trace(words, number, hits[place].start)
    return None
