"""Players: audio the server puts on a leg's outbound track (announcements, ringing, music).

A feed plays audio while it comes in, one piece after the other. Pieces follow each other without a
gap, to the sample, as long as one comes before the one before it has ended; otherwise the next
begins with a frame. Nothing is played faster than it sounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["Player", "StreamPlayer", "StreamSegment"]

_FIRST_SAMPLES: Final = 8000


class Player:
    """A clip that starts at a frame, once or over and over."""

    def __init__(
        self,
        pcm: NDArray[np.int16],
        first_frame: int,
        *,
        loop: bool = False,
        label: str = "",
        speech: bool = True,
    ) -> None:
        if not len(pcm):
            raise ValueError("nothing to play")
        self.pcm = pcm
        self.first_frame = first_frame
        self.loop = loop
        self.label = label
        """What it is, for a person."""
        self.speech = speech
        """Whether a listener takes it for words: ringing and hold music are none."""
        self.stopped_frame: int | None = None

    @property
    def end_frame(self) -> int | None:
        """The frame after the last one it sounds in; None while it loops."""
        if self.stopped_frame is not None:
            return self.stopped_frame
        return None if self.loop else self.first_frame + -(-len(self.pcm) // FRAME_SAMPLES)

    def stop(self, frame: int) -> None:
        """Fall silent from this frame on."""
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
    """What was fed without a gap: a player whose clip grows."""

    def __init__(self, first_frame: int, label: str, pcm: NDArray[np.int16]) -> None:
        super().__init__(pcm, first_frame, label=label)
        self._store = np.empty(max(_FIRST_SAMPLES, len(pcm)), np.int16)
        self._store[: len(pcm)] = pcm
        self.pcm = self._store[: len(pcm)]

    @property
    def end(self) -> int:
        """The sample after its last, on the frame clock."""
        return self.first_frame * FRAME_SAMPLES + len(self.pcm)

    def append(self, pcm: NDArray[np.int16]) -> None:
        before, after = len(self.pcm), len(self.pcm) + len(pcm)
        if after > len(self._store):
            store = np.empty(max(2 * len(self._store), after), np.int16)
            store[:before] = self.pcm
            self._store = store
        self._store[before:after] = pcm
        self.pcm = self._store[:after]


class StreamPlayer(Player):
    """Opened by :meth:`Room.feed`; to be stopped by :meth:`Room.stop_player`."""

    def __init__(self, frame: int, label: str, began: Callable[[Player], None]) -> None:
        """``began`` is told of each spurt."""
        super().__init__(np.zeros(1, np.int16), frame, loop=True, label=label)
        self._began = began
        self._spurts: list[StreamSegment] = []
        """Those that have not been played to their end."""
        self.fed = 0
        """Samples that it was given, played or not."""

    def append(self, pcm: NDArray[np.int16], frame: int) -> None:
        """Play this after what there is. ``frame`` is the next to be lived through."""
        if not len(pcm):
            return
        self.fed += len(pcm)
        last = self._spurts[-1] if self._spurts else None
        if last is not None and last.stopped_frame is None and last.end >= frame * FRAME_SAMPLES:
            last.append(pcm)
            return
        segment = StreamSegment(frame, self.label, pcm)
        self._spurts.append(segment)
        self._began(segment)

    def clear(self, frame: int) -> None:
        """Forget what is not played before this frame."""
        for segment in self._spurts:
            segment.stop(frame)

    def end_of_sound(self, frame: int) -> int:
        """The sample at which it falls silent, as things stand; not before that frame's first."""
        found = frame * FRAME_SAMPLES
        for segment in self._spurts:
            if segment.stopped_frame is None and segment.end > found:
                found = segment.end
        return found

    def stop(self, frame: int) -> None:
        super().stop(frame)
        self.clear(frame)

    def add_to(self, out: NDArray[np.int32], first: int, count: int) -> None:
        over = False
        for segment in self._spurts:
            segment.add_to(out, first, count)
            over = over or _over(segment, first)
        if over:
            self._spurts = [segment for segment in self._spurts if not _over(segment, first)]


def _over(segment: StreamSegment, frame: int) -> bool:
    """Whether it ended before a frame; one that ends with the frame before can still go on."""
    end = segment.end_frame
    return end is not None and end < frame
