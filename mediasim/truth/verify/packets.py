"""Packets that are silent, stand twice, or stand in the wrong order, at any phase in the file.

What a lossy format makes of a whole packet is never quite what was said, so each of these is told
by comparison with how well the rest of the channel fits: in a file that is right to the sample a
single wrong hop counts, in one of AMR only what the codec cannot have done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.verify.hops import HOP, QUIET, Hops, Ideal, dbfs, runs
from mediasim.truth.verify.spots import Spot

__all__ = ["Displaced", "displaced", "silenced"]

_Samples = NDArray[np.int16]
_Floats = NDArray[np.float64]
_Marks = NDArray[np.bool_]

_LOUD_DBFS: Final = -45.0
"""What is as loud as this is missed when it is not there."""
_SHORTEST: Final = 2
"""Hops of a hole."""
_HARDLY_DB: Final = 30.0
"""What is there is so much softer, where codecs leave nothing in a hole."""
_SOFTER_DB: Final = (10.0, 30.0)
"""And where they do, so much softer, and by so many spreads of the channel's own levels."""
_SPREADS: Final = 4.0
_ABOVE_NOISE: Final = 16.0
"""What should be heard is missed only where it would stand out of the noise: by 12 dB."""
_EDGE: Final = 2 * HOP
_PACKET: Final = 160
_STEP: Final = 80
"""Packets are multiples of 10 ms, so they stand others' multiples away."""
_FARTHEST: Final = 1600
_GIVE: Final = 2
"""Samples by which a place may be off, in a file that drifts or was resampled."""
_FITS: Final = 0.35
"""Of a packet's energy, what may be left unexplained by the one it is taken for."""
_BETTER: Final = 0.25
"""Of what is left if it is taken for the one that should be there."""
_UNLIKE: Final = 0.5
_WINDOW: Final = 4
_MOST: Final = 20_000
"""Packets looked at; a file with more of them is something else altogether."""


# -- holes -------------------------------------------------------------------------------------


def silenced(
    channel: _Samples, ideal: Ideal, hops: Hops, ignore: Sequence[tuple[int, int]]
) -> list[Spot]:
    """Where something should be heard, and there is silence.

    Neighbours with nothing to be heard between them are one: a channel that is dead has one spot.
    """
    loud = dbfs(hops.said) > _LOUD_DBFS
    hops.forget(loud, ignore)
    noise = _noise_peak(hops)
    limit = 10 ** (-_softer(hops, loud) / 10)
    gone = (hops.heard <= np.maximum(hops.said * limit, noise)) & (hops.said > _ABOVE_NOISE * noise)
    hole = np.zeros(len(loud), np.bool_)
    for start, end in runs(gone & (hops.said > 0)):
        if end - start >= _SHORTEST and loud[start:end].any():
            hole[start:end] = True
    hops.forget(hole, ignore)
    present = loud & ~hole
    found: list[Spot] = []
    between = np.concatenate(([0], np.cumsum(present)))
    last = 0
    for start, end in runs(hole):
        spot = _edges(channel, ideal, hops, start, end)
        if found and between[start] == between[last]:
            found[-1] = Spot(found[-1].start, spot.end)
        else:
            found.append(spot)
        last = end
    return found


def _softer(hops: Hops, loud: _Marks) -> float:
    """How much softer than it should be a hop is where it is missing, in decibels."""
    whole = loud & (hops.same == HOP)
    if np.count_nonzero(whole) > np.count_nonzero(loud) // 2 or not loud.any():
        return _HARDLY_DB
    levels = dbfs(hops.heard[loud]) - dbfs(hops.said[loud])
    low, middle = np.quantile(levels, (0.16, 0.5))
    return float(np.clip(_SPREADS * (middle - low) - middle, *_SOFTER_DB))


def _noise_peak(hops: Hops) -> float:
    """The energy of a hop that noise does not exceed; a little for silence itself."""
    least = HOP * QUIET * QUIET / 4
    if not hops.pauses:
        return least
    quiet = hops.heard[hops.silent]
    return max(least, 2 * float(np.quantile(quiet[quiet <= 4 * max(hops.noise, least)], 0.95)))


def _edges(channel: _Samples, ideal: Ideal, hops: Hops, first: int, last: int) -> Spot:
    """The hole to the sample where there is dead silence in it, else to the hop."""
    start, end = hops.span(first, last)
    low, high = max(0, start - _EDGE), min(hops.samples, end + _EDGE)
    silent = np.abs(channel[low:high].astype(np.float64) - hops.dc) <= QUIET
    if not silent[start - low : end - low].all():
        return Spot(start, end)
    sound = np.flatnonzero(~silent)
    before, after = sound[sound < start - low], sound[sound >= end - low]
    wide_start = low + (int(before[-1]) + 1 if len(before) else 0)
    wide_end = low + (int(after[0]) if len(after) else len(silent))
    # Silence that belongs there is no part of the hole.
    said = np.flatnonzero(np.abs(ideal(wide_start, wide_end)) > QUIET / 2)
    if not len(said):
        return Spot(start, end)
    return Spot(wide_start + int(said[0]), wide_start + int(said[-1]) + 1)


# -- packets of another place ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Displaced:
    """What is heard in places where something else should be."""

    repeated: list[Spot]
    """What came before, once more."""
    reordered: list[Spot]
    """What should come later, and what was due meanwhile."""
    unlike: list[Spot]
    """Something that was said at no time near."""


def displaced(
    channel: _Samples, ideal: Ideal, hops: Hops, ignore: Sequence[tuple[int, int]]
) -> Displaced:
    """Where the channel holds other packets than it should."""
    wrong, usual, exact = _wrong(hops)
    hops.forget(wrong, ignore)
    found: list[tuple[Spot, int | None]] = []
    for first, last in runs(wrong):
        if len(found) > _MOST:
            break
        low, high = hops.span(first, last)
        if exact:
            low, high = _inexact(channel, ideal, low, high)
        elif high - low < _PACKET // 2:
            continue
        for start in range(low, high, _PACKET):
            end = min(start + _PACKET, high)
            if end - start < HOP and not exact:
                continue
            shift = _shift(channel, ideal, hops, start, end, usual)
            found.append((Spot(start, end), shift))
    return _sorted(found, exact)


def _wrong(hops: Hops) -> tuple[_Marks, float, bool]:
    """Hops that do not fit, what usually is left unexplained, and whether most are exact."""
    loud = np.maximum(dbfs(hops.said), dbfs(hops.heard)) > _LOUD_DBFS
    sounding = (hops.said > 0) & loud
    exact = np.count_nonzero(hops.same[sounding] == HOP) > np.count_nonzero(sounding) // 2
    if exact:
        return (hops.same < HOP) & (hops.said > 0), 0.0, True
    said = np.convolve(hops.said, np.ones(_WINDOW), "same")
    left = np.maximum(np.convolve(hops.left - hops.noise, np.ones(_WINDOW), "same"), 0.0)
    share = left / np.maximum(said, 1.0)
    usual = float(np.median(share[sounding])) if sounding.any() else 1.0
    return sounding & (share > min(max(4 * usual, 0.1), 0.7)), usual, False


def _inexact(channel: _Samples, ideal: Ideal, low: int, high: int) -> tuple[int, int]:
    """From the first wrong sample to after the last."""
    wrong = np.flatnonzero(channel[low:high] != ideal(low, high))
    return low + int(wrong[0]), low + int(wrong[-1]) + 1


def _shift(
    channel: _Samples, ideal: Ideal, hops: Hops, start: int, end: int, usual: float
) -> int | None:
    """How much later (or if negative earlier) what stands there should come; None if never.

    0 if it is nearest to what should be there, or is no sound to speak of.
    """
    there = channel[start:end].astype(np.float64) - hops.dc
    energy = float(there @ there)
    if energy < (end - start) * QUIET * QUIET:
        return 0
    low = start - _FARTHEST - _GIVE
    around = ideal(low, end + _FARTHEST + _GIVE).astype(np.float64) * hops.gain
    dots = np.correlate(around, there)
    total = np.concatenate(([0.0], np.cumsum(around * around)))
    own = total[len(there) :] - total[: -len(there)]
    left = energy - 2 * dots + own
    here = float(left[_FARTHEST : _FARTHEST + 2 * _GIVE + 1].min())
    shifts = np.arange(-_FARTHEST, _FARTHEST + 1, _STEP)[:, np.newaxis] + np.arange(
        -_GIVE, _GIVE + 1
    )
    shifts = shifts[np.abs(shifts) > _GIVE]
    best = int(shifts[np.argmin(left[shifts + _FARTHEST + _GIVE])])
    least = max(float(left[best + _FARTHEST + _GIVE]), 0.0)
    if least <= min(max(4 * usual, 0.02), _FITS) * energy and least <= _BETTER * here:
        return best
    meant = own[_FARTHEST + _GIVE]
    likeness = dots[_FARTHEST + _GIVE] / max(float(np.sqrt(energy * meant)), 1e-9)
    return None if likeness < _UNLIKE else 0


def _sorted(found: Sequence[tuple[Spot, int | None]], exact: bool) -> Displaced:
    result = Displaced([], [], [])
    for number, (spot, shift) in enumerate(found):
        if shift is None:
            if exact:
                _add(result.unlike, spot)
        elif shift > 0:
            _add(result.reordered, spot)
        elif shift < 0:
            # Whatever came too early took the place of this one.
            beside = [
                other
                for near, other in found[max(0, number - 3) : number + 4]
                if other is not None and other > 0
                if abs(near.start - spot.start) <= abs(shift) + _PACKET
            ]
            _add(result.reordered if beside else result.repeated, spot)
    return result


def _add(spots: list[Spot], spot: Spot) -> None:
    if spots and spot.start - spots[-1].end <= HOP:
        spots[-1] = Spot(spots[-1].start, max(spot.end, spots[-1].end))
    else:
        spots.append(spot)
