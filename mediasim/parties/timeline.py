"""A party's timeline: what it says, at which sample of its own clock, and in which words.

The party's script places clips here, possibly well ahead; the phone reads them frame by frame. What
was placed, less what was cut off or muted, is the truth of the call. A word belongs to the part of
an utterance that its middle lies in.
"""

from __future__ import annotations

import itertools
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.g711 import ulaw_encode
from mediasim.parties.voices.word_times import WordTime, times_by_letters

__all__ = [
    "UNRECORDED",
    "Recorded",
    "Segment",
    "Timeline",
    "is_speech",
    "words_between",
    "words_in",
]


_NEVER: Final = 1 << 62
_CODED: Final[WeakValueDictionary[str, NDArray[np.uint8]]] = WeakValueDictionary()
"""Clips in mu-law by their digests, as long as a timeline has them: one that is said often is coded
and kept once."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of a file that is played."""

    file: str | None = None
    """The file's name, if its words are known, which then stand in its place; else None."""
    speaker: str | None = None
    """Who speaks in it."""
    language: str | None = None
    """The language spoken in it, as BCP 47 writes it."""

    def to_json(self) -> dict[str, str]:
        """Return what is known, by its names in the truth."""
        named = (("file", self.file), ("speaker", self.speaker), ("language", self.language))
        return {name: value for name, value in named if value is not None}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what is known of an interval's file from the truth."""
        return cls(document.get("file"), document.get("speaker"), document.get("language"))


UNRECORDED: Final = Recorded()
"""What is known of a clip that is no file."""


def is_speech(kind: str, file: str | None) -> bool:
    """Return whether the text of a clip is what is said in it.

    ``file`` is the name of a file whose words are known; None for any other clip.
    """
    return kind == "say" or file is not None


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One clip placed on a timeline: samples ``start .. end`` of the party's own clock."""

    start: int
    pcm: NDArray[np.int16]
    kind: str
    """say, play, tone, noise or dtmf."""
    text: str
    """The clip's name for a reader: the words, the name of a file without known words, the
    digits."""
    digest: str
    codes: NDArray[np.uint8]
    """The samples in mu-law, uint8 (n,)."""
    words: tuple[WordTime, ...] = ()
    """The times of the words, in samples from the segment's start; () for a clip without words."""
    recorded: Recorded = UNRECORDED
    """What is known of a file that is played."""

    @property
    def end(self) -> int:
        return self.start + len(self.pcm)

    @property
    def is_speech(self) -> bool:
        """Whether the text is what is said."""
        return is_speech(self.kind, self.recorded.file)

    def __lt__(self, other: Segment) -> bool:
        return self.start < other.start


class Timeline:
    """Everything that one party says in one call."""

    def __init__(
        self,
        background: NDArray[np.int16] | None = None,
        sent: Callable[[NDArray[np.int16]], NDArray[np.int16]] | None = None,
        echo: Callable[[int, int], NDArray[np.int16]] | None = None,
    ) -> None:
        """``sent`` gives the samples (n,) that are sent of samples (n,) that are said; ``echo``
        what is sent besides between two samples."""
        self._sent = sent
        self._echo = echo
        self.segments: list[Segment] = []
        self.muted: list[tuple[int, int]] = []
        """Spans (start, end), in samples, in which the party's microphone was off."""
        self.version = 0
        """Number of changes so far."""
        self._background = background
        self._first = 0
        """Index of the first segment that may still be read; all before it have ended."""
        self._longest = 0

    @property
    def end(self) -> int:
        """The sample at which the last segment so far ends."""
        return max((segment.end for segment in self.segments), default=0)

    @property
    def has_background(self) -> bool:
        """Whether there is background noise or an echo, so that silence may end at any time."""
        return self._background is not None or self._echo is not None

    def place(
        self,
        pcm: NDArray[np.int16],
        at: int,
        *,
        kind: str,
        text: str,
        digest: str = "",
        words: tuple[WordTime, ...] = (),
        recorded: Recorded = Recorded(),  # it cannot be changed
    ) -> Segment:
        """Place samples, int16 (n,) at 8 kHz, at sample ``at``; return the segment.

        The times of the ``words`` of a text are estimated unless given. Keys (kind dtmf) do not
        pass the telephone line.
        """
        if is_speech(kind, recorded.file) and not words:
            words = times_by_letters(text, pcm.astype(np.float64))
        if self._sent is not None and kind != "dtmf":
            pcm = self._sent(pcm)
            codes = ulaw_encode(pcm)
        else:
            codes = _coded(pcm, digest)
        segment = Segment(at, pcm, kind, text, digest, codes, words, recorded)
        self.version += 1
        insort(self.segments, segment)
        self._longest = max(self._longest, len(pcm))
        return segment

    def mute(self, at: int) -> None:
        """Turn the microphone off from a sample on; does nothing if it is off."""
        if not self.muted or self.muted[-1][1] != _NEVER:
            self.version += 1
            self.muted.append((at, _NEVER))

    def unmute(self, at: int) -> None:
        """Turn the microphone on from a sample on; does nothing if it is on."""
        if self.muted and self.muted[-1][1] == _NEVER:
            self.version += 1
            self.muted[-1] = (self.muted[-1][0], at)

    def cut(self, at: int) -> None:
        """Remove all sound from a sample on."""
        self.version += 1
        kept = []
        for segment in self.segments:
            if segment.end <= at:
                kept.append(segment)
            elif segment.start < at:
                length = at - segment.start
                kept.append(
                    replace(segment, pcm=segment.pcm[:length], codes=segment.codes[:length])
                )
        self.segments = kept
        self._first = min(self._first, len(kept))

    def _between(self, first: int, end: int) -> list[Segment]:
        """Return the segments that sound in a span; spans must be read in order."""
        segments = self.segments
        # They are sorted by start, not by end: only the longest length bounds what may still sound.
        while self._first < len(segments) and (
            segments[self._first].start + self._longest <= first
        ):
            self._first += 1
        found = []
        for index in range(self._first, len(segments)):
            segment = segments[index]
            if segment.start >= end:
                break
            if segment.end > first:
                found.append(segment)
        return found

    def codes(self, first: int, end: int) -> NDArray[np.uint8]:
        """Return samples ``first .. end`` in mu-law, uint8 (n,). Spans must be read in order."""
        sounding = self._between(first, end)
        overlap = any(later.start < earlier.end for earlier, later in itertools.pairwise(sounding))
        muted = any(low < end and high > first for low, high in self.muted)
        if overlap or muted or self.has_background:
            return ulaw_encode(self._mixed(sounding, first, end))
        out = np.full(end - first, 0xFF, np.uint8)
        for segment in sounding:
            low, high = max(segment.start, first), min(segment.end, end)
            out[low - first : high - first] = segment.codes[
                low - segment.start : high - segment.start
            ]
        return out

    def pcm(self, first: int, end: int) -> NDArray[np.int16]:
        """Return samples ``first .. end``, int16 (n,). Spans must be read in order."""
        return self._mixed(self._between(first, end), first, end)

    def _mixed(self, sounding: list[Segment], first: int, end: int) -> NDArray[np.int16]:
        total = np.zeros(end - first, np.int32)  # a sum of int16 may overflow; it is clipped below
        for segment in sounding:
            low, high = max(segment.start, first), min(segment.end, end)
            total[low - first : high - first] += segment.pcm[
                low - segment.start : high - segment.start
            ]
        if self._background is not None:
            _add_looped(total, self._background, first)
        if self._echo is not None:
            total += self._echo(first, end)
        for low, high in self.muted:
            total[max(0, low - first) : max(0, min(high, end) - first)] = 0
        return np.clip(total, -32768, 32767).astype(np.int16)

    def look(self, first: int, end: int) -> NDArray[np.int16] | None:
        """Return samples ``first .. end`` as they are known now, int16 (n,), of any span that ends
        later than what was read.

        None where an echo may be among them.
        """
        if self._echo is not None:
            return None
        low = self._first
        while low and self.segments[low - 1].start + self._longest > first:
            low -= 1
        sounding = [each for each in self.segments[low:] if each.start < end and each.end > first]
        return self._mixed(sounding, first, end)

    def sounding(self, first: int, end: int) -> bool:
        """Return whether there is sound in a span, muted or not. Spans must be read in order."""
        if self._background is not None or self._between(first, end):
            return True
        return self._echo is not None and bool(self._echo(first, end).any())

    def spoken_between(self, first: int, end: int) -> bool:
        """Return whether a segment sounds in a span; spans may be given in any order."""
        return any(segment.start < end and segment.end > first for segment in self.segments)

    def heard_spans(self, segment: Segment) -> list[tuple[int, int]]:
        """Return the spans of a segment that were not muted, in samples of the party's clock."""
        spans = [(segment.start, segment.end)]
        for low, high in self.muted:
            spans = [
                piece
                for start, end in spans
                for piece in ((start, min(end, low)), (max(start, high), end))
                if piece[0] < piece[1]
            ]
        return spans


def _add_looped(total: NDArray[np.int32], loop: NDArray[np.int16], first: int) -> None:
    """Add a sound that is repeated for ever, from its sample ``first`` on."""
    done, at = 0, first % len(loop)
    while done < len(total):
        piece = loop[at : at + len(total) - done]
        total[done : done + len(piece)] += piece
        done, at = done + len(piece), 0


def _coded(pcm: NDArray[np.int16], digest: str) -> NDArray[np.uint8]:
    """Return a clip in mu-law; one without a digest is coded anew."""
    codes = _CODED.get(digest) if digest else None
    if codes is None:
        codes = ulaw_encode(pcm)
        if digest:
            codes.flags.writeable = False
            _CODED[digest] = codes
    return codes


# -- words ----------------------------------------------------------------------------------


def words_in(segment: Segment, start: int, end: int) -> Iterator[WordTime]:
    """Yield the words of a segment between two samples of the party's clock, by that clock.

    A tone, a key and a file of which nothing is known have no words. A word that is cut begins or
    ends at the cut.
    """
    for word in segment.words:
        first, last = segment.start + word.start, segment.start + word.end
        if start <= (first + last) // 2 < end:
            yield WordTime(word.text, max(start, first), min(end, last), word.estimated)


def words_between(timeline: Timeline, start: int, end: int) -> str:
    """Return all words said and not muted between two samples of the party's clock, in order."""
    return " ".join(
        word.text
        for segment in timeline.segments
        for low, high in timeline.heard_spans(segment)
        for word in words_in(segment, max(low, start), min(high, end))
    )
