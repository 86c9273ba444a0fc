"""Playout: arrived packets become one frame of audio per tick of the frame clock.

Each row of the table is one received stream (a leg's inbound track, or what a party hears). A
payload's place is decided by its media timestamp alone, never by how many packets came before
it, so loss, reordering and silence move nothing:

    output sample = media timestamp + the row's place

The place is given when the stream starts: the least delayed packet that came before playout
began is played ``depth`` frames after it could first be used. It moves only when the sender's
clock is seen to drift, or the stream to have stopped and gone on (:mod:`mediasim.rtp.pacing`);
every move is logged.

A packet that arrives during frame n can be used from frame n + 1. If the frame it belongs to
has been played by then, it is late: counted and dropped. What is decided never depends on how
packets or frames are cut into blocks.

The ring holds decoded 8 kHz samples addressed by output sample. It is the jitter buffer, and
what the bridge and the recorder get.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.audio.g711 import alaw_decode, ulaw_decode
from mediasim.rtp.pace_table import AHEAD_FRAMES, PaceTable
from mediasim.rtp.pacing import anchor
from mediasim.rtp.packets import PacketBlock, Parsed, parse
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.ring import FrameRing
from mediasim.rtp.stream import (
    MEDIA_BASE,
    Digit,
    KeptNoise,
    KeptPacket,
    Stream,
    StreamFormat,
)

__all__ = ["AHEAD_FRAMES", "Playout"]

_KEPT: Final = 16
"""Packets kept at a time while a stream waits for its place."""
_LATEST: Final = np.iinfo(np.int64).max
_FRAMED: Final = 255
"""In the column of payload types: never plain, the row is always looked at by itself."""

_Chosen = slice | NDArray[np.bool_] | NDArray[np.int64]


class Playout:
    """A table of streams. ``slots`` frames of ring per row bound how long a block may be."""

    def __init__(self, slots: int) -> None:
        if slots <= AHEAD_FRAMES:
            raise ValueError(f"a ring of {slots} frames holds no block: more than {AHEAD_FRAMES}")
        self.slots = slots
        self.max_block = slots - AHEAD_FRAMES
        self.streams: list[Stream | None] = []
        self.reception = ReceptionTable()
        self._pace = PaceTable()
        self._ring = FrameRing(slots)
        self._free: list[int] = []
        self._attended: dict[int, Stream] = {}
        """Rows that need more than the ring when read: waiting, framed, or with gaps to fill."""
        self._held: dict[int, PacketBlock] = {}
        """Packets held back until another shows that a new stream has begun."""
        self._columns(0)

    def _columns(self, rows: int) -> None:
        self._ssrc = np.full(rows, -1, np.int64)
        self._payload_type = np.zeros(rows, np.uint8)
        self._alaw = np.zeros(rows, np.bool_)
        self._ratio = np.ones(rows, np.int64)
        self._sequence = np.zeros(rows, np.int64)
        self._timestamp = np.zeros(rows, np.uint32)
        self._ticks = np.zeros(rows, np.int64)

    # -- rows -------------------------------------------------------------------------------

    def open(self, stream_format: StreamFormat) -> Stream:
        """Take a row for a stream to come."""
        if self._free:
            row = self._free.pop()
        else:
            row = len(self.streams)
            self.streams.append(None)
            if row >= len(self._ssrc):
                self._grow(max(2, 2 * row))
        stream = Stream(row, stream_format)
        framed = stream.framed is not None
        self._ssrc[row] = -1
        self._payload_type[row] = _FRAMED if framed else stream_format.payload_type
        self._alaw[row] = stream_format.codec == "PCMA"
        self._ratio[row] = stream_format.ticks_per_sample
        self._pace.forget(row)
        self.reception.clear(row)
        self.streams[row] = stream
        if framed or stream_format.conceal:
            self._attended[row] = stream
        return stream

    def close(self, stream: Stream) -> None:
        """Give the row back, silent for whoever takes it next."""
        self._ring.clear(stream.row)
        self._attended.pop(stream.row, None)
        self._held.pop(stream.row, None)
        self.streams[stream.row] = None
        self._free.append(stream.row)

    def reserve(self, rows: int) -> None:
        """Have memory for so many rows."""
        if rows > len(self._ssrc):
            self._grow(rows)

    def _grow(self, rows: int) -> None:
        old = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        self._columns(rows)
        for name, column in old.items():
            getattr(self, name)[: len(column)] = column
        self.reception.ensure(rows)
        self._pace.ensure(rows)
        self._ring.ensure(rows)

    def stream(self, row: int) -> Stream:
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
        plain = (
            parsed.ok
            & (parsed.ssrc == self._ssrc[rows])
            & (parsed.payload_type == self._payload_type[rows])
        )
        if self._held:
            plain &= ~np.isin(rows, list(self._held))
        waiting = self._pace.waiting(rows)
        digits: list[Digit] = []
        if plain.all() and not waiting.any():
            self._place_plain(rows, parsed, block, slice(None))
            return digits
        # Rows with anything out of the ordinary go one by one.
        odd = sorted(set(rows[~plain].tolist()))
        usual = ~np.isin(rows, odd)
        placed = usual & ~waiting
        if placed.any():
            self._place_plain(rows[placed], parsed, block, placed)
        waiting &= usual
        if waiting.any():
            self._keep_plain(rows[waiting], parsed, block, np.flatnonzero(waiting), known_before)
        for row in odd:
            of_row = block.select(np.flatnonzero(rows == row))
            self._receive_odd(row, of_row, known_before, digits)
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
                self._restart(row, parsed, int(run[0]), int(block.arrival[run[0]]))
            rows = np.full(len(run), row)
            sequence, media = self._unwrap(rows, parsed, run)
            audio = parsed.payload_type[run] == stream.format.payload_type
            transit = block.arrival[run] / SAMPLE_NS - media
            timed = parsed.payload_type[run] != stream.format.event_payload_type
            fresh = self.reception.take(rows, sequence, transit, timed)
            if fresh is not None:
                run, media, audio = run[fresh], media[fresh], audio[fresh]
            spoken, at = run[audio], media[audio]
            if stream.waiting is not None:
                self._await_place(stream, parsed, block, spoken, at, known_before)
            elif len(spoken):
                self._place_sizes(np.full(len(spoken), row), at, parsed, block, spoken)
            if not audio.all():
                self._receive_other(stream, parsed, block, run[~audio], media[~audio], digits)

    def _restart(self, row: int, parsed: Parsed, first: int, arrival: int) -> None:
        """A new stream on the row: numbers start anew, and it waits for its place."""
        stream = self.stream(row)
        self._settle(stream, _LATEST)  # of the old stream nothing more will come
        stream.restart(arrival // FRAME_NS + 1)
        self.reception.restart(row)
        self._ssrc[row] = parsed.ssrc[first]
        # Counted from high up, so that packets before the first one have positive numbers too.
        self._sequence[row] = int(parsed.sequence[first]) + (1 << 16)
        self._timestamp[row] = parsed.timestamp[first]
        self._ticks[row] = MEDIA_BASE * self._ratio[row]
        stream.first_timestamp = int(parsed.timestamp[first])
        self._pace.forget(row)

    def _receive_other(
        self,
        stream: Stream,
        parsed: Parsed,
        block: PacketBlock,
        run: NDArray[np.int64],
        media: NDArray[np.int64],
        digits: list[Digit],
    ) -> None:
        """Telephone events and comfort noise of a followed stream."""
        row = stream.row
        for index, at in zip(run.tolist(), media.tolist(), strict=True):
            kind = int(parsed.payload_type[index])
            start = int(parsed.offset[index])
            payload = block.data[index, start : start + int(parsed.size[index])].tobytes()
            usable = int(block.arrival[index]) // FRAME_NS + 1
            if kind == stream.format.event_payload_type:
                found = stream.events.receive(int(parsed.timestamp[index]), payload)
                if found is not None:
                    digits.append(Digit(row, found.digit, usable))
            elif kind == stream.format.noise_payload_type:
                self._note_noise(stream, KeptNoise(at, usable, payload))
            else:
                stream.foreign += 1

    def _note_noise(self, stream: Stream, noise: KeptNoise) -> None:
        """Comfort noise holds from where it stands; before the first word there is none."""
        if stream.waiting is not None:
            stream.noises.append(noise)
        elif noise.media >= stream.begun_at:
            output = noise.media + stream.place_of(noise.media, noise.usable)
            stream.gaps.noise(max(output, noise.usable * FRAME_SAMPLES), noise.payload)
            self._attended[stream.row] = stream

    # -- the place of a new stream ----------------------------------------------------------

    def _await_place(
        self,
        stream: Stream,
        parsed: Parsed,
        block: PacketBlock,
        run: NDArray[np.int64],
        media: NDArray[np.int64],
        known_before: int,
    ) -> None:
        """Keep a new stream's packets until it is known where they belong.

        A few are enough to know it as a rule, so that few are kept even of a long block.
        """
        self._attended[stream.row] = stream
        for head in range(0, max(1, len(run)), _KEPT):
            tail = head + _KEPT
            for index, at in zip(run[head:tail].tolist(), media[head:tail].tolist(), strict=True):
                start = int(parsed.offset[index])
                payload = block.data[index, start : start + int(parsed.size[index])]
                stream.keep(KeptPacket(at, int(block.arrival[index]), payload.copy()))
            last = tail >= len(run)
            known = known_before if last else int(block.arrival[run[tail]]) // FRAME_NS + 1
            self._settle(stream, min(known, known_before))
            if stream.waiting is None:
                if not last:
                    rest = run[tail:]
                    rows = np.full(len(rest), stream.row)
                    self._place_sizes(rows, media[tail:], parsed, block, rest)
                return

    def _keep_plain(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: NDArray[np.int64],
        known_before: int,
    ) -> None:
        """Audio of streams that do not have their place yet, and nothing else."""
        sequence, media = self._unwrap(rows, parsed, chosen)
        transit = block.arrival[chosen] / SAMPLE_NS - media
        fresh = self.reception.take(rows, sequence, transit)
        if fresh is not None:
            rows, media, chosen = rows[fresh], media[fresh], chosen[fresh]
        edges = (np.flatnonzero(rows[1:] != rows[:-1]) + 1).tolist()
        for start, end in itertools.pairwise([0, *edges, len(rows)]):
            if start < end:
                stream, run = self.stream(int(rows[start])), chosen[start:end]
                self._await_place(stream, parsed, block, run, media[start:end], known_before)

    def _settle(self, stream: Stream, known_before: int) -> None:
        """Give a waiting stream its place if nothing to come can change it any more."""
        if not stream.waiting:
            return
        settled = anchor(
            [packet.media for packet in stream.waiting],
            [packet.arrival for packet in stream.waiting],
            stream.format.depth,
            known_before,
            stream.lead,
        )
        if settled is None:
            return
        self._pace.begin(stream, settled, stream.waiting[0].arrival)
        waiting, stream.waiting = stream.waiting, None
        noises, stream.noises = stream.noises, []
        for noise in noises:
            self._note_noise(stream, noise)
        if not stream.needs_care:
            del self._attended[stream.row]
        rows = np.full(len(waiting), stream.row)
        media = np.array([packet.media for packet in waiting], np.int64)
        arrival = np.array([packet.arrival for packet in waiting], np.int64)
        output, good = self._admit(rows, media, arrival)
        size = np.array([len(packet.payload) for packet in waiting])
        data = np.zeros((len(waiting), int(size.max())), np.uint8)
        for index, packet in enumerate(waiting):
            data[index, : len(packet.payload)] = packet.payload
        self._write_forms(rows, output, good, data, np.zeros(len(waiting), np.int64), size)

    # -- plain audio ------------------------------------------------------------------------

    def _unwrap(
        self, rows: NDArray[np.int64], parsed: Parsed, chosen: _Chosen
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Extended sequence numbers and media times in 8 kHz samples."""
        last = self._sequence[rows]
        step = (parsed.sequence[chosen] - last.astype(np.uint16)).astype(np.int16)
        sequence = last + step
        timestamp = parsed.timestamp[chosen]
        ticks = self._ticks[rows] + (timestamp - self._timestamp[rows]).astype(np.int32)
        # Any recent packet of the row serves as the next block's reference.
        self._sequence[rows] = sequence
        self._timestamp[rows] = timestamp
        self._ticks[rows] = ticks
        ratio = self._ratio[rows[0]]
        return sequence, ticks if ratio == 1 else ticks // ratio

    def _place_plain(
        self, rows: NDArray[np.int64], parsed: Parsed, block: PacketBlock, chosen: _Chosen
    ) -> None:
        """Audio of streams that have their place."""
        sequence, media = self._unwrap(rows, parsed, chosen)
        transit = block.arrival[chosen] / SAMPLE_NS - media
        fresh = self.reception.take(rows, sequence, transit)
        if fresh is not None:
            rows, media = rows[fresh], media[fresh]
            chosen = np.arange(len(block))[chosen][fresh]
        if len(rows):
            self._place_sizes(rows, media, parsed, block, chosen)

    def _place_sizes(
        self,
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: _Chosen,
    ) -> None:
        """Place packets, those of one size together."""
        output, good = self._admit(rows, media, block.arrival[chosen])
        offset, size = parsed.offset[chosen], parsed.size[chosen]
        data = block.data[chosen]
        start, width = int(offset[0]), int(size[0])
        if (size == width).all() and (offset == start).all():
            if not good.all():
                kept = np.flatnonzero(good)
                rows, output, data = rows[kept], output[kept], data.take(kept, axis=0)
            if len(rows):
                self._write(rows, output, data[:, start : start + width])
            return
        self._write_forms(rows, output, good, data, offset, size)

    def _write_forms(
        self,
        rows: NDArray[np.int64],
        output: NDArray[np.int64],
        good: NDArray[np.bool_],
        data: NDArray[np.uint8],
        offset: NDArray[np.int64],
        size: NDArray[np.int64],
    ) -> None:
        """Put good packets whose payloads have several places or sizes where they belong."""
        chosen = np.flatnonzero(good)
        form = offset[chosen] * data.shape[1] + size[chosen]
        changes = form[1:] != form[:-1]
        if (changes & (rows[chosen[1:]] == rows[chosen[:-1]])).any():
            # Where packets of a row overlap, the last to arrive stays: one after the other.
            groups = np.split(chosen, np.flatnonzero(changes) + 1)
        else:
            groups = [chosen[form == each] for each in sorted(set(form.tolist()))]
        for same in groups:
            if len(same):
                at, count = int(offset[same[0]]), int(size[same[0]])
                self._write(rows[same], output[same], data[same, at : at + count])

    def _admit(
        self, rows: NDArray[np.int64], media: NDArray[np.int64], arrival: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Output samples of packets, and which of them come in time; the others are counted."""
        usable = arrival // FRAME_NS + 1
        output = media + self._pace.follow(self.streams, rows, media, arrival, usable)
        # Codecs with memory come a row at a time.
        ahead = (output - self.stream(int(rows[0])).lead) // FRAME_SAMPLES - usable
        good = (ahead >= 0) & (ahead < AHEAD_FRAMES)
        if not good.all():
            bad = ~good
            self._refuse(rows[bad], ahead[bad] < 0, arrival[bad], output[bad])
        return output, good

    def _write(
        self, rows: NDArray[np.int64], output: NDArray[np.int64], payload: NDArray[np.uint8]
    ) -> None:
        """Put payloads (n, size) where they belong."""
        framed = self.stream(int(rows[0])).framed
        if framed is not None:
            framed.hold(output, payload)
            return
        alaw = self._alaw[rows]
        if alaw.all():
            pcm = alaw_decode(payload)
        else:
            pcm = ulaw_decode(payload)
            if alaw.any():
                pcm[alaw] = alaw_decode(payload[alaw])
        self._ring.write(rows, output, pcm)

    def _refuse(
        self,
        rows: NDArray[np.int64],
        late: NDArray[np.bool_],
        arrival: NDArray[np.int64],
        output: NDArray[np.int64],
    ) -> None:
        """Count packets that came too late, or else far too early."""
        edges = (np.flatnonzero(rows[1:] != rows[:-1]) + 1).tolist()
        for start, end in itertools.pairwise([0, *edges, len(rows)]):
            stream, own = self.stream(int(rows[start])), late[start:end]
            stream.refuse_late(arrival[start:end][own], output[start:end][own])
            stream.early += int(np.count_nonzero(~own))

    # -- frames out -------------------------------------------------------------------------

    def read(
        self, rows: NDArray[np.int64], first: int, count: int, out: NDArray[np.int16]
    ) -> NDArray[np.bool_]:
        """Play frames ``first .. first + count`` of the rows.

        Writes ``out`` (rows, count * 160) and returns which 10 ms units arrived (rows, count * 2).
        All packets usable before frame ``first + count`` must have been received.
        """
        if count > self.max_block:
            raise ValueError(f"a block of {count} frames is more than {self.max_block}")
        attended = self._attended
        if attended:
            for row in rows.tolist():
                if row in attended:
                    self._prepare(attended[row], first + count)
        have = self._ring.read(rows, first, count, out)
        if attended:
            for position, row in enumerate(rows.tolist()):
                if row in attended and attended[row].gaps.active:
                    attended[row].gaps.fill(out[position], have[position], first * FRAME_SAMPLES)
        return have

    def _prepare(self, stream: Stream, end: int) -> None:
        """What must be in the ring before frames up to ``end`` are read."""
        self._settle(stream, end)
        if stream.framed is not None:
            for start, samples in stream.framed.decode(end):
                self._ring.write_anywhere(stream.row, start, samples)
