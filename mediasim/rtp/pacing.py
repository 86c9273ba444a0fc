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

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.ring import Columns

__all__ = [
    "DRIFT_BOUND",
    "ENOUGH",
    "STEP",
    "WINDOW_FRAMES",
    "Anchor",
    "FirstPackets",
    "Pacing",
    "place_of",
]

STEP: Final = 80
"""Samples by which a place moves: 10 ms, the unit of presence."""
WINDOW_FRAMES: Final = 25
PATIENCE: Final = 4
"""Windows in a row that must agree before a drift is followed: 2 s."""
ENOUGH: Final = 5
"""Packets below which a window says nothing: of 60 ms, a window has 8."""
_FAR: Final = 64 * FRAME_SAMPLES
"""Samples by which no packet of one beginning is off another."""
_MARGIN: Final = 4
"""Half a millisecond: networks are described in whole ones."""

DRIFT_BOUND: Final = STEP + FRAME_SAMPLES // 4
"""Samples a clip can be from its true place under drift up to 1,000 ppm on a link without
jitter: one step, and what is gained while patience lasts."""


class Pacing(Columns):
    """The judgement of many streams' windows: columns, a row per stream."""

    def __init__(self, early_samples: int) -> None:
        """``early_samples``: packets that much before their time are far too early."""
        self._early = early_samples
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._late = np.zeros(rows, np.int64)
        """Slack by which a window's packets are all too late to be played."""
        self._reference = np.zeros(rows, np.int64)
        self._streak = np.zeros(rows, np.int64)
        """Windows in a row that were off; negative for those to the early side,"""
        self._least = np.zeros(rows, np.int64)
        """and the least any of them was."""
        self._leapt = np.zeros(rows, np.bool_)
        """Whether the last window was far too early."""

    def refer(self, row: int, slack: int, late_samples: int) -> None:
        """A stream was given its place: ``slack`` is the least of its packets' ``arrival - output
        place`` (samples) then, ``late_samples`` how much more makes them too late."""
        self._reference[row] = slack
        self._late[row] = late_samples
        self._streak[row] = 0
        self._leapt[row] = False

    def reference(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The least slack of the rows' first packets."""
        return self._reference[rows]

    def calm(
        self, rows: NDArray[np.int64], slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which finished windows change nothing: they need not be judged."""
        off = np.abs(slack - self._reference[rows])
        restless = (self._streak[rows] != 0) | self._leapt[rows]
        found: NDArray[np.bool_] = (packets < ENOUGH) | ((off < STEP) & ~restless)
        return found

    def judge(
        self, rows: NDArray[np.int64], slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Samples to move by (multiples of ``STEP``), given finished windows' least slack.

        One window of each of ``rows``; none of them twice.
        """
        moves = np.zeros(len(rows), np.int64)
        telling = packets >= ENOUGH
        if not telling.all():
            moves[telling] = self.judge(rows[telling], slack[telling], packets[telling])
            return moves
        off = slack - self._reference[rows]
        streak, least = self._streak[rows], self._least[rows]
        leaps = off < -self._early
        again = leaps & self._leapt[rows]
        stray = leaps & ~again  # one stray packet is enough for it
        at_once = again | (off > self._late[rows])
        side = np.sign(off)
        drifting = (np.abs(off) >= STEP) & ~at_once
        going_on = drifting & (streak * side > 0)
        nearer = np.where(going_on & (np.abs(least) <= np.abs(off)), least, off)
        counted = np.where(drifting, np.where(going_on, streak, 0) + side, 0)
        agreed = ~stray & (np.abs(counted) >= PATIENCE)
        self._leapt[rows] = leaps
        self._streak[rows] = np.where(stray, streak, np.where(agreed, 0, counted))
        self._least[rows] = np.where(drifting & ~stray, nearer, least)
        moves[at_once] = _whole_steps(off[at_once])
        moves[agreed] = _whole_steps(nearer[agreed])
        return moves


def _whole_steps(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Toward zero."""
    steps: NDArray[np.int64] = samples - np.fmod(samples, STEP)
    return steps


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


class FirstPackets:
    """Gives a new stream its place from the packets that come before it is played."""

    def __init__(self, depth: int, lead: int = 0) -> None:
        """A packet is needed ``lead`` samples before its time."""
        self._depth = depth
        self._lead = lead
        self._found: Anchor | None = None
        self._begins = 0
        self._closed = False

    def take(self, media: int, arrival: int) -> None:
        """The next packet: its media time (samples) and time of arrival (ns)."""
        if self._closed:
            return
        transit = arrival // SAMPLE_NS - media
        if self._found is not None and abs(transit - self._found.transit) > _FAR:
            return  # of another beginning, or a stray
        better, begins = self._found, self._begins
        if better is None or media < better.first or transit < better.transit:
            if better is not None:
                media, transit = min(better.first, media), min(better.transit, transit)
            better = Anchor(media, transit, place_of(transit, self._depth))
            begins = better.begins(self._lead)
        # Once the stream is heard, or if it would begin in the past, a packet is too late.
        if self._found is not None and arrival // FRAME_NS + 1 > begins:
            self._closed = True
        else:
            self._found, self._begins = better, begins

    def anchor(self, known_before: int) -> Anchor | None:
        """What they say, all packets usable before frame ``known_before`` having been taken.

        None when there is none, or more could still change the answer.
        """
        return self._found if self._closed or known_before > self._begins else None


def place_of(transit: int, depth: int) -> int:
    """Where to play a stream whose least delayed packet arrived ``transit`` after its media time.

    A frame later it can be used, wherever in a frame it arrived, and ``depth`` frames it waits;
    rounded to whole steps, and by a margin that a clock somewhat off does not tip over.
    """
    return (transit + FRAME_SAMPLES + _MARGIN) // STEP * STEP + depth * FRAME_SAMPLES
