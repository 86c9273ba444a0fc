"""Who talks to whom in a capture: RTP streams as the two directions of calls.

A sender that begins a new SSRC goes on with what it was saying; two streams from one address to
another at the same time are two senders. Two talks are a call when each goes where the other comes
from while the other is under way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mediasim.net.datagrams import Datagram
from mediasim.net.rtp_finder import FoundStream

__all__ = ["Talk", "pairs_of", "talks_of"]

_OVERLAP_NS: Final = 200_000_000
"""For how long packets of the old SSRC may still come."""
_PAUSE_NS: Final = 10_000_000_000
"""After which a new SSRC is another call."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What one sends to another: streams that follow each other."""

    streams: tuple[FoundStream, ...]

    @property
    def source(self) -> tuple[str, int]:
        return self.streams[0].source

    @property
    def destination(self) -> tuple[str, int]:
        return self.streams[0].destination

    @property
    def packets(self) -> list[Datagram]:
        """In the order they came."""
        found = [packet for stream in self.streams for packet in stream.packets]
        return sorted(found, key=lambda packet: packet.at_ns)

    @property
    def begins_ns(self) -> int:
        return min(stream.packets[0].at_ns for stream in self.streams)

    @property
    def ends_ns(self) -> int:
        return max(stream.packets[-1].at_ns for stream in self.streams)

    def answers(self, other: Talk) -> bool:
        """Whether it is the other direction of the same call."""
        return (
            (self.source, self.destination) == (other.destination, other.source)
            and self.begins_ns <= other.ends_ns
            and other.begins_ns <= self.ends_ns
        )


def talks_of(streams: Iterable[FoundStream]) -> list[Talk]:
    """The streams as talks, in the order in which those begin."""
    talks: list[Talk] = []
    for stream in sorted(streams, key=lambda each: each.packets[0].at_ns):
        for number, talk in enumerate(talks):
            pause = stream.packets[0].at_ns - talk.ends_ns
            same = (stream.source, stream.destination) == (talk.source, talk.destination)
            if same and -_OVERLAP_NS <= pause <= _PAUSE_NS:
                talks[number] = Talk((*talk.streams, stream))
                break
        else:
            talks.append(Talk((stream,)))
    return talks


def pairs_of(talks: Iterable[Talk]) -> list[tuple[Talk, Talk]]:
    """Talks that answer each other, each with all it may belong to; the earlier one first."""
    listed = list(talks)
    return [
        (one, other)
        for number, one in enumerate(listed)
        for other in listed[number + 1 :]
        if other.answers(one)
    ]
