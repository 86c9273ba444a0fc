"""A party's timeline: what it says, at which sample of its own clock, and in which words.

The party's script places clips here, possibly well ahead; the phone takes them frame by frame.
What was placed, less what was cut off or muted, is the truth of the call. Of the words of a saying,
those lie in a part of it whose middle does.
"""

from __future__ import annotations

import itertools
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.g711 import ulaw_encode
from mediasim.parties.voices.word_times import WordTime, shared_out

__all__ = ["Segment", "Timeline", "words_between", "words_in"]


_NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One thing said: samples ``start .. end`` of the party's own clock."""

    start: int
    pcm: NDArray[np.int16]
    kind: str
    """say, play, tone, noise or dtmf."""
    text: str
    """The words, the file's name, the digits: whatever names it to a person."""
    digest: str
    codes: NDArray[np.uint8]
    """The samples in mu-law."""
    words: tuple[WordTime, ...] = ()
    """When each word of what is said in words is said; samples from the segment's first."""

    @property
    def end(self) -> int:
        return self.start + len(self.pcm)

    def __lt__(self, other: Segment) -> bool:
        return self.start < other.start


class Timeline:
    """Everything one party says in one call."""

    def __init__(
        self,
        background: NDArray[np.int16] | None = None,
        sent: Callable[[NDArray[np.int16]], NDArray[np.int16]] | None = None,
    ) -> None:
        """``sent`` makes of what is said what is sent of it, sample by sample."""
        self._sent = sent
        self.segments: list[Segment] = []
        self.muted: list[tuple[int, int]] = []
        """Stretches in which the party's microphone was off."""
        self._background = background
        self._first = 0
        """Segments before this one have been rendered for good."""
        self._longest = 0

    @property
    def end(self) -> int:
        """Where the last thing said so far ends."""
        return max((segment.end for segment in self.segments), default=0)

    @property
    def has_background(self) -> bool:
        return self._background is not None

    def place(
        self,
        pcm: NDArray[np.int16],
        at: int,
        *,
        kind: str,
        text: str,
        digest: str = "",
        words: tuple[WordTime, ...] = (),
    ) -> Segment:
        """Say ``pcm`` from sample ``at`` on.

        Where a text is said and its ``words`` are not given, their times are estimated. A key is
        the telephone's own, whatever becomes of all else.
        """
        if kind == "say" and not words:
            words = shared_out(text, pcm.astype(np.float64))
        if self._sent is not None and kind != "dtmf":
            pcm = self._sent(pcm)
        segment = Segment(at, pcm, kind, text, digest, ulaw_encode(pcm), words)
        insort(self.segments, segment)
        self._longest = max(self._longest, len(pcm))
        return segment

    def mute(self, at: int) -> None:
        if not self.muted or self.muted[-1][1] != _NEVER:
            self.muted.append((at, _NEVER))

    def unmute(self, at: int) -> None:
        if self.muted and self.muted[-1][1] == _NEVER:
            self.muted[-1] = (self.muted[-1][0], at)

    def cut(self, at: int) -> None:
        """Say nothing from sample ``at`` on."""
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
        """Segments that sound in the span; spans are asked for in order."""
        segments = self.segments
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
        """Samples ``first .. end`` in mu-law. Spans must be asked for in order."""
        sounding = self._between(first, end)
        overlap = any(later.start < earlier.end for earlier, later in itertools.pairwise(sounding))
        muted = any(low < end and high > first for low, high in self.muted)
        if overlap or muted or self._background is not None:
            return ulaw_encode(self._mixed(sounding, first, end))
        out = np.full(end - first, 0xFF, np.uint8)
        for segment in sounding:
            low, high = max(segment.start, first), min(segment.end, end)
            out[low - first : high - first] = segment.codes[
                low - segment.start : high - segment.start
            ]
        return out

    def pcm(self, first: int, end: int) -> NDArray[np.int16]:
        """Samples ``first .. end``. Spans must be asked for in order."""
        return self._mixed(self._between(first, end), first, end)

    def _mixed(self, sounding: list[Segment], first: int, end: int) -> NDArray[np.int16]:
        total = np.zeros(end - first, np.int32)
        for segment in sounding:
            low, high = max(segment.start, first), min(segment.end, end)
            total[low - first : high - first] += segment.pcm[
                low - segment.start : high - segment.start
            ]
        if self._background is not None:
            total += np.take(self._background, np.arange(first, end), mode="wrap")
        for low, high in self.muted:
            total[max(0, low - first) : max(0, min(high, end) - first)] = 0
        return np.clip(total, -32768, 32767).astype(np.int16)

    def sounding(self, first: int, end: int) -> bool:
        """Whether anything is said in the span (muted or not)."""
        return self._background is not None or bool(self._between(first, end))

    def spoken_between(self, first: int, end: int) -> bool:
        """Whether anything is said in a span of any time, in any order of asking."""
        return any(segment.start < end and segment.end > first for segment in self.segments)

    def heard_spans(self, segment: Segment) -> list[tuple[int, int]]:
        """The parts of a segment that were not muted, in samples of the party's clock."""
        spans = [(segment.start, segment.end)]
        for low, high in self.muted:
            spans = [
                piece
                for start, end in spans
                for piece in ((start, min(end, low)), (max(start, high), end))
                if piece[0] < piece[1]
            ]
        return spans


# -- words ----------------------------------------------------------------------------------


def words_in(segment: Segment, start: int, end: int) -> Iterator[WordTime]:
    """The words of a saying between two samples of the party's clock, by that clock.

    None of what is not said in words: of a file, a tone, a key. A word that is cut begins or ends
    where it is cut.
    """
    for word in segment.words:
        first, last = segment.start + word.start, segment.start + word.end
        if start <= (first + last) // 2 < end:
            yield WordTime(word.text, max(start, first), min(end, last), word.estimated)


def words_between(timeline: Timeline, start: int, end: int) -> str:
    """All that is said aloud between two samples of the party's clock, in order."""
    return " ".join(
        word.text
        for segment in timeline.segments
        for low, high in timeline.heard_spans(segment)
        for word in words_in(segment, max(low, start), min(high, end))
    )
