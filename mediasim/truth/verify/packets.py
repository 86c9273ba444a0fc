"""Packets that are silent, stand twice, or stand in the wrong order, at any phase in the file.

What a lossy format makes of a whole packet is never quite what was said, so each of these is told
by comparison with how well the rest of the channel fits: in a file that is right to the sample a
single wrong hop counts, in one of AMR only what the codec cannot have done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mediasim.truth.verify.hops import HOP, QUIET, Hops, Ideal, dbfs, runs
from mediasim.truth.verify.spots import Spot

__all__ = ["Displaced", "displaced", "silenced"]

_Samples = NDArray[np.int16]
_Floats = NDArray[np.float64]
_Marks = NDArray[np.bool_]
Spans = Sequence[tuple[int, int]]

_LOUD_DBFS: Final = -45.0
"""What is as loud as this is missed when it is not there."""
_SHORTEST: Final = (1, 2, 3)
"""Hops of a hole in a file that is exact, in one that fits well, and after a lossy codec."""
_SHORTEST_DRIFTING: Final = 4
_HARDLY_DB: Final = 30.0
"""What is there is so much softer, where codecs leave nothing in a hole."""
_SOFTER_DB: Final = (14.0, 30.0)
"""And where they do, so much softer, and by so many spreads of the channel's own levels."""
_SURE_DB: Final = 20.0
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
_BLOCK: Final = 20
"""Samples of which it is told where they come from."""
_LEAST: Final = (60, 100)
"""Samples from another place, at least; and where a codec was at work."""
_MOST_SAMPLES: Final = 1600
"""And at most: what is displaced for longer has moved, and is no packet in a wrong place."""
_EXACT_WINDOW: Final = 2
_LOSSY_WINDOW: Final = 5
"""Blocks looked at together."""
_FITS: Final = 0.35
"""Of a part's energy, what may be left unexplained by that which it is taken for."""
_BETTER: Final = 0.25
"""Of what is left if it is taken for the one that should be there."""
_LIKE: Final = 0.5
"""Correlation from which on a part is what it should be, if spoilt."""
_ROUNDED: Final = 0.02
_WINDOW: Final = 4
_LONGEST: Final = 16_000
_MOST: Final = 3000
"""Spans looked at, the longest ones: of a file with more of them no packet is to blame."""


# -- holes -------------------------------------------------------------------------------------


def silenced(
    channel: _Samples, ideal: Ideal, hops: Hops, ignore: Spans, *, drifts: bool = False
) -> list[Spot]:
    """Where something should be heard, and there is silence.

    What should be heard is known less exactly in a channel that ``drifts``.
    Neighbours with nothing to be heard between them are one: a channel that is dead has one spot.
    """
    loud = dbfs(hops.said) > _LOUD_DBFS
    hops.forget(loud, ignore)
    noise = _noise_peak(hops)
    softer = max(_softer(hops, loud), _SURE_DB if drifts else 0.0)
    limit = 10 ** (-softer / 10)
    gone = (hops.heard <= np.maximum(hops.said * limit, noise)) & (hops.said > _ABOVE_NOISE * noise)
    if not hops.mostly_exact:  # what is softer by far, but what it should be, is there
        nothing = hops.heard <= np.maximum(hops.said * 10 ** (-_SURE_DB / 10), noise)
        gone &= nothing | (hops.common**2 < _LIKE**2 * hops.said * hops.heard)
    hole = np.zeros(len(loud), np.bool_)
    shortest = _SHORTEST[0 if hops.mostly_exact else 1 if softer > _SURE_DB else 2]
    if drifts:
        shortest = _SHORTEST_DRIFTING
    for start, end in runs(gone & (hops.said > 0)):
        if end - start >= shortest and loud[start:end].any():
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
    if hops.mostly_exact or not loud.any():
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
    inner = slice(start - low + HOP // 2, end - low - HOP // 2)  # a hop may begin in sound
    if not silent[inner].all():
        return Spot(start, end)
    sound = np.flatnonzero(~silent)
    before, after = sound[sound < inner.start], sound[sound >= inner.stop]
    wide_start = low + (int(before[-1]) + 1 if len(before) else 0)
    wide_end = low + (int(after[0]) if len(after) else len(silent))
    # Silence that belongs there is no part of the hole, nor is what is there, however soft.
    wanted = ideal(wide_start, wide_end)
    lacking = np.abs(channel[wide_start:wide_end] - hops.dc - wanted) > QUIET / 2
    said = np.flatnonzero(lacking & (np.abs(wanted) > QUIET / 2))
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
    channel: _Samples, ideal: Ideal, hops: Hops, ignore: Spans, jumps: Sequence[int]
) -> Displaced:
    """Where the channel holds other packets than it should.

    ``jumps`` are the samples by which its audio is moved somewhere: what stands so far from its
    place was moved, and is told of as that.
    """
    wrong, usual = _wrong(hops)
    exact = usual == 0.0
    hops.forget(wrong, ignore)
    found: list[tuple[Spot, int]] = []
    unlike: list[Spot] = []
    for first, last in _longest(runs(wrong)):
        low, high = hops.span(max(0, first - 1), last + 1)
        if high - low > _LONGEST:
            continue  # no packet, but something else altogether
        moved = _moved(channel, ideal, hops, low, high, usual)
        found += [
            (spot, shift)
            for spot, shift in moved
            if all(abs(abs(shift) - abs(jump)) > _GIVE for jump in jumps)
        ]
        if exact and not moved:
            spot = _unlike(channel, ideal, hops, low, high)
            if spot is not None:
                _add(unlike, spot)
    return _sorted(found, unlike)


def _longest(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted(sorted(spans, key=lambda it: it[0] - it[1])[:_MOST])


def _wrong(hops: Hops) -> tuple[_Marks, float]:
    """Hops that do not fit, and the share of energy that usually is left unexplained."""
    loud = np.maximum(dbfs(hops.said), dbfs(hops.heard)) > _LOUD_DBFS
    sounding = (hops.said > 0) & loud
    if hops.mostly_exact:
        # Encoders of G.711 differ by a level now and then.
        close = hops.left <= _ROUNDED * np.minimum(hops.said, hops.heard)
        return sounding & (hops.same < HOP) & ~close, 0.0
    said = np.convolve(hops.said, np.ones(_WINDOW), "same")
    left = np.maximum(np.convolve(hops.left - hops.noise, np.ones(_WINDOW), "same"), 0.0)
    share = left / np.maximum(said, 1.0)
    usual = float(np.median(share[sounding])) if sounding.any() else 1.0
    return sounding & (share > min(max(4 * usual, 0.1), 0.7)), max(usual, 1e-6)


def _moved(
    channel: _Samples, ideal: Ideal, hops: Hops, low: int, high: int, usual: float
) -> list[tuple[Spot, int]]:
    """Parts of a span that are what should come so much later, or if negative earlier."""
    count = (high - low) // _BLOCK
    there = channel[low : low + count * _BLOCK].astype(np.float64) - hops.dc
    around = ideal(low - _FARTHEST - _GIVE, low + len(there) + _FARTHEST + _GIVE) * hops.gain
    steps = np.arange(-_FARTHEST, _FARTHEST + 1, _STEP)
    shifts = (steps[:, np.newaxis] + np.arange(-_GIVE, _GIVE + 1)).ravel()
    places = sliding_window_view(around, len(there))[shifts + _FARTHEST + _GIVE]
    width = _EXACT_WINDOW if usual == 0.0 else _LOSSY_WINDOW
    left = _block_sums((there - places) ** 2, width)
    energy = _block_sums(there[np.newaxis] ** 2, width)[0]
    near = np.abs(shifts) <= _GIVE
    here = left[near].min(axis=0)
    left[near] = np.inf
    best = left.argmin(axis=0)
    least = left[best, np.arange(count)]
    fits = least <= min(max(4 * usual, 0.05), _FITS) * energy
    fits &= (least <= _BETTER * here) & (energy > width * _BLOCK * QUIET * QUIET)
    shift = np.where(fits, (np.rint(shifts[best] / _STEP) * _STEP).astype(np.int64), 0)
    least_samples = _LEAST[0 if usual == 0.0 else 1]
    found = []
    edges = np.flatnonzero(np.diff(shift, prepend=0, append=0)).tolist()
    for first, last in pairwise(edges):
        moved = int(shift[first])
        if moved and least_samples <= (last - first) * _BLOCK <= _MOST_SAMPLES:
            found.append((Spot(low + first * _BLOCK, low + last * _BLOCK), moved))
    return found


def _block_sums(values: _Floats, width: int) -> _Floats:
    """The sum around each block of each row, so many blocks in all."""
    sums = values.reshape(len(values), -1, _BLOCK).sum(axis=2)
    total = np.zeros((len(sums), sums.shape[1] + width))
    np.cumsum(sums, axis=1, out=total[:, width // 2 + 1 : width // 2 + 1 + sums.shape[1]])
    total[:, width // 2 + 1 + sums.shape[1] :] = total[:, width // 2 + sums.shape[1], np.newaxis]
    moving: _Floats = total[:, width:] - total[:, :-width]
    return moving


def _unlike(channel: _Samples, ideal: Ideal, hops: Hops, low: int, high: int) -> Spot | None:
    """What is wrong in a span of a channel that else is right to the sample, if it is wholly so."""
    there, meant = channel[low:high] - hops.dc, ideal(low, high) * hops.gain
    wrong = np.flatnonzero(np.abs(there - meant) > QUIET + _ROUNDED * np.abs(meant))
    if not len(wrong):
        return None
    part = slice(int(wrong[0]), int(wrong[-1]) + 1)
    there, meant = there[part], meant[part]
    if float(there @ there) < len(there) * QUIET * QUIET:
        return None  # a hole
    norm = sqrt(float(there @ there) * float(meant @ meant))
    if len(there) < _LEAST[0] or float(there @ meant) >= _LIKE * norm:
        return None
    return Spot(low + part.start, low + part.stop)


def _sorted(found: Sequence[tuple[Spot, int]], unlike: list[Spot]) -> Displaced:
    apart = [  # what is left over of a packet in a wrong place belongs to that
        it for it in unlike if all(abs(it.start - spot.start) > 2 * _PACKET for spot, _ in found)
    ]
    result = Displaced([], [], apart)
    for number, (spot, shift) in enumerate(found):
        # Whatever came too early took the place of what then comes too late.
        swapped = shift > 0 or any(
            other > 0 and abs(near.start - spot.start) <= abs(shift) + _PACKET
            for near, other in found[max(0, number - 3) : number + 4]
        )
        _add(result.reordered if swapped else result.repeated, spot)
    return result


def _add(spots: list[Spot], spot: Spot) -> None:
    if spots and spot.start - spots[-1].end <= HOP:
        spots[-1] = Spot(spots[-1].start, max(spot.end, spots[-1].end))
    else:
        spots.append(spot)
