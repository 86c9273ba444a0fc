"""The playout offset of each row, and the windows in which its packets are counted.

Windows end for all rows in the same frame, so they are processed at once, whatever they show; only
a stream that really moves is processed by itself. Packets are looked at before they are counted:
:meth:`PlayoutOffsets.peek` says where they belong, :meth:`PlayoutOffsets.count` enters those that
were received into the windows. When an offset moves: :mod:`mediasim.rtp.skew_compensation`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.rtp.probation import JUMP, Anchor
from mediasim.rtp.ring import Columns
from mediasim.rtp.skew_compensation import SkewCompensation
from mediasim.rtp.stream import ReceivedStream, Shift, StreamTable

__all__ = ["AHEAD_FRAMES", "LONGEST_PACKET", "WINDOW_FRAMES", "PlayoutOffsets"]

WINDOW_FRAMES: Final = 25
"""Frames of a window: half a second."""
AHEAD_FRAMES: Final = 64
"""Frames before its time that a packet may come: 1.28 s. Beyond it is dropped as early."""
LONGEST_PACKET: Final = 60 * FRAME_SAMPLES // 20
"""Samples that a packet of a stream that moved back may reach beyond its start: 60 ms."""
_NO_WINDOW: Final = -1
_EARLIEST: Final = np.iinfo(np.int64).min
_LATEST: Final = np.iinfo(np.int64).max


class PlayoutOffsets(Columns):
    """The playout offset of each row, and the delays of its recent packets."""

    def __init__(self, streams: StreamTable) -> None:
        self._streams = streams
        self._skew = SkewCompensation(AHEAD_FRAMES * FRAME_SAMPLES)
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._offset = np.zeros(rows, np.int64)
        """Output sample minus media time, from ``_turn`` on."""
        self._turn = np.full(rows, _EARLIEST, np.int64)
        """Media time from which on the offset holds."""
        self.newest = np.full(rows, _EARLIEST, np.int64)
        """The latest media time received."""
        self._window = np.full(rows, _NO_WINDOW, np.int64)
        """Number of the current window; ``_NO_WINDOW`` for a stream without an offset."""
        self._least = np.zeros(rows, np.int64)
        """The least time from media to arrival in this window."""
        self._packets = np.zeros(rows, np.int64)
        """Packets in this window."""
        self._most = np.full(rows, _EARLIEST, np.int64)
        """The longest time from media to arrival in this window."""
        self._most_before = np.full(rows, _EARLIEST, np.int64)
        """The longest time from media to arrival in the window before."""
        self._contested = np.full(rows, _EARLIEST, np.int64)
        """Output samples below this may have been written before the offset moved back."""

    def ensure(self, rows: int) -> None:
        super().ensure(rows)
        self._skew.ensure(rows)

    def forget(self, row: int) -> None:
        """Drop the offset of a row's stream."""
        self._window[row] = _NO_WINDOW

    def waiting(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have no offset yet."""
        found: NDArray[np.bool_] = self._window[rows] == _NO_WINDOW
        return found

    def contested(
        self, rows: NDArray[np.int64], output: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """Return which packets may overlap others of their stream; None if none does."""
        found = np.flatnonzero(output < self._contested[rows])
        return found if len(found) else None

    # -- places given -----------------------------------------------------------------------

    def begin(self, stream: ReceivedStream, anchor: Anchor, arrival: int) -> None:
        """Give a stream its offset; ``arrival`` is its first packet's (ns)."""
        row = stream.row
        usable = arrival // FRAME_NS + 1
        self._turn[row] = self.newest[row] = self._contested[row] = _EARLIEST
        self._anchor(stream, anchor.offset, anchor.transit, usable)
        stream.placed(anchor.first, anchor.offset, usable)

    def begin_anew(self, stream: ReceivedStream, shift: Shift, transit: int, usable: int) -> None:
        """Give a stream that continues elsewhere its offset there.

        ``transit`` is the least time from media to arrival of its first packets, ``usable`` the
        frame from which on the first of them could be played.
        """
        self._turn[stream.row] = shift.media
        self._anchor(stream, shift.offset, transit, usable)
        stream.shifts.append(shift)

    def _anchor(self, stream: ReceivedStream, offset: int, transit: int, usable: int) -> None:
        row = stream.row
        self._offset[row] = offset
        self._roll_to(np.array([row]), np.array([usable // WINDOW_FRAMES]))
        self._most[row] = self._most_before[row] = _EARLIEST
        self._skew.refer(row, transit - offset, stream.format.depth * FRAME_SAMPLES)

    # -- packets ----------------------------------------------------------------------------

    def off(
        self, rows: NDArray[np.int64], delay: NDArray[np.int64], offset: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the samples by which packets come later than their streams' first ones."""
        found: NDArray[np.int64] = delay - offset - self._skew.reference(rows)
        return found

    def offset_of(
        self,
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return each packet's offset as known now."""
        offset = self._offset[rows]
        before = np.flatnonzero(media < self._turn[rows])
        for index in before.tolist():
            offset[index] = self._streams.at(int(rows[index])).offset_of(int(media[index]))
        return offset

    def peek(
        self,
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        delay: NDArray[np.int64],
        usable: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Return each packet's offset, and of which packets it is known; None: of all.

        Packets of a row stand together, in order of arrival; ``usable`` are the frames from which
        on they can be played, ``delay`` the samples from media time to arrival. Windows that end
        before a row's first packet are closed, which may move its offset. Where a later window may
        do so, the offset of later packets is known when those before them have been counted.
        """
        window = usable // WINDOW_FRAMES
        known = None
        if (window != self._window[rows]).any():
            starts, row, number, fresh = _pieces(rows, window)
            firsts = np.flatnonzero(fresh)
            rolls = firsts[number[firsts] != self._window[row[firsts]]]
            if len(rolls):
                self._roll(row[rolls], number[rolls], usable[starts[rolls]])
            if len(firsts) < len(starts):
                known = self._calm_until(rows, delay, starts, row, fresh)
        return self.offset_of(rows, media), known

    def _calm_until(
        self,
        rows: NDArray[np.int64],
        delay: NDArray[np.int64],
        starts: NDArray[np.int64],
        row: NDArray[np.int64],
        fresh: NDArray[np.bool_],
    ) -> NDArray[np.bool_] | None:
        """Return which packets come before a window of their row is closed that may move it."""
        count = np.diff(np.append(starts, len(rows)))
        least = np.minimum.reduceat(delay, starts)
        least[fresh] = np.minimum(self._least[row[fresh]], least[fresh])
        packets = count + np.where(fresh, self._packets[row], 0)
        later = np.flatnonzero(~fresh)
        slack = least[later - 1] - self._offset[row[later]]
        calm = self._skew.calm(row[later], slack, packets[later - 1])
        if calm.all():
            return None
        moving = np.zeros(len(starts), np.int64)
        moving[later[~calm]] = 1
        so_far = np.cumsum(moving)
        before = so_far[fresh][np.cumsum(fresh) - 1]  # a row's first piece never counts
        return np.repeat(so_far == before, count)

    def _roll(
        self,
        rows: NDArray[np.int64],
        windows: NDArray[np.int64],
        usable: NDArray[np.int64],
    ) -> None:
        """Close the rows' windows, each row once, and begin others."""
        slack = self._least[rows] - self._offset[rows]
        closing = np.flatnonzero(~self._skew.calm(rows, slack, self._packets[rows]))
        if len(closing):
            closed = rows[closing]
            moves = self._skew.judge(closed, slack[closing], self._packets[closed])
            for index in np.flatnonzero(moves).tolist():
                stream = self._streams.at(int(closed[index]))
                self._move(stream, int(moves[index]), int(usable[closing[index]]))
        self._roll_to(rows, windows)

    def _roll_to(self, rows: NDArray[np.int64], windows: NDArray[np.int64]) -> None:
        # A window without packets says nothing of delays, so the one before it stays.
        counted = self._packets[rows] > 0
        self._most_before[rows[counted]] = self._most[rows[counted]]
        self._window[rows] = windows
        self._least[rows] = _LATEST
        self._packets[rows] = 0
        self._most[rows] = _EARLIEST

    def roll_one(self, row: int, usable: int, *, moves: bool = True) -> None:
        """Close one row's window if a packet usable in this frame is beyond it.

        Unless ``moves`` the offset stays where it is.
        """
        if usable // WINDOW_FRAMES == self._window[row]:
            return
        rows, window = np.array([row]), np.array([usable // WINDOW_FRAMES])
        if moves:
            self._roll(rows, window, np.array([usable]))
        else:
            self._roll_to(rows, window)

    def count(
        self,
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        delay: NDArray[np.int64],
        usable: NDArray[np.int64],
    ) -> None:
        """Enter packets that were looked at into the windows of their rows."""
        if len(rows) == 1 or (rows[1:] != rows[:-1]).all():  # in real time, as a rule
            self._least[rows] = np.minimum(self._least[rows], delay)
            self._most[rows] = np.maximum(self._most[rows], delay)
            self._packets[rows] += 1
            self.newest[rows] = np.maximum(self.newest[rows], media)
            return
        starts, row, number, fresh = _pieces(rows, usable // WINDOW_FRAMES)
        count = np.diff(np.append(starts, len(rows)))
        least = np.minimum.reduceat(delay, starts)
        most = np.maximum.reduceat(delay, starts)
        first = row[fresh]
        least[fresh] = np.minimum(least[fresh], self._least[first])
        most[fresh] = np.maximum(most[fresh], self._most[first])
        count[fresh] += self._packets[first]
        last = np.append(fresh[1:], True)
        newest = np.maximum.reduceat(media, starts[fresh])
        self.newest[first] = np.maximum(self.newest[first], newest)
        # Windows that ended within the block move nothing: peek() lets packets be counted only up
        # to one that may.
        ended = np.flatnonzero(last & ~fresh)
        self._most_before[row[ended]] = most[ended - 1]
        own = row[last]
        self._window[own] = number[last]
        self._least[own] = least[last]
        self._most[own] = most[last]
        self._packets[own] = count[last]

    def steady_offset(self, row: int, media: int, delay: int) -> int | None:
        """Return the offset of a row's packets if it is the same of all, and none overlaps another
        or comes far too early.

        ``media`` is their least media time, ``delay`` the least time from there to arrival. None
        otherwise.
        """
        if self._window[row] == _NO_WINDOW or media < self._turn[row]:
            return None
        offset = int(self._offset[row])
        early = delay - offset - self.reference(row) < -JUMP
        return None if early or media + offset < self._contested[row] else offset

    def count_steady(
        self, row: int, newest: int, delay: NDArray[np.int64], usable: NDArray[np.int64]
    ) -> bool:
        """Enter a row's next packets into its windows as :meth:`count` does, with all its packets
        together, if no window that they end may move the offset; return whether they were entered.

        ``newest`` is the latest media time among them.
        """
        window = usable // WINDOW_FRAMES
        now, last = int(self._window[row]), int(window[-1])
        least, most = int(self._least[row]), int(self._most[row])
        packets, before = int(self._packets[row]), int(self._most_before[row])
        if last == now:
            self._least[row] = min(least, int(delay.min()))
            self._most[row] = max(most, int(delay.max()))
            self._packets[row] = packets + len(delay)
            self.newest[row] = max(int(self.newest[row]), newest)
            return True
        edges = (np.flatnonzero(window[1:] != window[:-1]) + 1).tolist()
        starts = [0, *edges]
        leasts = np.minimum.reduceat(delay, starts).tolist()
        mosts = np.maximum.reduceat(delay, starts).tolist()
        number = int(window[0])
        for start, end, low, high in zip(starts, [*edges, len(delay)], leasts, mosts, strict=True):
            if start or number != now:
                if not self._skew.calm_one(row, least - int(self._offset[row]), packets):
                    return False
                if packets:
                    before = most
                least, most, packets = low, high, end - start
            else:
                least, most, packets = min(least, low), max(most, high), packets + end - start
        self._window[row], self._packets[row] = last, packets
        self._least[row], self._most[row], self._most_before[row] = least, most, before
        self.newest[row] = max(int(self.newest[row]), newest)
        return True

    def foresee_move(
        self, row: int, delay: NDArray[np.int64], usable: NDArray[np.int64]
    ) -> int | None:
        """Return which packet to come would close a window that moves the offset; None: none.

        ``delay`` and ``usable`` (n,) are of the row's next packets, in order of arrival.
        """
        window = usable // WINDOW_FRAMES
        starts = np.flatnonzero(
            np.append(window[0] != self._window[row], window[1:] != window[:-1])
        )
        if not len(starts):
            return None  # the present window does not end
        pieces = np.concatenate(([0], starts)) if starts[0] else starts
        least = np.minimum.reduceat(delay, pieces)
        packets = np.diff(np.append(pieces, len(delay)))
        if starts[0]:
            least[0] = min(int(least[0]), int(self._least[row]))
            packets[0] += self._packets[row]
        else:
            least = np.append(self._least[row], least)
            packets = np.append(self._packets[row], packets)
        slack = least[:-1] - self._offset[row]
        found = self._skew.foresee_move(row, slack, packets[:-1])
        return None if found is None else int(starts[found])

    def reference(self, row: int) -> int:
        """Return the least slack (samples) of a row's first packets."""
        return self._skew.reference_of(row)

    def count_aside(self, row: int, delay: int) -> None:
        """Enter a late packet that is kept aside."""
        self._least[row] = min(int(self._least[row]), delay)
        self._packets[row] += 1

    def accustom(self, row: int, delay: int) -> None:
        """Enter the delay of a packet that was merely late: others may be as late."""
        self._most[row] = max(int(self._most[row]), delay)

    def most(
        self,
        row: int,
        delay: NDArray[np.int64] | None = None,
        usable: NDArray[np.int64] | None = None,
    ) -> int:
        """Return the longest time from media to arrival in a row's present and last window.

        With ``delay`` and ``usable`` also of packets looked at and not yet counted; the last of
        ``usable`` is the packet in question, and not among ``delay``.
        """
        most, before = int(self._most[row]), int(self._most_before[row])
        if delay is None or usable is None or not len(delay):
            return max(most, before)
        window = usable // WINDOW_FRAMES
        earlier = window[:-1]
        now = earlier == window[-1]
        if now.all():  # the row's own window
            return max(most, before, int(delay.max()))
        last = earlier[~now][-1]
        found = int(delay[now | (earlier == last)].max())
        return max(found, most) if last == self._window[row] else found

    def _move(self, stream: ReceivedStream, samples: int, usable: int) -> None:
        """Move a stream's offset, as known in the frame ``usable``."""
        row = stream.row
        offset = int(self._offset[row])
        # It holds from beyond all that was received. Back, it may still be written over the end
        # of that, or late packets of that over it.
        reach = (usable + AHEAD_FRAMES) * FRAME_SAMPLES + stream.lead
        turn = max(int(self._turn[row]), min(int(self.newest[row]) + 1, reach - offset))
        self._offset[row], self._turn[row] = offset + samples, turn
        below = turn + offset + LONGEST_PACKET
        if samples < 0:
            self._contested[row] = max(int(self._contested[row]), below)
        stream.moved(turn, offset + samples, samples, usable, below)


def _pieces(
    rows: NDArray[np.int64], window: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Split packets by row and window.

    Returns index, row and window of each piece's first packet, and whether it is its row's first.
    """
    edges = (rows[1:] != rows[:-1]) | (window[1:] != window[:-1])
    starts = np.concatenate(([0], np.flatnonzero(edges) + 1))
    row = rows[starts]
    fresh = np.ones(len(starts), np.bool_)
    fresh[1:] = row[1:] != row[:-1]
    return starts, row, window[starts], fresh
