"""The ordinary course of a stream: many packets of one row at once, none of which is odd.

As a rule a block has the packets of one sender, each as long as the last and numbered by ones, some
lost, some overtaken, all in time. What the scheduler does with them one by one and with many rows
together is then the same sums, and needs no more than a look at the least and the largest of them.
Anything else is refused before it has changed anything, for :mod:`mediasim.rtp.scheduler`.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

import numpy as np

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import Depacketizer, ExtendedNumbers
from mediasim.rtp.packets import HEADER_SIZE, PLAIN, RTCP_TYPES, PacketBlock, header_fields
from mediasim.rtp.playout_offsets import AHEAD_FRAMES, PlayoutOffsets
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.ring import UNIT
from mediasim.rtp.stream import ReceivedStream

__all__ = ["SteadyCourse"]

_MOST: Final = 1024
"""Range of sequence numbers that are told apart at once."""
_OVERTAKEN: Final = 50
"""Sequence numbers by which a packet may have been overtaken."""


class SteadyCourse:
    """Receives blocks of single streams in their ordinary course."""

    def __init__(
        self,
        numbers: ExtendedNumbers,
        offsets: PlayoutOffsets,
        depacketizer: Depacketizer,
        reception: ReceptionTable,
        held: Container[int],
    ) -> None:
        """``held`` are the rows of which a packet is held back."""
        self._numbers = numbers
        self._offsets = offsets
        self._reception = reception
        self._depacketizer = depacketizer
        self._held = held

    def receive(self, stream: ReceivedStream, block: PacketBlock) -> bool:
        """Receive a block of packets of a stream, in order of arrival.

        False, and nothing is changed, if there is anything out of the ordinary about them.
        """
        row, count, data = stream.row, len(block), block.data
        size, octets = int(block.length[0]), stream.octets
        if size > data.shape[1] or row in self._held or not data.flags.c_contiguous:
            return False
        # Codecs with a memory have frames of 20 ms.
        samples, rest = divmod(size - HEADER_SIZE, octets) if octets else (FRAME_SAMPLES, 0)
        if samples <= 0 or rest or samples % UNIT:
            return False
        numbers = self._numbers
        unsettled = stream.waiting is not None or stream.keeps_aside
        if numbers.packet_ticks[row] or unsettled or 0x80 | stream.payload_type in RTCP_TYPES:
            return False
        head = header_fields(data)
        alike = (head["b0"] == PLAIN) & (head["b1"] & 0x7F == stream.payload_type)
        alike &= head["ssrc"] == stream.lock.ssrc
        alike &= block.length == size if octets else block.length > HEADER_SIZE
        if not alike.all():
            return False
        # The shorter way round, as ExtendedNumbers reads them.
        last, ratio = int(numbers.sequence[row]), int(numbers.ratio[row])
        step = head["sequence"].astype(np.uint16) - np.uint16(last & 0xFFFF)
        sequence = step.view(np.int16).astype(np.int64) + last
        stamp = head["timestamp"].astype(np.uint32)
        known = int(numbers.ticks[row])
        ticks = (stamp - numbers.timestamp[row]).view(np.int32).astype(np.int64) + known
        each = samples * ratio
        if (ticks - sequence * each != known - last * each).any():
            return False
        top = np.maximum.accumulate(sequence)
        lowest, highest = int(sequence.min()), int(top[-1])
        in_order = highest - lowest >= count - 1 and bool((sequence[1:] > top[:-1]).all())
        if highest - lowest >= _MOST or lowest < last - _OVERTAKEN:
            return False
        if not in_order:
            ordered = np.sort(sequence)
            if (ordered[1:] == ordered[:-1]).any() or int((top - sequence).max()) >= _OVERTAKEN:
                return False
        media = ticks if ratio == 1 else ticks // ratio
        arrival = block.arrival
        usable = arrival // FRAME_NS + 1
        delay = arrival // SAMPLE_NS - media
        offset = self._offsets.steady_offset(row, int(media.min()), int(delay.min()))
        if offset is None:
            return False
        output = media + offset
        ahead = (output - stream.lead) // FRAME_SAMPLES - usable
        if int(ahead.min()) < 0 or int(ahead.max()) >= AHEAD_FRAMES:
            return False
        if octets and int(output[0]) % UNIT:
            return False
        if self._reception.knows_any(row, sequence, media):
            return False
        newest = int(media.argmax())
        if not self._offsets.count_steady(row, int(media[newest]), delay, usable):
            return False
        self._reception.take_new(row, sequence, media, arrival / SAMPLE_NS - media)
        if highest > last:
            numbers.go_to_one(row, highest, stamp[newest], int(ticks[newest]), int(arrival[newest]))
        if octets:
            self._depacketizer.write_steady(row, output, data[:, HEADER_SIZE:size])
        elif stream.decoder is not None:
            stream.decoder.hold_packets(output, block, HEADER_SIZE)
        return True
