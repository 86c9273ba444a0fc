"""What the packets of a captured stream tell of its way: loss, order, copies and jitter.

Told by sequence numbers and timestamps alone (RFC 3550 appendix A.1, A.3 and A.8), as a capture
tool does; whether a packet came in time to be played is the playout's to say.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from mediasim.captures.rtp_finder import FoundStream

__all__ = ["Figures", "figures_of"]

_SHARE: Final = 16


@dataclass(frozen=True, slots=True)
class Figures:
    """One stream's."""

    packets: int
    """Captured, copies of others left out."""
    lost: int
    duplicates: int
    reordered: int
    jitter_ms: float
    """Interarrival jitter at the end, its mean after each packet, and its most."""
    mean_jitter_ms: float
    max_jitter_ms: float
    seconds: float
    """From the first packet to the last."""


def figures_of(
    stream: FoundStream, clock_rate: int, untimed: Container[int] = frozenset()
) -> Figures:
    """``untimed`` are payload types whose timestamps do not say when a packet was sent:
    telephone events have that of the key's press (RFC 4733 section 2.5.1.3)."""
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
    return Figures(
        packets=len(seen),
        lost=highest - lowest + 1 - len(seen),
        duplicates=duplicates,
        reordered=reordered,
        jitter_ms=jitter,
        mean_jitter_ms=total / max(1, timed),
        max_jitter_ms=most,
        seconds=(stream.packets[-1].at_ns - stream.packets[0].at_ns) / 1e9,
    )
