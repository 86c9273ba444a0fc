"""RTP in a capture: its streams, their pairing to calls, and figures of each.

A sender that begins a new SSRC goes on with what it was saying, and so does one that keeps its SSRC
and is seen at another address (a translator that was rebound, a port that was agreed on anew); two
streams at the same time are two senders, whatever their SSRCs. Two directions are a call when each
goes where the other comes from while the other is active.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

from mediasim.captures.pcap import Datagram
from mediasim.rtp.packets import RTCP_TYPES

__all__ = [
    "CapturedDirection",
    "FoundStream",
    "StreamFigures",
    "directions_of",
    "figures_of",
    "find_streams",
    "pairs_of",
]

_OVERLAP_NS: Final = 200_000_000
"""Nanoseconds for which packets of the old SSRC may still come."""
_PAUSE_NS: Final = 10_000_000_000
"""Nanoseconds of silence after which a new SSRC is another call."""
_SHARE: Final = 16
"""Inverse of the gain of the jitter estimate (RFC 3550 A.8)."""
_FEWEST: Final = 5
"""Packets that a stream has at least."""
_NEAR: Final = 64
"""Sequence numbers that neighbours of one stream may be apart, by loss or reordering."""


# -- streams ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundStream:
    """One stream, its packets in the order they were captured."""

    ssrc: int
    source: tuple[str, int]
    destination: tuple[str, int]
    packets: tuple[Datagram, ...]

    @property
    def payload_types(self) -> tuple[int, ...]:
        """The payload types it uses, the commonest first."""
        counts: dict[int, int] = {}
        for packet in self.packets:
            kind = packet.payload[1] & 0x7F
            counts[kind] = counts.get(kind, 0) + 1
        return tuple(sorted(counts, key=lambda kind: (-counts[kind], kind)))


def find_streams(datagrams: Iterable[Datagram]) -> list[FoundStream]:
    """Find the RTP streams among datagrams, in order of their first packets."""
    found: dict[tuple[int, tuple[str, int], tuple[str, int]], list[Datagram]] = {}
    for datagram in datagrams:
        head = datagram.payload[:12]
        if len(head) < 12 or head[0] >> 6 != 2 or head[1] in RTCP_TYPES:
            continue
        ssrc = int.from_bytes(head[8:12], "big")
        found.setdefault((ssrc, datagram.source, datagram.destination), []).append(datagram)
    return [FoundStream(*key, tuple(packets)) for key, packets in found.items() if _runs(packets)]


def _runs(packets: list[Datagram]) -> bool:
    """Return whether most sequence numbers follow the one before, as in one stream."""
    named = dict.fromkeys(packet.payload[2:8] for packet in packets)  # number and timestamp
    if len(named) < _FEWEST:
        return False
    numbers = [int.from_bytes(name[:2], "big") for name in named]
    steps = [(later - earlier) & 0xFFFF for earlier, later in itertools.pairwise(numbers)]
    near = sum(0 < min(step, 0x10000 - step) <= _NEAR for step in steps)
    return near >= 0.8 * len(steps)


# -- directions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CapturedDirection:
    """One direction of a call: streams that follow each other."""

    streams: tuple[FoundStream, ...]

    @property
    def source(self) -> tuple[str, int]:
        """Where its first stream comes from."""
        return self.streams[0].source

    @property
    def destination(self) -> tuple[str, int]:
        """Where its first stream goes."""
        return self.streams[0].destination

    @property
    def sources(self) -> list[tuple[str, int]]:
        """All addresses it came from, in order."""
        return list(dict.fromkeys(stream.source for stream in self.streams))

    @property
    def silent(self) -> bool:
        """Whether nothing of it was captured."""
        return not any(stream.packets for stream in self.streams)

    @classmethod
    def uncaptured(cls, other: CapturedDirection) -> CapturedDirection:
        """Return the other direction of a call, of which nothing was captured."""
        return cls((FoundStream(0, other.destination, other.source, ()),))

    @property
    def packets(self) -> list[Datagram]:
        """All packets in the order they came."""
        found = [packet for stream in self.streams for packet in stream.packets]
        return sorted(found, key=lambda packet: packet.at_ns)

    @property
    def begins_ns(self) -> int:
        """Time of the first packet; 0 for a silent one."""
        return min(
            (stream.packets[0].at_ns for stream in self.streams if stream.packets), default=0
        )

    @property
    def ends_ns(self) -> int:
        """Time of the last packet; 0 for a silent one."""
        return max(
            (stream.packets[-1].at_ns for stream in self.streams if stream.packets), default=0
        )

    def overlaps(self, other: CapturedDirection) -> bool:
        """Return whether one is active while the other is."""
        return self.begins_ns <= other.ends_ns and other.begins_ns <= self.ends_ns

    def answers(self, other: CapturedDirection) -> bool:
        """Return whether it is the other direction of the same call."""
        own = {(stream.source, stream.destination) for stream in self.streams}
        theirs = {(stream.destination, stream.source) for stream in other.streams}
        return bool(own & theirs) and self.overlaps(other)

    def _goes_on(self, stream: FoundStream) -> bool:
        """Return whether a stream that begins is the same sender's."""
        last = self.streams[-1]
        pause = stream.packets[0].at_ns - self.ends_ns
        same = (stream.source == last.source) + (stream.destination == last.destination)
        known = same == 2 or (same == 1 and stream.ssrc == last.ssrc)
        return known and -_OVERLAP_NS <= pause <= _PAUSE_NS


def directions_of(streams: Iterable[FoundStream]) -> list[CapturedDirection]:
    """Group streams to directions, in the order in which those begin."""
    directions: list[CapturedDirection] = []
    for stream in sorted(streams, key=lambda each: each.packets[0].at_ns):
        for number, direction in enumerate(directions):
            if direction._goes_on(stream):
                directions[number] = CapturedDirection((*direction.streams, stream))
                break
        else:
            directions.append(CapturedDirection((stream,)))
    return directions


def pairs_of(
    directions: Iterable[CapturedDirection],
) -> list[tuple[CapturedDirection, CapturedDirection]]:
    """Pair directions that answer each other, in all possible ways; the earlier one first."""
    listed = list(directions)
    return [
        (one, other)
        for number, one in enumerate(listed)
        for other in listed[number + 1 :]
        if other.answers(one)
    ]


# -- figures of a stream ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """Figures of one stream."""

    packets: int
    """Packets captured, without duplicates."""
    lost: int
    duplicates: int
    reordered: int
    jitter_ms: float
    """Interarrival jitter at the end, in milliseconds (RFC 3550 A.8)."""
    mean_jitter_ms: float
    """Mean of the interarrival jitter after each packet."""
    max_jitter_ms: float
    """Maximum of the interarrival jitter after each packet."""
    seconds: float
    """Seconds from the first packet to the last."""


def figures_of(
    stream: FoundStream, clock_rate: int, untimed: Container[int] = frozenset()
) -> StreamFigures:
    """Measure a stream whose timestamps count ``clock_rate`` a second.

    ``untimed`` are payload types whose timestamps do not say when a packet was sent: telephone
    events have that of the key's press (RFC 4733 section 2.5.1.3).
    """
    highest = lowest = previous = -1
    seen: set[int] = set()
    duplicates = reordered = 0
    jitter = total = most = 0.0
    timed = 0
    last: tuple[int, int] | None = None
    for packet in stream.packets:
        number = int.from_bytes(packet.payload[2:4], "big")
        if previous < 0:
            extended = lowest = number + (1 << 16)
        else:
            # The signed distance to the number before: wraps read right in both directions.
            extended = previous + (number - previous + 0x8000 & 0xFFFF) - 0x8000
        previous = extended
        if extended in seen:
            duplicates += 1
            continue
        seen.add(extended)
        reordered += extended < highest
        highest, lowest = max(highest, extended), min(lowest, extended)
        if packet.payload[1] & 0x7F not in untimed:
            stamp = int.from_bytes(packet.payload[4:8], "big")
            if last is not None:
                ticks = (stamp - last[1] + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                change = abs((packet.at_ns - last[0]) / 1e6 - ticks * 1000 / clock_rate)
                jitter += (change - jitter) / _SHARE
                timed += 1
                total += jitter
                most = max(most, jitter)
            last = packet.at_ns, stamp
    return StreamFigures(
        packets=len(seen),
        lost=highest - lowest + 1 - len(seen),
        duplicates=duplicates,
        reordered=reordered,
        jitter_ms=jitter,
        mean_jitter_ms=total / max(1, timed),
        max_jitter_ms=most,
        seconds=(stream.packets[-1].at_ns - stream.packets[0].at_ns) / 1e9,
    )
