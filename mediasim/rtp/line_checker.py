"""Which packets are off their streams' lines: late, far too early, or numbered otherwise.

A stream's *line* is its media timestamps and its offset. A packet on it is played where its
timestamp says; the others are for :mod:`mediasim.rtp.scheduler` to decide about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.depacketizer import ExtendedNumbers, NumberedPackets, newer
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
        occupied: Callable[[int, int, int], bool],
    ) -> None:
        """``occupied`` returns whether a row has audio at an output sample, for so many samples."""
        self._occupied = occupied
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
            if not (steps > 0).all():
                self._compare_with_newest(packets, firsts, numbers, steps)
        odd: NDArray[np.bool_] = packets.ahead < 0
        odd |= self._offsets.off(rows, packets.delay, packets.output - media) < -JUMP
        goes_on, counts_on = steps > 0, numbers > 0
        if goes_on.all() and counts_on.all():
            return odd, None
        # A timestamp behind the newest is plausible of an overtaken packet only: its number
        # is behind as well, by MAX_MISORDER at most, and its timestamp by as many of the
        # shortest packets at least.
        fell = counts_on | (numbers < -_MISORDER) | (numbers * _SHORTEST < steps)
        fell |= (numbers == 0) & (steps < 0)
        return odd | (fell & ~goes_on), goes_on & ~counts_on

    def _compare_with_newest(
        self,
        packets: NumberedPackets,
        firsts: NDArray[np.int64],
        numbers: NDArray[np.int64],
        steps: NDArray[np.int64],
    ) -> None:
        """Write how far packets are from the newest before them in their rows.

        ``firsts`` are the indices of the rows' first packets.
        """
        rows, sequence, media = packets.rows, packets.sequence, packets.media
        known = self._numbers.media(rows, self._numbers.ticks[rows])
        peaks = newer(rows, media, known)
        if peaks is None:
            return
        index = np.full(len(rows), -1)
        index[peaks] = peaks
        index = np.append(-1, np.maximum.accumulate(index)[:-1])
        start = np.repeat(firsts, np.diff(np.append(firsts, len(rows))))
        inside = index >= start
        np.subtract(
            sequence, np.where(inside, sequence[index], self._numbers.sequence[rows]), numbers
        )
        np.subtract(media, np.where(inside, media[index], known), steps)

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
        return not self._is_copy(packets, index, start)

    def _is_copy(self, packets: NumberedPackets, index: int, start: int) -> bool:
        """Return whether a packet was received before, in its block or lately."""
        row, behind = int(packets.rows[index]), slice(start, index)
        number, media = int(packets.sequence[index]), int(packets.media[index])
        same = (packets.sequence[behind] == number) & (packets.media[behind] == media)
        return bool(same.any()) or self._reception.has(row, number, media)

    def stepped(self, packets: NumberedPackets, parsed: Parsed, index: int, start: int) -> bool:
        """Return whether a timestamp contradicts the sequence number and the arrival."""
        row = int(packets.rows[index])
        number, arrival = int(self._numbers.sequence[row]), int(self._numbers.arrival[row])
        media = int(self._numbers.ticks[row]) // int(self._numbers.ratio[row])
        before = packets.media[start:index]
        if before.max(initial=_LOWEST) > media:
            newest = start + int(np.argmax(before))
            number, media = int(packets.sequence[newest]), int(packets.media[newest])
            arrival = int(packets.arrival[newest])
        numbers = int(packets.sequence[index]) - number
        step = int(packets.media[index]) - media
        octets = self._streams.at(row).octets
        size = int(parsed.size[packets.chosen][index]) // octets if octets else FRAME_SAMPLES
        if step <= 0:
            plausible = -_MISORDER <= numbers < 0 and step <= numbers * _SHORTEST
            copy = numbers == 0 and (step == 0 or self._is_copy(packets, index, start))
            return not (plausible or copy or self._fits(packets, index, start, size))
        if step - (int(packets.arrival[index]) - arrival) // SAMPLE_NS < JUMP:
            return False
        one = slice(index, index + 1)
        offset = packets.output[one] - packets.media[one]
        if self._offsets.off(packets.rows[one], packets.delay[one], offset)[0] >= -JUMP:
            return False
        return step - (numbers if 0 < numbers <= _BURST else 1) * size >= JUMP

    def _fits(self, packets: NumberedPackets, index: int, start: int, size: int) -> bool:
        """Return whether a packet can be played where its timestamp says, and nothing is there.

        Then it was overtaken, whatever its number: one that begins anew meets what was sent before.
        """
        output = int(packets.output[index])
        if packets.ahead[index] < 0 or (np.abs(packets.output[start:index] - output) < size).any():
            return False
        return not self._occupied(int(packets.rows[index]), output, size)
