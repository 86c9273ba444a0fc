"""RTP streams among captured datagrams, found by their headers alone.

A stream is an SSRC on one pair of addresses. Other traffic may look like RTP for a packet: a
stream is believed when it has several packets whose sequence numbers mostly follow each other.
A capture may hold each packet more than once (of a mirrored port, or of all interfaces); copies say
nothing about that.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mediasim.captures.datagrams import Datagram
from mediasim.rtp.packets import RTCP_TYPES

__all__ = ["FoundStream", "find_streams"]

_FEWEST: Final = 5
_NEAR: Final = 64
"""Sequence numbers that neighbours of one stream may be apart, by loss or reordering."""


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
    """The streams in order of their first packets."""
    found: dict[tuple[int, tuple[str, int], tuple[str, int]], list[Datagram]] = {}
    for datagram in datagrams:
        head = datagram.payload[:12]
        if len(head) < 12 or head[0] >> 6 != 2 or head[1] in RTCP_TYPES:
            continue
        ssrc = int.from_bytes(head[8:12], "big")
        found.setdefault((ssrc, datagram.source, datagram.destination), []).append(datagram)
    return [FoundStream(*key, tuple(packets)) for key, packets in found.items() if _runs(packets)]


def _runs(packets: list[Datagram]) -> bool:
    named = dict.fromkeys(packet.payload[2:8] for packet in packets)  # number and timestamp
    if len(named) < _FEWEST:
        return False
    numbers = [int.from_bytes(name[:2], "big") for name in named]
    steps = [(later - earlier) & 0xFFFF for earlier, later in itertools.pairwise(numbers)]
    near = sum(0 < min(step, 0x10000 - step) <= _NEAR for step in steps)
    return near >= 0.8 * len(steps)
