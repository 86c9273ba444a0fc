"""Reception statistics of many streams (RFC 3550 appendix A.3 and A.8), and what they sound like.

A table of columns, a row per stream, fed blocks of packets. Blocks in which each stream has one
packet (real time) are taken in array operations over the streams; blocks with many packets of a
stream (virtual time) in array operations over its packets. Both give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.rtp.packets import equal_runs
from mediasim.rtp.ring import Columns

__all__ = ["Opinion", "Reception", "ReceptionTable", "emodel_mos"]

_SHARE: Final = 1.0 / 16.0  # RFC 3550 A.8: the gain of the jitter estimate
_RECENT: Final = 2048
"""Sequence numbers remembered per row: more than a block can hold."""
_DROPOUT: Final = 3000
"""Packets that may be lost at once (RFC 3550 A.1: MAX_DROPOUT)."""
_POWERS: Final = (1.0 - _SHARE) ** np.arange(4096)


@dataclass(frozen=True, slots=True)
class Reception:
    """Reception statistics of one stream so far."""

    received: int
    """Packets that arrived, without duplicates."""
    expected: int
    """Packets that the sender sent, by its sequence numbers."""
    reordered: int
    """Packets that were overtaken by a later one."""
    duplicates: int
    highest_sequence: int
    """Highest sequence number received, extended with the count of wraps."""
    jitter: float
    """Interarrival jitter in samples of 8 kHz."""

    @property
    def lost(self) -> int:
        """Packets that never came; duplicates do not make up for them."""
        return max(0, self.expected - self.received)

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter in milliseconds."""
        return self.jitter / 8.0


class ReceptionTable(Columns):
    """Reception counters of many streams, by row."""

    def __init__(self) -> None:
        self._untimed: set[int] = set()
        """Rows of which no packet received so far says when it was sent."""
        super().__init__()

    def _columns(self, rows: int) -> None:
        self.base = np.full(rows, -1, np.int64)
        """Lowest extended sequence number; -1 before the first packet."""
        self.highest = np.zeros(rows, np.int64)
        """Highest extended sequence number."""
        self.received = np.zeros(rows, np.int64)
        self.carried = np.zeros(rows, np.int64)
        """Packets expected of earlier streams of the row (before its SSRC changed)."""
        self.reordered = np.zeros(rows, np.int64)
        self.duplicates = np.zeros(rows, np.int64)
        self.transit = np.zeros(rows, np.float64)
        """Arrival minus media time of the last packet, in samples."""
        self.jitter = np.zeros(rows, np.float64)
        """Interarrival jitter in samples."""
        self.recent = np.full((rows, _RECENT), -1, np.int64)
        """The last number and media time in each slot, by which duplicates are known."""
        self.marks = np.full((rows, _RECENT), 0, np.int32)
        """Scratch: index in the block of the packet that used a slot first."""

    def clear(self, row: int) -> None:
        """Forget everything of a row."""
        self._untimed.discard(row)
        self.base[row] = -1
        self.recent[row] = -1
        for column in (self.received, self.carried, self.reordered, self.duplicates, self.jitter):
            column[row] = 0

    def restart(self, row: int) -> None:
        """Begin a new stream on the row, with sequence numbers of its own."""
        self.recent[row] = -1
        self._untimed.discard(row)
        if self.base[row] >= 0:
            self.carried[row] += self.highest[row] - self.base[row] + 1
        self.base[row] = -1

    def go_on(self, row: int, sequence: int) -> None:
        """Continue the numbers after a new beginning, or restart them if far from the last."""
        if self.base[row] >= 0 and not 0 < sequence - int(self.highest[row]) <= _DROPOUT:
            self.restart(row)

    def highest_of(self, row: int) -> int:
        """Return the highest number received; 0 before the first."""
        return int(self.highest[row]) if self.base[row] >= 0 else 0

    def has(self, row: int, sequence: int, media: int) -> bool:
        """Return whether a packet of this number and media time was received lately."""
        return int(self.recent[row, sequence & (_RECENT - 1)]) == _packet_key(sequence, media)

    def knows_any(self, row: int, sequence: NDArray[np.int64], media: NDArray[np.int64]) -> bool:
        """Return whether any packet of a row was received before, or comes after some without a
        time of their own."""
        known = self.recent[row].take(sequence & (_RECENT - 1)) == _packet_key(sequence, media)
        return row in self._untimed or bool(known.any())

    def take_new(
        self,
        row: int,
        sequence: NDArray[np.int64],
        media: NDArray[np.int64],
        transit: NDArray[np.float64],
    ) -> None:
        """Count packets of one row as :meth:`take` does, none of which was received before."""
        self.recent[row][sequence & (_RECENT - 1)] = _packet_key(sequence, media)
        self._update_one(row, sequence, transit)

    def take(
        self,
        rows: NDArray[np.int64],
        sequence: NDArray[np.int64],
        transit: NDArray[np.float64],
        media: NDArray[np.int64],
        timed: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_] | None:
        """Count packets; those of one row stand together, in order of arrival.

        ``media`` are their media times and ``transit`` arrival minus media time, in samples, any
        constant apart. ``timed``, for packets of one row, marks those whose timestamps say when
        they were sent: a telephone event's says when its key went down, which is no jitter. Returns
        which packets are no duplicates; None if all are.
        """
        fresh = self._without_duplicates(rows, sequence, media)
        if fresh is not None:
            rows, sequence, transit = rows[fresh], sequence[fresh], transit[fresh]
            timed = None if timed is None else timed[fresh]
            if not len(rows):
                return fresh
        if timed is not None and not timed.all():
            transit = self._timed_transit(int(rows[0]), transit, timed)
        elif self._untimed:
            for row in self._untimed.intersection(rows.tolist()):
                self.transit[row] = transit[np.argmax(rows == row)]
                self._untimed.discard(row)
        if (rows[1:] != rows[:-1]).all():
            self._update_each(rows, sequence, transit)
            return fresh
        for start, end in equal_runs(rows):
            self._update_one(int(rows[start]), sequence[start:end], transit[start:end])
        return fresh

    def _timed_transit(
        self, row: int, transit: NDArray[np.float64], timed: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return one row's transits; packets not timed get that of the timed one before."""
        last = np.maximum.accumulate(np.where(timed, np.arange(len(timed)), -1))
        if self.base[row] >= 0 and row not in self._untimed:
            return np.where(last >= 0, transit[last], self.transit[row])
        if timed.any():
            first = int(np.argmax(timed))
            self._untimed.discard(row)
            self.transit[row] = transit[first]
            return transit[np.maximum(last, first)]
        self._untimed.add(row)
        self.transit[row] = 0.0
        return np.zeros(len(timed))

    def _without_duplicates(
        self,
        rows: NDArray[np.int64],
        sequence: NDArray[np.int64],
        media: NDArray[np.int64],
    ) -> NDArray[np.bool_] | None:
        """Return which packets are no duplicates; None if all are."""
        index = rows * _RECENT + (sequence & (_RECENT - 1))
        known = _packet_key(sequence, media)
        recent = self.recent.reshape(-1)
        before = recent[index]
        repeated: NDArray[np.bool_] = before == known
        # Of several packets in one slot the last assigned stays, for the next block to
        # compare with.
        recent[index] = known
        # Twice in this block: the first writes its number last, so the others find another's.
        number = np.arange(len(rows), dtype=np.int32)
        marks = self.marks.reshape(-1)
        marks[index[::-1]] = number[::-1]
        earlier = marks[index]
        again = earlier != number
        if again.any():
            same = known[earlier] == known
            repeated |= again & same
            shared = again & ~same  # numbers that fell back or are far apart: one after the other
            if shared.any():
                _judge_each(np.isin(index, index[shared]), index, before, known, repeated)
        if not repeated.any():
            return None
        np.add.at(self.duplicates, rows[repeated], 1)
        fresh: NDArray[np.bool_] = ~repeated
        return fresh

    def _update_each(
        self, rows: NDArray[np.int64], sequence: NDArray[np.int64], transit: NDArray[np.float64]
    ) -> None:
        """Count one packet of each of ``rows``; no row twice."""
        new = self.base[rows] < 0
        if new.any():
            fresh = rows[new]
            self.base[fresh] = sequence[new]
            self.highest[fresh] = sequence[new] - 1
            self.transit[fresh] = transit[new]
        # The first packet to come need not be the first that was sent.
        self.base[rows] = np.minimum(self.base[rows], sequence)
        # RFC 3550 A.8: J += (|D| - J) / 16.
        change = np.abs(transit - self.transit[rows])
        self.jitter[rows] += (change - self.jitter[rows]) * _SHARE
        self.transit[rows] = transit
        self.received[rows] += 1
        behind = sequence <= self.highest[rows]
        if behind.any():
            self.reordered[rows[behind]] += 1
        self.highest[rows] = np.maximum(self.highest[rows], sequence)

    def _update_one(
        self, row: int, sequence: NDArray[np.int64], transit: NDArray[np.float64]
    ) -> None:
        """Count many packets of one stream, in order of arrival."""
        count = len(sequence)
        if self.base[row] < 0:
            self.base[row] = sequence[0]
            self.highest[row] = sequence[0] - 1
            self.transit[row] = transit[0]
        self.base[row] = min(int(self.base[row]), int(sequence.min()))
        change = np.empty(count)
        change[0] = transit[0] - self.transit[row]
        np.subtract(transit[1:], transit[:-1], out=change[1:])
        np.abs(change, out=change)
        # J after n packets = J * q^n + sum of |D| / 16 * q^(n - i), with q = 15/16.
        jitter = float(self.jitter[row])
        for start in range(0, count, 4095):
            piece = change[start : start + 4095]
            weight = _POWERS[: len(piece)][::-1]
            # Not piece @ weight: how a BLAS adds up, and so the last digit, differs by machine.
            jitter = jitter * float(_POWERS[len(piece)]) + float((piece * weight).sum()) * _SHARE
        self.jitter[row] = jitter
        self.transit[row] = transit[-1]
        self.received[row] += count
        # Without duplicates, a packet below the highest so far was overtaken.
        top = np.maximum.accumulate(sequence)
        np.maximum(top, self.highest[row], out=top)
        self.reordered[row] += np.count_nonzero(sequence < top)
        self.highest[row] = top[-1]

    def of(self, row: int) -> Reception:
        """Return the row's statistics so far."""
        expected = int(self.carried[row])
        if self.base[row] >= 0:
            expected += int(self.highest[row] - self.base[row] + 1)
        return Reception(
            received=int(self.received[row]),
            expected=expected,
            reordered=int(self.reordered[row]),
            duplicates=int(self.duplicates[row]),
            highest_sequence=self.highest_of(row),
            jitter=float(self.jitter[row]),
        )


def _judge_each(
    chosen: NDArray[np.bool_],
    index: NDArray[np.int64],
    before: NDArray[np.int64],
    known: NDArray[np.int64],
    repeated: NDArray[np.bool_],
) -> None:
    """Mark which chosen packets repeat one of their slot, one after the other."""
    seen: dict[int, set[int]] = {}
    for at in np.flatnonzero(chosen).tolist():
        slot, name = int(index[at]), int(known[at])
        names = seen.setdefault(slot, {int(before[at])})
        repeated[at] = name in names
        names.add(name)


Number = TypeVar("Number", int, NDArray[np.int64])


def _packet_key(sequence: Number, media: Number) -> Number:
    """Combine number and media time; no two packets of one stream have the same."""
    return (sequence << 32) | (media & 0xFFFFFFFF)


# -- quality: the E-model (ITU-T G.107) -----------------------------------------------------


class Opinion(NamedTuple):
    """The E-model's rating of a connection."""

    r: float
    """Transmission rating, 0 to 93.2 here; below 60 nearly all users are dissatisfied."""
    mos: float
    """Mean opinion score of a conversation, estimated (MOS-CQE): 1 to 4.5."""


_BEST: Final = 93.2
"""R of a connection whose every parameter has its default (G.107 section 7.7)."""


def emodel_mos(
    loss_rate: float,
    burst_ratio: float,
    one_way_delay_ms: float,
    codec: str,
    *,
    concealed: bool = False,
) -> Opinion:
    """Rate a connection by ITU-T G.107 with all but loss and delay at their defaults.

    ``loss_rate`` (0 to 1) counts every packet that was not played, late ones too;
    ``one_way_delay_ms`` is from mouth to ear, buffers included; ``concealed`` says whether missing
    packets are concealed rather than silent. Echo is taken to be cancelled. Raises ValueError for
    an unknown codec, and for numbers out of range.
    """
    if codec not in CODECS:
        raise ValueError(f"no figures for codec {codec!r}: expected one of {', '.join(CODECS)}")
    factors = CODECS[codec].factors
    if not 0.0 <= loss_rate <= 1.0:
        raise ValueError(f"a loss rate of {loss_rate}: expected 0 to 1")
    if not burst_ratio > 0.0:
        raise ValueError(f"a burst ratio of {burst_ratio}: expected more than 0")
    percent = 100.0 * loss_rate
    robustness = factors.concealed_bpl if concealed else factors.bpl
    lossy = (95.0 - factors.ie) * percent / (percent / burst_ratio + robustness)
    r = max(0.0, _BEST - _delay_impairment(one_way_delay_ms) - factors.ie - lossy)
    # Annex B. The cubic dips below 1 for very small R.
    mos = max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)
    return Opinion(r, mos)


def _delay_impairment(delay_ms: float) -> float:
    """Return Idd of G.107 section 7.4: 0 up to 100 ms, 24 at 400 ms."""
    if delay_ms <= 100.0:
        return 0.0
    x = log2(delay_ms / 100.0)
    return float(25.0 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))
