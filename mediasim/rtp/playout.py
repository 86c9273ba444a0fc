"""Playout: arrived packets become one frame of audio per tick of the frame clock.

Each row of the table is one received stream (a leg's inbound track, or what a party hears). A
payload's place is decided by its media timestamp, never by how many packets came before it, so
loss, reordering and silence move nothing:

    output sample = media timestamp + the row's place

The place is given when the stream starts: the least delayed packet that came before playout
began is played ``depth`` frames after it could first be used. It moves only when the sender's
clock is seen to drift (:mod:`mediasim.rtp.skew_compensation`), or the stream to have stopped or
begun anew (:mod:`mediasim.rtp.scheduler`); every move is logged.

A packet that arrives during frame n can be used from frame n + 1. If the frame it belongs to
has been played by then, it is late: counted and dropped. What is decided never depends on how
packets or frames are cut into blocks.

The ring holds decoded 8 kHz samples addressed by output sample. It is the jitter buffer, and
what the bridge and the recorder get.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import Depacketizer, ExtendedNumbers
from mediasim.rtp.packets import PacketBlock, Parsed, parse
from mediasim.rtp.pending_streams import PendingStreams, StreamPackets
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.ring import Columns, FrameRing
from mediasim.rtp.scheduler import Scheduler
from mediasim.rtp.skew_compensation import AHEAD_FRAMES, PlayoutOffsets
from mediasim.rtp.stream import Digit, KeptNoise, ReceivedStream, StreamFormat

__all__ = ["AHEAD_FRAMES", "Playout"]

_LATEST: Final = np.iinfo(np.int64).max
_FRAMED: Final = 255
"""In the column of payload types: never plain, the row is always looked at by itself."""


class Playout(Columns):
    """A table of streams. ``slots`` frames of ring per row bound how long a block may be."""

    def __init__(self, slots: int) -> None:
        if slots <= AHEAD_FRAMES:
            raise ValueError(f"a ring of {slots} frames holds no block: more than {AHEAD_FRAMES}")
        self.slots = slots
        self.max_block = slots - AHEAD_FRAMES
        self.streams: list[ReceivedStream | None] = []
        self.reception = ReceptionTable()
        self._pace = PlayoutOffsets()
        self._ring = FrameRing(slots)
        self._placing = Depacketizer(self.streams, self._pace, self._ring)
        self._numbers = ExtendedNumbers()
        self._lines = Scheduler(
            self.streams,
            self._numbers,
            self._pace,
            self._placing,
            self.reception,
            self._attend,
            self._use,
        )
        self._pending_streams = PendingStreams(
            self._numbers, self._pace, self._lines, self._has_its_place
        )
        self._free: list[int] = []
        self._attended: dict[int, ReceivedStream] = {}
        """Rows that need more than the ring when read: waiting, framed, or with gaps to fill."""
        self._held: dict[int, PacketBlock] = {}
        """Packets held back until another shows that a new stream has begun."""
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._ssrc = np.full(rows, -1, np.int64)
        self._payload_type = np.zeros(rows, np.uint8)

    # -- rows -------------------------------------------------------------------------------

    def open(self, stream_format: StreamFormat) -> ReceivedStream:
        """Take a row for a stream to come."""
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
        """The next packet of its row begins the stream, in the format that it has now."""
        self._ssrc[stream.row] = -1
        self._pace.forget(stream.row)
        self._hear(stream)
        self._attend(stream)

    def reformat(self, stream: ReceivedStream, stream_format: StreamFormat, frame: int) -> None:
        """Receive a stream of another format from this frame on, perhaps from another sender.

        What has come before is played.
        """
        self._finish(stream)
        for decoder in stream.decoders.values():
            for start, samples in decoder.decode(frame + AHEAD_FRAMES):
                self._ring.write_anywhere(stream.row, start, samples)
        self._held.pop(stream.row, None)
        stream.reformat(stream_format)
        self._expect(stream)

    def _finish(self, stream: ReceivedStream) -> None:
        """Of the stream on its row nothing more will come: what was kept gets its place."""
        self._pending_streams.settle([(stream, _LATEST)])
        self._lines.settle(stream, _LATEST)
        self.reception.restart(stream.row)
        stream.clock_rate = None

    def _hear(self, stream: ReceivedStream) -> None:
        """What comes on the stream's row is of the payload type it uses now."""
        row = stream.row
        self._payload_type[row] = stream.payload_type if stream.framed is None else _FRAMED
        self._placing.open(stream)
        self._numbers.open(row, stream.ticks_per_sample)

    def _use(self, stream: ReceivedStream, payload_type: int) -> None:
        if payload_type != stream.payload_type:
            if self.reception.received[stream.row]:
                stream.switches += 1
                stream.used |= {payload_type, stream.payload_type}
            stream.use(payload_type)
            self._hear(stream)
            self._attend(stream)

    def aside(self, stream: ReceivedStream) -> list[int]:
        """Output samples of packets of which it is not known yet where they belong.

        What has been played by now is without them in any case.
        """
        return self._lines.aside(stream)

    def close(self, stream: ReceivedStream) -> None:
        """Give the row back, silent for whoever takes it next."""
        self._lines.close(stream)
        self._ring.clear(stream.row)
        self._attended.pop(stream.row, None)
        self._held.pop(stream.row, None)
        self.streams[stream.row] = None
        self._free.append(stream.row)

    def ensure(self, rows: int) -> None:
        super().ensure(rows)
        self.reception.ensure(rows)
        self._pace.ensure(rows)
        self._placing.ensure(rows)
        self._numbers.ensure(rows)
        self._ring.ensure(rows)

    def stream(self, row: int) -> ReceivedStream:
        """The row's stream; it must be open."""
        stream = self.streams[row]
        if stream is None:
            raise LookupError(f"row {row} is closed")
        return stream

    # -- packets in -------------------------------------------------------------------------

    def receive(
        self, rows: NDArray[np.int64], block: PacketBlock, known_before: int
    ) -> list[Digit]:
        """Place packets of any rows.

        ``rows`` (n,) names each packet's row; packets of one row stand together, in order of
        arrival. ``known_before`` is the frame before which all usable packets have now been
        given. Malformed, foreign, late and early packets are counted and ignored; nothing
        raises. Returns the DTMF digits that telephone events began.
        """
        if not len(rows):
            return []
        parsed = parse(block.data, block.length)
        followed = self._ssrc[rows]
        plain = parsed.ok & (parsed.payload_type == self._payload_type[rows])
        waiting = self._pace.waiting(rows)
        if not self._held and not waiting.any() and (plain & (parsed.ssrc == followed)).all():
            self._lines.place(rows, parsed, block, slice(None))
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
            self._lines.place(rows[placed], parsed, block, placed)
        kept = np.flatnonzero(usual & waiting)
        if len(kept):
            self._begin(firsts[(new & usual)[firsts]], rows, parsed, block)
            self._keep_plain(rows[kept], parsed, block, kept, known_before)
        digits: list[Digit] = []
        for row in odd:
            of_row = np.flatnonzero(rows == row)
            self._receive_odd(row, block.select(of_row), known_before, digits)
        return digits

    def _receive_odd(
        self,
        row: int,
        block: PacketBlock,
        known_before: int,
        digits: list[Digit],
    ) -> None:
        """One row's packets when some are new to it, foreign, malformed, or not plain audio."""
        stream = self.stream(row)
        if row in self._held:
            block = self._held.pop(row).followed_by(block)
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
                self._restart(stream, parsed, block, run[:1])
            kinds = parsed.payload_type[run]
            changes = (np.flatnonzero(kinds[1:] != kinds[:-1]) + 1).tolist()
            for start, end in itertools.pairwise([0, *changes, len(run)]):
                same = run[start:end]
                if int(kinds[start]) in stream.codecs:
                    known = known_before
                    if end < len(run):
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
        rows = np.full(len(run), stream.row)
        if stream.waiting is not None:
            self._keep_plain(rows, parsed, block, run, known_before)
        else:
            self._use(stream, int(parsed.payload_type[run[0]]))
            self._lines.place(rows, parsed, block, run)

    def _restart(
        self, stream: ReceivedStream, parsed: Parsed, block: PacketBlock, first: NDArray[np.int64]
    ) -> None:
        """A new stream on the row, of which this is the first packet."""
        self._finish(stream)
        self._pace.forget(stream.row)
        self._hear(stream)
        rows = np.full(len(block), stream.row)
        self._begin(first, rows, parsed, block)

    def _begin(
        self,
        firsts: NDArray[np.int64],
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
    ) -> None:
        """New streams, of which these are the first packets: they wait for their places."""
        of, ssrc = rows[firsts], parsed.ssrc[firsts]
        timestamp = parsed.timestamp[firsts]
        self._ssrc[of] = ssrc
        self._numbers.begin(of, parsed.sequence[firsts], timestamp)
        usable = block.arrival[firsts] // FRAME_NS + 1
        for row, source, began, frame in zip(
            of.tolist(), ssrc.tolist(), timestamp.tolist(), usable.tolist(), strict=True
        ):
            stream = self.stream(row)
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
        """Telephone events and comfort noise of a followed stream."""
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
                self._note_noise(stream, KeptNoise(int(media[0]), usable, payload))
            else:
                stream.foreign += 1

    def _note_noise(self, stream: ReceivedStream, noise: KeptNoise) -> None:
        """Comfort noise holds from where it stands; before the first word there is none."""
        if stream.waiting is not None:
            stream.noises.append(noise)
        elif noise.media >= stream.begun_at:
            output = noise.media + stream.place_of(noise.media, noise.usable)
            stream.gaps.noise(max(output, noise.usable * FRAME_SAMPLES), noise.payload)
            self._attended[stream.row] = stream

    def _keep_plain(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: NDArray[np.int64],
        known_before: int,
    ) -> None:
        """Audio of streams that do not have their place yet, and nothing else."""
        sequence, media = self._numbers.unwrap(rows, parsed, chosen)
        edges = (np.flatnonzero(rows[1:] != rows[:-1]) + 1).tolist()
        pieces = [
            StreamPackets(
                self.stream(int(rows[start])),
                media[start:end],
                sequence[start:end],
                chosen[start:end],
            )
            for start, end in itertools.pairwise([0, *edges, len(rows)])
            if start < end
        ]
        self._pending_streams.receive(pieces, parsed, block, known_before)

    def _has_its_place(self, stream: ReceivedStream) -> None:
        """A stream waits no longer: what it said of noise holds."""
        noises, stream.noises = stream.noises, []
        for noise in noises:
            self._note_noise(stream, noise)
        self._attend(stream)

    def _attend(self, stream: ReceivedStream) -> None:
        """Look after a stream when it is read, if that takes more than the ring."""
        if stream.needs_care:
            self._attended[stream.row] = stream
        else:
            self._attended.pop(stream.row, None)

    # -- frames out -------------------------------------------------------------------------

    def stretch(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Let a block be longer than the ring: frames ``first .. first + count`` of the rows.

        To be asked for before packets of the block are received; nothing but this block of these
        rows may be received or read meanwhile. Returns what to read it into.
        """
        return self._ring.stretch(rows, first, count)

    def read(
        self, rows: NDArray[np.int64], first: int, count: int, out: NDArray[np.int16]
    ) -> NDArray[np.bool_]:
        """Play frames ``first .. first + count`` of the rows.

        Writes ``out`` (rows, count * 160) and returns which 10 ms units arrived as a whole, (rows,
        count * 2); where a unit did not, ``exact`` may tell more.
        All packets usable before frame ``first + count`` must have been received.
        """
        if count > self.max_block and not self._ring.stretched:
            raise ValueError(f"a block of {count} frames is more than {self.max_block}")
        attended: list[tuple[int, ReceivedStream]] = []
        if self._attended:
            of = self._attended
            attended = [(at, of[row]) for at, row in enumerate(rows.tolist()) if row in of]
            self._prepare([stream for _, stream in attended], first + count)
        have = self._ring.read(rows, first, count, out)
        for at, stream in attended:
            if stream.gaps.active:
                there = self.exact.get(stream.row, have[at])
                stream.gaps.fill(out[at], there, first * FRAME_SAMPLES)
        return have

    @property
    def exact(self) -> Mapping[int, NDArray[np.bool_]]:
        """By row, which samples of the last block read arrived; of those off the 10 ms grid."""
        return self._ring.exact

    def _prepare(self, streams: list[ReceivedStream], end: int) -> None:
        """What must be in the ring before frames up to ``end`` of attended streams are read."""
        self._catch_up(streams, end)
        for stream in streams:
            for decoder in stream.decoders.values():
                for start, samples in decoder.decode(end):
                    self._ring.write_anywhere(stream.row, start, samples)

    def _catch_up(self, streams: list[ReceivedStream], known_before: int) -> None:
        """All packets usable before this frame were given: decide about those that are kept."""
        self._pending_streams.settle([(stream, known_before) for stream in streams])
        for stream in streams:
            self._lines.settle(stream, known_before)
