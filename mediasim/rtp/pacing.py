"""When a stream's place on the frame clock may move, and by how much.

A stream keeps its place for as long as its packets come about when they should. Two things move
it, both seen in the least delay of a window of packets (RFC 3550 section 6.3.1's idea of using
the minimum, which jitter does not touch):

- *drift*: the sender's clock is off. When the minimum has been off to the same side by at least
  ``STEP`` samples for ``PATIENCE`` windows, the place moves by whole steps. A clip's offset
  therefore stays within ``DRIFT_BOUND`` of its true place at any call length.
- *restart*: every packet of one window came too late to be played, as after a sender that
  stopped and went on with continuous timestamps, or packets of two windows far too early, as
  after one that jumped ahead. The place moves at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS

__all__ = [
    "DRIFT_BOUND",
    "ENOUGH",
    "STEP",
    "WINDOW_FRAMES",
    "Anchor",
    "Pacing",
    "anchor",
    "place_of",
]

STEP: Final = 80
"""Samples by which a place moves: 10 ms, the unit of presence."""
WINDOW_FRAMES: Final = 25
PATIENCE: Final = 4
"""Windows in a row that must agree before a drift is followed: 2 s."""
ENOUGH: Final = 5
"""Packets below which a window says nothing: of 60 ms, a window has 8."""
_MARGIN: Final = 4
"""Half a millisecond: networks are described in whole ones."""

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
        self._leapt = False

    def refer(self, slack: int) -> None:
        """The least ``arrival - output place`` (samples) when the stream was given its place."""
        self._reference = slack
        self._streak = 0
        self._leapt = False

    @property
    def restless(self) -> bool:
        """Whether the last windows were off, though not yet for long enough."""
        return self._streak != 0 or self._leapt

    def judge(self, slack: int, packets: int) -> int:
        """Samples to move by (a multiple of ``STEP``), given a finished window's least slack."""
        if packets < ENOUGH or self._reference is None:
            return 0
        off = slack - self._reference
        leapt, self._leapt = self._leapt, off < -self._early
        if self._leapt and not leapt:
            return 0  # one stray packet is enough for it
        if off > self._late or self._leapt:
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


class Anchor(NamedTuple):
    """What the first packets of a stream say."""

    first: int
    """The least of their media times (samples)."""
    transit: int
    """The least time (samples) from media to arrival."""
    place: int

    def begins(self, lead: int) -> int:
        """The frame in which the first packet is needed."""
        return (self.first + self.place - lead) // FRAME_SAMPLES


def anchor(
    media: Sequence[int], arrival: Sequence[int], depth: int, known_before: int, lead: int = 0
) -> Anchor | None:
    """Give a new stream its place from the packets that come before it is played.

    ``media`` are the packets' media times (samples), ``arrival`` their times of arrival (ns), in
    order; all packets usable before frame ``known_before`` are given. A packet is needed ``lead``
    samples before its time. None when more packets could still change the answer.
    """
    first, transit = media[0], arrival[0] // SAMPLE_NS - media[0]
    found = Anchor(first, transit, place_of(transit, depth))
    for at, came in zip(media[1:], arrival[1:], strict=True):
        first, transit = min(first, at), min(transit, came // SAMPLE_NS - at)
        better = Anchor(first, transit, place_of(transit, depth))
        # Once the stream is heard, or if it would begin in the past, a packet is too late.
        if came // FRAME_NS + 1 > better.begins(lead):
            return found
        found = better
    return None if known_before <= found.begins(lead) else found


def place_of(transit: int, depth: int) -> int:
    """Where to play a stream whose least delayed packet arrived ``transit`` after its media time.

    A frame later it can be used, wherever in a frame it arrived, and ``depth`` frames it waits;
    rounded to whole steps, and by a margin that a clock somewhat off does not tip over.
    """
    return (transit + FRAME_SAMPLES + _MARGIN) // STEP * STEP + depth * FRAME_SAMPLES
