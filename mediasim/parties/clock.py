"""A sender's clock: the loop time at which each sample of the sender's own count begins.

A clock may run fast or slow by some parts per million, and the sender may freeze for a while and
go on as if no time had passed (a stall of kind "pause"), which delays everything after it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_NS
from mediasim.net.network import Stall

__all__ = ["SenderClock"]


class SenderClock:
    """A map from a sender's samples to loop time and back."""

    def __init__(self, start_ns: int, skew_ppm: float = 0.0, stalls: Sequence[Stall] = ()) -> None:
        """Start the clock at a loop time; a positive ``skew_ppm`` makes it run fast."""
        self.start_ns = start_ns
        self._rate = 1.0 + skew_ppm * 1e-6
        self.skewed = skew_ppm != 0.0
        self._freezes = sorted(
            (stall.at // SAMPLE_NS, int(stall.for_)) for stall in stalls if stall.kind == "pause"
        )
        self._silences = [
            (stall.at // SAMPLE_NS, (stall.at + stall.for_) // SAMPLE_NS)
            for stall in stalls
            if stall.kind == "gap"
        ]

    def time_of(self, sample: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the loop times (n,), in nanoseconds, at which samples (n,) begin."""
        elapsed = sample * SAMPLE_NS
        if self.skewed:
            elapsed = np.rint(elapsed / self._rate).astype(np.int64)
        for at, length in self._freezes:
            # Sample ``at`` still begins on time: the freeze is within it.
            elapsed = elapsed + (sample > at) * length
        return elapsed + self.start_ns

    def time_of_one(self, sample: int) -> int:
        """Return the loop time at which a sample begins, as :meth:`time_of` does for arrays."""
        elapsed = sample * SAMPLE_NS
        if self.skewed:
            elapsed = round(elapsed / self._rate)
        for at, length in self._freezes:
            elapsed += length if sample > at else 0
        return elapsed + self.start_ns

    def sample_at(self, now_ns: int) -> int:
        """Return the first sample that begins at a loop time or later."""
        elapsed = now_ns - self.start_ns
        for at, length in self._freezes:
            frozen = round(at * SAMPLE_NS / self._rate)
            # No sample begins during the freeze: its whole length counts as its first moment.
            if elapsed > frozen:
                elapsed = max(frozen, elapsed - length)
        if not self.skewed:
            return max(0, -(-elapsed // SAMPLE_NS))
        sample = max(0, -int(-elapsed * self._rate // SAMPLE_NS))
        # Times are whole nanoseconds: the sample before may begin at this very one.
        return sample - (sample > 0 and round((sample - 1) * SAMPLE_NS / self._rate) >= elapsed)

    def silent(self, sample: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return, as bool (n,), which packets that start at these samples are never sent."""
        quiet = np.zeros(len(sample), np.bool_)
        for low, high in self._silences:
            quiet |= (sample >= low) & (sample < high)
        return quiet

    @property
    def steady(self) -> bool:
        """Whether the clock runs as the loop's does, without a stall."""
        return not (self.skewed or self._freezes or self._silences)

    @property
    def has_silences(self) -> bool:
        """Whether there is a stall of kind "gap", whose packets are never sent."""
        return bool(self._silences)
