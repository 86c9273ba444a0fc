"""Voice activity as it is heard, frame by frame: what a party in a call goes by.

A frame is speech if it is loud, and stands out of the noise that is always there. The noise is the
quietest moment of the last four seconds: speech pauses within that, so on a clean line there is
none and loudness alone decides. Noise that has just begun counts as speech until then; whoever
asks can learn that it was not.

All sums are whole numbers, so a frame is speech on every machine or on none. That is why this is
no neural network: theirs differ in the last bits, and they take a hundred times as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["HEARD_DBFS", "LiveActivity"]

HEARD_DBFS: Final = -45.0
"""A frame less loud than this is never speech."""
_LOUD_DBFS: Final = -30.0
"""One as loud as this always is, however long it lasts: noise is not."""
_WINDOW: Final = 200
"""Frames among which the quietest is looked for."""
_PARTS: Final = 20
_SMOOTH: Final = 3
"""Frames of which the mean is taken: noise has quiet moments too."""
_TIMES: Final = (25, 4)
"""Times the noise's energy that speech has: 14 dB; of its changes from sample to sample 6 dB, for
in those the slow swings of pink noise are not."""


def _energy(dbfs: float) -> int:
    """The least energy of a frame of a level."""
    return -int(-FRAME_SAMPLES * (32768 * 10 ** (dbfs / 20)) ** 2 // 1)


_HEARD: Final = _energy(HEARD_DBFS)
_LOUD: Final = _energy(_LOUD_DBFS)


class LiveActivity:
    """Follows one track."""

    def __init__(self) -> None:
        self._last = deque([(0.0, 0.0)] * _SMOOTH, _SMOOTH)
        """Energies of the last frames, and of their changes."""
        self._quietest = deque([(0.0, 0.0)] * _PARTS, _PARTS)
        """The least sums of each part of the last four seconds."""
        self._part: list[tuple[float, float]] = []
        self._noise = (0.0, 0.0)
        self._heard = (0.0, 0.0)
        """The largest of each that was taken for speech since the last mark."""

    def mark(self) -> None:
        """Forget what was heard until now, but not the noise."""
        self._heard = (0.0, 0.0)

    def hear(self, pcm: NDArray[np.int16]) -> Iterator[tuple[bool, bool]]:
        """Tell of each of the next frames, given as samples, two things.

        Whether it is speech; and whether all that was taken for speech since the last mark now
        turns out to be noise. A mark between two of them counts from there on. The frames have
        been heard once all are asked for.
        """
        frames = pcm.reshape(-1, FRAME_SAMPLES).astype(np.float64)  # whole numbers, and exact sums
        changes = np.diff(frames, axis=1)
        energies = np.einsum("ij,ij->i", frames, frames).tolist()
        for energy, change in zip(
            energies, np.einsum("ij,ij->i", changes, changes).tolist(), strict=True
        ):
            self._follow(energy, change)
            speech = energy >= _HEARD and _stands_out(energy, change, self._noise)
            if speech:
                self._heard = max(self._heard[0], energy), max(self._heard[1], change)
            yield speech, not _stands_out(*self._heard, self._noise)

    def _follow(self, energy: float, change: float) -> None:
        """Let a frame count for the noise, which changes five times a second."""
        self._last.append((energy, change))
        self._part.append((sum(it[0] for it in self._last), sum(it[1] for it in self._last)))
        if len(self._part) == _WINDOW // _PARTS:
            self._quietest.append(_least(self._part))
            self._part.clear()
            self._noise = _least(self._quietest)


def _least(sums: Iterable[tuple[float, float]]) -> tuple[float, float]:
    energies, changes = zip(*sums, strict=True)
    return min(energies), min(changes)


def _stands_out(energy: float, change: float, noise: tuple[float, float]) -> bool:
    """Whether a frame stands out of the sums of the quietest ones, in either measure."""
    return (
        _SMOOTH * energy >= _TIMES[0] * noise[0]
        or _SMOOTH * change >= _TIMES[1] * noise[1]
        or energy >= _LOUD
    )
