"""The places of many streams on the frame clock: when they may move, and by how much.

A stream keeps its place for as long as its packets come about when they should. Two things move
it, both seen in the least delay of a window of packets (RFC 3550 section 6.3.1's idea of using
the minimum, which jitter does not touch):

- *drift*: the sender's clock is off. When the minimum has been off to the same side by at least
  ``STEP`` samples for ``PATIENCE`` windows, the place moves by whole steps. A clip's offset
  therefore stays within ``DRIFT_BOUND`` of its true place at any call length.
- *restart*: every packet of one window came too late to be played, as after a sender that
  stopped and went on with continuous timestamps, or packets of two windows far too early, as
  after one that jumped ahead. The place moves at once.

Windows end for all rows in the same frame, so they are dealt with at once, whatever they show; only
a stream that really moves is looked at by itself. Packets are looked at before they are counted:
:meth:`PlayoutOffsets.look` says where they belong, :meth:`PlayoutOffsets.count` enters those that
were taken into the windows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.rtp.probation import STEP, Anchor
from mediasim.rtp.ring import Columns
from mediasim.rtp.stream import ReceivedStream, Shift

__all__ = [
    "AHEAD_FRAMES",
    "DRIFT_BOUND",
    "ENOUGH",
    "STEP",
    "WINDOW_FRAMES",
    "PlayoutOffsets",
    "SkewCompensation",
]


WINDOW_FRAMES: Final = 25
PATIENCE: Final = 4
"""Windows in a row that must agree before a drift is followed: 2 s."""
ENOUGH: Final = 5
"""Packets below which a window says nothing: of 60 ms, a window has 8."""

DRIFT_BOUND: Final = STEP + FRAME_SAMPLES // 4
"""Samples a clip can be from its true place under drift up to 1,000 ppm on a link without
jitter: one step, and what is gained while patience lasts."""
AHEAD_FRAMES: Final = 64
"""How far before its time a packet may come: 1.28 s. Beyond it is dropped as early."""
LONGEST_PACKET: Final = 60 * FRAME_SAMPLES // 20
"""Samples; beyond it one of a stream that moved back is not known to reach."""
_NO_WINDOW: Final = -1
_EARLIEST: Final = np.iinfo(np.int64).min
_LATEST: Final = np.iinfo(np.int64).max


class SkewCompensation(Columns):
    """The judgement of many streams' windows: columns, a row per stream."""

    def __init__(self, early_samples: int) -> None:
        """``early_samples``: packets that much before their time are far too early."""
        self._early = early_samples
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._late = np.zeros(rows, np.int64)
        """Slack by which a window's packets are all too late to be played."""
        self._reference = np.zeros(rows, np.int64)
        self._streak = np.zeros(rows, np.int64)
        """Windows in a row that were off; negative for those to the early side,"""
        self._least = np.zeros(rows, np.int64)
        """and the least any of them was."""
        self._leapt = np.zeros(rows, np.bool_)
        """Whether the last window was far too early."""

    def refer(self, row: int, slack: int, late_samples: int) -> None:
        """A stream was given its place: ``slack`` is the least of its packets' ``arrival - output
        place`` (samples) then, ``late_samples`` how much more makes them too late."""
        self._reference[row] = slack
        self._late[row] = late_samples
        self._streak[row] = 0
        self._leapt[row] = False

    def reference(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The least slack of the rows' first packets."""
        return self._reference[rows]

    def calm(
        self, rows: NDArray[np.int64], slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which finished windows change nothing: they need not be judged."""
        off = np.abs(slack - self._reference[rows])
        restless = (self._streak[rows] != 0) | self._leapt[rows]
        found: NDArray[np.bool_] = (packets < ENOUGH) | ((off < STEP) & ~restless)
        return found

    def judge(
        self, rows: NDArray[np.int64], slack: NDArray[np.int64], packets: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Samples to move by (multiples of ``STEP``), given finished windows' least slack.

        One window of each of ``rows``; none of them twice.
        """
        moves = np.zeros(len(rows), np.int64)
        telling = packets >= ENOUGH
        if not telling.all():
            moves[telling] = self.judge(rows[telling], slack[telling], packets[telling])
            return moves
        off = slack - self._reference[rows]
        streak, least = self._streak[rows], self._least[rows]
        leaps = off < -self._early
        again = leaps & self._leapt[rows]
        stray = leaps & ~again  # one stray packet is enough for it
        at_once = again | (off > self._late[rows])
        side = np.sign(off)
        drifting = (np.abs(off) >= STEP) & ~at_once
        going_on = drifting & (streak * side > 0)
        nearer = np.where(going_on & (np.abs(least) <= np.abs(off)), least, off)
        counted = np.where(drifting, np.where(going_on, streak, 0) + side, 0)
        agreed = ~stray & (np.abs(counted) >= PATIENCE)
        self._leapt[rows] = leaps
        self._streak[rows] = np.where(stray, streak, np.where(agreed, 0, counted))
        self._least[rows] = np.where(drifting & ~stray, nearer, least)
        moves[at_once] = _whole_steps(off[at_once])
        moves[agreed] = _whole_steps(nearer[agreed])
        return moves


def _whole_steps(samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Toward zero."""
    steps: NDArray[np.int64] = samples - np.fmod(samples, STEP)
    return steps


class PlayoutOffsets(Columns):
    """Of each row, where its stream stands, and how its packets of late have come."""

    def __init__(self) -> None:
        self._pacing = SkewCompensation(AHEAD_FRAMES * FRAME_SAMPLES)
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._place = np.zeros(rows, np.int64)
        """Output sample = media time + place,"""
        self._turn = np.full(rows, _EARLIEST, np.int64)
        """from this media time on."""
        self.newest = np.full(rows, _EARLIEST, np.int64)
        """The latest media time received."""
        self._window = np.full(rows, _NO_WINDOW, np.int64)
        self._least = np.zeros(rows, np.int64)
        self._packets = np.zeros(rows, np.int64)
        self._most = np.full(rows, _EARLIEST, np.int64)
        """The longest time from media to arrival of this window's packets,"""
        self._most_before = np.full(rows, _EARLIEST, np.int64)
        """and of those of the window before."""
        self._contested = np.full(rows, _EARLIEST, np.int64)
        """Output samples below this may have been written before the place moved back."""

    def ensure(self, rows: int) -> None:
        super().ensure(rows)
        self._pacing.ensure(rows)

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

    # -- places given -----------------------------------------------------------------------

    def begin(self, stream: ReceivedStream, anchor: Anchor, arrival: int) -> None:
        """Give a stream its place; ``arrival`` is its first packet's (ns)."""
        row = stream.row
        usable = arrival // FRAME_NS + 1
        self._turn[row] = self.newest[row] = self._contested[row] = _EARLIEST
        self._anchor(stream, anchor.place, anchor.transit, usable)
        stream.placed(anchor.first, anchor.place, usable)

    def begin_anew(self, stream: ReceivedStream, shift: Shift, transit: int, usable: int) -> None:
        """Give a stream that goes on somewhere else its place there.

        ``transit`` is the least time from media to arrival of its first packets, ``usable`` the
        frame from which on the first of them could be played.
        """
        self._turn[stream.row] = shift.media
        self._anchor(stream, shift.place, transit, usable)
        stream.shifts.append(shift)

    def _anchor(self, stream: ReceivedStream, place: int, transit: int, usable: int) -> None:
        row = stream.row
        self._place[row] = place
        self._roll_to(np.array([row]), np.array([usable // WINDOW_FRAMES]))
        self._most[row] = self._most_before[row] = _EARLIEST
        self._pacing.refer(row, transit - place, stream.format.depth * FRAME_SAMPLES)

    # -- packets ----------------------------------------------------------------------------

    def off(
        self, rows: NDArray[np.int64], delay: NDArray[np.int64], place: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Samples by which packets come later than the first ones of their streams did."""
        found: NDArray[np.int64] = delay - place - self._pacing.reference(rows)
        return found

    def place_of(
        self,
        streams: list[ReceivedStream | None],
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Each packet's place as known now; ``streams`` are found by row."""
        place = self._place[rows]
        before = np.flatnonzero(media < self._turn[rows])
        for index in before.tolist():
            place[index] = _of(streams, int(rows[index])).place_of(int(media[index]))
        return place

    def look(
        self,
        streams: list[ReceivedStream | None],
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        delay: NDArray[np.int64],
        usable: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Each packet's place, and of which packets it is known; None: of all.

        Packets of a row stand together, in order of arrival; ``usable`` are the frames from which
        on they can be played, ``delay`` the samples from media time to arrival. Windows that end
        before a row's first packet are closed, which may move it. Where a later window of it may
        do so, the place of what follows is known when what precedes it has been counted.
        """
        window = usable // WINDOW_FRAMES
        known = None
        if (window != self._window[rows]).any():
            starts, row, of, fresh = _pieces(rows, window)
            firsts = np.flatnonzero(fresh)
            rolls = firsts[of[firsts] != self._window[row[firsts]]]
            if len(rolls):
                self._roll(streams, row[rolls], of[rolls], usable[starts[rolls]])
            if len(firsts) < len(starts):
                known = self._calm_until(rows, delay, starts, row, fresh)
        return self.place_of(streams, rows, media), known

    def _calm_until(
        self,
        rows: NDArray[np.int64],
        delay: NDArray[np.int64],
        starts: NDArray[np.int64],
        row: NDArray[np.int64],
        fresh: NDArray[np.bool_],
    ) -> NDArray[np.bool_] | None:
        """Which packets come before a window of their row is closed that may move it."""
        count = np.diff(np.append(starts, len(rows)))
        least = np.minimum.reduceat(delay, starts)
        least[fresh] = np.minimum(self._least[row[fresh]], least[fresh])
        packets = count + np.where(fresh, self._packets[row], 0)
        later = np.flatnonzero(~fresh)
        slack = least[later - 1] - self._place[row[later]]
        calm = self._pacing.calm(row[later], slack, packets[later - 1])
        if calm.all():
            return None
        moving = np.zeros(len(starts), np.int64)
        moving[later[~calm]] = 1
        so_far = np.cumsum(moving)
        before = so_far[fresh][np.cumsum(fresh) - 1]  # a row's first piece never counts
        return np.repeat(so_far == before, count)

    def _roll(
        self,
        streams: list[ReceivedStream | None],
        rows: NDArray[np.int64],
        windows: NDArray[np.int64],
        usable: NDArray[np.int64],
    ) -> None:
        """Close the rows' windows, each row once, and begin others."""
        slack = self._least[rows] - self._place[rows]
        closing = np.flatnonzero(~self._pacing.calm(rows, slack, self._packets[rows]))
        if len(closing):
            of = rows[closing]
            moves = self._pacing.judge(of, slack[closing], self._packets[of])
            for index in np.flatnonzero(moves).tolist():
                stream = _of(streams, int(of[index]))
                self._move(stream, int(moves[index]), int(usable[closing[index]]))
        self._roll_to(rows, windows)

    def _roll_to(self, rows: NDArray[np.int64], windows: NDArray[np.int64]) -> None:
        told = self._packets[rows] > 0
        self._most_before[rows[told]] = self._most[rows[told]]
        self._window[rows] = windows
        self._least[rows] = _LATEST
        self._packets[rows] = 0
        self._most[rows] = _EARLIEST

    def roll_one(self, streams: list[ReceivedStream | None], row: int, usable: int) -> None:
        """Close one row's window if a packet that can be used in this frame shows it has ended."""
        if usable // WINDOW_FRAMES != self._window[row]:
            rows = np.array([row])
            self._roll(streams, rows, np.array([usable // WINDOW_FRAMES]), np.array([usable]))

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
        starts, row, of, fresh = _pieces(rows, usable // WINDOW_FRAMES)
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
        ended = np.flatnonzero(last & ~fresh)
        self._most_before[row[ended]] = most[ended - 1]
        own = row[last]
        self._window[own] = of[last]
        self._least[own] = least[last]
        self._most[own] = most[last]
        self._packets[own] = count[last]

    def reference(self, row: int) -> int:
        """The least slack (samples) of a row's first packets."""
        return int(self._pacing.reference(np.array([row]))[0])

    def count_aside(self, row: int, delay: int) -> None:
        """Enter a late packet that is kept until it is known what it is."""
        self._least[row] = min(int(self._least[row]), delay)
        self._packets[row] += 1

    def accustom(self, row: int, delay: int) -> None:
        """Such a packet was merely late: others may be as late."""
        self._most[row] = max(int(self._most[row]), delay)

    def most(
        self,
        row: int,
        delay: NDArray[np.int64] | None = None,
        usable: NDArray[np.int64] | None = None,
    ) -> int:
        """The longest time from media to arrival of a row's packets in this window and the last.

        With ``delay`` and ``usable``: of packets looked at and not yet counted too; the last of
        ``usable`` is the packet that is asked for, and not among ``delay``.
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
        """Move a stream's place, known in the frame ``usable``."""
        row = stream.row
        place = int(self._place[row])
        # It holds from beyond all that was received. Back, it may still be written over the end
        # of that, or late packets of that over it.
        reach = (usable + AHEAD_FRAMES) * FRAME_SAMPLES + stream.lead
        turn = max(int(self._turn[row]), min(int(self.newest[row]) + 1, reach - place))
        self._place[row], self._turn[row] = place + samples, turn
        below = turn + place + LONGEST_PACKET
        if samples < 0:
            self._contested[row] = max(int(self._contested[row]), below)
        stream.moved(turn, place + samples, samples, usable, below)


def _pieces(
    rows: NDArray[np.int64], window: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Packets of one row in one window: the first's index, row and window, and if it is the
    row's first."""
    edges = (rows[1:] != rows[:-1]) | (window[1:] != window[:-1])
    starts = np.concatenate(([0], np.flatnonzero(edges) + 1))
    row = rows[starts]
    fresh = np.ones(len(starts), np.bool_)
    fresh[1:] = row[1:] != row[:-1]
    return starts, row, window[starts], fresh


def _of(streams: list[ReceivedStream | None], row: int) -> ReceivedStream:
    stream = streams[row]
    assert stream is not None
    return stream
