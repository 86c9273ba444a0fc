"""Which datagrams on an endpoint's port are the far side's: by where they come from.

A far side may send from another port than it receives on (as ffmpeg does), and a translator on the
way may give it another one in the middle of a call. A stranger may send with its SSRC. So one
source at a time is followed; another port of the far side's host takes its place when its packets
go on with the stream's numbers, or when the source followed has been silent while it sent.
"""

from __future__ import annotations

from typing import Final

from mediasim.net.udp import Address

__all__ = ["RtpSource"]

_SILENT_NS: Final = 60_000_000
_MOST_KEPT: Final = 50
_FOLLOWING: Final = 50
"""Numbers by which the next packet of a stream may be ahead of the last."""
_SECOND: Final = 48_000
"""Timestamp units of a second, of the fastest clock."""


class RtpSource:
    """One far side's."""

    def __init__(self) -> None:
        self.sources: list[Address] = []
        """All that were followed, in order."""
        self.foreign = 0
        """Packets of others: dropped."""
        self._last: bytes = b""
        self._last_ns = 0
        self._kept: list[bytes] = []
        self._keeps: Address | None = None
        self._kept_ns = 0

    def forget(self) -> None:
        """Signalling has named another far side: whoever it is comes first."""
        self._last = b""
        self._keeps, self._kept = None, []

    def went_on(self, at_ns: int, head: bytes) -> None:
        """Packets of the source followed came meanwhile: the newest's time and header."""
        self._last, self._last_ns = head, at_ns

    def take(self, at_ns: int, packet: bytes, sender: Address, remote: Address) -> list[bytes]:
        """What is to be heard, now that a packet (of at least 12 bytes) has come.

        ``remote`` is where the far side receives. Packets that were kept until it was known whose
        they are count as having come now.
        """
        if sender[0] != remote[0]:
            self.foreign += 1
            return []
        followed = self.sources[-1] if self._last else None
        if followed is None or sender in (followed, remote) or self._follows(packet):
            self.foreign += len(self._kept)
            self._keeps, self._kept = None, []
            return self._followed(at_ns, sender, [packet])
        if sender != self._keeps:
            self.foreign += len(self._kept)
            self._keeps, self._kept, self._kept_ns = sender, [], at_ns
        self._kept.append(packet)
        if at_ns - max(self._kept_ns, self._last_ns) >= _SILENT_NS:
            kept, self._kept, self._keeps = self._kept, [], None
            return self._followed(at_ns, sender, kept)
        if len(self._kept) > _MOST_KEPT:
            del self._kept[0]
            self.foreign += 1
        return []

    def _followed(self, at_ns: int, sender: Address, packets: list[bytes]) -> list[bytes]:
        if not self.sources or self.sources[-1] != sender:
            self.sources.append(sender)
        self._last, self._last_ns = packets[-1][:12], at_ns
        return packets

    def _follows(self, packet: bytes) -> bool:
        """Whether a packet goes on with the stream: its SSRC, numbers and timestamps."""
        last = self._last
        numbers = int.from_bytes(packet[2:4], "big") - int.from_bytes(last[2:4], "big")
        ticks = int.from_bytes(packet[4:8], "big") - int.from_bytes(last[4:8], "big")
        return (
            packet[8:12] == last[8:12]
            and 0 < numbers & 0xFFFF <= _FOLLOWING
            and 0 < ticks & 0xFFFFFFFF <= _SECOND
        )
