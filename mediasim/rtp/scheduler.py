"""Audio of streams that have their places, put where it belongs: the policy for odd senders.

A stream's *line* is its media timestamps and its place. A packet is on its line when it can be
played where its timestamp says. What is to be done with one that is not is known by those that
follow it, so it is kept aside until then, for as long as it would wait in the jitter buffer anyway.
``mediasim/docs/rtp-policy.md`` has the whole table; this is what of it is decided here:

=================  ===========================================================================
a duplicate        has the number and the timestamp of a packet of the line, and comes in time to
                   be played with it, or late and alone. It is counted and dropped.
a talk spurt       begins with a packet that comes too late for its timestamp, and later than all
                   of the last half second to a second were, if those that follow come no sooner:
                   the sender stopped, and its timestamps with it. It is placed by arrival.
                   Neither the marker bit nor a gap in arrival is needed for it.
a new beginning    is a timestamp that says other than sequence number and arrival: it goes back or
                   stands while the numbers go on, falls back with them to what was long played,
                   or leaps by 60 ms and more over what neither numbers nor time leapt; if another
                   packet agrees and none goes on where the stream was. It is placed by arrival,
                   behind all that was received before it.
a stray            is a packet off the line when the next is on it: late or early, dropped.
which clock wins   the timestamps do, within a line: loss, reordering and silence of any length
                   move nothing. Between lines arrival does. A clock that is off is followed in
                   steps of 10 ms (:mod:`~mediasim.rtp.skew_compensation`). Numbers place nothing.
the bound          a packet is played at the earliest in the frame it can be used in; the first of
                   a spurt or a beginning ``depth`` frames later, or after at most 1.28 s before it.
=================  ===========================================================================

Ordinary packets of many streams are dealt with in array operations; only what is off its line is
looked at by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import (
    Chosen,
    Depacketizer,
    ExtendedNumbers,
    KeptBlock,
    NumberedPackets,
    block_of,
)
from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.probation import JUMP, STEP, KeptPacket, Trial, due_of
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.skew_compensation import (
    AHEAD_FRAMES,
    LONGEST_PACKET,
    WINDOW_FRAMES,
    PlayoutOffsets,
)
from mediasim.rtp.stream import ReceivedStream, Shift, Why

__all__ = ["Scheduler"]

_MISORDER: Final = 100
"""Numbers by which a packet may have been overtaken (RFC 3550 A.1: MAX_MISORDER)."""
_SHORTEST: Final = 40
"""Samples of the shortest packet: 5 ms."""
_OVERTAKEN: Final = 4000
"""Samples by which a packet may have been overtaken: half a second."""
_BURST: Final = 50
"""Packets that may come at once: their timestamps are ahead of their arrival."""
_LATEST_FRAME: Final = 1 << 48
_LOWEST: Final = np.iinfo(np.int64).min


class Scheduler:
    """Columns, a row per stream; ``streams`` are found by row.

    ``attend`` is called with a stream that begins to keep packets aside, or no longer does; ``use``
    with one whose next packets are of another payload type.
    """

    def __init__(
        self,
        streams: list[ReceivedStream | None],
        numbers: ExtendedNumbers,
        pace: PlayoutOffsets,
        placing: Depacketizer,
        reception: ReceptionTable,
        attend: Callable[[ReceivedStream], None],
        use: Callable[[ReceivedStream, int], None],
    ) -> None:
        self._streams = streams
        self._pace = pace
        self._placing = placing
        self._reception = reception
        self._attend = attend
        self._use = use
        self._numbers = numbers
        self._trials: dict[int, Trial] = {}

    def close(self, stream: ReceivedStream) -> None:
        """Nothing more will come: what is kept aside has come too late to be played."""
        trial = self._trials.get(stream.row)
        if trial is not None:
            self._drop(stream, trial, _LATEST_FRAME)

    def aside(self, stream: ReceivedStream) -> list[int]:
        """Output samples of which packets that are kept aside would be, by the stream's line."""
        trial = self._trials.get(stream.row)
        kept = [] if trial is None else trial.kept
        return [packet.media + self._place_of(stream, packet.media) for packet in kept]

    # -- packets ----------------------------------------------------------------------------

    def place(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
    ) -> None:
        """Count chosen packets of a block, and put them where they belong.

        Those of a row stand together, in order of arrival; codecs with memory come a row at a
        time.
        """
        while len(rows):
            if self._trials:
                rows, chosen = self._go_on(rows, parsed, block, chosen)
                if not len(rows):
                    return
            rest = self._place_some(rows, parsed, block, chosen)
            if rest is None:
                return
            rows, chosen = rows[rest], np.arange(len(block))[chosen][rest]

    def _place_some(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
    ) -> NDArray[np.int64] | None:
        """Place what can be before a row is looked at again; returns what is left."""
        looked, known = self._look(rows, parsed, block, chosen)
        odd, breaks = self._odd(looked)
        if known is None and not odd.any():
            if breaks is not None:
                self._count_breaks(rows[breaks])
            self._finish(looked, parsed, block)
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
            stepped = self._stepped(looked, parsed, index, start)
            late = looked.ahead[index] < 0 and not self._overtaken(looked, index, start)
            if stepped or (late and self._is_off(looked, odd, now, index, start)):
                off.append((index, stepped))
                now[index:end] = False
        if breaks is not None:
            self._count_breaks(rows[breaks & now])
        if now.all():
            self._finish(looked, parsed, block)
            return None
        if now.any():
            self._finish(looked.of(np.flatnonzero(now)), parsed, block)
        for index, stepped in off:
            row, at = int(rows[index]), int(np.arange(len(block))[chosen][index])
            packet = self._numbers.read_one(row, parsed, block, at)
            self._keep_aside(self._stream(row), packet, stepped=stepped)
            now[index] = True
        return np.flatnonzero(~now)

    def _look(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
        *,
        aside: bool = False,
    ) -> tuple[NumberedPackets, NDArray[np.bool_] | None]:
        """Where packets would be put, and of which it is known; None: of all."""
        sequence, ticks = self._numbers.read(rows, parsed, chosen)
        media = self._numbers.media(rows, ticks)
        arrival = block.arrival[chosen]
        usable = arrival // FRAME_NS + 1
        delay = arrival // SAMPLE_NS - media
        known = None
        if aside:
            place = self._pace.place_of(self._streams, rows, media)
        else:
            place, known = self._pace.look(self._streams, rows, media, delay, usable)
        output = media + place
        ahead = (output - self._stream(int(rows[0])).lead) // FRAME_SAMPLES - usable
        looked = NumberedPackets(
            rows, chosen, sequence, ticks, media, arrival, usable, delay, output, ahead
        )
        return looked, known

    def _count_breaks(self, rows: NDArray[np.int64]) -> None:
        for row in rows.tolist():
            self._stream(row).number_breaks += 1

    def _odd(self, looked: NumberedPackets) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
        """Which packets may be off their lines, and which have numbers that fell back, if any."""
        rows, sequence, media = looked.rows, looked.sequence, looked.media
        first = rows[1:] != rows[:-1]
        numbers, steps = np.empty_like(sequence), np.empty_like(media)
        if first.all():  # in real time, as a rule
            np.subtract(sequence, self._numbers.sequence[rows], out=numbers)
            np.subtract(media, self._numbers.media(rows, self._numbers.ticks[rows]), out=steps)
        else:
            np.subtract(sequence[1:], sequence[:-1], out=numbers[1:])
            np.subtract(media[1:], media[:-1], out=steps[1:])
            firsts = np.concatenate(([0], np.flatnonzero(first) + 1))
            own = rows[firsts]
            numbers[firsts] = sequence[firsts] - self._numbers.sequence[own]
            steps[firsts] = media[firsts] - self._numbers.media(own, self._numbers.ticks[own])
        odd: NDArray[np.bool_] = looked.ahead < 0
        odd |= self._pace.off(rows, looked.delay, looked.output - media) < -JUMP
        goes_on, counts_on = steps > 0, numbers > 0
        if goes_on.all() and counts_on.all():
            return odd, None
        fell = counts_on | (numbers < -_MISORDER) | (numbers * _SHORTEST < steps)
        return odd | (fell & ~goes_on), goes_on & ~counts_on

    def _is_off(
        self,
        looked: NumberedPackets,
        odd: NDArray[np.bool_],
        now: NDArray[np.bool_],
        index: int,
        start: int,
    ) -> bool:
        """Whether a packet comes too late for the line; its row's packets begin at ``start``."""
        row, media = int(looked.rows[index]), int(looked.media[index])
        delay, usable, following = int(looked.delay[index]), looked.usable, index + 1
        on = following < len(odd) and now[following] and not odd[following]
        if on and looked.rows[following] == row:
            # As a rule the next one is on the line, and in time to say so.
            before = looked.media[start:index].max(initial=_LOWEST)
            newest = max(int(self._pace.newest[row]), int(before))
            stream = self._stream(row)
            due = due_of(media, delay, stream.format.depth, stream.lead)
            same = usable[index] // WINDOW_FRAMES == usable[following] // WINDOW_FRAMES
            # What is behind others is dropped with no say in how late packets may come.
            goes_on = newest < media < looked.media[following]
            if same and goes_on and usable[following] <= due:
                return False
        return delay > self._pace.most(row, looked.delay[start:index], usable[start:following])

    def _overtaken(self, looked: NumberedPackets, index: int, start: int) -> bool:
        """Whether a packet is behind others of the line in number and time, and no copy."""
        row, behind = int(looked.rows[index]), slice(start, index)
        number, media = int(looked.sequence[index]), int(looked.media[index])
        newest = max(int(self._pace.newest[row]), int(looked.media[behind].max(initial=_LOWEST)))
        highest = max(self._reception.highest_of(row), int(looked.sequence[behind].max(initial=0)))
        behind_by = highest - number
        longest = min(behind_by * LONGEST_PACKET, _OVERTAKEN)
        if not 0 < behind_by <= _MISORDER or not 0 < newest - media <= longest:
            return False
        same = (looked.sequence[behind] == number) & (looked.media[behind] == media)
        return not same.any() and not self._reception.has(row, number, media)

    def _stepped(self, looked: NumberedPackets, parsed: Parsed, index: int, start: int) -> bool:
        """Whether a timestamp contradicts the sequence number and the arrival."""
        row = int(looked.rows[index])
        if index > start:
            number, media = int(looked.sequence[index - 1]), int(looked.media[index - 1])
            arrival = int(looked.arrival[index - 1])
        else:
            number, arrival = int(self._numbers.sequence[row]), int(self._numbers.arrival[row])
            media = int(self._numbers.ticks[row]) // int(self._numbers.ratio[row])
        numbers = int(looked.sequence[index]) - number
        step = int(looked.media[index]) - media
        if step <= 0 and (numbers > 0 or numbers < -_MISORDER or numbers * _SHORTEST < step):
            return True
        if step - (int(looked.arrival[index]) - arrival) // SAMPLE_NS < JUMP:
            return False
        one = slice(index, index + 1)
        place = looked.output[one] - looked.media[one]
        if self._pace.off(looked.rows[one], looked.delay[one], place)[0] >= -JUMP:
            return False
        octets = self._stream(row).octets
        size = int(parsed.size[looked.chosen][index]) // octets if octets else FRAME_SAMPLES
        return step - (numbers if 0 < numbers <= _BURST else 1) * size >= JUMP

    def _finish(
        self,
        looked: NumberedPackets,
        parsed: Parsed,
        block: PacketBlock,
        *,
        aside: bool = False,
    ) -> None:
        """Count packets and put them where they belong; ``aside``: they were kept aside."""
        chosen = looked.chosen
        if not aside:
            self._numbers.go_to(looked, parsed.timestamp[chosen])
        transit = looked.arrival / SAMPLE_NS - looked.media
        fresh = self._reception.take(looked.rows, looked.sequence, transit, looked.media)
        if fresh is not None:
            looked = looked.of(np.flatnonzero(fresh))
            if not len(looked.rows):
                return
        if not aside:
            self._pace.count(looked.rows, looked.media, looked.delay, looked.usable)
        good = (looked.ahead >= 0) & (looked.ahead < AHEAD_FRAMES)
        if not good.all():
            bad = looked.of(np.flatnonzero(~good))
            self._placing.refuse(bad.rows, bad.ahead < 0, bad.arrival, bad.output)
            looked = looked.of(np.flatnonzero(good))
        if len(looked.rows):
            where = looked.rows, looked.media, looked.output, looked.usable
            self._placing.write(*where, parsed, block, looked.chosen)

    # -- packets kept aside -----------------------------------------------------------------

    def settle(self, stream: ReceivedStream, known_before: int) -> None:
        """All packets usable before this frame were given: decide about what is kept aside."""
        while (trial := self._trials.get(stream.row)) is not None:
            if trial.proven and known_before > trial.due:
                self._begin_anew(stream, trial)
            elif not trial.proven and known_before > trial.expires:
                self._drop(stream, trial, trial.expires)
            else:
                return

    def _keep_aside(self, stream: ReceivedStream, packet: KeptPacket, *, stepped: bool) -> None:
        """The first packet off the line."""
        self._pace.roll_one(self._streams, stream.row, packet.usable)
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
            self._pace.count_aside(stream.row, packet.delay)

    def _is_late(self, stream: ReceivedStream, packet: KeptPacket) -> bool:
        needed = packet.media + self._place_of(stream, packet.media) - stream.lead
        return needed // FRAME_SAMPLES < packet.usable

    def _place_of(self, stream: ReceivedStream, media: int) -> int:
        rows, at = np.array([stream.row]), np.array([media])
        return int(self._pace.place_of(self._streams, rows, at)[0])

    def _go_on(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Packets of streams with some kept aside, one by one; returns which are left."""
        index = np.arange(len(block))[chosen]
        left = np.ones(len(rows), np.bool_)
        for row in sorted(self._trials.keys() & set(rows.tolist())):
            stream = self._stream(row)
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
                    looked, _ = self._look(rows[one], parsed, block, index[one])
                    self._finish(looked, parsed, block)
                left[at] = False
        return rows[left], index[left]

    def _kept(self, stream: ReceivedStream, trial: Trial, packet: KeptPacket) -> bool:
        """Whether a packet is kept aside with others, or dropped; else it is on the line.

        One that goes on with the line shows that nothing else has begun.
        """
        row = stream.row
        if trial.repeats(packet):
            self._reception.duplicates[row] += 1
            return True
        self._pace.roll_one(self._streams, row, packet.usable)
        if not (trial.stepped and trial.precedes(packet)):
            if self._is_late(stream, packet):
                on = packet.delay <= self._pace.most(row)
            else:
                slack = packet.delay - self._place_of(stream, packet.media)
                on = slack - self._pace.reference(row) >= -JUMP
            newest = int(self._pace.newest[row])
            back = not trial.stepped and trial.kept[0].media <= newest
            if packet.media > newest and (on or back):
                self._drop(stream, trial, packet.usable)
                return False
            if on:
                return False
            if not trial.agrees(packet, stream.lead, AHEAD_FRAMES):
                if trial.proven or self._reception.has(row, packet.sequence, packet.media):
                    self._place_aside(stream, [packet], packet.usable)
                else:
                    self._drop(stream, trial, packet.usable)
                    self._keep_aside(stream, packet, stepped=False)
                return True
        trial.add(packet)
        self._count_aside(stream, packet)
        return True

    def _drop(self, stream: ReceivedStream, trial: Trial, frame: int) -> None:
        """Nothing has begun: they are where the line has them, if they can be played there.

        Frames before ``frame`` have been played.
        """
        self._forget(stream)
        newest = int(self._pace.newest[stream.row])
        for packet in trial.kept:
            if packet.media > newest and not trial.stepped:  # and no copy
                self._pace.accustom(stream.row, packet.delay)
        playable = [packet for packet in trial.kept if packet.media > newest or not trial.stepped]
        self._place_aside(stream, trial.kept, frame if playable else _LATEST_FRAME)

    def _place_aside(self, stream: ReceivedStream, kept: list[KeptPacket], frame: int) -> None:
        for rows, parsed, block in self._by_kind(stream, kept):
            looked, _ = self._look(rows, parsed, block, slice(0, len(rows)), aside=True)
            ahead = looked.ahead
            np.minimum(ahead, ahead + looked.usable - frame, out=ahead)  # by now
            self._finish(looked, parsed, block, aside=True)

    def _by_kind(self, stream: ReceivedStream, kept: list[KeptPacket]) -> Iterator[KeptBlock]:
        """Packets that were kept, as blocks of one payload type each."""
        now = stream.payload_type
        for kind, packets in itertools.groupby(kept, key=lambda packet: packet.payload_type):
            self._use(stream, kind)
            yield block_of([(stream.row, packet) for packet in packets])
        self._use(stream, now)

    def _begin_anew(self, stream: ReceivedStream, trial: Trial) -> None:
        """A talk spurt or a new beginning: place what was kept by arrival, and what follows."""
        row, kept = stream.row, trial.kept
        self._forget(stream)
        first = min(packet.media for packet in kept)
        newest = int(self._pace.newest[row])
        output = max(first + trial.place, trial.due * FRAME_SAMPLES + stream.lead)
        place = self._place_of(stream, max(first, newest))
        rebased = 0
        spurt = first > newest and not trial.stepped
        if not spurt:
            # Its media times go on behind those of the line.
            codec = CODECS[stream.codecs[kept[0].payload_type]]
            size = codec.samples(kept[0].payload.tobytes())
            rebased = newest + size - first
            self._numbers.go_from(row, kept[0], kept[0].media + rebased)
            self._reception.go_on(row, kept[0].sequence)
        begins = first + rebased
        later = -(-(output - begins - place) // STEP) * STEP
        # Of what was too early to be kept, there is nothing to stand behind.
        reach = (trial.due + AHEAD_FRAMES) * FRAME_SAMPLES - begins
        moved = max(later, min(0, (reach - place) // STEP * STEP))
        why: Why = "talk spurt" if spurt else "new beginning"
        transit = min(packet.delay for packet in kept) - rebased
        shift = Shift(begins, place + moved, moved, trial.due, why, rebased)
        self._pace.begin_anew(stream, shift, transit, kept[0].usable)
        for rows, parsed, block in self._by_kind(stream, kept):
            self.place(rows, parsed, block, slice(0, len(rows)))

    def replay(self, streams: list[tuple[ReceivedStream, list[KeptPacket]]]) -> None:
        """Place what streams have kept until they had their places."""
        for stream, kept in streams:
            self._numbers.go_from(stream.row, kept[0], kept[0].media)
        listed: list[tuple[int, KeptPacket]] = []
        for stream, kept in streams:
            if all(packet.payload_type == stream.payload_type for packet in kept):
                listed += [(stream.row, packet) for packet in kept]
            else:
                for rows, parsed, block in self._by_kind(stream, kept):
                    self.place(rows, parsed, block, slice(0, len(rows)))
        if listed:
            rows, parsed, block = block_of(listed)
            self.place(rows, parsed, block, slice(0, len(rows)))

    def _stream(self, row: int) -> ReceivedStream:
        stream = self._streams[row]
        assert stream is not None
        return stream
