"""An RTP endpoint elsewhere: one pair of UDP ports for a leg whose party is not simulated.

Symmetric RTP (RFC 4961): packets are sent from the port that they are received on. Where no remote
address is given, the endpoint latches onto the first sender of RTP. RTCP has the next port, or
shares that of RTP (RFC 5761).

Once its leg is up its RTP goes with that of all other endpoints through the media plane's
:class:`mediasim.net.rtp_mux.RtpMux`.

Datagrams belong to the far side by where they come from (:class:`RtpSource`). A far side may send
from another port than it receives on (as ffmpeg does), and a translator on the way may give it
another one in the middle of a call. A stranger may send with its SSRC. So one source at a time is
followed; another port of the far side's host takes its place when its packets go on with the
stream's numbers, or when the source followed has been silent while it sent.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from mediasim.media.far_end import Ends, FarEndFormat, FarEndListener
from mediasim.media.leg import Leg
from mediasim.net.batch_reader import DATAGRAM_BYTES
from mediasim.net.rtp_mux import PacketWatcher, RtpMux
from mediasim.net.udp import DROPPED, UNSENT, Address, DatagramSocket, bound_socket
from mediasim.rtp.packets import HEADER_SIZE, RTCP_TYPES

__all__ = ["Address", "EndpointError", "RtpEndpoint", "RtpSource"]

_SILENT_NS: Final = 60_000_000
"""Nanoseconds of silence of the followed source after which another takes its place."""
_MOST_KEPT: Final = 50
"""Packets kept of a source that is not followed yet."""
_FOLLOWING: Final = 50
"""Sequence numbers by which the next packet of a stream may be ahead of the last."""
_SECOND: Final = 48_000
"""Timestamp units of a second, of the fastest clock."""
_MOST_REPORTS: Final = 10_000
"""RTCP packets that are kept: more than half a day of one stream's."""
_SHORTEST_REPORT: Final = 4
"""Bytes of the shortest RTCP packet."""
_LOWEST, _HIGHEST, _TRIES = 20_000, 60_000, 200


class RtpSource:
    """The source address that is followed of one far side."""

    def __init__(self) -> None:
        self.sources: list[Address] = []
        """All addresses that were followed, in order."""
        self.foreign = 0
        """Packets of other sources, which were dropped."""
        self._last: bytes = b""
        """Header of the last packet followed; empty for none."""
        self._last_ns = 0
        """Loop time of the last packet followed, in nanoseconds."""
        self._kept: list[bytes] = []
        """Packets of another source, kept until it is followed or not."""
        self._keeps: Address | None = None
        """The source whose packets are kept."""
        self._kept_ns = 0
        """Loop time at which keeping them began, in nanoseconds."""

    def forget(self) -> None:
        """Follow the first source that sends: signalling has named another far side."""
        self._last = b""
        self._keeps, self._kept = None, []

    def note_newest(self, at_ns: int, head: bytes) -> None:
        """Note the newest packet of the source followed: its time and header."""
        self._last, self._last_ns = head, at_ns

    def take(self, at_ns: int, packet: bytes, sender: Address, remote: Address) -> list[bytes]:
        """Return the packets to be heard, now that a packet (of at least 12 bytes) has come.

        ``remote`` is where the far side receives. Packets that were kept until their source was
        followed count as having come now.
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
        """Return whether a packet continues the stream: its SSRC, numbers and timestamps."""
        last = self._last
        numbers = int.from_bytes(packet[2:4], "big") - int.from_bytes(last[2:4], "big")
        ticks = int.from_bytes(packet[4:8], "big") - int.from_bytes(last[4:8], "big")
        return (
            packet[8:12] == last[8:12]
            and 0 < numbers & 0xFFFF <= _FOLLOWING
            and 0 < ticks & 0xFFFFFFFF <= _SECOND
        )


class EndpointError(OSError):
    """Raised if an endpoint's ports cannot be opened; the message says which and why."""


class RtpEndpoint:
    """A :class:`mediasim.media.far_end.FarEnd` that is nothing but RTP.

    Its signalling (SIP, a scenario) sets the remote address and the format, and is called by
    :meth:`connect` and :meth:`close` when the leg comes up and ends.
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
        """The formats agreed on."""
        self.remote = remote
        """Address that RTP is sent to; None until the far side has sent some."""
        self.rtcp_remote: Address | None = None
        """Address that RTCP is sent to; None: the port that follows from RTP's."""
        self.source = RtpSource()
        """The source address that is followed."""
        self.stray = 0
        """Datagrams that are no RTP, or RTCP of other senders, which were dropped."""
        self.reports: list[tuple[int, bytes]] = []
        """RTCP of the far side: (loop time in ns, compound packet)."""
        self.on_report: Callable[[bytes], None] | None = None
        """Called with each RTCP packet of the far side."""
        self.watcher: PacketWatcher | None = None
        """Receives the leg's packets, if set before it comes up."""
        self._loop = loop
        self._mux = rtcp_mux
        self._latches = remote is None
        self._held = False
        self._leg: Leg | None = None
        self._listener: FarEndListener | None = None
        self._refused: Counter[str] = Counter()
        self.socket, rtcp = _pair(local, rtcp_mux)
        host, port = self.socket.getsockname()[:2]
        self.local: Address = (host, port)
        self._rtcp = None
        if rtcp is not None:
            self._rtcp = DatagramSocket(loop, rtcp, "RTCP", self._note_report)

    @property
    def errors(self) -> Counter[str]:
        """Errors of the kernel, by name."""
        return self._refused + (self._rtcp.errors if self._rtcp is not None else Counter())

    @property
    def foreign(self) -> int:
        """Datagrams of other senders, or that are no RTP, which were dropped."""
        return self.stray + self.source.foreign

    @property
    def sources(self) -> list[Address]:
        """Addresses that its RTP came from, in order."""
        return self.source.sources

    # -- what signalling says ---------------------------------------------------------------

    def set_remote(self, remote: Address, rtcp: Address | None = None) -> None:
        """Send elsewhere from now on; ``rtcp``: where RTCP goes, if not to the next port."""
        if self.remote is not None and remote != self.remote:
            self.source.forget()
        self.remote, self.rtcp_remote = remote, rtcp
        self._latches = False
        self._redirected()

    def set_format(self, format: FarEndFormat) -> None:
        """Use another format from now on, and notify the listener of a leg that is up."""
        changed, self.format = format != self.format, format
        if changed and self._listener is not None:
            self._listener.reformatted()
            self._redirected()

    def hold(self, held: bool) -> None:
        """Stop sending, or resume."""
        self._held = held
        self._redirected()

    def _redirected(self) -> None:
        if self._leg is not None and self.socket.fileno() >= 0:
            RtpMux.of(self._leg).redirect(self._leg)

    # -- FarEnd -----------------------------------------------------------------------------

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        """Carry the leg's packets. Raises RuntimeError if its media plane is not in real time."""
        mux = RtpMux.of(leg)
        if self._leg is None:
            now_ns = round(self._loop.time() * 1e9)
            while (received := self._receive()) is not None:
                self.take(now_ns, *received, None)  # too early to be heard, but to be latched onto
        mux.attach(leg, self)
        self._leg, self._listener = leg, listener
        return None, None

    def connect_early(self, leg: Leg, listener: FarEndListener) -> Ends:
        """Carry the leg's packets: without signalling there is no difference."""
        return self.connect(leg, listener)

    def report(self, packet: bytes) -> None:
        if self.remote is None:
            return
        host, port = self.remote
        to = self.rtcp_remote or (host, port if self._mux else port + 1)
        if self._rtcp is not None:
            self._rtcp.send(packet, to)
            return
        try:
            self.socket.sendto(packet, to)
        except UNSENT as error:
            self.refused(error)

    def close(self) -> None:
        if self.socket.fileno() < 0:
            return
        if self._leg is not None:
            RtpMux.of(self._leg).detach(self._leg, self)
        self.socket.close()
        if self._rtcp is not None:
            self._rtcp.close()

    # -- packets ----------------------------------------------------------------------------

    @property
    def destination(self) -> Address | None:
        """Address that RTP is sent to now; None while it is on hold, or the far side unknown."""
        return None if self._held else self.remote

    def take(
        self, at_ns: int, packet: bytes, source: Any, last: tuple[int, bytes] | None
    ) -> list[bytes]:
        """Return the far side's RTP in a datagram that has come; RTCP is noted, others are counted.

        ``last`` is when its newest packet had come, and that packet's header.
        """
        sender = source[0], source[1]
        if self._mux and len(packet) >= 2 and packet[1] in RTCP_TYPES:
            self._note_report(packet, sender)
            return []
        is_rtp = len(packet) >= HEADER_SIZE and packet[0] >> 6 == 2
        if is_rtp and self._latches and self.remote is None:
            self.remote = sender
        if not is_rtp or self.remote is None:
            self._drop("RTP")
            return []
        if last is not None:
            self.source.note_newest(*last)
        foreign = self.source.foreign
        taken = self.source.take(at_ns, packet, sender, self.remote)
        DROPPED["RTP: foreign"] += self.source.foreign - foreign
        return taken

    def refused(self, error: Exception) -> None:
        """Count a packet that the system refused to send."""
        words = error.strerror if isinstance(error, OSError) else None
        self._refused[words or type(error).__name__] += 1

    def _drop(self, protocol: str) -> None:
        self.stray += 1
        DROPPED[f"{protocol}: foreign"] += 1

    def _note_report(self, data: bytes, sender: Address) -> None:
        """Keep an RTCP packet of the far side, and report it; drop those of others."""
        known = [each[0] for each in (self.remote, self.rtcp_remote) if each is not None]
        if (known and sender[0] not in known) or len(data) < _SHORTEST_REPORT:
            self._drop("RTCP")
            return
        if len(self.reports) < _MOST_REPORTS:
            self.reports.append((round(self._loop.time() * 1e9), data))
        if self.on_report is not None:
            self.on_report(data)

    def _receive(self) -> tuple[bytes, Any] | None:
        """Read a datagram and its sender; None for none."""
        while True:
            try:
                return self.socket.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return None
            except OSError as error:  # an earlier packet was refused: what comes next is read
                self.refused(error)


def _pair(local: Address, mux: bool) -> tuple[socket.socket, socket.socket | None]:
    """Open a port for RTP and, unless they share one, the next for RTCP. Raises EndpointError."""
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
    """Open a non-blocking UDP socket. Raises EndpointError."""
    try:
        return bound_socket(host, port)
    except OSError as error:
        raise EndpointError(f"cannot open UDP port {port} on {host}: {error.strerror}") from None
