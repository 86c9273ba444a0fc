"""Where the pieces of a channel stand in the recording, one after the other.

Each piece is looked for where the last one's place suggests, then ever farther away. The order in
which things were said is kept: a piece cannot stand before the one that came before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import Match, find_offset, match_at
from mediasim.truth.verify.windows import Window

__all__ = ["Sighting", "share_found", "track", "track_closely"]

_REACHES: Final = (400, 2400, 16_000)
"""How far a piece is looked for from where it is supposed: 50 ms, 0.3 s, 2 s."""
_FAR: Final = 120_000
"""And where that is in vain: 15 s; then anywhere."""
_STUBBORN: Final = 2
"""How often in a row a piece is looked for anywhere, before that is done only now and then."""
_NOW_AND_THEN: Final = 8
_BACK: Final = 400
"""Samples by which a piece may reach into the one before."""
_LOCAL: Final = 40
_LOCAL_LIKENESS: Final = 0.6
_ENOUGH: Final = 8
"""Pieces tried to see which channel is which."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A piece, and where it was found."""

    window: Window
    lag: int
    """Samples later, or if negative earlier, than it should be."""
    correlation: float
    gain_db: float


def track(
    channel: NDArray[np.int16], expected: NDArray[np.int16], pieces: Sequence[Window]
) -> list[Sighting]:
    """The telling pieces that are found in a channel (n,), in order."""
    found: list[Sighting] = []
    lag, first, failed = 0, -len(channel) - len(expected), 0
    telling = [piece for piece in pieces if piece.telling]
    for number, piece in enumerate(telling):
        far = failed < _STUBBORN or failed % _NOW_AND_THEN == 0
        clip = expected[piece.start : piece.end]
        match = _find(channel, clip, piece.start + lag, first, far)
        if match is not None and abs(match.offset - piece.start - lag) > _REACHES[1]:
            following = telling[number + 1] if number + 1 < len(telling) else None
            if following is not None and _stays(channel, expected, following, lag):
                match = None  # a likeness far away, while what comes next is where it was
        if match is None:
            failed += 1
            continue
        failed = 0
        lag = match.offset - piece.start
        first = match.offset + len(clip) // 2 - _BACK
        found.append(Sighting(piece, lag, match.correlation, match.gain_db))
    return found


def track_closely(
    channel: NDArray[np.int16],
    expected: NDArray[np.int16],
    pieces: Sequence[Window],
    coarse: Sequence[Sighting],
) -> list[Sighting]:
    """The same for smaller pieces, each between the lags of the larger ones around it."""
    found: list[Sighting] = []
    starts = [it.window.start for it in coarse]
    for piece in pieces:
        if not piece.telling:
            continue
        after = bisect_right(starts, piece.start)
        around = coarse[max(0, after - 2) : after + 2]
        low, high = min(it.lag for it in around), max(it.lag for it in around)
        clip = expected[piece.start : piece.end]
        # Before the first and after the last of them there may be one more jump.
        open_end = after == 0 or after == len(coarse)
        reach = (high - low) // 2 + (_REACHES[1] if open_end else _LOCAL)
        at = piece.start + (low + high) // 2
        match = find_offset(channel, clip, at, reach)
        if match is not None and match.correlation > 0:
            lag = match.offset - piece.start
            found.append(Sighting(piece, lag, match.correlation, match.gain_db))
    return found


def share_found(
    channel: NDArray[np.int16],
    expected: NDArray[np.int16],
    pieces: Sequence[Window],
    reach: int,
) -> float | None:
    """Share of some of the pieces that are in a channel at all; None if none could be told."""
    telling = [piece for piece in pieces if piece.telling]
    some = telling[:: max(1, len(telling) // _ENOUGH)][:_ENOUGH]
    if not some:
        return None
    clips = [(expected[piece.start : piece.end], piece.start) for piece in some]
    return sum(find_offset(channel, clip, at, reach) is not None for clip, at in clips) / len(some)


def _find(
    channel: NDArray[np.int16], clip: NDArray[np.int16], around: int, first: int, far: bool
) -> Match | None:
    """The piece, at sample ``first`` or later."""
    for reach in _REACHES:
        match = find_offset(channel, clip, around, reach)
        if match is not None and match.offset >= first and match.correlation > 0:
            return match
    near = _beside(channel, clip, around)
    if near is not None or not far:
        return near
    for reach in (_FAR, len(channel) + abs(around)):
        low = max(first, -len(clip), around - reach)
        high = min(len(channel), around + reach)
        if low < high and channel[max(low, 0) : high].any():
            match = find_offset(channel, clip, (low + high) // 2, (high - low) // 2)
            if match is not None and match.offset >= first and match.correlation > 0:
                return match
    return None


def _beside(channel: NDArray[np.int16], clip: NDArray[np.int16], around: int) -> Match | None:
    """A piece that is smeared, by a drift say, but still where it was supposed."""
    best, offset = max(
        (match_at(channel, clip, at) or 0.0, at)
        for at in range(around - _LOCAL, around + _LOCAL + 1, 4)
    )
    if best < _LOCAL_LIKENESS:
        return None
    best, offset = max(
        (match_at(channel, clip, at) or 0.0, at) for at in range(offset - 3, offset + 4)
    )
    there = channel[max(offset, 0) : max(offset + len(clip), 0)].astype(np.float64)
    power = float(there @ there) / max(float(clip.astype(np.float64) @ clip), 1e-9)
    return Match(offset, best, 10 * float(np.log10(max(power * best * best, 1e-9))))


def _stays(
    channel: NDArray[np.int16], expected: NDArray[np.int16], piece: Window, lag: int
) -> bool:
    clip = expected[piece.start : piece.end]
    return find_offset(channel, clip, piece.start + lag, _REACHES[0]) is not None
