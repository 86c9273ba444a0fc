"""Lines over real sockets: each leg's packets cross UDP on 127.0.0.1, both ways.

A line has a socket at the server and one at the party, or all lines share one at either side
(:mod:`mediasim.net.shared_socket`), told apart by SSRC. Packets of one frame are sent together. The
impairments of the simulated link (loss, delay, order, copies) are applied before a packet is sent,
so they are the same as in virtual time for the same seed; the datagram then really crosses, and the
bytes that come out are played.

*The timing contract.* At the boundary at which frame n begins the media plane needs what arrived
before frame n - 1. That is sent then, read at once (on loopback a datagram is there when the
call that sent it returns), and counts as having arrived at the very time the link gave it. A
datagram that is not there after a short wait counts, when it is read at a later boundary, as
having arrived in the last frame in which it can have: it may come too late to be played, and is
counted so, but never stands in the wrong place.

Datagrams between two sockets on loopback keep their order, so each is known by its bytes among
those in flight; one that is overtaken by a later one has been lost in the kernel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.media.plane import MediaPlane
from mediasim.net.shared_socket import SharedSocket
from mediasim.net.udp import UdpSockets
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, block_of

__all__ = ["LoopbackTransport"]

_PATIENCE: Final = 0.002
"""Seconds that a boundary waits for datagrams that were sent and have not come out."""
_SSRC: Final = slice(8, 12)
_Sockets = UdpSockets | SharedSocket
_LOST: Final = np.zeros((1, 0), np.uint8)
"""The payload handed to a party for a packet that never came out: too short to be one."""


class LoopbackTransport:
    """Carries lines between parties and the server over UDP, until their legs have ended.

    Given to the exchange as its ``transport``. Its owner calls :meth:`to_server` before the media
    plane's tick and :meth:`to_parties` after it.
    """

    def __init__(self, *, shared: bool = False) -> None:
        """``shared``: one socket for all lines at either side. Raises OSError."""
        self.server: _Sockets = SharedSocket() if shared else UdpSockets()
        self.parties: _Sockets = SharedSocket() if shared else UdpSockets()
        self.lost = 0
        """Datagrams that were sent and never came out."""
        self.late = 0
        """Datagrams that were read at a later boundary than they were sent at."""
        self.refused = 0
        """Lines that got no sockets; they stay silent."""
        self._lines: list[_Line] = []
        self._up = _Bundle(self.parties, self.server)
        """Datagrams from parties to the server that are to be sent."""
        self._down = _Bundle(self.server, self.parties)
        """Datagrams from the server to parties that are to be sent."""

    def __call__(
        self, leg: Leg, source: PacketSource, sink: PacketSink | None
    ) -> tuple[PacketSource, PacketSink | None]:
        """Return a line's ends as the server sees them."""
        line = _Line(self, leg, source, sink)
        try:
            line.open()
        except OSError:
            self.refused += 1
            return line, None
        self._lines.append(line)
        return line, None if sink is None else line

    def around(self, plane: MediaPlane) -> Callable[[int], None]:
        """Return a media plane's tick, with the transport's work before it and after it."""

        def carry(frame: int) -> None:
            self.to_server(frame)
            plane.tick(frame)
            self.to_parties()
            plane.settle()

        return carry

    def to_server(self, frame: int) -> None:
        """Carry what arrived before frame ``frame - 1``, at the boundary before ``frame``."""
        for line in [line for line in self._lines if line.leg.ended_frame is not None]:
            self._lines.remove(line)
            line.close()
        for line in self._lines:
            line.send_up((frame - 1) * FRAME_NS)
        by_slot = {line.server_slot: line for line in self._lines}
        for slot, datagram in _read(self.server, self._up.send()):
            by_slot[slot].take_up(datagram)

    def to_parties(self) -> None:
        """Carry what the server has sent to the parties."""
        by_slot = {line.party_slot: line for line in self._lines}
        for slot, datagram in _read(self.parties, self._down.send()):
            by_slot[slot].take_down(datagram)

    def close(self) -> None:
        """Close all sockets."""
        self._lines.clear()
        self.server.close_all()
        self.parties.close_all()


class _Bundle:
    """Datagrams of one direction, until they are sent together."""

    def __init__(self, sender: _Sockets, receiver: _Sockets) -> None:
        self._sender = sender
        self._receiver = receiver
        self._slots: list[int] = []
        self._datagrams: list[bytes] = []
        self._ssrcs: dict[int, bytes] = {}
        """The SSRC that each slot of the receiver is known to get."""

    def add(self, slot: int, datagram: bytes, receiving_slot: int) -> None:
        ssrc = datagram[_SSRC]
        # A shared socket tells lines apart by SSRC: a new one is claimed before its first
        # packet comes out.
        if len(datagram) >= HEADER_SIZE and self._ssrcs.get(receiving_slot) != ssrc:
            self._ssrcs[receiving_slot] = ssrc
            self._receiver.claim(receiving_slot, int.from_bytes(ssrc, "big"))
        self._slots.append(slot)
        self._datagrams.append(datagram)

    def forget(self, receiving_slot: int) -> None:
        """Forget a slot that is closed."""
        self._ssrcs.pop(receiving_slot, None)

    def send(self) -> int:
        """Send everything; return how many datagrams the system took."""
        slots, self._slots = self._slots, []
        datagrams, self._datagrams = self._datagrams, []
        return self._sender.send_many(slots, datagrams) if slots else 0


def _read(sockets: _Sockets, awaited: int) -> Iterator[tuple[int, bytes]]:
    """Yield everything that has come, by slot, after a short wait for as many as were sent."""
    awaited -= sockets.read(0)
    while awaited > 0 and sockets.wait(_PATIENCE):
        awaited -= sockets.read(0)
    taken = sockets.taken()
    if taken is not None:
        rows, sizes = taken.block.data, taken.block.length.tolist()
        for slot, row, size in zip(taken.slots.tolist(), rows, sizes, strict=True):
            yield slot, row[:size].tobytes()


class _Line:
    """One party's line; the party's source and sink as the server has them."""

    def __init__(
        self,
        transport: LoopbackTransport,
        leg: Leg,
        source: PacketSource,
        sink: PacketSink | None,
    ) -> None:
        self.leg = leg
        self.server_slot = -1
        self.party_slot = -1
        self.up = _InFlight()
        self.down = _InFlight()
        self._transport = transport
        self._source = source
        self._sink = sink
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
        self._transport._up.forget(self.server_slot)
        self._transport._down.forget(self.party_slot)

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
            self._transport._up.add(self.party_slot, datagram, self.server_slot)
            self.up.sent(datagram, arrival)

    def take_up(self, datagram: bytes) -> None:
        """Receive a datagram at the server."""
        arrived = self.up.take(datagram)
        if arrived:
            self._transport.lost += len(arrived) - 1
            self._arrived.append((arrived[-1], datagram))

    def pull(self, before_ns: int) -> PacketBlock | None:
        """Return packets read by the server, as arrived when the link meant it if possible.

        A packet that should have been played before the last frame counts as arrived in it.
        """
        if not self._arrived:
            return None
        arrived, self._arrived = self._arrived, []
        earliest = before_ns - FRAME_NS
        self._transport.late += sum(at < earliest for at, _ in arrived)
        return block_of([(max(at, earliest), datagram) for at, datagram in arrived])

    # -- from the server to the party -------------------------------------------------------

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Send the server's packets to the party."""
        frame = first_frame
        for data in packets:
            for row in data:
                datagram = row.tobytes()
                self._transport._down.add(self.server_slot, datagram, self.party_slot)
                self.down.sent(datagram, frame)
                frame += 1

    def take_down(self, datagram: bytes) -> None:
        """Receive a datagram at the party, after the loss of those it overtook."""
        assert self._sink is not None
        frames = self.down.take(datagram)
        for frame in frames[:-1]:
            self._transport.lost += 1
            self._sink.push(frame, [_LOST])
        for frame in frames[-1:]:
            self._sink.push(frame, [np.frombuffer(datagram, np.uint8)[None]])


class _InFlight:
    """Datagrams in flight in one direction, each with a note."""

    def __init__(self) -> None:
        self._sent: deque[tuple[bytes, int]] = deque()

    def sent(self, datagram: bytes, note: int) -> None:
        """Add a datagram in flight, with its note."""
        self._sent.append((datagram, note))

    def take(self, datagram: bytes) -> list[int]:
        """Remove a datagram that came out; return its note, after those of datagrams it overtook.

        Empty for a datagram that was never sent.
        """
        known = next((n for n, sent in enumerate(self._sent) if sent[0] == datagram), None)
        if known is None:
            return []
        return [self._sent.popleft()[1] for _ in range(known + 1)]
