"""Missing audio of legs' streams, noted as frames are played.

When a machine stalls nothing arrives for thousands of legs at once, and then there is no time to
look at each: in single frames a gap grows in columns, and is entered into its leg's list when
another begins or the list is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.rtp.ring import UNIT, Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mediasim.media.leg import Leg

__all__ = ["Missing"]

_NONE: Final = -1


class Missing(Columns):
    """The gaps that may still grow, by row."""

    def _columns(self, rows: int) -> None:
        self._start = np.full(rows, _NONE, np.int64)
        """First output sample of the open gap."""
        self._end = np.full(rows, _NONE, np.int64)
        """Output sample after the open gap; ``_NONE`` if none is open."""

    def note(
        self,
        legs: Sequence[Leg],
        rows: NDArray[np.int64],
        have: NDArray[np.bool_],
        first: int,
        exact: Mapping[int, NDArray[np.bool_]],
    ) -> None:
        """Note the units that did not arrive of these legs, from frame ``first`` on.

        ``have`` is (legs, units), ``rows`` are the legs' rows. ``exact`` has the samples that
        arrived, by row, of streams that stand off the grid of units.
        """
        gone = np.flatnonzero(~have.all(axis=1))
        if exact and len(gone):
            off = np.isin(rows[gone], list(exact))
            for index in gone[off].tolist():
                self._note_spans(legs[index], exact[legs[index].row], 1, first)
            gone = gone[~off]
        if not len(gone):
            return
        if have.shape[1] == FRAME_SAMPLES // UNIT:
            self._grow(legs, rows, have, gone, first * FRAME_SAMPLES)
            return
        for index in gone.tolist():
            self._note_spans(legs[index], have[index], UNIT, first)

    def _note_spans(self, leg: Leg, have: NDArray[np.bool_], unit: int, first: int) -> None:
        """Enter the absent parts of a block, each of ``unit`` samples."""
        self.settle(leg)
        start = first * FRAME_SAMPLES
        for low, high in _spans(have):
            _enter(leg, start + low * unit, start + high * unit)

    def settle(self, leg: Leg) -> None:
        """Enter the open gap, as it is now, into the leg's list."""
        row = leg.row
        if self._end[row] != _NONE:
            _enter(leg, int(self._start[row]), int(self._end[row]))
            self._end[row] = _NONE

    def _grow(
        self,
        legs: Sequence[Leg],
        rows: NDArray[np.int64],
        have: NDArray[np.bool_],
        gone: NDArray[np.int64],
        start: int,
    ) -> None:
        """Grow gaps by one frame: it has two units, so each leg lacks one stretch of it."""
        own, lacking = rows[gone], have[gone]
        low = start + UNIT * lacking[:, 0]
        high = start + FRAME_SAMPLES - UNIT * lacking[:, 1]
        # A gap that does not continue the open one ends that one.
        fresh = self._end[own] != low
        for index in gone[fresh & (self._end[own] != _NONE)].tolist():
            self.settle(legs[index])
        self._start[own[fresh]] = low[fresh]
        self._end[own] = high


def _spans(have: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the absent stretches, (start, end) in units."""
    if not have.any():
        return [(0, len(have))]  # a party that sends nothing at all
    padded = np.concatenate(([True], have, [True]))
    edges = np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)
    return [(low, high) for low, high in edges.tolist()]


def _enter(leg: Leg, low: int, high: int) -> None:
    """Enter a gap into a leg's list, from the stream's beginning on."""
    shifts, known = leg.stream.shifts, leg.known_missing
    if not shifts:
        return  # nothing was ever due
    low = max(low, shifts[0].media + shifts[0].offset - leg.stream.lead)
    if low >= high:
        return
    if known and known[-1][1] == low:
        known[-1] = (known[-1][0], high)
    else:
        known.append((low, high))
