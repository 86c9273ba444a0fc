"""An RTP endpoint somewhere else: one pair of UDP ports for a leg whose party is not simulated.

Symmetric RTP (RFC 4961): what is sent leaves from the port that is received on. Where no remote
address is given, the endpoint latches onto whoever sends it RTP first. RTCP has the next port, or
shares that of RTP (RFC 5761).
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.media.far_end import FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.net.rtp_source import RtpSource
from mediasim.rtp.packets import PacketBlock

__all__ = ["Address", "EndpointError", "RtpEndpoint"]

Address = tuple[str, int]

_DATAGRAM_BYTES: Final = 1536
_BUFFER_BYTES: Final = 256 * 1024
_MOST_WAITING: Final = 10_000
"""Packets that are kept for the media plane: more than a stall of a minute of one stream."""
_LOWEST, _HIGHEST, _TRIES = 20_000, 60_000, 200
_RTP_HEADER: Final = 12


class EndpointError(OSError):
    """An endpoint's ports cannot be had; says which and why."""


class RtpEndpoint:
    """A :class:`mediasim.media.far_end.FarEnd` that is nothing but RTP.

    Whoever signals for it (SIP, a scenario) sets where it sends to and what was agreed on, and is
    asked by :meth:`connect` and :meth:`close` when the leg comes up and goes.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        format: FarEndFormat,
        local: Address = ("127.0.0.1", 0),
        remote: Address | None = None,
        rtcp_mux: bool = False,
    ) -> None:
        """``local`` with port 0: any even port. Raises EndpointError."""
        self.format = format
        self.remote = remote
        """Where RTP goes; None until the far side has sent some."""
        self.rtcp_remote: Address | None = None
        """Where RTCP goes, if not to the port that follows from RTP's."""
        self.source = RtpSource()
        """Whose RTP is heard."""
        self.stray = 0
        """Datagrams that are no RTP, or RTCP of others: dropped."""
        self.errors: Counter[str] = Counter()
        """What the kernel refused, by name."""
        self.reports: list[tuple[int, bytes]] = []
        """RTCP of the far side: (loop time in ns, compound packet)."""
        self.on_report: Callable[[bytes], None] | None = None
        self._loop = loop
        self._mux = rtcp_mux
        self._latches = remote is None
        self._held = self._connected = False
        self._packets: list[tuple[int, bytes]] = []
        self._rtp, self._rtcp = _pair(local, rtcp_mux)
        host, port = self._rtp.getsockname()[:2]
        self.local: Address = (host, port)
        loop.add_reader(self._rtp, self._read)
        if self._rtcp is not None:
            loop.add_reader(self._rtcp, self._read_reports)

    @property
    def foreign(self) -> int:
        """Datagrams of others than the far side, or that are no RTP: dropped."""
        return self.stray + self.source.foreign

    @property
    def sources(self) -> list[Address]:
        """Where its RTP came from, in order."""
        return self.source.sources

    # -- what signalling says ---------------------------------------------------------------

    def set_remote(self, remote: Address, rtcp: Address | None = None) -> None:
        """Send there from now on."""
        if self.remote is not None and remote != self.remote:
            self.source.forget()
        self.remote, self.rtcp_remote = remote, rtcp
        self._latches = False

    def set_format(self, format: FarEndFormat) -> None:
        """What was agreed on; before the leg comes up."""
        if self._connected:
            raise RuntimeError("the format of a leg that is up does not change")
        self.format = format

    def hold(self, held: bool) -> None:
        """Send nothing, or go on."""
        self._held = held

    # -- FarEnd -----------------------------------------------------------------------------

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        self._connected = True
        return self, self

    def report(self, packet: bytes) -> None:
        if self.remote is None:
            return
        host, port = self.remote
        to = self.rtcp_remote or (host, port if self._mux else port + 1)
        self._send(self._rtcp or self._rtp, packet, to)

    def close(self) -> None:
        for each in (self._rtp, self._rtcp):
            if each is not None and each.fileno() >= 0:
                self._loop.remove_reader(each)
                each.close()

    # -- packets ----------------------------------------------------------------------------

    def pull(self, before_ns: int) -> PacketBlock | None:
        count = sum(1 for at_ns, _ in self._packets if at_ns < before_ns)
        if not count:
            return None
        taken, self._packets = self._packets[:count], self._packets[count:]
        data = np.zeros((count, max(len(packet) for _, packet in taken)), np.uint8)
        for row, (_, packet) in zip(data, taken, strict=True):
            row[: len(packet)] = np.frombuffer(packet, np.uint8)
        return PacketBlock(
            data,
            np.array([len(packet) for _, packet in taken], np.int64),
            np.array([at_ns for at_ns, _ in taken], np.int64),
        )

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        if self.remote is None or self._held:
            return
        for block in packets:
            for packet in block:
                self._send(self._rtp, packet.data, self.remote)

    def _send(self, by: socket.socket, data: bytes | memoryview, to: Address) -> None:
        try:
            by.sendto(data, to)
        except OSError as error:
            self.errors[error.strerror or type(error).__name__] += 1

    def _read(self) -> None:
        at_ns = round(self._loop.time() * 1e9)
        while (received := self._receive(self._rtp)) is not None:
            data, sender = received
            if self._mux and len(data) >= 2 and 192 <= data[1] <= 223:  # RFC 5761 section 4
                self._note_report(at_ns, data, sender)
            elif len(data) < _RTP_HEADER or data[0] >> 6 != 2:
                self.stray += 1
            else:
                if self._latches and self.remote is None:
                    self.remote = sender
                self._take(at_ns, data, sender)

    def _take(self, at_ns: int, data: bytes, sender: Address) -> None:
        if self.remote is None:
            self.stray += 1
            return
        for packet in self.source.take(at_ns, data, sender, self.remote):
            if self._connected and len(self._packets) < _MOST_WAITING:
                self._packets.append((at_ns, packet))

    def _read_reports(self) -> None:
        assert self._rtcp is not None
        at_ns = round(self._loop.time() * 1e9)
        while (received := self._receive(self._rtcp)) is not None:
            self._note_report(at_ns, *received)

    def _note_report(self, at_ns: int, data: bytes, sender: Address) -> None:
        known = [each[0] for each in (self.remote, self.rtcp_remote) if each is not None]
        if known and sender[0] not in known:
            self.stray += 1
            return
        if len(self.reports) < _MOST_WAITING:
            self.reports.append((at_ns, data))
        if self.on_report is not None:
            self.on_report(data)

    def _receive(self, by: socket.socket) -> tuple[bytes, Address] | None:
        while True:
            try:
                data, sender = by.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return None
            except OSError as error:  # an earlier packet was refused: what comes next is read
                self.errors[error.strerror or type(error).__name__] += 1
                continue
            return data, (sender[0], sender[1])


def _pair(local: Address, mux: bool) -> tuple[socket.socket, socket.socket | None]:
    """A port for RTP and, unless they are one, the next for RTCP."""
    host, port = local
    if port:
        return _open(host, port), None if mux else _open(host, port + 1)
    first = _open(host, 0)
    try:
        if mux:
            return first, None
        start = first.getsockname()[1]
    finally:
        if not mux:
            first.close()
    for number in range(_TRIES):
        span = _HIGHEST - _LOWEST
        port = _LOWEST + (start + 2 * number) % span // 2 * 2
        try:
            rtp = _open(host, port)
        except EndpointError:
            continue
        try:
            return rtp, _open(host, port + 1)
        except EndpointError:
            rtp.close()
    raise EndpointError(f"no two free UDP ports that follow each other on {host}")


def _open(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise EndpointError(f"cannot open UDP port {port} on {host}: {error.strerror}") from None
    return made
