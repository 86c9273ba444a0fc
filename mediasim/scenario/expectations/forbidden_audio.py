"""Search for audio that must not be in a recording, in whole or in part.

The truth is searched first: it knows of a tenth of a second before a pause. Then the samples are
correlated with each second of the clip, for audio that no truth knows of. Keys are searched with a
detector of telephone tones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import DtmfDetector
from mediasim.audio.files import load_clip
from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.documents.diagnostics import says
from mediasim.exchange.live_call import LiveCall
from mediasim.scenario.expectations.verdicts import PublishedMedia
from mediasim.truth.measure import find_within
from mediasim.truth.reference import reference_of

__all__ = [
    "ForbiddenClip",
    "SearchMatch",
    "SearchTarget",
    "SpokenUtterance",
    "first_match",
    "search_target",
    "utterances_of",
]

ForbiddenClip = str | Path | NDArray[np.int16]
"""Words or keys; an audio file; or samples (n,) at 8 kHz."""

_PIECE: Final = SAMPLE_RATE
"""Samples of a piece that is searched on its own: one second."""
_LEAST_CORRELATION: Final = 0.5
"""Least correlation with which a piece counts as found."""
_FEWEST_SAMPLES: Final = 800
"""Fewest samples that can be recognised: 100 ms."""
_FEWEST_KEYS: Final = 4
"""Fewest consecutive keys of a longer number that count as a part of it."""


@dataclass(frozen=True, slots=True)
class SpokenUtterance:
    """Speech, audio or keys of a party in a call, recorded or not."""

    party: str
    kind: str
    """say, play, dtmf and so on."""
    text: str
    """The words, the file or the keys."""
    pcm: NDArray[np.int16]
    """Samples before the codec, int16 (n,); empty for keys that the server received."""
    codec: str
    is_speech: bool
    """Whether the text is what is said."""


def utterances_of(calls: Iterable[LiveCall]) -> list[SpokenUtterance]:
    """Return all utterances of the calls' parties, and the keys that the server received."""
    found = []
    for call in calls:
        if call.line is None:
            continue
        party = call.party
        found += [
            SpokenUtterance(
                party.name,
                segment.kind,
                segment.text,
                segment.pcm,
                party.codec,
                segment.is_speech,
            )
            for segment in call.line.timeline.segments
        ]
        if call.digits:
            keys = "".join(digit for _, digit in call.digits)
            found.append(
                SpokenUtterance(party.name, "dtmf", keys, np.zeros(0, np.int16), party.codec, False)
            )
    return found


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """What a search looks for."""

    name: str
    """What the search is for, in words."""
    words: str | None
    """Words that the truth is searched for; None without any."""
    keys: str
    """Keys that the samples are searched for; empty without any."""
    pieces: tuple[NDArray[np.int16], ...]
    """Pieces of audio that the samples are searched for, each int16 (n,)."""


@dataclass(frozen=True, slots=True)
class SearchMatch:
    """A place where a part of the audio was found."""

    found: str
    """What was found, in words."""
    channel: int
    """Channel of the recording, from 1."""
    at: int
    """Sample of the recording."""


def search_target(clip: ForbiddenClip, utterances: Sequence[SpokenUtterance]) -> SearchTarget:
    """Return what to search for.

    Raises ValueError for a silent or malformed clip, and for words or keys of no call.
    """
    if isinstance(clip, np.ndarray):
        if clip.ndim != 1 or clip.dtype != np.int16 or not clip.any():
            raise ValueError("expected a clip of int16 samples (n,), not all of them silent")
        return SearchTarget("the clip", None, "", tuple(_pieces(clip)))
    if isinstance(clip, Path):
        return SearchTarget(str(clip), None, "", tuple(_pieces(load_clip(clip))))
    keys = re.sub(r"[^0-9*#A-D]", "", clip) if re.fullmatch(r"[0-9*#A-D\s-]+", clip) else ""
    matching = [each for each in utterances if _contains(each, clip, keys)]
    if not matching:
        raise ValueError(
            f"nobody says or presses {clip!r} in any call: there is nothing to look for"
        )
    pieces = [
        piece for each in matching if each.kind != "dtmf" for piece in _pieces(_after_codec(each))
    ]
    pressed = keys if any(each.kind == "dtmf" for each in matching) else ""
    return SearchTarget(repr(clip), clip, pressed, tuple(pieces))


def _contains(utterance: SpokenUtterance, words: str, keys: str) -> bool:
    """Return whether an utterance contains the words or keys."""
    if utterance.kind == "dtmf":
        return bool(keys) and keys in utterance.text
    return utterance.is_speech and says(utterance.text, words)


def _after_codec(utterance: SpokenUtterance) -> NDArray[np.int16]:
    """Return an utterance as it sounds after its codec."""
    return reference_of(utterance.pcm, utterance.codec)


def _pieces(clip: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """Cut a clip into seconds; a rest of less than half a second belongs to the last one."""
    cuts = list(range(0, max(1, len(clip) - _PIECE // 2), _PIECE))
    return [clip[start:end] for start, end in zip(cuts, [*cuts[1:], len(clip)], strict=True)]


def first_match(media: PublishedMedia, target: SearchTarget) -> SearchMatch | None:
    """Return the first place of a recording that has a part of it; None without any."""
    for look in (_by_truth, _by_samples, _by_keys):
        match = look(media, target)
        if match is not None:
            return match
    return None


def _by_truth(media: PublishedMedia, target: SearchTarget) -> SearchMatch | None:
    """Search the truth for the words."""
    for channel in media.truth.channels:
        for each in channel.intervals:
            long_enough = each.end - each.start >= _FEWEST_SAMPLES
            spoken = each.is_speech and target.words and says(each.text, target.words)
            if spoken and long_enough:
                length = (each.end - each.start) / SAMPLE_RATE
                words = (
                    f"{length:.2f} s of {each.party}'s {each.text!r} in channel {channel.channel}"
                )
                return SearchMatch(words, channel.channel, each.start)
    return None


def _by_samples(media: PublishedMedia, target: SearchTarget) -> SearchMatch | None:
    """Search the samples for the pieces."""
    for number, pcm in enumerate(media.pcm, 1):
        for order, piece in enumerate(target.pieces, 1):
            match = find_within(pcm, piece, (-len(piece) // 2, len(pcm)))
            if match is not None and match.correlation >= _LEAST_CORRELATION:
                words = (
                    f"second {order} of it is heard in channel {number}, "
                    f"correlation {match.correlation:.2f}"
                )
                return SearchMatch(words, number, max(0, match.offset))
    return None


def _by_keys(media: PublishedMedia, target: SearchTarget) -> SearchMatch | None:
    """Search the samples for the keys."""
    if not target.keys:
        return None
    for number, pcm in enumerate(media.pcm, 1):
        detector = DtmfDetector()
        padded = np.concatenate((pcm, np.zeros(-len(pcm) % FRAME_SAMPLES + SAMPLE_RATE, np.int16)))
        hits = detector.feed(padded)
        pressed = "".join(hit.digit for hit in hits)
        for length in range(len(target.keys), min(_FEWEST_KEYS, len(target.keys)) - 1, -1):
            for start in range(len(target.keys) - length + 1):
                at = pressed.find(target.keys[start : start + length])
                if at >= 0:
                    words = f"{length} of its keys can be heard in channel {number}"
                    return SearchMatch(words, number, hits[at].start)
    return None
