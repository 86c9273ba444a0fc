"""Audio of streams that have their places, put where it belongs: the policy for odd senders.

A stream's *line* is its media timestamps and its place. A packet is on its line when it can be
played where its timestamp says. What is to be done with one that is not is known by those that
follow it, so it is kept aside until then, for as long as it would wait in the jitter buffer anyway.
``mediasim/docs/explanation/rtp-policy.md`` has the whole table, the clocks and the bound:

=================  ===========================================================================
a duplicate        has number and timestamp of a packet of the line, and comes in time to be played
                   with it, or late and alone. It is counted and dropped.
a talk spurt       begins with a packet that comes too late for its timestamp, and later than all
                   of the last half second to a second were, if those that follow come no sooner:
                   the sender stopped, and its timestamps with it. It is placed by arrival.
a new beginning    is a timestamp that says other than sequence number and arrival: it goes back or
                   stands while the numbers go on, falls back with them to what was long played,
                   or leaps by 60 ms and more over what neither numbers nor time leapt; if another
                   packet agrees and none goes on where the stream was. It is placed by arrival,
                   behind all that was received before it.
a stray            is a packet off the line when others go on with it: late or early, dropped.
=================  ===========================================================================

Packets on their lines are processed in array operations over many streams, the others one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import (
    Chosen,
    Depacketizer,
    ExtendedNumbers,
    KeptBlock,
    NumberedPackets,
    kept_block,
    samples_of,
)
from mediasim.rtp.line_checker import LineChecker
from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.playout_offsets import AHEAD_FRAMES, PlayoutOffsets
from mediasim.rtp.probation import JUMP, STEP, KeptPacket, Trial
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.stream import ReceivedStream, Shift, StreamTable, Why

__all__ = ["Scheduler"]

_LATEST_FRAME: Final = 1 << 48
"""A frame after every other."""


class Scheduler:
    """Decides where packets of streams are played that have their offsets."""

    def __init__(
        self,
        streams: StreamTable,
        numbers: ExtendedNumbers,
        offsets: PlayoutOffsets,
        depacketizer: Depacketizer,
        reception: ReceptionTable,
        attend: Callable[[ReceivedStream], None],
        use: Callable[[ReceivedStream, int], None],
    ) -> None:
        """``attend`` is called with a stream that begins to keep packets aside, or no longer does;
        ``use`` with one whose next packets are of another payload type.
        """
        self._streams = streams
        self._offsets = offsets
        self._depacketizer = depacketizer
        self._reception = reception
        self._attend = attend
        self._use = use
        self._numbers = numbers
        self._line = LineChecker(streams, numbers, offsets, reception, depacketizer.occupied)
        self._trials: dict[int, Trial] = {}
        """Packets kept aside, by row."""

    def close(self, stream: ReceivedStream) -> None:
        """End a stream: packets kept aside have come too late to be played."""
        trial = self._trials.get(stream.row)
        if trial is not None:
            self._drop(stream, trial, _LATEST_FRAME)

    def aside(self, stream: ReceivedStream) -> list[int]:
        """Return the output samples, on the stream's line, of packets that are kept aside."""
        kept = trial.kept if (trial := self._trials.get(stream.row)) else ()
        return [packet.media + self._offset_of(stream, packet.media) for packet in kept]

    # -- packets ----------------------------------------------------------------------------

    def schedule(
        self, rows: NDArray[np.int64], parsed: Parsed, block: PacketBlock, chosen: Chosen
    ) -> None:
        """Count chosen packets of a block, and put them at their output samples.

        Those of a row stand together, in order of arrival; codecs with memory come a row at a time.
        """
        # A trial that begins, or an offset that moves, changes where later packets of its row
        # belong: those wait for the next round.
        while len(rows):
            if self._trials:
                rows, chosen = self._go_on(rows, parsed, block, chosen)
                if not len(rows):
                    return
            rest = self._schedule_some(rows, parsed, block, chosen)
            if rest is None:
                return
            rows, chosen = rows[rest], np.arange(len(block))[chosen][rest]

    def _schedule_some(
        self, rows: NDArray[np.int64], parsed: Parsed, block: PacketBlock, chosen: Chosen
    ) -> NDArray[np.int64] | None:
        """Place packets up to the next change of a row; return the indices of the rest."""
        packets, known = self._number(rows, parsed, block, chosen)
        odd, breaks = self._line.odd(packets)
        if known is None and not odd.any():
            if breaks is not None:
                self._count_breaks(rows[breaks])
            self._finish(packets, parsed, block)
            return None
        now = np.ones(len(rows), np.bool_) if known is None else known
        edges = np.flatnonzero(rows[1:] != rows[:-1]) + 1
        bounds = np.concatenate(([0], edges, [len(rows)]))
        off: list[tuple[int, bool]] = []
        for index in np.flatnonzero(odd & now).tolist():
            if not now[index]:
                continue  # behind another
            number = int(np.searchsorted(bounds, index, "right"))
            start, end = int(bounds[number - 1]), int(bounds[number])
            stepped = self._line.stepped(packets, parsed, index, start)
            late = packets.ahead[index] < 0 and not self._line.overtaken(packets, index, start)
            if stepped or (late and self._line.is_off(packets, odd, now, index, start)):
                off.append((index, stepped))
                now[index:end] = False
        if breaks is not None:
            self._count_breaks(rows[breaks & now])
        if now.all():
            self._finish(packets, parsed, block)
            return None
        if now.any():
            self._finish(packets.of(np.flatnonzero(now)), parsed, block)
        for index, stepped in off:
            row, at = int(rows[index]), int(np.arange(len(block))[chosen][index])
            packet = self._numbers.read_one(row, parsed, block, at)
            self._keep_aside(self._streams.at(row), packet, stepped=stepped)
            now[index] = True
        return np.flatnonzero(~now)

    def _number(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
        *,
        aside: bool = False,
    ) -> tuple[NumberedPackets, NDArray[np.bool_] | None]:
        """Return the packets with their positions, and which of those are known; None: all."""
        sequence, ticks = self._numbers.read(rows, parsed, chosen)
        media = self._numbers.media(rows, ticks)
        arrival = block.arrival[chosen]
        usable = arrival // FRAME_NS + 1
        delay = arrival // SAMPLE_NS - media
        known = None
        # Peeking would close windows, but these packets came before the ones that closed them.
        if aside:
            offset = self._offsets.offset_of(rows, media)
        else:
            offset, known = self._offsets.peek(rows, media, delay, usable)
        output = media + offset
        ahead = (output - self._streams.at(int(rows[0])).lead) // FRAME_SAMPLES - usable
        packets = NumberedPackets(
            rows, chosen, sequence, ticks, media, arrival, usable, delay, output, ahead
        )
        return packets, known

    def _count_breaks(self, rows: NDArray[np.int64]) -> None:
        for row in rows.tolist():
            self._streams.at(row).number_breaks += 1

    def _finish(
        self,
        packets: NumberedPackets,
        parsed: Parsed,
        block: PacketBlock,
        *,
        aside: bool = False,
    ) -> None:
        """Count packets and put them at their output samples; ``aside``: they were kept aside."""
        chosen = packets.chosen
        if not aside:
            self._numbers.go_to(packets, parsed.timestamp[chosen])
        transit = packets.arrival / SAMPLE_NS - packets.media
        fresh = self._reception.take(packets.rows, packets.sequence, transit, packets.media)
        if fresh is not None:
            packets = packets.of(np.flatnonzero(fresh))
            if not len(packets.rows):
                return
        if not aside:
            self._offsets.count(packets.rows, packets.media, packets.delay, packets.usable)
        good = (packets.ahead >= 0) & (packets.ahead < AHEAD_FRAMES)
        if not good.all():
            bad = packets.of(np.flatnonzero(~good))
            self._depacketizer.refuse(bad.rows, bad.ahead < 0, bad.arrival, bad.output)
            packets = packets.of(np.flatnonzero(good))
        if len(packets.rows):
            where = packets.rows, packets.media, packets.output, packets.usable
            self._depacketizer.write(*where, parsed, block, packets.chosen)

    # -- packets kept aside -----------------------------------------------------------------

    def settle(self, stream: ReceivedStream, known_before: int) -> None:
        """Decide about packets kept aside, all those usable before this frame having been given."""
        while (trial := self._trials.get(stream.row)) is not None:
            if trial.proven and known_before > trial.due:
                self._begin_anew(stream, trial)
            elif not trial.proven and known_before > trial.expires:
                self._drop(stream, trial, trial.expires)
            else:
                return

    def _keep_aside(self, stream: ReceivedStream, packet: KeptPacket, *, stepped: bool) -> None:
        """Begin a trial with the first packet off the line."""
        self._offsets.roll_one(stream.row, packet.usable)
        trial = Trial.of(packet, stream.format.depth, stream.lead, stepped=stepped)
        self._trials[stream.row] = trial
        self._count_aside(stream, packet)
        stream.keeps_aside = True
        self._attend(stream)

    def _forget(self, stream: ReceivedStream) -> None:
        del self._trials[stream.row]
        stream.keeps_aside = False
        self._attend(stream)

    def _count_aside(self, stream: ReceivedStream, packet: KeptPacket) -> None:
        if self._is_late(stream, packet):
            self._offsets.count_aside(stream.row, packet.delay)

    def _is_late(self, stream: ReceivedStream, packet: KeptPacket) -> bool:
        needed = packet.media + self._offset_of(stream, packet.media) - stream.lead
        return needed // FRAME_SAMPLES < packet.usable

    def _is_known(self, row: int, packet: KeptPacket) -> bool:
        """Return whether a packet is a copy of one that was received lately."""
        return self._reception.has(row, packet.sequence, packet.media)

    def _offset_of(self, stream: ReceivedStream, media: int) -> int:
        rows, at = np.array([stream.row]), np.array([media])
        return int(self._offsets.offset_of(rows, at)[0])

    def _go_on(
        self, rows: NDArray[np.int64], parsed: Parsed, block: PacketBlock, chosen: Chosen
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Process packets of streams with a trial, one by one; return those left."""
        index = np.arange(len(block))[chosen]
        remaining = np.ones(len(rows), np.bool_)
        for row in sorted(self._trials.keys() & set(rows.tolist())):
            stream = self._streams.at(row)
            for at in np.flatnonzero(rows == row).tolist():
                self.settle(stream, int(block.arrival[index[at]]) // FRAME_NS + 1)
                trial = self._trials.get(row)
                if trial is None:
                    break
                packet = self._numbers.read_one(row, parsed, block, int(index[at]))
                if not self._kept(stream, trial, packet):
                    if row not in self._trials:
                        break
                    one = slice(at, at + 1)
                    packets, _ = self._number(rows[one], parsed, block, index[one])
                    if not trial.proven and self._line.stepped(packets, parsed, 0, 0):
                        self._drop(stream, trial, packet.usable)  # of late copies, as a rule
                        break
                    self._finish(packets, parsed, block)
                remaining[at] = False
        return rows[remaining], index[remaining]

    def _kept(self, stream: ReceivedStream, trial: Trial, packet: KeptPacket) -> bool:
        """Return whether a packet is kept aside with others, or dropped; else it is on the line.

        One that goes on with the line shows that nothing else has begun.
        """
        row = stream.row
        if trial.repeats(packet):
            self._reception.duplicates[row] += 1
            return True
        # A clock that leaps is a talk spurt here, which moves the offset to where it belongs.
        self._offsets.roll_one(row, packet.usable, moves=not trial.proven or trial.stepped)
        known = self._is_known(row, packet)
        samples = samples_of(stream, trial.kept[-1])
        if not (trial.stepped and trial.goes_on(packet, samples, known=known)):
            if self._is_late(stream, packet):
                on = packet.delay <= self._offsets.most(row)
            else:
                slack = packet.delay - self._offset_of(stream, packet.media)
                on = slack - self._offsets.reference(row) >= -JUMP
            newest = int(self._offsets.newest[row])
            back = not trial.stepped and trial.kept[0].media <= newest
            first_known = self._is_known(row, trial.kept[0])
            if packet.media > newest and (on or back):
                if not trial.may_have_overtaken(packet, first_known=first_known):
                    self._drop(stream, trial, packet.usable)
                return False
            if on:
                return False
            if not trial.agrees(packet, stream.lead, AHEAD_FRAMES):
                if trial.proven and trial.follows(packet):
                    self._begin_anew(stream, trial)  # and another beginning follows
                    return False
                if not (trial.proven or known):
                    self._drop(stream, trial, packet.usable)
                    return False
                self._schedule_aside(stream, [packet], packet.usable)
                return True
            copy = trial.copy_of_two(packet, samples, newest, known=known, first_known=first_known)
            if copy:
                self._schedule_aside(stream, [packet], packet.usable)
                return True
            if copy is False and not trial.proven:
                self._drop(stream, trial, packet.usable)
                return False
        trial.add(packet)
        self._count_aside(stream, packet)
        return True

    def _drop(self, stream: ReceivedStream, trial: Trial, frame: int) -> None:
        """End a trial in which nothing has begun; play its packets on the line if still possible.

        Frames before ``frame`` have been played.
        """
        self._forget(stream)
        newest = int(self._offsets.newest[stream.row])
        for packet in trial.kept:
            if packet.media > newest and not trial.stepped:  # and no copy
                self._offsets.accustom(stream.row, packet.delay)
        playable = [packet for packet in trial.kept if packet.media > newest or not trial.stepped]
        self._schedule_aside(stream, trial.kept, frame if playable else _LATEST_FRAME)

    def _schedule_aside(self, stream: ReceivedStream, kept: list[KeptPacket], frame: int) -> None:
        for rows, parsed, block in self._by_kind(stream, kept):
            packets, _ = self._number(rows, parsed, block, slice(0, len(rows)), aside=True)
            ahead = packets.ahead
            np.minimum(ahead, ahead + packets.usable - frame, out=ahead)  # by now
            self._finish(packets, parsed, block, aside=True)

    def _by_kind(self, stream: ReceivedStream, kept: list[KeptPacket]) -> Iterator[KeptBlock]:
        """Yield packets that were kept, as blocks of one payload type each."""
        now = stream.payload_type
        for kind, packets in itertools.groupby(kept, key=lambda packet: packet.payload_type):
            self._use(stream, kind)
            yield kept_block([(stream.row, packet) for packet in packets])
        self._use(stream, now)

    def _begin_anew(self, stream: ReceivedStream, trial: Trial) -> None:
        """Begin a talk spurt or a new beginning: place kept packets and later ones by arrival."""
        row, kept = stream.row, trial.kept
        self._forget(stream)
        first = min(packet.media for packet in kept)
        newest = int(self._offsets.newest[row])
        output = max(first + trial.offset, trial.due * FRAME_SAMPLES + stream.lead)
        offset = self._offset_of(stream, max(first, newest))
        rebased = 0
        spurt = first > newest and not trial.stepped
        if not spurt:
            # Its media times go on behind those of the line.
            rebased = newest + samples_of(stream, kept[0]) - first
            self._numbers.go_from(row, kept[0], kept[0].media + rebased)
            self._reception.go_on(row, kept[0].sequence)
        begins = first + rebased
        # Rounded up to a step: a sample earlier would be too late to be played.
        later = -(-(output - begins - offset) // STEP) * STEP
        # Of what was too early to be kept, there is nothing to stand behind.
        reach = (trial.due + AHEAD_FRAMES) * FRAME_SAMPLES - begins
        moved = max(later, min(0, (reach - offset) // STEP * STEP))
        why: Why = "talk spurt" if spurt else "new beginning"
        transit = min(packet.delay for packet in kept) - rebased
        shift = Shift(begins, offset + moved, moved, trial.due, why, rebased)
        self._offsets.begin_anew(stream, shift, transit, kept[0].usable)
        for rows, parsed, block in self._by_kind(stream, kept):
            self.schedule(rows, parsed, block, slice(0, len(rows)))

    def replay(self, streams: list[tuple[ReceivedStream, list[KeptPacket]]]) -> None:
        """Place the packets that streams have kept until they had their offsets."""
        listed: list[tuple[int, KeptPacket]] = []
        for stream, kept in streams:
            self._numbers.go_from(stream.row, kept[0], kept[0].media)
            if all(packet.payload_type == stream.payload_type for packet in kept):
                listed += [(stream.row, packet) for packet in kept]
            else:
                for rows, parsed, block in self._by_kind(stream, kept):
                    self.schedule(rows, parsed, block, slice(0, len(rows)))
        if listed:
            rows, parsed, block = kept_block(listed)
            self.schedule(rows, parsed, block, slice(0, len(rows)))
