"""The places of many streams on the frame clock, and the windows in which they are watched.

A table of columns, a row per stream. Windows end for all rows in the same frame, so they are dealt
with at once, whatever they show; only a stream that really moves is looked at by itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.pacing import WINDOW_FRAMES, Anchor, Pacing
from mediasim.rtp.stream import Stream

__all__ = ["AHEAD_FRAMES", "PaceTable"]

AHEAD_FRAMES: Final = 64
"""How far before its time a packet may come: 1.28 s. Beyond it is dropped as early."""
LONGEST_PACKET: Final = 60 * FRAME_SAMPLES // 20
"""Samples; beyond it one of a stream that moved back is not known to reach."""
_NO_WINDOW: Final = -1
_EARLIEST: Final = np.iinfo(np.int64).min
_LATEST: Final = np.iinfo(np.int64).max


class PaceTable:
    """Columns, grown as rows are opened."""

    def __init__(self) -> None:
        self._pacing = Pacing(AHEAD_FRAMES * FRAME_SAMPLES)
        self._columns(0)

    def _columns(self, rows: int) -> None:
        self._place = np.zeros(rows, np.int64)
        """Output sample = media time + place,"""
        self._turn = np.full(rows, _EARLIEST, np.int64)
        """from this media time on."""
        self._newest = np.full(rows, _EARLIEST, np.int64)
        """The latest media time received."""
        self._window = np.full(rows, _NO_WINDOW, np.int64)
        self._least = np.zeros(rows, np.int64)
        self._packets = np.zeros(rows, np.int64)
        self._contested = np.full(rows, _EARLIEST, np.int64)
        """Output samples below this may have been written before the place moved back."""

    def ensure(self, rows: int) -> None:
        """Have at least this many rows."""
        have = len(self._place)
        if rows <= have:
            return
        self._pacing.ensure(rows)
        old = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        self._columns(rows)
        for name, column in old.items():
            getattr(self, name)[:have] = column

    def forget(self, row: int) -> None:
        """The row's stream has no place."""
        self._window[row] = _NO_WINDOW

    def waiting(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows have no place yet."""
        found: NDArray[np.bool_] = self._window[rows] == _NO_WINDOW
        return found

    def contested(
        self, rows: NDArray[np.int64], output: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """Which packets may stand where others of their stream do; None if none does."""
        found = np.flatnonzero(output < self._contested[rows])
        return found if len(found) else None

    def begin(self, stream: Stream, anchor: Anchor, arrival: int) -> None:
        """Give a stream its place; ``arrival`` is its first packet's (ns)."""
        row = stream.row
        self._place[row] = anchor.place
        self._turn[row] = self._newest[row] = self._contested[row] = _EARLIEST
        usable = arrival // FRAME_NS + 1
        self._window[row] = usable // WINDOW_FRAMES
        self._least[row] = _LATEST
        self._packets[row] = 0
        slack = anchor.transit - anchor.place
        self._pacing.refer(row, slack, stream.format.depth * FRAME_SAMPLES)
        stream.placed(anchor.first, anchor.place, usable)

    def follow(
        self,
        streams: list[Stream | None],
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        arrival: NDArray[np.int64],
        usable: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Each packet's place; closes the windows that ended, which may move it.

        Packets of a row stand together, in order of arrival; ``streams`` are found by row.
        ``usable`` are the frames from which on they can be played.
        """
        delay = arrival // SAMPLE_NS - media
        window = usable // WINDOW_FRAMES
        edges = (rows[1:] != rows[:-1]) | (window[1:] != window[:-1])
        bounds = np.concatenate(([0], np.flatnonzero(edges) + 1, [len(rows)]))
        starts, count = bounds[:-1], bounds[1:] - bounds[:-1]
        least = np.minimum.reduceat(delay, starts)
        newest = np.maximum.reduceat(media, starts)
        row, of = rows[starts], window[starts]
        place = self._place[rows]
        for index in np.flatnonzero(media < self._turn[rows]).tolist():
            place[index] = _of(streams, int(rows[index])).place_of(int(media[index]))
        # A row's first piece may go on with the window its row is in.
        fresh = np.ones(len(starts), np.bool_)
        fresh[1:] = row[1:] != row[:-1]
        same = fresh & (of == self._window[row])
        least[same] = np.minimum(self._least[row[same]], least[same])
        count[same] += self._packets[row[same]]
        # Every other one closes the window before it, which as a rule shows nothing.
        before = np.arange(-1, len(starts) - 1)
        closed_least = np.where(fresh, self._least[row], least[before])
        closed_count = np.where(fresh, self._packets[row], count[before])
        calm = same | self._pacing.calm(row, closed_least - self._place[row], closed_count)
        firsts = np.flatnonzero(fresh)
        newest_of_row = np.maximum.reduceat(newest, firsts)
        if calm.all():
            last = np.append(fresh[1:], True)
            self._open(row[last], of[last], least[last], count[last], newest_of_row)
            return place
        calm = ~np.isin(row, row[~calm])  # by whole rows
        last = np.append(fresh[1:], True) & calm
        self._open(row[last], of[last], least[last], count[last], newest_of_row[calm[fresh]])
        # The others piece by piece: first the first ones of all rows, then the second ones.
        number = np.cumsum(fresh) - 1
        turn = np.where(calm, -1, np.arange(len(row)) - firsts[number])
        ends = np.append(starts[firsts[1:]], len(rows))
        for each in range(int(turn.max()) + 1):
            if each:
                left = np.flatnonzero(turn >= each)
                slack = closed_least[left] - self._place[row[left]]
                if self._pacing.calm(row[left], slack, closed_count[left]).all():
                    # What was the matter is over, and so are all windows but the rows' last.
                    ended = left[np.append(fresh[1:], True)[left]]
                    latest = newest_of_row[number[ended]]
                    self._open(row[ended], of[ended], least[ended], count[ended], latest)
                    break
            now = np.flatnonzero(turn == each)
            closing = now[~same[now]]
            for index, move in self._judge(row[closing]):
                piece = int(closing[index])
                stream, start = _of(streams, int(row[piece])), int(starts[piece])
                self._move(stream, move, int(usable[start]))
                rest = slice(start, int(ends[number[piece]]))
                place[rest][media[rest] >= self._turn[stream.row]] = self._place[stream.row]
            self._open(row[now], of[now], least[now], count[now], newest[now])
        return place

    def _open(
        self,
        row: NDArray[np.int64],
        window: NDArray[np.int64],
        least: NDArray[np.int64],
        count: NDArray[np.int64],
        newest: NDArray[np.int64],
    ) -> None:
        """Begin new windows with what has come of them."""
        self._window[row] = window
        self._least[row] = least
        self._packets[row] = count
        self._newest[row] = np.maximum(self._newest[row], newest)

    def _judge(self, rows: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Close the rows' windows; returns which of them are to move, and by how much."""
        if not len(rows):
            return []
        slack = self._least[rows] - self._place[rows]
        moves = self._pacing.judge(rows, slack, self._packets[rows])
        found = np.flatnonzero(moves)
        return list(zip(found.tolist(), moves[found].tolist(), strict=True))

    def _move(self, stream: Stream, samples: int, usable: int) -> None:
        """Move a stream's place, known in the frame ``usable``."""
        row = stream.row
        place = int(self._place[row])
        # It holds from beyond all that was received. Back, it may still be written over the end
        # of that, or late packets of that over it.
        reach = (usable + AHEAD_FRAMES) * FRAME_SAMPLES + stream.lead
        turn = max(int(self._turn[row]), min(int(self._newest[row]) + 1, reach - place))
        self._place[row], self._turn[row] = place + samples, turn
        below = turn + place + LONGEST_PACKET
        if samples < 0:
            self._contested[row] = max(int(self._contested[row]), below)
        stream.moved(turn, place + samples, samples, usable, below)


def _of(streams: list[Stream | None], row: int) -> Stream:
    stream = streams[row]
    assert stream is not None
    return stream
