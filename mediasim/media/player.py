"""Players: audio the server puts on a leg's outbound track (announcements, ringing, music).

A :class:`StreamPlayer` plays audio while it comes in, one piece after the other. Pieces follow each
other without a gap, to the sample, as long as one comes before the one before it has ended;
otherwise the next begins with a frame. Nothing is played faster than it sounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.word_time import WordTime

__all__ = ["Player", "StreamPlayer", "StreamSegment"]

_FIRST_SAMPLES: Final = 8000
"""Samples for which a segment has memory at first."""


class Player:
    """A clip that starts at a frame, played once or in a loop."""

    def __init__(
        self,
        pcm: NDArray[np.int16],
        first_frame: int,
        *,
        loop: bool = False,
        label: str = "",
        speech: bool = True,
        text: str = "",
        words: Sequence[WordTime] = (),
    ) -> None:
        if not len(pcm):
            raise ValueError("nothing to play")
        self.pcm = pcm
        self.first_frame = first_frame
        self.loop = loop
        self.label = label
        """Its name for people."""
        self.speech = speech
        """Whether a listener takes it for words: ringing and hold music are none."""
        self.text = text
        """The words that are spoken; "" where it is no speech, or they are unknown."""
        self.words: tuple[WordTime, ...] | None = tuple(words) or None
        """The words with their times in samples of the clip; None until they are asked for."""
        self.stopped_frame: int | None = None
        """The frame from which on it was stopped; None if it was not."""

    @property
    def end_frame(self) -> int | None:
        """The frame after the last one it sounds in; None while it loops."""
        if self.stopped_frame is not None:
            return self.stopped_frame
        return None if self.loop else self.first_frame + -(-len(self.pcm) // FRAME_SAMPLES)

    def stop(self, frame: int) -> None:
        """Stop sounding from this frame on."""
        self.stopped_frame = frame if self.end_frame is None else min(frame, self.end_frame)

    def add_to(self, out: NDArray[np.int32], first: int, count: int) -> None:
        """Add frames ``first .. first + count`` to ``out`` (count * 160,)."""
        end = self.end_frame
        low = max(first, self.first_frame)
        high = first + count if end is None else min(first + count, end)
        if low >= high:
            return
        start = (low - self.first_frame) * FRAME_SAMPLES
        length = (high - low) * FRAME_SAMPLES
        at = (low - first) * FRAME_SAMPLES
        if self.loop:
            wrapped = np.arange(start, start + length)
            out[at : at + length] += np.take(self.pcm, wrapped, mode="wrap")
        else:
            piece = self.pcm[start : start + length]
            out[at : at + len(piece)] += piece


class StreamSegment(Player):
    """A player whose clip grows: audio that was fed without a gap."""

    def __init__(
        self,
        first_frame: int,
        label: str,
        pcm: NDArray[np.int16],
        words: Sequence[WordTime] = (),
    ) -> None:
        super().__init__(pcm, first_frame, label=label)
        self._add_words(words, 0)
        self._store = np.empty(max(_FIRST_SAMPLES, len(pcm)), np.int16)
        self._store[: len(pcm)] = pcm
        self.pcm = self._store[: len(pcm)]

    @property
    def end(self) -> int:
        """The sample after its last, on the frame clock."""
        return self.first_frame * FRAME_SAMPLES + len(self.pcm)

    def append(self, pcm: NDArray[np.int16], words: Sequence[WordTime] = ()) -> None:
        """Append samples (n,) to the clip, with the words in them where those are known."""
        before, after = len(self.pcm), len(self.pcm) + len(pcm)
        if words:
            self._add_words(words, before)
        if after > len(self._store):
            store = np.empty(max(2 * len(self._store), after), np.int16)
            store[:before] = self.pcm
            self._store = store
        self._store[before:after] = pcm
        self.pcm = self._store[:after]

    def _add_words(self, words: Sequence[WordTime], at: int) -> None:
        moved = tuple(
            WordTime(word.text, word.start + at, word.end + at, word.estimated) for word in words
        )
        self.words = (*(self.words or ()), *moved)
        self.text = " ".join(word.text for word in self.words)


class StreamPlayer(Player):
    """A player of audio that is fed while it plays.

    Opened by :meth:`Room.feed`; to be stopped by :meth:`Room.stop_player`.
    """

    def __init__(self, frame: int, label: str, began: Callable[[Player], None]) -> None:
        """``began`` is called with each new segment."""
        super().__init__(np.zeros(1, np.int16), frame, loop=True, label=label)
        self._began = began
        self._segments: list[StreamSegment] = []
        """Segments that have not been played to their end."""
        self.fed = 0
        """Samples that were fed, played or not."""

    def append(self, pcm: NDArray[np.int16], frame: int, words: Sequence[WordTime] = ()) -> None:
        """Play samples after all fed before. ``frame`` is the next to be processed.

        ``words`` are those that are spoken in them, with their times in these samples.
        """
        if not len(pcm):
            return
        self.fed += len(pcm)
        last = self._segments[-1] if self._segments else None
        if last is not None and last.stopped_frame is None and last.end >= frame * FRAME_SAMPLES:
            last.append(pcm, words)
            return
        segment = StreamSegment(frame, self.label, pcm, words)
        self._segments.append(segment)
        self._began(segment)

    def clear(self, frame: int) -> None:
        """Forget all audio that is not played before this frame."""
        for segment in self._segments:
            segment.stop(frame)

    def end_of_sound(self, frame: int) -> int:
        """Return the sample at which it will fall silent; at least the frame's first sample."""
        found = frame * FRAME_SAMPLES
        for segment in self._segments:
            if segment.stopped_frame is None and segment.end > found:
                found = segment.end
        return found

    def stop(self, frame: int) -> None:
        super().stop(frame)
        self.clear(frame)

    def add_to(self, out: NDArray[np.int32], first: int, count: int) -> None:
        over = False
        for segment in self._segments:
            segment.add_to(out, first, count)
            over = over or _over(segment, first)
        if over:
            self._segments = [segment for segment in self._segments if not _over(segment, first)]


def _over(segment: StreamSegment, frame: int) -> bool:
    """Return whether a segment ended before a frame; one that ends right before may grow."""
    end = segment.end_frame
    return end is not None and end < frame
