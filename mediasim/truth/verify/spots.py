"""Places in a channel: what is missing, what was never said, clicks, and cut-off tops.

The channel is compared with what it should be, laid out in the file's own time, in frames of
20 ms. What a drift or a jump explains is no finding here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["Spot", "clicks", "clipped_samples", "invented", "silenced"]

_Samples = NDArray[np.int16]

_LOUD_DBFS: Final = -45.0
"""A frame as loud as this is missed when it is not there."""
_HARDLY_DB: Final = 30.0
"""It is not there if what is there is so much softer."""
_QUIET: Final = 16
"""A sample no larger is silence: A-law's is 8."""
_AROUND: Final = 2
"""Frames around a sound in which nothing counts as never said: codecs ring, drifts are rounded."""
_HEARD_DBFS: Final = -45.0
_SHARP: Final = 2.5
"""Times that the sharpest bend of a click exceeds the sharpest of what was said."""
_LEAST_BEND: Final = 6000.0
_TOP: Final = 0.7 * 32768
_FLAT: Final = 3


@dataclass(frozen=True, slots=True)
class Spot:
    """Samples ``start .. end`` of the file."""

    start: int
    end: int

    @property
    def samples(self) -> int:
        return self.end - self.start


def silenced(channel: _Samples, ideal: _Samples, gain: float, ignore: list[Spot]) -> list[Spot]:
    """Where something should be heard, and there is silence.

    Neighbours with nothing to be heard between them are one: a channel that is dead has one spot.
    """
    should, there = _levels(ideal) + _db(gain), _levels(channel)
    loud = should > _LOUD_DBFS
    _forget(loud, ignore)
    gone = loud & (there < should - _HARDLY_DB)
    present = loud & ~gone
    spots: list[Spot] = []
    for start, end in _runs(gone):
        if spots and not present[spots[-1].end // FRAME_SAMPLES : start].any():
            spots[-1] = Spot(spots[-1].start, end * FRAME_SAMPLES)
        else:
            spots.append(Spot(start * FRAME_SAMPLES, end * FRAME_SAMPLES))
    return [Spot(it.start, min(it.end, len(channel))) for it in spots]


def invented(channel: _Samples, ideal: _Samples, ignore: list[Spot]) -> list[Spot]:
    """Where nothing should be heard, and something is."""
    silent = _near(_peaks(ideal) > _QUIET, _AROUND) == 0
    _forget(silent, ignore)
    heard = silent & (_levels(channel) > _HEARD_DBFS)
    return [
        Spot(start * FRAME_SAMPLES, min(end * FRAME_SAMPLES, len(channel)))
        for start, end in _runs(heard)
    ]


def clicks(channel: _Samples, ideal: _Samples, gain: float) -> list[Spot]:
    """Bends sharper than any of what was said; those within a frame of each other are one."""
    sharpest = max(float(np.abs(np.diff(ideal.astype(np.float64), 2)).max(initial=0)), 2000.0)
    bend = np.abs(np.diff(channel.astype(np.float64), 2))
    found: list[Spot] = []
    for sample in np.flatnonzero(bend > max(_SHARP * sharpest * gain, _LEAST_BEND)).tolist():
        if found and sample - found[-1].end < FRAME_SAMPLES:
            found[-1] = Spot(found[-1].start, sample + 3)
        else:
            found.append(Spot(sample, sample + 3))
    return found


def clipped_samples(channel: _Samples, ideal: _Samples) -> int:
    """Samples in flat tops at the channel's extreme, those of what was said itself left out."""
    own = _flat_tops(ideal)
    count = _flat_tops(channel)
    return count if count > 2 * own + _FLAT else 0


def _flat_tops(samples: _Samples) -> int:
    if not len(samples):
        return 0
    count = 0
    for extreme in (int(samples.max()), int(samples.min())):
        if abs(extreme) >= _TOP:
            count += sum(
                end - start for start, end in _runs(samples == extreme) if end - start >= _FLAT
            )
    return count


def _frames(samples: _Samples) -> _Samples:
    whole = np.zeros(-(-len(samples) // FRAME_SAMPLES) * FRAME_SAMPLES, np.int16)
    whole[: len(samples)] = samples
    return whole.reshape(-1, FRAME_SAMPLES)


def _levels(samples: _Samples) -> NDArray[np.float64]:
    """The level of each frame in dBFS, digital silence far below all others."""
    frames = _frames(samples)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / FRAME_SAMPLES
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-4) / 32768.0**2)
    return levels


def _peaks(samples: _Samples) -> NDArray[np.int32]:
    peaks: NDArray[np.int32] = np.abs(_frames(samples).astype(np.int32)).max(axis=1, initial=0)
    return peaks


def _db(gain: float) -> float:
    return float(20 * np.log10(max(gain, 1e-9)))


def _near(marked: NDArray[np.bool_], frames: int) -> NDArray[np.int64]:
    """How many frames around each are marked."""
    count = np.convolve(marked.astype(np.int64), np.ones(2 * frames + 1, np.int64))
    return count[frames : frames + len(marked)]


def _forget(marked: NDArray[np.bool_], spots: list[Spot]) -> None:
    for spot in spots:
        marked[max(0, spot.start // FRAME_SAMPLES - 1) : spot.end // FRAME_SAMPLES + 2] = False


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False)).reshape(-1, 2)
    return [(int(start), int(end)) for start, end in edges.tolist()]
