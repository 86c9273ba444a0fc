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
from mediasim.net.datagram_socket import DROPPED, Address, DatagramSocket
from mediasim.rtp.packets import PacketBlock

__all__ = ["Address", "EndpointError", "RtpEndpoint"]

_DATAGRAM_BYTES: Final = 1536
"""The longest packet that is taken: more than fits an Ethernet frame."""
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
        self.foreign = 0
        """Datagrams of others than the far side, or that are no RTP: dropped."""
        self.reports: list[tuple[int, bytes]] = []
        """RTCP of the far side: (loop time in ns, compound packet)."""
        self.on_report: Callable[[bytes], None] | None = None
        self._loop = loop
        self._mux = rtcp_mux
        self._latches = remote is None
        self._held = self._connected = False
        self._listener: FarEndListener | None = None
        self._packets: list[tuple[int, bytes]] = []
        rtp, rtcp = _pair(local, rtcp_mux)
        self._rtp = DatagramSocket(loop, rtp, "RTP", self._receive)
        self._rtcp = None
        if rtcp is not None:
            self._rtcp = DatagramSocket(loop, rtcp, "RTCP", self._note_report)
        self.local = self._rtp.local

    @property
    def errors(self) -> Counter[str]:
        """What the kernel refused, by name."""
        return self._rtp.errors + (self._rtcp.errors if self._rtcp is not None else Counter())

    # -- what signalling says ---------------------------------------------------------------

    def set_remote(self, remote: Address, rtcp: Address | None = None) -> None:
        """Send there from now on."""
        self.remote, self.rtcp_remote = remote, rtcp
        self._latches = False

    def set_format(self, format: FarEndFormat) -> None:
        """What was agreed on, from now on; a leg that is up is told where it is something else."""
        changed, self.format = format != self.format, format
        if changed and self._listener is not None:
            self._listener.reformatted()

    def hold(self, held: bool) -> None:
        """Send nothing, or go on."""
        self._held = held

    # -- FarEnd -----------------------------------------------------------------------------

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        self._connected, self._listener = True, listener
        return self, self

    def report(self, packet: bytes) -> None:
        if self.remote is None:
            return
        host, port = self.remote
        to = self.rtcp_remote or (host, port if self._mux else port + 1)
        (self._rtcp or self._rtp).send(packet, to)

    def close(self) -> None:
        for each in (self._rtp, self._rtcp):
            if each is not None:
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
                self._rtp.send(packet.data, self.remote)

    def _receive(self, data: bytes, sender: Address) -> None:
        if self._mux and len(data) >= 2 and 192 <= data[1] <= 223:  # RFC 5761 section 4
            self._note_report(data, sender)
        elif not _is_rtp(data) or not self._is_far_side(sender):
            self.foreign += 1
            DROPPED["RTP: foreign"] += 1
        elif self._connected and len(self._packets) < _MOST_WAITING:
            self._packets.append((self._now_ns, data))

    def _note_report(self, data: bytes, sender: Address) -> None:
        known = [each[0] for each in (self.remote, self.rtcp_remote) if each is not None]
        if (known and sender[0] not in known) or not 4 <= len(data) <= _DATAGRAM_BYTES:
            self.foreign += 1
            DROPPED["RTCP: foreign"] += 1
            return
        if len(self.reports) < _MOST_WAITING:
            self.reports.append((self._now_ns, data))
        if self.on_report is not None:
            self.on_report(data)

    @property
    def _now_ns(self) -> int:
        return round(self._loop.time() * 1e9)

    def _is_far_side(self, sender: Address) -> bool:
        if self._latches and self.remote is None:
            self.remote = sender
        # It may send from another port than it receives on, as ffmpeg does.
        return self.remote is not None and sender[0] == self.remote[0]


def _is_rtp(data: bytes) -> bool:
    return _RTP_HEADER <= len(data) <= _DATAGRAM_BYTES and data[0] >> 6 == 2


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
