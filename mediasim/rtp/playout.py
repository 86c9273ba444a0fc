"""Playout: arrived packets become one frame of audio per tick of the frame clock.

Each row of the table is one received stream (a leg's inbound track, or what a party hears). A
payload's output sample is decided by its media timestamp, never by how many packets came before it,
so loss, reordering and silence move nothing:

    output sample = media timestamp + the row's offset

The offset is given when the stream starts: the least delayed packet that came before playout began
is played ``depth`` frames after it could first be used. It moves only for a clock that drifts
(:mod:`mediasim.rtp.skew_compensation`), or a stream that has stopped or begun anew
(:mod:`mediasim.rtp.scheduler`); every move is logged.

A packet that arrives during frame n can be used from frame n + 1. If the frame it belongs to has
been played by then, it is late: counted and dropped. What is decided never depends on how packets
or frames are cut into blocks.

The ring holds decoded 8 kHz samples addressed by output sample. It is the jitter buffer, and the
source of the bridge and the recorder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import Depacketizer, ExtendedNumbers
from mediasim.rtp.foresight import Foresight
from mediasim.rtp.packets import PacketBlock, Parsed, equal_runs, joined, parse
from mediasim.rtp.pending_streams import PendingStreams
from mediasim.rtp.playout_offsets import AHEAD_FRAMES, PlayoutOffsets
from mediasim.rtp.probation import offset_of
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.ring import Columns, FrameRing
from mediasim.rtp.scheduler import Scheduler
from mediasim.rtp.steady import SteadyCourse
from mediasim.rtp.stream import Digit, KeptNoise, ReceivedStream, StreamFormat, StreamTable

__all__ = ["AHEAD_FRAMES", "Playout"]

_LATEST: Final = np.iinfo(np.int64).max
_STATEFUL: Final = 255
"""Payload type of rows whose codec has a memory: no packet's, so these rows go one by one."""


class Playout(Columns):
    """A table of received streams."""

    def __init__(self, slots: int) -> None:
        """``slots`` frames of ring per row bound the length of a block.

        Raises ValueError if they hold no block at all.
        """
        if slots <= AHEAD_FRAMES:
            raise ValueError(f"a ring of {slots} frames holds no block: more than {AHEAD_FRAMES}")
        self.slots = slots
        self.max_block = slots - AHEAD_FRAMES
        """Frames of the longest block that the ring holds."""
        self.streams = StreamTable()
        """The streams by row; None for a free row."""
        self.reception = ReceptionTable()
        self._offsets = PlayoutOffsets(self.streams)
        self.foresight = Foresight(self._offsets)
        self._ring = FrameRing(slots)
        self._depacketizer = Depacketizer(self.streams, self._offsets, self._ring)
        self._numbers = ExtendedNumbers()
        tables = self._numbers, self._offsets, self._depacketizer, self.reception
        self._scheduler = Scheduler(self.streams, *tables, self._attend, self._use)
        self._pending_streams = PendingStreams(
            self.streams, self._numbers, self._offsets, self._scheduler, self._begin_playout
        )
        self.exact: Mapping[int, NDArray[np.bool_]] = {}
        """Samples of the last block read that arrived, by row; of rows off the 10 ms grid only."""
        self._free: list[int] = []
        self._attended: dict[int, ReceivedStream] = {}
        """Rows that need more than the ring when read: pending, with decoders, or with gaps to
        fill."""
        self._held: dict[int, PacketBlock] = {}
        """Packets by row, held back until another shows that a new stream has begun."""
        self.steady = SteadyCourse(*tables, self._held)
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._ssrc = np.full(rows, -1, np.int64)
        """The SSRC that each row follows; -1 before the first packet."""
        self._payload_type = np.zeros(rows, np.uint8)
        """The payload type of plain audio of each row."""

    # -- rows -------------------------------------------------------------------------------

    def open(self, stream_format: StreamFormat) -> ReceivedStream:
        """Open a row for a stream to come."""
        if self._free:
            row = self._free.pop()
        else:
            row = len(self.streams)
            self.streams.append(None)
            if row >= self._rows:
                self.ensure(max(2, 2 * row))
        stream = ReceivedStream(row, stream_format)
        self._expect(stream)
        self.reception.clear(row)
        self.streams[row] = stream
        return stream

    def _expect(self, stream: ReceivedStream) -> None:
        """Begin a stream in its present format with the next packet of its row."""
        self._ssrc[stream.row] = -1
        self._offsets.forget(stream.row)
        self._expect_codec(stream)
        self._attend(stream)

    def reformat(self, stream: ReceivedStream, stream_format: StreamFormat, frame: int) -> None:
        """Receive a stream of another format from this frame on, perhaps from another sender.

        Packets that came before are played.
        """
        self._finish(stream)
        self._decode(stream, frame + AHEAD_FRAMES)
        self._held.pop(stream.row, None)
        stream.reformat(stream_format)
        self._expect(stream)

    def _finish(self, stream: ReceivedStream) -> None:
        """End the stream on a row: packets that are still kept get their offset."""
        self._pending_streams.settle([(stream, _LATEST)])
        self._scheduler.settle(stream, _LATEST)
        self.reception.restart(stream.row)
        stream.clock_rate = stream.packet_samples = None

    def _expect_codec(self, stream: ReceivedStream) -> None:
        """Expect the payload type that the stream uses now."""
        row = stream.row
        self._payload_type[row] = stream.payload_type if stream.decoder is None else _STATEFUL
        self._depacketizer.open(stream)
        self._numbers.open(row, stream.ticks_per_sample, stream.packet_samples)

    def _use(self, stream: ReceivedStream, payload_type: int) -> None:
        """Switch a stream to a payload type, and count the switch."""
        if payload_type != stream.payload_type:
            if self.reception.received[stream.row]:
                stream.switches += 1
                stream.used |= {payload_type, stream.payload_type}
            stream.use(payload_type)
            self._expect_codec(stream)
            self._attend(stream)

    def aside(self, stream: ReceivedStream) -> list[int]:
        """Return the output samples of packets whose positions are not decided yet."""
        return self._scheduler.aside(stream)

    def close(self, stream: ReceivedStream) -> None:
        """Free the stream's row, silent for the next stream."""
        self._scheduler.close(stream)
        self._ring.clear(stream.row)
        self._attended.pop(stream.row, None)
        self._held.pop(stream.row, None)
        self.streams[stream.row] = None
        self._free.append(stream.row)

    def ensure(self, rows: int) -> None:
        super().ensure(rows)
        for table in (self.reception, self._offsets, self._depacketizer, self._numbers):
            table.ensure(rows)
        self._ring.ensure(rows)

    # -- packets in -------------------------------------------------------------------------

    def receive(
        self, rows: NDArray[np.int64], block: PacketBlock, known_before: int
    ) -> list[Digit]:
        """Receive packets of any rows; return the DTMF digits that telephone events began.

        ``rows`` (n,) names each packet's row; packets of one row stand together, in order of
        arrival. ``known_before`` is the frame before which all usable packets have now been given.
        Malformed, foreign, late and early packets are counted and ignored; nothing raises.
        """
        if not len(rows):
            return []
        parsed = parse(block.data, block.length)
        followed = self._ssrc[rows]
        plain = parsed.ok & (parsed.payload_type == self._payload_type[rows])
        waiting = self._offsets.waiting(rows)
        # As a rule every packet is plain audio of the stream that its row follows.
        if not self._held and not waiting.any() and (plain & (parsed.ssrc == followed)).all():
            self._scheduler.schedule(rows, parsed, block, slice(None))
            return []
        firsts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1]))
        new = followed < 0
        if new.any():  # the first packet's stream is followed at once
            of_row = np.repeat(firsts, np.diff(np.append(firsts, len(rows))))
            followed = np.where(new, parsed.ssrc[of_row], followed)
        plain &= parsed.ssrc == followed
        if self._held:
            plain &= ~np.isin(rows, list(self._held))
        # Rows with anything out of the ordinary go one by one.
        odd = sorted(set(rows[~plain].tolist()))
        usual = ~np.isin(rows, odd)
        placed = np.flatnonzero(usual & ~waiting)
        if len(placed):
            self._scheduler.schedule(rows[placed], parsed, block, placed)
        kept = np.flatnonzero(usual & waiting)
        if len(kept):
            self._begin(firsts[(new & usual)[firsts]], rows, parsed, block)
            self._pending_streams.receive(rows[kept], parsed, block, kept, known_before)
        digits: list[Digit] = []
        for row in odd:
            of_row = np.flatnonzero(rows == row)
            self._receive_odd(row, block.select(of_row), known_before, digits)
        return digits

    def _receive_odd(
        self, row: int, block: PacketBlock, known_before: int, digits: list[Digit]
    ) -> None:
        """Receive one row's packets when some are new to it, foreign, malformed or not audio."""
        stream = self.streams.at(row)
        if row in self._held:
            block = joined([self._held.pop(row), block])
        parsed = parse(block.data, block.length)
        runs, held = stream.lock.runs(parsed)
        if held is not None:
            self._held[row] = block.select(np.array([held]))
        malformed = int((~parsed.ok).sum())
        taken = sum(len(found.indices) for found in runs)
        stream.malformed += malformed
        stream.foreign += len(block) - malformed - taken - (held is not None)
        for found in runs:
            run = found.indices
            if found.proven:  # and could not be used before
                block.arrival[run[0]] = block.arrival[run[1]]
            if found.restarted:
                self._finish(stream)
                self._offsets.forget(row)
                self._expect_codec(stream)
                self._begin(run[:1], np.full(len(block), row), parsed, block)
            kinds = parsed.payload_type[run]
            for start, end in equal_runs(kinds):
                same = run[start:end]
                if int(kinds[start]) in stream.codecs:
                    known = known_before
                    if end < len(run):
                        # Packets of the next type have not been given yet.
                        known = int(block.arrival[run[end]]) // FRAME_NS + 1
                    self._receive_audio(stream, parsed, block, same, known)
                else:
                    self._receive_other(stream, parsed, block, same, digits)

    def _receive_audio(
        self,
        stream: ReceivedStream,
        parsed: Parsed,
        block: PacketBlock,
        run: NDArray[np.int64],
        known_before: int,
    ) -> None:
        """Receive packets of one payload type, which is one of the stream's codecs."""
        rows = np.full(len(run), stream.row)
        if stream.waiting is not None:
            self._pending_streams.receive(rows, parsed, block, run, known_before)
        else:
            self._use(stream, int(parsed.payload_type[run[0]]))
            self._scheduler.schedule(rows, parsed, block, run)

    def _begin(
        self,
        firsts: NDArray[np.int64],
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
    ) -> None:
        """Begin new streams, of which these are the first packets; they wait for offsets."""
        own, ssrc = rows[firsts], parsed.ssrc[firsts]
        timestamp = parsed.timestamp[firsts]
        self._ssrc[own] = ssrc
        self._numbers.begin(own, parsed.sequence[firsts], timestamp)
        usable = block.arrival[firsts] // FRAME_NS + 1
        for row, source, began, frame in zip(
            own.tolist(), ssrc.tolist(), timestamp.tolist(), usable.tolist(), strict=True
        ):
            stream = self.streams.at(row)
            stream.restart(frame)
            stream.lock.ssrc = source
            stream.first_timestamp = began
            self._attended[row] = stream

    def _receive_other(
        self,
        stream: ReceivedStream,
        parsed: Parsed,
        block: PacketBlock,
        run: NDArray[np.int64],
        digits: list[Digit],
    ) -> None:
        """Receive telephone events and comfort noise of a followed stream."""
        row = stream.row
        for index in run.tolist():
            one, usable = np.array([index]), int(block.arrival[index]) // FRAME_NS + 1
            self._catch_up([stream], usable)  # its numbers are read by the line there is by then
            sequence, media = self._numbers.unwrap(np.array([row]), parsed, one)
            kind = int(parsed.payload_type[index])
            timed = np.array([kind != stream.format.event_payload_type])
            transit = block.arrival[one] / SAMPLE_NS - media
            fresh = self.reception.take(np.array([row]), sequence, transit, media, timed)
            if fresh is not None and not fresh.any():
                continue
            start = int(parsed.offset[index])
            payload = block.data[index, start : start + int(parsed.size[index])].tobytes()
            if kind == stream.format.event_payload_type:
                found = stream.events.receive(int(parsed.timestamp[index]), payload)
                if found is not None:
                    digits.append(Digit(row, found.digit, usable))
            elif kind == stream.format.noise_payload_type:
                noise = KeptNoise(int(media[0]), usable, payload)
                self._note_noise(stream, noise, int(block.arrival[index]) // SAMPLE_NS)
            else:
                stream.foreign += 1

    def _note_noise(self, stream: ReceivedStream, noise: KeptNoise, came: int = 0) -> None:
        """Announce comfort noise from its media time on, unless the first word overtook it."""
        if stream.waiting:
            stream.noises.append(noise)
        elif stream.waiting is not None:  # nothing was said so far: it is placed by arrival
            offset = offset_of(came - noise.media, stream.format.depth)
            stream.gaps.noise(noise.media + offset, noise.payload)
        elif noise.media >= stream.begun_at:
            output = noise.media + stream.offset_of(noise.media, noise.usable)
            stream.gaps.noise(max(output, noise.usable * FRAME_SAMPLES), noise.payload)
            self._attended[stream.row] = stream

    def _begin_playout(self, stream: ReceivedStream) -> None:
        """Announce the noise of a stream that got its offset."""
        noises, stream.noises = stream.noises, []
        for noise in noises:
            self._note_noise(stream, noise)
        self._attend(stream)

    def _attend(self, stream: ReceivedStream) -> None:
        """Attend to a stream when it is read, if that takes more than the ring."""
        if stream.needs_care:
            self._attended[stream.row] = stream
        else:
            self._attended.pop(stream.row, None)

    # -- frames out -------------------------------------------------------------------------

    def stretch(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Let a block be longer than the ring: frames ``first .. first + count`` of the rows.

        Must be called before packets of the block are received; nothing but this block of these
        rows may be received or read until it is read. Returns the array to read it into.
        """
        return self._ring.stretch(rows, first, count)

    def read(
        self, rows: NDArray[np.int64], first: int, count: int, out: NDArray[np.int16]
    ) -> NDArray[np.bool_]:
        """Play frames ``first .. first + count`` of the rows.

        Writes ``out`` (rows, count * 160) and returns which 10 ms units arrived as a whole, (rows,
        count * 2); for a unit that did not, ``exact`` may have the samples. All packets usable
        before frame ``first + count`` must have been received. Raises ValueError for a block that
        is longer than the ring allows.
        """
        if count > self.max_block and not self._ring.stretched:
            raise ValueError(f"a block of {count} frames is more than {self.max_block}")
        attended: list[tuple[int, ReceivedStream]] = []
        if self._attended:
            by_row = self._attended
            attended = [(at, by_row[row]) for at, row in enumerate(rows.tolist()) if row in by_row]
            self._catch_up([stream for _, stream in attended], first + count)
            for _, stream in attended:
                self._decode(stream, first + count)
        have = self._ring.read(rows, first, count, out)
        self.exact = self._ring.exact
        for at, stream in attended:
            if stream.gaps.active:
                there = self._ring.exact.get(stream.row, have[at])
                stream.gaps.fill(out[at], there, first * FRAME_SAMPLES)
        return have

    def _decode(self, stream: ReceivedStream, end: int) -> None:
        """Decode into the ring what codecs with memory hold for frames before ``end``."""
        for decoder in stream.decoders.values():
            for start, samples in decoder.decode(end):
                self._ring.write_anywhere(stream.row, start, samples)

    def _catch_up(self, streams: list[ReceivedStream], known_before: int) -> None:
        """Decide about kept packets, all those usable before this frame having been given."""
        self._pending_streams.settle([(stream, known_before) for stream in streams])
        for stream in streams:
            self._scheduler.settle(stream, known_before)
