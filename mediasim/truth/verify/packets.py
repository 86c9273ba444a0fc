"""Finds packets that are silent, repeated or in the wrong order, at any phase in the file.

A lossy format changes every packet, so each finding is judged by how well the rest of the channel
fits: in a file that is right to the sample a single wrong hop counts, in one of AMR only what the
codec cannot have done.
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

from mediasim.truth.measure import Floats, Samples, Span
from mediasim.truth.verify.hops import HOP, LOUD, QUIET, Hops, Ideal, dbfs, runs
from mediasim.truth.verify.spots import Spot

__all__ = ["Displaced", "displaced", "silenced"]

_Marks = NDArray[np.bool_]
Spans = Sequence[Span]

_SHORTEST: Final = (1, 2, 3)
"""Fewest hops of a hole in an exact file, in one that fits well, and after a lossy codec."""
_SHORTEST_DRIFTING: Final = 4
_HARDLY_DB: Final = 30.0
"""Decibels by which a hole is softer than it should be where codecs leave nothing in it."""
_SOFTER_DB: Final = (14.0, 30.0)
"""Least and most decibels by which a hole is softer after a lossy codec."""
_SURE_DB: Final = 20.0
_SPREADS: Final = 4.0
"""Spreads of the channel's own levels by which a hole is softer after a lossy codec."""
_ABOVE_NOISE: Final = 16.0
"""Power ratio (12 dB) to the noise that sound must have to count as missing."""
_EDGE: Final = 2 * HOP
_PACKET: Final = 160
_STEP: Final = 80
"""Samples of 10 ms, of which all packet lengths, and so all displacements, are multiples."""
_FARTHEST: Final = 1600
"""Longest displacement in samples."""
_TOLERANCE: Final = 2
"""Samples by which a place may be off, in a file that drifts or was resampled."""
_BLOCK: Final = 20
"""Samples whose origin is decided together."""
_LEAST: Final = (60, 100)
"""Fewest samples of a displaced part in an exact file, and after a lossy codec."""
_MOST_SAMPLES: Final = 1600
"""Most samples of a displaced part: a longer one has moved as a whole."""
_EXACT_WINDOW: Final = 2
"""Blocks that are compared together in an exact file."""
_LOSSY_WINDOW: Final = 5
"""Blocks that are compared together after a lossy codec."""
_FITS: Final = 0.35
"""Share of a part's energy that may be left unexplained by its supposed origin."""
_BETTER: Final = 0.25
"""Share of the energy left unexplained by what should be there that the origin may leave."""
_LIKE: Final = 0.5
"""Correlation from which on a part is what it should be, though spoilt."""
_ROUNDED: Final = 0.02
_WINDOW: Final = 4
_LONGEST: Final = 16_000
_MOST: Final = 3000
"""Most spans that are examined, longest first: a file with more is not broken in its packets."""


# -- holes -------------------------------------------------------------------------------------


def silenced(
    channel: Samples, ideal: Ideal, hops: Hops, ignore: Spans, *, drifts: bool = False
) -> list[Spot]:
    """Find the spans that are silent and should not be.

    What should be heard is known less exactly in a channel that ``drifts``. Holes with only
    silence between them are joined, so that a dead channel has one.
    """
    loud = hops.said > LOUD
    hops.unmark(loud, ignore)
    noise = _noise_peak(hops)
    softer = max(_softer(hops, loud), _SURE_DB if drifts else 0.0)
    limit = 10 ** (-softer / 10)
    gone = (hops.heard <= np.maximum(hops.said * limit, noise)) & (hops.said > _ABOVE_NOISE * noise)
    if not hops.mostly_exact:  # sound that is far softer but correlates is not missing
        nothing = hops.heard <= np.maximum(hops.said * 10 ** (-_SURE_DB / 10), noise)
        gone &= nothing | (hops.common**2 < _LIKE**2 * hops.said * hops.heard)
    hole = np.zeros(len(loud), np.bool_)
    shortest = _SHORTEST[0 if hops.mostly_exact else 1 if softer > _SURE_DB else 2]
    if drifts:
        shortest = _SHORTEST_DRIFTING
    for start, end in runs(gone & (hops.said > 0)):
        if end - start >= shortest and loud[start:end].any():
            hole[start:end] = True
    hops.unmark(hole, ignore)
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
    """Return the decibels by which a missing hop is softer than it should be."""
    if hops.mostly_exact or not loud.any():
        return _HARDLY_DB
    levels = dbfs(hops.heard[loud]) - dbfs(hops.said[loud])
    low, middle = np.quantile(levels, (0.16, 0.5))
    return float(np.clip(_SPREADS * (middle - low) - middle, *_SOFTER_DB))


def _noise_peak(hops: Hops) -> float:
    """Return the energy of a hop that noise does not exceed, at least that of coded silence."""
    least = HOP * QUIET * QUIET / 4
    if not hops.pauses:
        return least
    quiet = hops.heard[hops.silent]
    return max(least, 2 * float(np.quantile(quiet[quiet <= 4 * max(hops.noise, least)], 0.95)))


def _edges(channel: Samples, ideal: Ideal, hops: Hops, first: int, last: int) -> Spot:
    """Return a hole: exact to the sample if it is digitally silent, otherwise to the hop."""
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
    # Silence that should be there is not part of the hole, nor is sound that is there.
    wanted = ideal(wide_start, wide_end)
    lacking = np.abs(channel[wide_start:wide_end] - hops.dc - wanted) > QUIET / 2
    said = np.flatnonzero(lacking & (np.abs(wanted) > QUIET / 2))
    if not len(said):
        return Spot(start, end)
    return Spot(wide_start + int(said[0]), wide_start + int(said[-1]) + 1)


# -- displaced packets -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Displaced:
    """Spans that hold something else than they should."""

    repeated: list[Spot]
    """Spans that repeat an earlier packet."""
    reordered: list[Spot]
    """Packets that came too early, and the ones that came too late because of that."""
    unlike: list[Spot]
    """Spans with sound that was not said anywhere near."""


def displaced(
    channel: Samples, ideal: Ideal, hops: Hops, ignore: Spans, jumps: Sequence[int]
) -> Displaced:
    """Find the spans in which the channel holds other packets than it should.

    ``jumps`` are the samples of the channel's jumps: a part displaced by as much is a result of the
    jump, and is not reported.
    """
    wrong, usual = _wrong(hops)
    exact = usual == 0.0
    hops.unmark(wrong, ignore)
    found: list[tuple[Spot, int]] = []
    unlike: list[Spot] = []
    for first, last in _longest(runs(wrong)):
        low, high = hops.span(max(0, first - 1), last + 1)
        if high - low > _LONGEST:
            continue  # too long for displaced packets
        moved = _moved(channel, ideal, hops, low, high, usual)
        found += [
            (spot, shift)
            for spot, shift in moved
            if all(abs(abs(shift) - abs(jump)) > _TOLERANCE for jump in jumps)
        ]
        if exact and not moved:
            spot = _unlike(channel, ideal, hops, low, high)
            if spot is not None:
                _add(unlike, spot)
    return _sorted(found, unlike)


def _longest(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted(sorted(spans, key=lambda it: it[0] - it[1])[:_MOST])


def _wrong(hops: Hops) -> tuple[_Marks, float]:
    """Return the hops that do not fit, and the usual share of unexplained energy."""
    loud = (hops.said > LOUD) | (hops.heard > LOUD)
    sounding = (hops.said > 0) & loud
    if hops.mostly_exact:
        # Encoders of G.711 differ by a level for some samples.
        close = hops.residual <= _ROUNDED * np.minimum(hops.said, hops.heard)
        return sounding & (hops.same < HOP) & ~close, 0.0
    said = np.convolve(hops.said, np.ones(_WINDOW), "same")
    left = np.maximum(np.convolve(hops.residual - hops.noise, np.ones(_WINDOW), "same"), 0.0)
    share = left / np.maximum(said, 1.0)
    usual = float(np.median(share[sounding])) if sounding.any() else 1.0
    return sounding & (share > min(max(4 * usual, 0.1), 0.7)), max(usual, 1e-6)


def _moved(
    channel: Samples, ideal: Ideal, hops: Hops, low: int, high: int, usual: float
) -> list[tuple[Spot, int]]:
    """Return (part, samples by which it belongs later, or if negative earlier) within a span."""
    # Every block of the channel is compared with the ideal at every possible displacement;
    # ``near`` masks those that are no displacement, whose residual the best must undercut.
    count = (high - low) // _BLOCK
    there = channel[low : low + count * _BLOCK].astype(np.float64) - hops.dc
    around = (
        ideal(low - _FARTHEST - _TOLERANCE, low + len(there) + _FARTHEST + _TOLERANCE) * hops.gain
    )
    steps = np.arange(-_FARTHEST, _FARTHEST + 1, _STEP)
    shifts = (steps[:, np.newaxis] + np.arange(-_TOLERANCE, _TOLERANCE + 1)).ravel()
    places = sliding_window_view(around, len(there))[shifts + _FARTHEST + _TOLERANCE]
    width = _EXACT_WINDOW if usual == 0.0 else _LOSSY_WINDOW
    left = _block_sums((there - places) ** 2, width)
    energy = _block_sums(there[np.newaxis] ** 2, width)[0]
    near = np.abs(shifts) <= _TOLERANCE
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


def _block_sums(values: Floats, width: int) -> Floats:
    """Return the moving sum over ``width`` blocks of each row, centred on each block."""
    sums = values.reshape(len(values), -1, _BLOCK).sum(axis=2)
    total = np.zeros((len(sums), sums.shape[1] + width))
    np.cumsum(sums, axis=1, out=total[:, width // 2 + 1 : width // 2 + 1 + sums.shape[1]])
    total[:, width // 2 + 1 + sums.shape[1] :] = total[:, width // 2 + sums.shape[1], np.newaxis]
    moving: Floats = total[:, width:] - total[:, :-width]
    return moving


def _unlike(channel: Samples, ideal: Ideal, hops: Hops, low: int, high: int) -> Spot | None:
    """Return the part of a span of an exact channel that holds different sound; else None."""
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
    # Leftovers beside a displaced packet belong to it.
    apart = [
        it for it in unlike if all(abs(it.start - spot.start) > 2 * _PACKET for spot, _ in found)
    ]
    result = Displaced([], [], apart)
    for number, (spot, shift) in enumerate(found):
        # A packet that comes too late nearby shows that packets were swapped, not repeated.
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
