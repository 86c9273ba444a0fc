"""Which packets are off their streams' lines: late, far too early, or numbered otherwise.

A stream's *line* is its media timestamps and its offset. A packet on it is played where its
timestamp says; the others are for :mod:`mediasim.rtp.scheduler` to decide about.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import ExtendedNumbers, NumberedPackets
from mediasim.rtp.packets import Parsed
from mediasim.rtp.playout_offsets import LONGEST_PACKET, WINDOW_FRAMES, PlayoutOffsets
from mediasim.rtp.probation import JUMP, due_of
from mediasim.rtp.reception import ReceptionTable
from mediasim.rtp.stream import StreamTable

__all__ = ["LineChecker"]

_MISORDER: Final = 100
"""Sequence numbers by which a packet may have been overtaken (RFC 3550 A.1: MAX_MISORDER)."""
_SHORTEST: Final = 40
"""Samples of the shortest packet: 5 ms."""
_OVERTAKEN: Final = 4000
"""Samples by which a packet may have been overtaken: half a second."""
_BURST: Final = 50
"""Packets that may come at once, with timestamps ahead of their arrival."""
_LOWEST: Final = np.iinfo(np.int64).min


class LineChecker:
    """Checks packets of many streams against their lines."""

    def __init__(
        self,
        streams: StreamTable,
        numbers: ExtendedNumbers,
        offsets: PlayoutOffsets,
        reception: ReceptionTable,
    ) -> None:
        self._streams = streams
        self._numbers = numbers
        self._offsets = offsets
        self._reception = reception

    def odd(self, packets: NumberedPackets) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
        """Return which packets may be off their lines, and whose numbers fell back, if any."""
        rows, sequence, media = packets.rows, packets.sequence, packets.media
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
        odd: NDArray[np.bool_] = packets.ahead < 0
        odd |= self._offsets.off(rows, packets.delay, packets.output - media) < -JUMP
        goes_on, counts_on = steps > 0, numbers > 0
        if goes_on.all() and counts_on.all():
            return odd, None
        # A timestamp behind the last is plausible of an overtaken packet only: its number
        # is behind as well, by MAX_MISORDER at most, and its timestamp by as many of the
        # shortest packets at least.
        fell = counts_on | (numbers < -_MISORDER) | (numbers * _SHORTEST < steps)
        return odd | (fell & ~goes_on), goes_on & ~counts_on

    def is_off(
        self,
        packets: NumberedPackets,
        odd: NDArray[np.bool_],
        now: NDArray[np.bool_],
        index: int,
        start: int,
    ) -> bool:
        """Return whether a packet is too late for the line; its row begins at ``start``."""
        row, media = int(packets.rows[index]), int(packets.media[index])
        delay, usable, following = int(packets.delay[index]), packets.usable, index + 1
        on = following < len(odd) and now[following] and not odd[following]
        if on and packets.rows[following] == row:
            # As a rule the next one is on the line, and in time to say so.
            before = packets.media[start:index].max(initial=_LOWEST)
            newest = max(int(self._offsets.newest[row]), int(before))
            stream = self._streams.at(row)
            due = due_of(media, delay, stream.format.depth, stream.lead)
            same = usable[index] // WINDOW_FRAMES == usable[following] // WINDOW_FRAMES
            # What is behind others is dropped with no say in how late packets may come.
            goes_on = newest < media < packets.media[following]
            if same and goes_on and usable[following] <= due:
                return False
        return delay > self._offsets.most(row, packets.delay[start:index], usable[start:following])

    def overtaken(self, packets: NumberedPackets, index: int, start: int) -> bool:
        """Return whether a packet is behind others of the line in number and time, and no copy."""
        row, behind = int(packets.rows[index]), slice(start, index)
        number, media = int(packets.sequence[index]), int(packets.media[index])
        newest = max(
            int(self._offsets.newest[row]), int(packets.media[behind].max(initial=_LOWEST))
        )
        highest = max(self._reception.highest_of(row), int(packets.sequence[behind].max(initial=0)))
        behind_by = highest - number
        longest = min(behind_by * LONGEST_PACKET, _OVERTAKEN)
        if not 0 < behind_by <= _MISORDER or not 0 < newest - media <= longest:
            return False
        same = (packets.sequence[behind] == number) & (packets.media[behind] == media)
        return not same.any() and not self._reception.has(row, number, media)

    def stepped(self, packets: NumberedPackets, parsed: Parsed, index: int, start: int) -> bool:
        """Return whether a timestamp contradicts the sequence number and the arrival."""
        row = int(packets.rows[index])
        if index > start:
            number, media = int(packets.sequence[index - 1]), int(packets.media[index - 1])
            arrival = int(packets.arrival[index - 1])
        else:
            number, arrival = int(self._numbers.sequence[row]), int(self._numbers.arrival[row])
            media = int(self._numbers.ticks[row]) // int(self._numbers.ratio[row])
        numbers = int(packets.sequence[index]) - number
        step = int(packets.media[index]) - media
        if step <= 0 and (numbers > 0 or numbers < -_MISORDER or numbers * _SHORTEST < step):
            return True
        if step - (int(packets.arrival[index]) - arrival) // SAMPLE_NS < JUMP:
            return False
        one = slice(index, index + 1)
        offset = packets.output[one] - packets.media[one]
        if self._offsets.off(packets.rows[one], packets.delay[one], offset)[0] >= -JUMP:
            return False
        octets = self._streams.at(row).octets
        size = int(parsed.size[packets.chosen][index]) // octets if octets else FRAME_SAMPLES
        return step - (numbers if 0 < numbers <= _BURST else 1) * size >= JUMP
