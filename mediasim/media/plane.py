"""The media plane: the frame clock, and all legs advanced from one frame to another.

Sans-IO. The caller owns time and calls :meth:`MediaPlane.advance`; whether that is a ticker with
one frame at a time for thousands of legs, or a virtual clock with thousands of frames at a time for
one call, the code below is the same:

    packets in -> playout -> inbound tracks -> routes -> outbound tracks -> packets out
                                   \\-> listeners, recorders <-/

``now`` is the frame the clock stands in; frames before it may be processed. Rooms lag behind now by
at most ``max_lag`` frames unless they are changed or read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.audio.levels import mix_minus
from mediasim.media.leg import FOREVER, Leg, LegGroup, PacketMux
from mediasim.media.missing import Missing
from mediasim.media.recorder import Tap, Track
from mediasim.media.routes import FLUSH_FRAMES, Routes, RouteTable
from mediasim.media.tracks import BlockTracks, Tracks
from mediasim.rtp.packets import PacketBlock, joined
from mediasim.rtp.playout import AHEAD_FRAMES, Playout
from mediasim.rtp.reception import Reception

__all__ = ["MediaPlane"]

_HISTORY: Final = 2 * FLUSH_FRAMES
"""Frames of track kept per leg for recorders, in short blocks."""
_SILENCE: Final = 8
"""Highest sample of silence: the smallest step of A-law."""
_FEW: Final = 4
"""Streams up to which packets are received a stream at a time; more of them go together."""
_MANY: Final = 16
"""Packets from which on a stream's are received by themselves in any case."""
_SHORT: Final = FLUSH_FRAMES
"""Frames up to which a block can use the legs' own memory; recorders are written at the end of a
longer one."""


_Side = Tracks | BlockTracks


class MediaPlane:
    """The frame clock of all rooms, and their playout, routes, listeners and recorders."""

    def __init__(self, *, max_lag: int = 256) -> None:
        """``max_lag`` is 1 in real time; in virtual time the longest block worth taking."""
        self.max_lag = max_lag
        self.now = 0
        """The frame that the clock stands in."""
        self.rooms: list[LegGroup] = []
        self.playout = Playout(min(max_lag, _SHORT) + 32 + AHEAD_FRAMES)
        self._inbound = Tracks(_HISTORY)
        self._outbound = Tracks(_HISTORY)
        self._sides: tuple[_Side, _Side] = (self._inbound, self._outbound)
        """Inbound and outbound tracks of the block in progress."""
        self.afterwards: list[Callable[[], None]] = []
        """Called after each block, and after its packets have crossed the sockets of lines."""
        self.overloaded: Callable[[], bool] = lambda: False
        """Returns whether the owner of time has none left for more calls."""
        self.mux: PacketMux | None = None
        """Carries the legs that have no source and sink of their own; in real time only."""
        self._routes = RouteTable()
        self._leg_of_row: dict[int, Leg] = {}
        self.missing = Missing()
        """The open gaps of all legs."""
        self._next_due = 0
        """The frame at which a room has to be advanced next."""
        self._ticked = -1
        """The frame that the last tick advanced to."""
        self._rows = 0
        self._sounded: NDArray[np.bool_] = np.zeros(0, np.bool_)
        """Whether each inbound track has held anything but silence so far, by row."""
        self._recorders = 0

    # -- rooms and rows ---------------------------------------------------------------------

    def open(self, room: LegGroup) -> None:
        """Advance a room from now on."""
        self.rooms.append(room)
        self.changed()

    def close(self, room: LegGroup) -> None:
        """Forget a room whose legs have ended."""
        self.rooms.remove(room)
        self._routes.forget(room)

    def changed(self) -> None:
        """Note that a room has changed, and with it what is due."""
        self._next_due = self.now
        self._routes.changed()

    def admit(self, leg: Leg) -> None:
        """Provide track memory for a new leg's row."""
        row = leg.row
        self._leg_of_row[row] = leg
        if row >= self._rows:
            self.reserve(max(2, 2 * row))
        self._sounded[row] = False

    def reserve(self, legs: int) -> None:
        """Provide memory for so many legs: growing it during calls holds them up."""
        if legs > self._rows:
            self._rows = legs
            self._inbound.ensure(legs)
            self._outbound.ensure(legs)
            self.playout.ensure(legs)
            self.missing.ensure(legs)
            self._sounded = np.concatenate(
                (self._sounded, np.zeros(legs - len(self._sounded), np.bool_))
            )

    def retire(self, leg: Leg) -> None:
        """Free a leg's row, keeping its statistics."""
        self.missing.settle(leg)
        leg.final_reception = self.playout.reception.of(leg.row)
        leg.has_sounded = bool(self._sounded[leg.row])
        del self._leg_of_row[leg.row]
        self.playout.close(leg.stream)

    def reception(self, leg: Leg) -> Reception:
        """Return the reception statistics of the leg's stream, during the call and after it."""
        return leg.final_reception or self.playout.reception.of(leg.row)

    def sounded(self, leg: Leg) -> bool:
        """Return whether a leg's inbound track has held anything but silence, also after it."""
        ended = leg.final_reception is not None
        return leg.has_sounded if ended else bool(self._sounded[leg.row])

    # -- time -------------------------------------------------------------------------------

    def advance(self, to_frame: int) -> int:
        """Advance now to ``to_frame``, or less where a listener needs a closer look.

        Returns the new now. Listeners may have acted by then.
        """
        if to_frame <= self.now:
            return self.now
        # No room is due: in virtual time most jumps only move the number.
        if to_frame < self._next_due:
            self.now = to_frame
            return to_frame
        limits = {}
        for room in self.rooms:
            if (outlook := room.outlook) is None:
                continue
            limits[room] = room.frame + outlook
            if limits[room] < to_frame and room.frame < self.now:
                self.catch_up(room)
                return self.now  # by what was heard until now, timers may have been set
            to_frame = min(to_frame, limits[room])
        self.now = to_frame
        due = to_frame + self.max_lag
        for room in tuple(self.rooms):
            behind = to_frame - room.frame
            if room.may_lag and limits.get(room, FOREVER) > to_frame:
                behind -= behind % self.max_lag  # whole blocks; the rest can wait
            if behind:
                self._process((room,), room.frame, room.frame + behind)
            # What a listener waits for may come sooner once more has been said.
            due = min(due, to_frame + 1 if room in limits else room.frame + self.max_lag)
        self._next_due = due
        return to_frame

    def tick(self, to_frame: int) -> None:
        """Advance all rooms to ``to_frame`` at once: real time, wide blocks."""
        before, self.now = self.now, to_frame
        rooms = tuple(self.rooms)
        if rooms:
            # After a tick all of them stand at now, and so does what was done to them since.
            even = before == self._ticked
            self._process(rooms, before if even else min(room.frame for room in rooms), to_frame)
        self._ticked = to_frame

    def catch_up(self, room: LegGroup) -> None:
        """Advance one room to now."""
        if room.frame < self.now:
            self._process((room,), room.frame, self.now)

    # -- frames -----------------------------------------------------------------------------

    def _process(self, rooms: tuple[LegGroup, ...], first: int, to_frame: int) -> None:
        while first < to_frame:
            count = min(to_frame - first, self.max_lag)
            # In the legs' own memory a block may not cross the end of the ring.
            if count <= _SHORT and first % _HISTORY + count <= _HISTORY:
                self._block(rooms, first, count)
            else:
                self._apart(rooms, first, count)
            first += count

    def _apart(self, rooms: tuple[LegGroup, ...], first: int, count: int) -> None:
        """Process a block in memory of its own."""
        # What recorders still lack is in the legs' own memory, which is not read during the block,
        # and what is in the block's cannot be read after it.
        recorders = [recorder for room in rooms for recorder in room.recorders]
        for recorder in recorders:
            recorder.write(first, self.read_tap)
        self._sides = BlockTracks(first, count), BlockTracks(first, count)
        self._block(rooms, first, count)
        for recorder in recorders:
            recorder.write(first + count, self.read_tap)
        self._sides = self._inbound, self._outbound

    def _block(self, rooms: tuple[LegGroup, ...], first: int, count: int) -> None:
        only = len(rooms) == 1
        routes = self._routes.of_room(rooms[0]) if only else self._routes.of_all(rooms)
        if len(routes.rows):
            if count > _SHORT:
                pcm = self.playout.stretch(routes.rows, first, count)
            else:
                pcm = np.empty((len(routes.rows), count * FRAME_SAMPLES), np.int16)
            # In this order: routes read what was played out, listeners and sinks what was routed.
            self._receive(routes, first + count)
            self._play_out(routes, first, count, pcm)
            self._route(routes, first, count)
            self._listen(routes, first, count)
            self._send(routes, first, count)
        for room in rooms:
            room.frame = first + count
        self._write(routes, first, count)
        self.settle()

    def settle(self) -> None:
        """Let transports deliver the packets that they gathered during a block."""
        for callback in self.afterwards:
            callback()

    def _receive(self, routes: Routes, known_before: int) -> None:
        """Receive all packets that arrived in time for frames before ``known_before``."""
        blocks, rows = [], []
        few = len(routes.sourced) <= _FEW
        for leg in routes.sourced:
            assert leg.source is not None
            block = leg.source.pull((known_before - 1) * FRAME_NS)
            if block is None or not len(block):
                continue
            alone = few or len(block) >= _MANY
            if not (alone and self.playout.steady.receive(leg.stream, block)):
                blocks.append(block)
                rows.append(leg.row)
        self.deliver(rows, blocks, known_before)
        if self.mux is not None:
            for packet_rows, block in self.mux.receive(known_before):
                self._deliver(packet_rows, block, known_before)

    def deliver(self, rows: list[int], blocks: list[PacketBlock], known_before: int) -> None:
        """Give packets to their rows: blocks of one row each, in order of arrival."""
        if not blocks:
            return
        packet_rows = np.repeat(np.array(rows, np.int64), [len(block) for block in blocks])
        self._deliver(packet_rows, joined(blocks), known_before)

    def _deliver(self, rows: NDArray[np.int64], block: PacketBlock, known_before: int) -> None:
        for digit in self.playout.receive(rows, block, known_before):
            leg = self._leg_of_row[digit.row]
            if leg.on_digit is not None:
                leg.on_digit(digit)

    def _play_out(self, routes: Routes, first: int, count: int, pcm: NDArray[np.int16]) -> None:
        have = self.playout.read(routes.rows, first, count, pcm)
        inbound = self._sides[0]
        inbound.write(routes.rows, first, count, pcm)
        for leg in routes.clamped:
            assert leg.clamp is not None
            received = inbound.row(leg.row, first, count)
            inbound.put(leg.row, first, leg.clamp.clamp(first, received))
        silent = ~self._sounded[routes.rows]
        if silent.any():
            self._sounded[routes.rows[silent]] = pcm[silent].max(axis=1) > _SILENCE
        self.missing.note(routes.legs, routes.rows, have, first, self.playout.exact)

    def _route(self, routes: Routes, first: int, count: int) -> None:
        inbound, outbound = self._sides
        outbound.repeat(routes.copied_to, inbound, routes.copied_from, first, count)
        if len(routes.silent):
            outbound.silence(routes.silent, first, count)
        for same in routes.conferences:
            heard = inbound.take(same.rows, first, count)
            if same.muted is not None:
                heard[same.muted] = 0
            mixed = mix_minus(heard.reshape(same.count, -1, count * FRAME_SAMPLES))
            outbound.write(same.rows, first, count, mixed.reshape(heard.shape))
        for leg in routes.mixed:
            total = np.zeros(count * FRAME_SAMPLES, np.int32)
            if leg.conference is not None:
                # The mix-minus of its conference, written just above.
                total += outbound.row(leg.row, first, count)
            for other in leg.hears:
                total += inbound.row(other.row, first, count)
            for player in leg.players:
                player.add_to(total, first, count)
            np.minimum(total, 32767, out=total)  # np.clip takes several times as long
            np.maximum(total, -32768, out=total)
            outbound.put(leg.row, first, total.astype(np.int16))
        for leg in routes.mixed:
            ended = [player.end_frame for player in leg.players]
            if any(end is not None and end <= first for end in ended):
                leg.players = [p for p in leg.players if p.end_frame is None or p.end_frame > first]
                leg.room.version += 1
                self._routes.changed()

    def _listen(self, routes: Routes, first: int, count: int) -> None:
        for leg in routes.listened:
            for track, listener in tuple(leg.listeners):
                if leg.clamp is not None and listener is leg.clamp.listener:
                    listener.hear(first, leg.clamp.received)
                else:
                    listener.hear(first, self._side(track).row(leg.row, first, count))

    def _send(self, routes: Routes, first: int, count: int) -> None:
        for leg in routes.sinking:
            assert leg.sink is not None
            pcm = self._sides[1].row(leg.row, first, count).reshape(count, FRAME_SAMPLES)
            leg.sink.push(first, leg.sender.packets(pcm, first))
        if self.mux is not None:
            for frame in range(first, first + count):
                self.mux.send(frame, self._outbound)

    # -- recorders --------------------------------------------------------------------------

    def next_turn(self) -> int:
        """Return the turn of a new recorder: the frame of the second in which it is written."""
        self._recorders += 1
        return self._recorders % FLUSH_FRAMES

    def _write(self, routes: Routes, first: int, count: int) -> None:
        """Write the recorders whose turn has come; all of them in a block of a second or more."""
        end = first + count
        for frame in range(max(first, end - FLUSH_FRAMES), end):
            for recorder in routes.turns[(frame + 1) % FLUSH_FRAMES]:
                recorder.write(end, self.read_tap)

    def read_tap(self, tap: Tap, first: int, count: int) -> NDArray[np.int16]:
        """Return frames of a track still in memory, (count * 160,)."""
        return self._side(tap.track).read(tap.row, first, count)

    def _side(self, track: Track) -> _Side:
        return self._sides[0 if track is Track.INBOUND else 1]
