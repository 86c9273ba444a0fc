"""A transport around another that keeps what crosses the server's ports, for a capture file.

Seen from the server: packets that arrived there, after everything the network did to them, and
packets the server sent, before. Simulated lines have no addresses of their own, so they get some:
the same in virtual and in real time, so that the same run gives the same capture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.captures.pcap import Datagram
from mediasim.media.leg import Leg, PacketSink, PacketSource, Transport
from mediasim.net.rtp_mux import PacketWatcher
from mediasim.net.udp import Address
from mediasim.rtp.packets import PacketBlock

__all__ = ["CaptureTransport"]

_SERVER: Final = "10.0.0.1"
_FIRST_PORT: Final = 20_000
_PORTS: Final = 20_000
"""Ports at one address of the server, from ``_FIRST_PORT`` on; each line takes two."""
_PARTY_PORT: Final = 4000


@dataclass(frozen=True, slots=True)
class _Piece:
    """Datagrams of one direction of a line."""

    outward: bool
    """Whether the server sent them."""
    at_ns: NDArray[np.int64]
    data: NDArray[np.uint8]
    length: NDArray[np.int64]
    control: bool = False
    """Whether they are RTCP, which has the next port."""


@dataclass(slots=True)
class _Line:
    """One line, and what passed on it."""

    server: Address
    """The server's address."""
    party: Callable[[], Address | None]
    """Returns the party's address; None until it is known, and nothing is kept as sent until
    then."""
    shared_port: bool
    """Whether RTCP shares the port of RTP (RFC 5761)."""
    pieces: list[_Piece] = field(default_factory=list)

    def ends(self, piece: _Piece) -> tuple[Address, Address]:
        """Return the source and the destination of datagrams."""
        party = self.party()
        assert party is not None
        ends = [self.server, party]
        if piece.control and not self.shared_port:
            ends = [(host, port + 1) for host, port in ends]
        return (ends[0], ends[1]) if piece.outward else (ends[1], ends[0])

    def received(self, block: PacketBlock) -> None:
        """Keep packets that arrived at the server."""
        kept = _Piece(False, block.arrival.copy(), block.data.copy(), block.length.copy())
        self.pieces.append(kept)

    def sent(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Keep packets that the server sends, each at its frame's end."""
        frame = first_frame
        for data in packets if self.party() is not None else ():
            count, size = data.shape
            frame += count
            at_ns = np.arange(frame - count + 1, frame + 1, dtype=np.int64) * FRAME_NS
            kept = _Piece(True, at_ns, data.copy(), np.full(count, size, np.int64))
            self.pieces.append(kept)


class CaptureTransport:
    """A transport that carries lines by the one within, if any, and keeps the packets."""

    def __init__(self, within: Transport | None = None) -> None:
        self._within = within
        self._lines: dict[Leg, _Line] = {}

    def __call__(
        self, leg: Leg, source: PacketSource, sink: PacketSink | None
    ) -> tuple[PacketSource, PacketSink]:
        """Return a line's ends as the server sees them.

        Packets are kept even if no sink takes them.
        """
        inner_sink = sink or _NullSink()
        if self._within is not None:
            source, sink = self._within(leg, source, inner_sink)
        number = len(self._lines) + 1
        high, low = divmod(number - 1, _PORTS)
        server = _SERVER[:-1] + str(1 + high), _FIRST_PORT + 2 * low
        party = f"10.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", _PARTY_PORT
        line = self.wire(leg, server, lambda: party)
        return _Source(source, line), _Sink(sink or inner_sink, line)

    def wire(
        self,
        leg: Leg,
        server: Address,
        party: Callable[[], Address | None],
        *,
        shared_port: bool = False,
    ) -> PacketWatcher:
        """Return a watcher that keeps packets as having passed between known addresses.

        ``party`` is called at every packet sent: nothing is sent to None. ``shared_port`` says
        whether RTCP has no port of its own (RFC 5761).
        """
        line = self._lines[leg] = _Line(server, party, shared_port)
        return line

    def add_control(self, leg: Leg, at_ns: int, packet: bytes, *, outward: bool = True) -> None:
        """Keep an RTCP packet of a line, at a loop time; ignored for an unknown line."""
        line = self._lines.get(leg)
        if line is None or line.party() is None:
            return
        data = np.frombuffer(packet, np.uint8)[None]
        piece = _Piece(
            outward, np.array([at_ns]), data, np.array([len(packet)], np.int64), control=True
        )
        line.pieces.append(piece)

    def datagrams(self, unix_ns: Callable[[int], int]) -> Iterator[Datagram]:
        """Yield all datagrams in order of time, dated by a function of loop time.

        Those of the same time stand in the order of the lines, received ones before sent ones.
        """
        zero = unix_ns(0)
        pieces = [(line, piece) for line in self._lines.values() for piece in line.pieces]
        counts = np.array([len(piece.at_ns) for _, piece in pieces], np.int64)
        if not counts.sum():
            return
        numbers = {id(line): number for number, line in enumerate(self._lines.values())}
        of_line = np.repeat([numbers[id(line)] for line, _ in pieces], counts)
        outward = np.repeat([piece.outward for _, piece in pieces], counts)
        at_ns = np.concatenate([piece.at_ns for _, piece in pieces])
        starts = np.cumsum(counts) - counts
        owner = np.repeat(np.arange(len(pieces)), counts)
        ends = [line.ends(piece) for line, piece in pieces]
        order = np.lexsort((outward, of_line, at_ns))
        for index, number in zip(order.tolist(), owner[order].tolist(), strict=True):
            _, piece = pieces[number]
            row = index - int(starts[number])
            payload = piece.data[row, : int(piece.length[row])].tobytes()
            source, destination = ends[number]
            yield Datagram(zero + int(piece.at_ns[row]), source, destination, payload)


class _NullSink:
    """A sink that drops its packets."""

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        pass


class _Source:
    """A source whose packets a line keeps."""

    def __init__(self, source: PacketSource, line: PacketWatcher) -> None:
        self._source = source
        self._line = line

    def pull(self, before_ns: int) -> PacketBlock | None:
        block = self._source.pull(before_ns)
        if block is not None and len(block):
            self._line.received(block)
        return block


class _Sink:
    """A sink whose packets a line keeps."""

    def __init__(self, sink: PacketSink, line: PacketWatcher) -> None:
        self._sink = sink
        self._line = line

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        self._line.sent(first_frame, packets)
        self._sink.push(first_frame, packets)
