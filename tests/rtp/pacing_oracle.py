"""When a stream's place moves, in plain rules for one stream: the oracle of its tests."""

from __future__ import annotations

from mediasim.rtp.probation import STEP
from mediasim.rtp.skew_compensation import ENOUGH, PATIENCE

__all__ = ["PlainPacing"]


class PlainPacing:
    """The windows of one stream since it was given its place."""

    def __init__(self, slack: int, late_samples: int, early_samples: int) -> None:
        self._reference = slack
        self._late = late_samples
        self._early = early_samples
        self._streak = 0
        self._least = 0
        self._leapt = False

    def judge(self, slack: int, packets: int) -> int:
        """Samples to move by (a multiple of ``STEP``), given a finished window's least slack."""
        if packets < ENOUGH:
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
