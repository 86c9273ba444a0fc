"""A browser's media: ICE, DTLS and SRTP around the RTP of a leg whose party is not simulated.

aioice finds the path and aiortc's transport encrypts. The RTP within is the leg's own, as on any
other line: packets are placed by timestamps, loss is audible, and keys are telephone events (RFC
4733). So aiortc's own senders and receivers, which have a jitter buffer and a clock, are not used.

The browser offers and we answer (RFC 8829). It is found by the checks that it sends to the one
candidate it is given; nothing is sent to the addresses in its description, and no server is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from aioice import Candidate, Connection
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.media.far_end import FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.net.batch_reader import DATAGRAM_BYTES
from mediasim.net.sdp import SdpError, SessionDescription, answer, parse_sdp
from mediasim.net.udp import drop
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, block_of

__all__ = ["NoMedia", "WebRtcEndpoint"]

_PROTOCOL: Final = "UDP/TLS/RTP/SAVPF"
_MOST_WAITING: Final = 10_000
"""Packets kept for the media plane at most."""
_PATIENCE: Final = 10.0
"""Seconds that ICE and DTLS may take."""
_HINT: Final = "Chromium without any network but loopback needs --allow-loopback-in-peer-connection"


def _spoken() -> list[str]:
    """Return the codecs that a browser may use, the widest first."""
    rows = sorted(CODECS.values(), key=lambda codec: -codec.clock_rate)
    return [codec.name for codec in rows if codec.webrtc]


class NoMedia(ConnectionError):
    """Raised if no path was found, or another than the browser came; the message says which."""


class WebRtcEndpoint:
    """A :class:`mediasim.media.far_end.FarEnd` that is nothing but media, as RtpEndpoint is.

    Used on one loop: :meth:`answer`, then :meth:`established`, then as a far end.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        """``host`` is the address at which the browser reaches us."""
        self.reports: list[tuple[int, bytes]] = []
        """RTCP of the browser: (loop time in ns, compound packet)."""
        self.on_lost: Callable[[], None] | None = None
        """Called when the connection to the browser is lost, unless we closed it."""
        self._loop = asyncio.get_running_loop()
        self._ice = _SingleHostAgent(host)
        self._dtls = _MediaTransport(
            _IceTransport(self._ice), [RTCCertificate.generateCertificate()], self
        )
        self._format: FarEndFormat | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._closing: asyncio.Task[None] | None = None
        self._packets: list[tuple[int, bytes]] = []
        """RTP of the browser: (loop time in ns, packet)."""
        self._connected = self._held = False

    async def answer(self, offer: str) -> str:
        """Return the answer to the browser's offer, and begin to connect. Raises SdpError."""
        offered = _read(offer)
        peer = _Peer(offer)
        host = self._ice.host
        agreed, self._format = answer(offered, host, 9, _spoken())
        await self._ice.gather_candidates()
        if not self._ice.local_candidates:
            raise SdpError(f"no UDP port can be had on {host}")
        self._ice.remote_username, self._ice.remote_password = peer.user, peer.password
        self._connecting = asyncio.ensure_future(self._connect(peer))
        return _written(
            agreed,
            peer,
            self._ice.local_candidates,
            (self._ice.local_username, self._ice.local_password),
            self._dtls.getLocalParameters().fingerprints,
        )

    async def established(self) -> None:
        """Wait until media can flow. Raises NoMedia."""
        if self._connecting is None:
            raise NoMedia("nothing has been offered")
        try:
            await asyncio.wait_for(asyncio.shield(self._connecting), _PATIENCE)
        except TimeoutError:
            words = f"no way to the browser was found in {_PATIENCE:g} s: {_HINT}"
            raise NoMedia(words) from None

    async def _connect(self, peer: _Peer) -> None:
        try:
            await self._ice.connect()
            await self._dtls.start(RTCDtlsParameters(fingerprints=peer.fingerprints))
        except ConnectionError as error:
            raise NoMedia(f"no way to the browser was found: {error}") from None
        if self._dtls.state != "connected":
            raise NoMedia("DTLS failed: the certificate is not the one of the browser's offer")
        self._dtls.on("statechange", self._changed)
        self._sending = asyncio.ensure_future(self._send())

    def _changed(self) -> None:
        if self._dtls.state in ("closed", "failed") and self._closing is None and self.on_lost:
            self.on_lost()

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionError):  # on_lost reports that
            while True:
                await self._dtls._send_rtp(await self._outgoing.get())

    def hold(self, held: bool) -> None:
        """Stop sending, or resume."""
        self._held = held

    # -- FarEnd -----------------------------------------------------------------------------

    @property
    def format(self) -> FarEndFormat:
        if self._format is None:
            raise RuntimeError("nothing has been agreed on")
        return self._format

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        self._connected = True
        return self, self

    def report(self, packet: bytes) -> None:
        self._queue(packet)

    def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())

    async def closed(self) -> None:
        """Wait until its sockets are closed, once :meth:`close` was called."""
        if self._closing is not None:
            await asyncio.wait((self._closing,))

    async def _close(self) -> None:
        await asyncio.sleep(0)  # what was to be sent at the end is
        tasks = [task for task in (self._connecting, self._sending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._dtls.stop()
        await self._ice.close()

    # -- packets ----------------------------------------------------------------------------

    def pull(self, before_ns: int) -> PacketBlock | None:
        count = sum(1 for at_ns, _ in self._packets if at_ns < before_ns)
        if not count:
            return None
        taken, self._packets = self._packets[:count], self._packets[count:]
        return block_of(taken)

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        if not self._held:
            for block in packets:
                for packet in block:
                    self._queue(packet.tobytes())

    def _queue(self, packet: bytes) -> None:
        if self._sending is not None and not self._outgoing.full():
            self._outgoing.put_nowait(packet)

    def rtp_received(self, data: bytes) -> None:
        """Keep an RTP packet of the browser, decrypted."""
        usable = HEADER_SIZE <= len(data) <= DATAGRAM_BYTES and data[0] >> 6 == 2
        if self._connected and usable and len(self._packets) < _MOST_WAITING:
            self._packets.append((round(self._loop.time() * 1e9), data))

    def rtcp_received(self, data: bytes) -> None:
        """Keep an RTCP packet of the browser, decrypted."""
        if len(self.reports) < _MOST_WAITING:
            self.reports.append((round(self._loop.time() * 1e9), data))


class _SingleHostAgent(Connection):
    """An ICE agent with a single host candidate, the controlled side."""

    def __init__(self, host: str) -> None:
        super().__init__(ice_controlling=False)
        self.host = host

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109
    ) -> list[Candidate]:
        found = await super().get_component_candidates(component, [self.host], timeout)
        for protocol in self._protocols:
            protocol.transport.set_protocol(_GuardedProtocol(protocol))
        return found


class _GuardedProtocol(asyncio.DatagramProtocol):
    """aioice's protocol of a socket, in which errors are counted and the datagram dropped."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def error_received(self, exc: Exception) -> None:
        self._inner.error_received(exc)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            self._inner.datagram_received(data, addr)
        except Exception as error:
            drop("STUN", error)


class _IceTransport:
    """The part of an ICE transport that aiortc's DTLS transport uses."""

    role: Final = "controlled"

    def __init__(self, ice: Connection) -> None:
        self._recv = ice.recv
        self._send = ice.send


class _MediaTransport(RTCDtlsTransport):
    """A DTLS transport that hands RTP and RTCP to an endpoint instead of receivers."""

    def __init__(
        self, ice: Any, certificates: list[RTCCertificate], endpoint: WebRtcEndpoint
    ) -> None:
        super().__init__(ice, certificates)
        self._endpoint = endpoint

    async def _recv_next(self) -> None:
        try:
            await super()._recv_next()
        except ConnectionError:
            raise
        except Exception as error:
            drop("DTLS", error)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._endpoint.rtp_received(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._endpoint.rtcp_received(data)


# -- descriptions ---------------------------------------------------------------------------------


class _Peer:
    """The parts of an offer beside its codecs. Raises SdpError."""

    def __init__(self, offer: str) -> None:
        lines = [line.strip() for line in offer.splitlines()]

        def values(name: str) -> list[str]:
            start = f"a={name}:"
            return [line[len(start) :].strip() for line in lines if line.startswith(start)]

        def only(name: str) -> str:
            found = values(name)
            if not found:
                raise SdpError(f"expected the offer of a browser, found no a={name}")
            return found[0]

        self.user, self.password = only("ice-ufrag"), only("ice-pwd")
        self.mid = only("mid")
        only("fingerprint")
        self.fingerprints = [
            RTCDtlsFingerprint(algorithm, value)
            for algorithm, _, value in (text.partition(" ") for text in values("fingerprint"))
        ]
        if only("setup") not in ("actpass", "passive"):
            raise SdpError("expected a=setup:actpass: we open the DTLS connection")


def _read(offer: str) -> SessionDescription:
    if offer.count("\nm=") != 1:
        raise SdpError(f"expected one stream, of audio, found {offer.count(chr(10) + 'm=')}")
    if _PROTOCOL not in offer:
        raise SdpError(f"expected WebRTC's {_PROTOCOL}, found another protocol")
    return parse_sdp(offer.replace(_PROTOCOL, "RTP/AVPF", 1))


def _written(
    agreed: SessionDescription,
    peer: _Peer,
    candidates: Sequence[Candidate],
    credentials: tuple[str, str],
    fingerprints: Sequence[RTCDtlsFingerprint],
) -> str:
    lines = agreed.text().replace("RTP/AVPF ", f"{_PROTOCOL} ", 1).splitlines()
    lines.insert(lines.index("t=0 0") + 1, f"a=group:BUNDLE {peer.mid}")
    lines += [
        f"a=mid:{peer.mid}",
        f"a=ice-ufrag:{credentials[0]}",
        f"a=ice-pwd:{credentials[1]}",
        *(f"a=fingerprint:{each.algorithm} {each.value}" for each in fingerprints),
        "a=setup:active",
        *(f"a=candidate:{each.to_sdp()}" for each in candidates),
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"
