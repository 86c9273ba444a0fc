"""Lines over real sockets: each leg's packets cross UDP on 127.0.0.1, both ways.

A line has a socket at the server and one at the party. What the simulated link makes of a packet
(loss, delay, order, copies) is decided before it is sent, so it is the same as in virtual time
for the same seed; the datagram then really crosses, and the bytes that come out are what is
played.

*The timing contract.* A packet that the link lets arrive at loop time ``d`` is sent at the first
frame boundary after ``d`` and is read at the next one, a whole frame later, which is when the
media plane first needs it: at boundary n it asks for what arrived before frame n - 1. The packet
then counts as having arrived at ``d`` exactly. If it is read later than that (the machine or the
kernel was late), it counts as having arrived in the frame before the one in which it was read,
the earliest that is still true: it may come too late to be played, and is counted so, but never
stands in the wrong place.

Datagrams between two sockets on loopback keep their order, so each is known by its bytes among
those under way; one that is overtaken by a later one has been lost in the kernel.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.media.leg import PacketSink, PacketSource
from mediasim.net.udp import UdpSockets
from mediasim.rtp.packets import PacketBlock

__all__ = ["LoopbackTransport"]

_LOST: Final = np.zeros((1, 0), np.uint8)
"""Stands for a packet that never came out: too short to be one."""


class LoopbackTransport:
    """Carries lines between parties and the server.

    Given to the exchange as its ``transport``. Its owner calls :meth:`arrive` before the media
    plane's tick and :meth:`depart` after it. A line is over when the plane no longer asks for its
    packets; its sockets are then closed.
    """

    def __init__(self) -> None:
        self.server = UdpSockets()
        self.parties = UdpSockets()
        self.lost = 0
        """Datagrams that were sent and never came out."""
        self.late = 0
        """Datagrams that were read after the frame in which they were due."""
        self.refused = 0
        """Lines that got no sockets; nothing is heard on them."""
        self._lines: list[_Line] = []
        self._at_server: dict[int, _Line] = {}
        self._at_party: dict[int, _Line] = {}

    def __call__(
        self, source: PacketSource, sink: PacketSink | None
    ) -> tuple[PacketSource, PacketSink | None]:
        """A line's ends as the server sees them."""
        line = _Line(self, source, sink)
        try:
            line.open()
        except OSError:
            self.refused += 1
            return line, None
        self._lines.append(line)
        self._at_server[line.server_slot] = line
        self._at_party[line.party_slot] = line
        return line, None if sink is None else line

    def arrive(self) -> None:
        """Read what has come to the server."""
        for slot, datagram in _datagrams(self.server):
            self._at_server[slot].take_up(datagram)

    def depart(self, frame: int) -> None:
        """At the boundary before ``frame``: parties hear, and send what is to arrive."""
        for slot, datagram in _datagrams(self.parties):
            self._at_party[slot].take_down(datagram)
        over = [line for line in self._lines if not line.asked]
        for line in over:
            self._lines.remove(line)
            del self._at_server[line.server_slot], self._at_party[line.party_slot]
            line.close()
        for line in self._lines:
            line.asked = False
            line.send_up(frame * FRAME_NS)

    def close(self) -> None:
        """Close all sockets."""
        self._lines.clear()
        self.server.close_all()
        self.parties.close_all()


def _datagrams(sockets: UdpSockets) -> list[tuple[int, bytes]]:
    found = []
    for taken in sockets.rounds():
        for slot, row, size in zip(
            taken.slots.tolist(), taken.data, taken.length.tolist(), strict=True
        ):
            found.append((slot, row[:size].tobytes()))
    return found


class _Line:
    """One party's line; what the server has for the party's source and sink."""

    def __init__(
        self, transport: LoopbackTransport, source: PacketSource, sink: PacketSink | None
    ) -> None:
        self.server_slot = -1
        self.party_slot = -1
        self.asked = True
        """Whether the plane has asked for its packets since the last boundary."""
        self._transport = transport
        self._source = source
        self._sink = sink
        self._up = _Wire()
        self._down = _Wire()
        self._arrived: list[tuple[int, bytes]] = []

    def open(self) -> None:
        server, parties = self._transport.server, self._transport.parties
        self.server_slot = server.open()
        try:
            self.party_slot = parties.open()
        except OSError:
            server.close(self.server_slot)
            raise
        server.connect(self.server_slot, parties.address(self.party_slot))
        parties.connect(self.party_slot, server.address(self.server_slot))

    def close(self) -> None:
        self._transport.server.close(self.server_slot)
        self._transport.parties.close(self.party_slot)

    # -- from the party to the server -------------------------------------------------------

    def send_up(self, before_ns: int) -> None:
        """Send everything that the link lets arrive before this time."""
        block = self._source.pull(before_ns)
        if block is None:
            return
        for row, size, arrival in zip(
            block.data, block.length.tolist(), block.arrival.tolist(), strict=True
        ):
            datagram = row[:size].tobytes()
            self._up.sent.append((datagram, arrival))
            self._transport.parties.send(self.party_slot, datagram)

    def take_up(self, datagram: bytes) -> None:
        arrived = self._up.take(datagram)
        if arrived:
            self._transport.lost += len(arrived) - 1
            self._arrived.append((arrived[-1], datagram))

    def pull(self, before_ns: int) -> PacketBlock | None:
        """What the server has read, as arrived when the link meant it to, if that is still
        possible: everything played before the last frame to come is past."""
        self.asked = True
        if not self._arrived:
            return None
        arrived, self._arrived = self._arrived, []
        length = np.array([len(datagram) for _, datagram in arrived], np.int64)
        data = np.zeros((len(arrived), int(length.max())), np.uint8)
        for row, (_, datagram) in zip(data, arrived, strict=True):
            row[: len(datagram)] = np.frombuffer(datagram, np.uint8)
        meant = np.array([at for at, _ in arrived], np.int64)
        earliest = before_ns - FRAME_NS
        self._transport.late += int((meant < earliest).sum())
        return PacketBlock(data, length, np.maximum(meant, earliest))

    # -- from the server to the party -------------------------------------------------------

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Send what the server has for the party."""
        at = first_frame
        for data in packets:
            for row in data:
                datagram = row.tobytes()
                self._down.sent.append((datagram, at))
                self._transport.server.send(self.server_slot, datagram)
                at += 1

    def take_down(self, datagram: bytes) -> None:
        """Let the party hear a packet, after the loss of those it overtook."""
        assert self._sink is not None
        frames = self._down.take(datagram)
        for frame in frames[:-1]:
            self._transport.lost += 1
            self._sink.push(frame, [_LOST])
        for frame in frames[-1:]:
            self._sink.push(frame, [np.frombuffer(datagram, np.uint8)[None]])


class _Wire:
    """Datagrams under way in one direction, with what is to be remembered of each."""

    def __init__(self) -> None:
        self.sent: deque[tuple[bytes, int]] = deque()

    def take(self, datagram: bytes) -> list[int]:
        """What was remembered of a datagram that came out, after that of those it overtook.

        Empty for a datagram that was never sent.
        """
        known = next((n for n, (sent, _) in enumerate(self.sent) if sent == datagram), None)
        if known is None:
            return []
        return [self.sent.popleft()[1] for _ in range(known + 1)]
