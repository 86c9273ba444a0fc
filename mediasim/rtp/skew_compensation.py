"""Skew compensation: when the playout offset of a stream moves, and by how much.

A stream keeps its offset for as long as its packets come about when they should. Two things move
it, both seen in the least delay of a window of packets (RFC 3550 section 6.3.1's idea of using the
minimum, which jitter does not touch):

- *drift*: the sender's clock is off. When the minimum has been off to the same side by at least
  ``STEP`` samples for ``PATIENCE`` windows, the offset moves by whole steps. A clip's position
  therefore stays within ``DRIFT_BOUND`` of its true one at any call length.
- *restart*: every packet of one window came too late to be played, as after a sender that
  stopped and went on with continuous timestamps, or packets of two windows far too early, as
  after one that jumped ahead. The offset moves at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.rtp.probation import STEP
from mediasim.rtp.ring import Columns

__all__ = ["DRIFT_BOUND", "ENOUGH", "PATIENCE", "STEP", "SkewCompensation"]


PATIENCE: Final = 4
"""Windows in a row that must agree before a drift is followed: 2 s."""
ENOUGH: Final = 5
"""Packets below which a window says nothing: with packets of 60 ms a window has 8."""

DRIFT_BOUND: Final = STEP + FRAME_SAMPLES // 4
"""Samples a clip can be from its true position under drift up to 1,000 ppm on a link without
jitter: one step, and what drifts while patience lasts."""


class SkewCompensation(Columns):
    """Judges the windows of many streams: columns, a row per stream."""

    def __init__(self, early_samples: int) -> None:
        """Packets ``early_samples`` before their time are far too early."""
        self._early = early_samples
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._late = np.zeros(rows, np.int64)
        """Slack from which on a window's packets are all too late to be played."""
        self._reference = np.zeros(rows, np.int64)
        """The least slack of the stream's first packets."""
        self._streak = np.zeros(rows, np.int64)
        """Windows in a row that were off; negative for those to the early side."""
        self._least = np.zeros(rows, np.int64)
        """The least deviation of the windows in the streak."""
        self._leapt = np.zeros(rows, np.bool_)
        """Whether the last window was far too early."""

    def refer(self, row: int, slack: int, late_samples: int) -> None:
        """Set the reference of a stream that got its offset.

        ``slack`` is the least of its packets' ``arrival - media time - offset`` in samples;
        ``late_samples`` more makes packets too late.
        """
        self._reference[row] = slack
        self._late[row] = late_samples
        self._streak[row] = 0
        self._leapt[row] = False

    def reference(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the least slack of the rows' first packets."""
        return self._reference[rows]

    def reference_of(self, row: int) -> int:
        """Return the least slack of one row's first packets."""
        return int(self._reference[row])

    def calm_one(self, row: int, slack: int, packets: int) -> bool:
        """Return whether one row's finished window changes nothing and need not be judged."""
        restless = bool(self._streak[row]) or bool(self._leapt[row])
        return packets < ENOUGH or (abs(slack - self.reference_of(row)) < STEP and not restless)

    def calm(
        self, rows: NDArray[np.int64], slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which finished windows change nothing and need not be judged."""
        off = np.abs(slack - self._reference[rows])
        restless = (self._streak[rows] != 0) | self._leapt[rows]
        found: NDArray[np.bool_] = (packets < ENOUGH) | ((off < STEP) & ~restless)
        return found

    def foresee_move(
        self, row: int, slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> int | None:
        """Return which of a row's next windows, given by least slack, would move it; None: none."""
        if self.calm(np.full(len(slack), row), slack, packets).all():
            return None
        twin = SkewCompensation(self._early)
        twin.ensure(1)
        for name, column in vars(twin).items():
            if isinstance(column, np.ndarray):
                column[0] = getattr(self, name)[row]
        only = np.zeros(1, np.int64)
        for index in range(len(slack)):
            if twin.judge(only, slack[index : index + 1], packets[index : index + 1])[0]:
                return index
        return None

    def judge(
        self, rows: NDArray[np.int64], slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return samples to move by (multiples of ``STEP``), given finished windows' least slack.

        One window of each of ``rows``; no row twice.
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
        # No patience where waiting costs audio: all of a window was too late, or two
        # windows far too early.
        at_once = again | (off > self._late[rows])
        side = np.sign(off)
        drifting = (np.abs(off) >= STEP) & ~at_once
        going_on = drifting & (streak * side > 0)
        # The nearest of the streak: the offset never moves beyond what every window of it
        # agrees on.
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
    """Round toward zero to whole steps."""
    steps: NDArray[np.int64] = samples - np.fmod(samples, STEP)
    return steps
