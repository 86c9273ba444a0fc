"""Pieces of what should be heard, long enough to be found and short enough to move with the rest.

Only a piece that is like itself nowhere else nearby tells where it stands: a tone is at home at
each of its periods.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import energy_activity
from mediasim.audio.levels import rms_dbfs

__all__ = ["COARSE", "FINE", "Window", "sounding", "windows"]

COARSE: Final = 4000
"""Samples of a piece: half a second, a few syllables."""
FINE: Final = 1600
"""Samples of a piece whose place is known but for a few jumps: a syllable."""
_SHORTEST: Final = 800
_SOFTEST_DBFS: Final = -55.0
_PAUSE_MS: Final = 60
_PERIODS: Final = (24, 800)
"""Shifts at which a piece is compared with itself: 3 to 100 ms."""
_PERIODIC: Final = 0.9
_PERIODIC_WHEN_SMALL: Final = 0.97
"""Small pieces are looked for close to their place only, where few periods compete."""


@dataclass(frozen=True, slots=True)
class Window:
    """Samples ``start .. end`` of a channel as it should be."""

    start: int
    end: int
    telling: bool
    """Whether it can stand in one place only."""

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def sounding(samples: NDArray[np.int16]) -> list[tuple[int, int]]:
    """Where there is sound, pauses between words included."""
    return energy_activity(samples, hangover_ms=_PAUSE_MS)


def windows(
    samples: NDArray[np.int16], spans: list[tuple[int, int]], length: int = COARSE
) -> list[Window]:
    """The spans in pieces of at most that length, softest and shortest ones left out."""
    found = []
    limit = _PERIODIC if length == COARSE else _PERIODIC_WHEN_SMALL
    for start, end in spans:
        count = -(-(end - start) // length)
        edges = [start + (end - start) * number // count for number in range(count + 1)]
        for low, high in pairwise(edges):
            piece = samples[low:high]
            if high - low >= _SHORTEST and rms_dbfs(piece) > _SOFTEST_DBFS:
                found.append(Window(low, high, _periodicity(piece) <= limit))
    return found


def _periodicity(piece: NDArray[np.int16]) -> float:
    """How like itself a piece is at its likest shift."""
    signal = piece.astype(np.float64)
    size = 1 << (2 * len(signal) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)
    energy = np.concatenate(([0.0], np.cumsum(signal * signal)))
    shifts = np.arange(_PERIODS[0], min(_PERIODS[1], len(signal) // 2))
    if not len(shifts):
        return 1.0
    whole = np.sqrt(energy[len(signal) - shifts] * (energy[-1] - energy[shifts]))
    likeness = products[shifts] / np.maximum(whole, 1e-9)
    return float(likeness.max())
