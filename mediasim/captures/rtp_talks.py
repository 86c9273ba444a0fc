"""Who talks to whom in a capture: RTP streams as the two directions of calls.

A sender that begins a new SSRC goes on with what it was saying, and so does one that keeps its SSRC
and is seen at another address (a translator that was rebound, a port that was agreed on anew); two
streams at the same time are two senders, whatever their SSRCs. Two talks are a call when each goes
where the other comes from while the other is under way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mediasim.captures.datagrams import Datagram
from mediasim.captures.rtp_finder import FoundStream

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
    def sources(self) -> list[tuple[str, int]]:
        """All it came from, in order."""
        return list(dict.fromkeys(stream.source for stream in self.streams))

    @property
    def silent(self) -> bool:
        """Whether nothing of it was captured."""
        return not any(stream.packets for stream in self.streams)

    @classmethod
    def unheard(cls, other: Talk) -> Talk:
        """The other direction of a talk, of which nothing was captured."""
        return cls((FoundStream(0, other.destination, other.source, ()),))

    @property
    def packets(self) -> list[Datagram]:
        """In the order they came."""
        found = [packet for stream in self.streams for packet in stream.packets]
        return sorted(found, key=lambda packet: packet.at_ns)

    @property
    def begins_ns(self) -> int:
        """0 for a silent one."""
        return min(
            (stream.packets[0].at_ns for stream in self.streams if stream.packets), default=0
        )

    @property
    def ends_ns(self) -> int:
        """0 for a silent one."""
        return max(
            (stream.packets[-1].at_ns for stream in self.streams if stream.packets), default=0
        )

    def overlaps(self, other: Talk) -> bool:
        """Whether one is under way while the other is."""
        return self.begins_ns <= other.ends_ns and other.begins_ns <= self.ends_ns

    def answers(self, other: Talk) -> bool:
        """Whether it is the other direction of the same call."""
        own = {(stream.source, stream.destination) for stream in self.streams}
        theirs = {(stream.destination, stream.source) for stream in other.streams}
        return bool(own & theirs) and self.overlaps(other)

    def _goes_on(self, stream: FoundStream) -> bool:
        """Whether a stream that begins is the same sender's."""
        last = self.streams[-1]
        pause = stream.packets[0].at_ns - self.ends_ns
        same = (stream.source == last.source) + (stream.destination == last.destination)
        known = same == 2 or (same == 1 and stream.ssrc == last.ssrc)
        return known and -_OVERLAP_NS <= pause <= _PAUSE_NS


def talks_of(streams: Iterable[FoundStream]) -> list[Talk]:
    """The streams as talks, in the order in which those begin."""
    talks: list[Talk] = []
    for stream in sorted(streams, key=lambda each: each.packets[0].at_ns):
        for number, talk in enumerate(talks):
            if talk._goes_on(stream):
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
