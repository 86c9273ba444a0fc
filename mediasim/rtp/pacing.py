"""When a stream's place on the frame clock may move, and by how much.

A stream keeps its place for as long as its packets come about when they should. Two things move
it, both seen in the least delay of a window of packets (RFC 3550 section 6.3.1's idea of using
the minimum, which jitter does not touch):

- *drift*: the sender's clock is off. When the minimum has been off to the same side by at least
  ``STEP`` samples for ``PATIENCE`` windows, the place moves by whole steps. A clip's offset
  therefore stays within ``DRIFT_BOUND`` of its true place at any call length.
- *restart*: every packet of one window came too late (or far too early) to be played, as after
  a sender that stopped and went on with continuous timestamps. The place moves at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["DRIFT_BOUND", "STEP", "WINDOW_FRAMES", "Pacing", "anchor"]

STEP: Final = 80
"""Samples by which a place moves: 10 ms, the unit of presence."""
WINDOW_FRAMES: Final = 25
PATIENCE: Final = 4
"""Windows in a row that must agree before a drift is followed: 2 s."""
_ENOUGH: Final = 10
"""Packets below which a window says nothing."""

DRIFT_BOUND: Final = STEP + FRAME_SAMPLES // 4
"""Samples a clip can be from its true place under drift up to 1,000 ppm on a link without
jitter: one step, and what is gained while patience lasts."""


class Pacing:
    """The judgement of one stream's windows."""

    def __init__(self, depth_samples: int, early_samples: int) -> None:
        self._late = depth_samples
        self._early = early_samples
        self._reference: int | None = None
        self._streak = 0
        self._least = 0

    def refer(self, slack: int) -> None:
        """The least ``arrival - output place`` (samples) when the stream was given its place."""
        self._reference = slack
        self._streak = 0

    def judge(self, slack: int, packets: int) -> int:
        """Samples to move by (a multiple of ``STEP``), given a finished window's least slack."""
        if packets < _ENOUGH or self._reference is None:
            return 0
        off = slack - self._reference
        if off > self._late or off < -self._early:
            self._streak = 0
            return _whole_steps(off)
        if abs(off) < STEP:
            self._streak = 0
            return 0
        if self._streak * off <= 0:  # first, or to the other side
            self._streak, self._least = (1 if off > 0 else -1), off
        else:
            self._streak += 1 if off > 0 else -1
            self._least = min(self._least, off, key=abs)
        if abs(self._streak) < PATIENCE:
            return 0
        self._streak = 0
        return _whole_steps(self._least)


def _whole_steps(samples: int) -> int:
    return int(samples / STEP) * STEP


def anchor(
    media: NDArray[np.int64], usable: NDArray[np.int64], depth: int, known_before: int
) -> tuple[int, int] | None:
    """Give a new stream its place from the packets that come before it is played.

    ``media`` are the packets' media times (samples), ``usable`` the first frame each can be used
    in, in order of arrival; all packets usable before frame ``known_before`` are given. Returns
    ``(origin, packets counted)``, or None when more packets could still change the answer.
    """
    least = int(usable[0]) * FRAME_SAMPLES - int(media[0])
    first = int(media[0])
    count = 1
    for at, frame in zip(media[1:].tolist(), usable[1:].tolist(), strict=True):
        if frame > _plays(first, least, depth):
            return _origin(least, depth), count
        least = min(least, frame * FRAME_SAMPLES - at)
        first = min(first, at)
        count += 1
    if known_before <= _plays(first, least, depth):
        return None
    return _origin(least, depth), count


def _plays(first: int, least: int, depth: int) -> int:
    """The frame in which the stream's first sample would be played."""
    return (first + least) // FRAME_SAMPLES + depth


def _origin(least: int, depth: int) -> int:
    return least // STEP * STEP + depth * FRAME_SAMPLES
