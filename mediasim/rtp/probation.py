"""Packets that may begin something: a stream, or another offset of one.

:class:`StreamLock` decides which packets of a port belong to the stream (RFC 3550 section 8.2 and
appendix A.1). The first packet's SSRC is taken at once, so no first word is lost. Another SSRC is
followed only when two packets of it come in sequence, which strays and forged packets do not; the
packet that was held back for the proof is then part of the stream.

:class:`FirstPackets` decides where a new stream is played. Packets off a stream's line are kept
aside, a :class:`Trial`, until it is known whether they begin something or are strays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.packets import Parsed

__all__ = [
    "JUMP",
    "MOST_HOLES",
    "PATIENCE_FRAMES",
    "STEP",
    "Anchor",
    "FirstPackets",
    "KeptPacket",
    "PacketRun",
    "StreamLock",
    "Trial",
    "due_of",
    "offset_of",
]

STEP: Final = 80
"""Samples by which a playout offset moves: 10 ms, the unit of presence."""
_FAR: Final = 64 * FRAME_SAMPLES
"""Samples by which transits of packets of one beginning differ at most."""
_MARGIN: Final = 4
"""Samples added before an offset is rounded, 0.5 ms: delays of networks are whole milliseconds."""
JUMP: Final = 60 * FRAME_SAMPLES // 20
"""Samples by which a timestamp must be ahead of sequence numbers and arrival to have leapt: 60
ms."""
PATIENCE_FRAMES: Final = 10
"""Frames for which a packet waits for another that follows it."""
MOST_HOLES: Final = 2
"""Packets that the first one of a new beginning may have overtaken. Fewer than the playout depth:
else a forged packet could claim that it overtook all those which refute it."""
_NUMBERS: Final = 50
"""Sequence numbers by which a packet that follows another may be ahead of it."""


@dataclass(frozen=True, slots=True)
class PacketRun:
    """Consecutive packets of one stream."""

    indices: NDArray[np.int64]
    """Indices of the packets in the block."""
    restarted: bool
    """Whether it is a new stream, which needs a new offset."""
    proven: bool = False
    """Whether its first packet was held back until its second came."""


class StreamLock:
    """The SSRC that one row follows; -1 before the first packet."""

    def __init__(self) -> None:
        self.ssrc = -1

    def runs(self, parsed: Parsed) -> tuple[list[PacketRun], int | None]:
        """Split a parsed block into runs of one stream.

        Rows in no run are foreign or not RTP. Also returns the row that is held back for proof, if
        the block ends before it comes: it must be the first of the row's next block.
        """
        first = int(parsed.ssrc[0]) if len(parsed.ssrc) else -1
        if self.ssrc in (-1, first) and parsed.ok.all() and (parsed.ssrc == first).all():
            # One stream and nothing else, as nearly always.
            fresh, self.ssrc = self.ssrc != first, first
            return [PacketRun(np.arange(len(parsed.ssrc)), fresh)], None
        found: list[PacketRun] = []
        current: list[int] = []
        restarted = proven = False
        held = -1
        for index in np.flatnonzero(parsed.ok).tolist():
            ssrc = int(parsed.ssrc[index])
            if ssrc == self.ssrc:
                held = -1
                current.append(index)
                continue
            if self.ssrc >= 0 and not (held >= 0 and _follows(parsed, held, index)):
                held = index
                continue
            if current:
                found.append(PacketRun(np.array(current, np.int64), restarted, proven))
            proven = held >= 0
            current = [held, index] if proven else [index]
            self.ssrc, held, restarted = ssrc, -1, True
        if current:
            found.append(PacketRun(np.array(current, np.int64), restarted, proven))
        return found, held if held >= 0 else None


def _follows(parsed: Parsed, first: int, second: int) -> bool:
    """Return whether two packets follow each other in the same stream."""
    step = (int(parsed.sequence[second]) - int(parsed.sequence[first])) & 0xFFFF
    return step == 1 and parsed.ssrc[second] == parsed.ssrc[first]


class Anchor(NamedTuple):
    """The playout offset of a new stream, and the packets' extremes it follows from."""

    first: int
    """Least media time of the first packets, in samples."""
    transit: int
    """Least time from media to arrival of the first packets, in samples."""
    offset: int
    """Output sample minus media time."""

    def begins(self, lead: int) -> int:
        """Return the frame in which the first packet is needed."""
        return (self.first + self.offset - lead) // FRAME_SAMPLES


class FirstPackets:
    """Finds a new stream's offset by the packets that come before it is played."""

    def __init__(self, depth: int, lead: int = 0) -> None:
        """``depth`` is the playout delay in frames; packets are needed ``lead`` samples early."""
        self._depth = depth
        self._lead = lead
        self._found: Anchor | None = None
        self._begins = 0
        self._closed = False

    def take(self, media: int, arrival: int) -> None:
        """Take the next packet: its media time (samples) and time of arrival (ns)."""
        if self._closed:
            return
        transit = arrival // SAMPLE_NS - media
        if self._found is not None and abs(transit - self._found.transit) > _FAR:
            return  # of another beginning, or a stray
        better, begins = self._found, self._begins
        if better is None or media < better.first or transit < better.transit:
            if better is not None:
                media, transit = min(better.first, media), min(better.transit, transit)
            better = Anchor(media, transit, offset_of(transit, self._depth))
            begins = better.begins(self._lead)
        # Once the stream is heard, or if it would begin in the past, a packet is too late.
        if self._found is not None and arrival // FRAME_NS + 1 > begins:
            self._closed = True
        else:
            self._found, self._begins = better, begins

    def anchor(self, known_before: int) -> Anchor | None:
        """Return the anchor, all packets usable before frame ``known_before`` having been taken.

        None if there is no packet, or more could still change the answer.
        """
        return self._found if self._closed or known_before > self._begins else None


def offset_of(transit: int, depth: int) -> int:
    """Return a new stream's offset; ``transit`` is its packets' least time from media to arrival.

    A packet can be used one frame later, wherever in a frame it arrived, and waits ``depth``
    frames; the sum is rounded to whole steps, with a margin so that a clock slightly off does not
    tip it over.
    """
    return (transit + FRAME_SAMPLES + _MARGIN) // STEP * STEP + depth * FRAME_SAMPLES


class KeptPacket(NamedTuple):
    """A packet that has no output sample yet."""

    media: int
    """Media time in 8 kHz samples."""
    arrival: int
    """Loop time of arrival in nanoseconds."""
    payload: NDArray[np.uint8]
    sequence: int = 0
    """Extended sequence number."""
    timestamp: int = 0
    """RTP timestamp, 32 bits."""
    payload_type: int = 0

    @property
    def delay(self) -> int:
        """Samples from media time to arrival."""
        return self.arrival // SAMPLE_NS - self.media

    @property
    def usable(self) -> int:
        """The first frame in which it can be played."""
        return self.arrival // FRAME_NS + 1


@dataclass(slots=True)
class Trial:
    """Packets of one stream that may be the first ones of a talk spurt or a new beginning."""

    kept: list[KeptPacket]
    stepped: bool
    """Whether the first one's timestamp contradicts its sequence number and its arrival."""
    offset: int
    """The offset at which they would be played."""
    due: int
    """The frame in which the first one would be played."""
    passed: int = 0
    """Packets since that go on where the stream was."""

    @classmethod
    def of(cls, first: KeptPacket, depth: int, lead: int, *, stepped: bool) -> Trial:
        """Begin a trial with a packet, to be played ``depth`` frames after it can be used."""
        due = due_of(first.media, first.delay, depth, lead)
        return cls([first], stepped, offset_of(first.delay, depth), due)

    @property
    def expires(self) -> int:
        """The last frame in which another packet is awaited."""
        return max(self.due, self.kept[0].usable + PATIENCE_FRAMES)

    @property
    def proven(self) -> bool:
        """Whether several packets agree."""
        return len(self.kept) > 1

    def repeats(self, packet: KeptPacket) -> bool:
        """Return whether a packet is a copy of one of them."""
        same = packet.sequence, packet.timestamp
        return any((kept.sequence, kept.timestamp) == same for kept in self.kept)

    def goes_on(self, packet: KeptPacket, samples: int, *, known: bool) -> bool:
        """Return whether a packet belongs to the stream that they begin.

        Its timestamp is where its number says, or goes on to the sample from the last of them,
        unless the packet is ``known`` from before. ``samples`` is how long their packets last.
        """
        numbers, since = self._beyond(packet)
        if 0 < numbers <= _NUMBERS and since == numbers * samples:
            return True
        if known:
            return False
        before = -MOST_HOLES <= numbers < 0  # overtaken, by these or by what they begin after
        return since == (numbers * samples if before else samples)

    def _beyond(self, packet: KeptPacket) -> tuple[int, int]:
        """Return by how much a packet's number and media time are beyond the last one's."""
        last = self.kept[-1]
        return packet.sequence - last.sequence, packet.media - last.media

    def copy_of_two(
        self, packet: KeptPacket, samples: int, newest: int, *, known: bool, first_known: bool
    ) -> bool | None:
        """Return whether a packet (True) or their first (False) is a late copy, if one of them is.

        Copies begin nothing, and belong to nothing that begins. ``newest`` is the latest media time
        of the line; ``known`` and ``first_known`` say whether they were received before.
        """
        numbers, since = self._beyond(packet)
        old, first_old = packet.media <= newest, self.kept[0].media <= newest
        if not self.stepped and old != first_old:
            return old
        mixed = known != first_known and since not in (samples, numbers * samples)
        return known if mixed else None

    def may_have_overtaken(self, packet: KeptPacket, *, first_known: bool) -> bool:
        """Return whether a packet that goes on where the stream was may only have been overtaken.

        Its number is just before the first of theirs; or it is one of few since, no other of theirs
        has come, and the first is no copy of one ``first_known`` before. Then it says nothing of
        whether they begin anything.
        """
        if not self.stepped:
            return False
        if 0 < self.kept[0].sequence - packet.sequence <= MOST_HOLES:
            return True
        self.passed += 1
        return not (self.proven or first_known) and self.passed <= MOST_HOLES

    def follows(self, packet: KeptPacket) -> bool:
        """Return whether a packet has one of the next numbers after the last of them."""
        return 0 < packet.sequence - self.kept[-1].sequence <= _NUMBERS

    def agrees(self, packet: KeptPacket, lead: int, ahead_frames: int) -> bool:
        """Return whether a packet could be played at their offset."""
        ahead = (packet.media + self.offset - lead) // FRAME_SAMPLES - packet.usable
        return 0 <= ahead < ahead_frames

    def add(self, packet: KeptPacket) -> None:
        """Add a packet that agrees."""
        self.kept.append(packet)
        # The second packet is the proof, so nothing can be played before it can be used.
        self.due = max(self.due, packet.usable) if len(self.kept) == 2 else self.due


def due_of(media: int, delay: int, depth: int, lead: int) -> int:
    """Return the frame in which a packet is played if its offset follows from its arrival."""
    return (media + offset_of(delay, depth) - lead) // FRAME_SAMPLES
