"""Packets kept aside: off their stream's line, until it is known whether another one has begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.pacing import place_of

__all__ = ["JUMP", "PATIENCE_FRAMES", "KeptPacket", "Trial", "due_of"]

JUMP: Final = 60 * FRAME_SAMPLES // 20
"""Samples by which a timestamp must be ahead of sequence numbers and arrival to have leapt."""
PATIENCE_FRAMES: Final = 10
"""How long a packet waits for another that follows it."""
_NUMBERS: Final = 50
_LONGEST: Final = 120 * FRAME_SAMPLES // 20
"""Samples of the longest packet: 120 ms."""


class KeptPacket(NamedTuple):
    """A packet that has not been placed yet."""

    media: int
    arrival: int
    payload: NDArray[np.uint8]
    sequence: int = 0
    """Extended."""
    timestamp: int = 0
    payload_type: int = 0

    @property
    def delay(self) -> int:
        """Samples from media time to arrival."""
        return self.arrival // SAMPLE_NS - self.media

    @property
    def usable(self) -> int:
        """The first frame it can be used in."""
        return self.arrival // FRAME_NS + 1


@dataclass(slots=True)
class Trial:
    """Packets of one stream that may be the first ones of a talk spurt or a new beginning."""

    kept: list[KeptPacket]
    stepped: bool
    """The first one's timestamp contradicts its number and its arrival."""
    place: int
    """Where they would be played."""
    due: int
    """The frame in which the first one would be."""

    @classmethod
    def of(cls, first: KeptPacket, depth: int, lead: int, *, stepped: bool) -> Trial:
        """Begin with a packet, to be played ``depth`` frames after it can be used."""
        due = due_of(first.media, first.delay, depth, lead)
        return cls([first], stepped, place_of(first.delay, depth), due)

    @property
    def expires(self) -> int:
        """The last frame in which another packet is waited for."""
        return max(self.due, self.kept[0].usable + PATIENCE_FRAMES)

    @property
    def proven(self) -> bool:
        """Whether several packets say the same."""
        return len(self.kept) > 1

    def repeats(self, packet: KeptPacket) -> bool:
        """Whether a packet is a copy of one of them."""
        same = packet.sequence, packet.timestamp
        return any((kept.sequence, kept.timestamp) == same for kept in self.kept)

    def precedes(self, packet: KeptPacket) -> bool:
        """Whether a packet follows the last of them in number and timestamp."""
        last = self.kept[-1]
        numbers = packet.sequence - last.sequence
        return 0 < numbers <= _NUMBERS and 0 < packet.media - last.media <= numbers * _LONGEST

    def agrees(self, packet: KeptPacket, lead: int, ahead_frames: int) -> bool:
        """Whether a packet could be played where they would be."""
        ahead = (packet.media + self.place - lead) // FRAME_SAMPLES - packet.usable
        return 0 <= ahead < ahead_frames

    def add(self, packet: KeptPacket) -> None:
        """One more that says the same."""
        self.kept.append(packet)
        self.due = max(self.due, packet.usable) if len(self.kept) == 2 else self.due


def due_of(media: int, delay: int, depth: int, lead: int) -> int:
    """The frame in which a packet is played that is placed by its arrival."""
    return (media + place_of(delay, depth) - lead) // FRAME_SAMPLES
