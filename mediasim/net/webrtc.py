"""A browser's media: ICE, DTLS and SRTP around the RTP of a leg whose party is not simulated.

aioice finds the path and aiortc's transport encrypts. The RTP within is the leg's own, as on any
other line: packets are placed by timestamps, loss is audible, and keys are telephone events (RFC
4733). So aiortc's own senders and receivers, which have a jitter buffer and a clock, are not used.

The browser offers and we answer, or the other way round (RFC 8829). It is found by the checks that
it sends to the one candidate it is given; nothing is sent to the addresses in its description, and
no server is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.media.far_end import FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.net.batch_reader import DATAGRAM_BYTES
from mediasim.net.ice import IcePath, SingleHostAgent
from mediasim.net.sdp import (
    PayloadFormat,
    SdpError,
    SessionDescription,
    agreed,
    answer,
    offer,
    parse_sdp,
)
from mediasim.net.udp import drop
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, block_of

__all__ = ["NoMedia", "WebRtcEndpoint"]

_PROTOCOL: Final = "UDP/TLS/RTP/SAVPF"
_MOST_WAITING: Final = 10_000
"""Packets kept for the media plane at most."""
_WIDE_EVENTS: Final = 110
"""Payload type of telephone events on the clock of wide codecs, in our offers."""
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
        self._host = host
        self._path = IcePath(SingleHostAgent(host))
        self._dtls = _MediaTransport(self._path, [RTCCertificate.generateCertificate()], self)
        self._offered: SessionDescription | None = None
        """Our own offer, until it is answered."""
        self._agreed: SessionDescription | None = None
        """Our own side of what was agreed on."""
        self._peer: _Peer | None = None
        self._format: FarEndFormat | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._closing: asyncio.Task[None] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._packets: list[tuple[int, bytes]] = []
        """RTP of the browser: (loop time in ns, packet)."""
        self._connected = self._held = False

    async def answer(self, offer: str) -> str:
        """Return the answer to the browser's offer, and begin to connect. Raises SdpError."""
        offered, peer = _read(offer), _Peer(offer)
        peer.check_setup("actpass", "passive")
        self._agreed, self._format = answer(offered, self._host, 9, _spoken())
        agent = self._path.agent
        await agent.gather()
        self._connect_to(peer)
        return self._written(self._agreed, agent, peer.mid, "active")

    async def offer(self) -> str:
        """Return an offer for the browser, which :meth:`accept` takes the answer to.

        Raises SdpError where no UDP port can be had.
        """
        described = offer(self._host, 9, _spoken(), rtcp_mux=True)
        # A browser's keys are events of its codec's clock, where such are offered.
        events = PayloadFormat(_WIDE_EVENTS, "telephone-event/48000")
        self._offered = replace(
            described, protocol="RTP/AVPF", streams=(*described.streams, events)
        )
        agent = self._path.agent
        agent.ice_controlling = True
        await agent.gather()
        return self._written(self._offered, agent, "0", "actpass")

    def accept(self, answered: str) -> None:
        """Take the browser's answer to :meth:`offer`, and begin to connect. Raises SdpError."""
        if self._offered is None:
            raise SdpError("an answer came to no offer")
        description, peer = _read(answered), _Peer(answered)
        peer.check_setup("active", "passive")
        self._format = agreed(self._offered, description)
        self._agreed, self._offered = self._offered, None
        self._dtls._set_role("server" if peer.setup == "active" else "client")
        self._connect_to(peer)

    async def restart(self, offer: str) -> str:
        """Return the answer to an offer by which the browser restarts ICE (RFC 8445, 2.4).

        Media flow on the path there was until the new one is found. Raises SdpError.
        """
        _read(offer)
        peer = _Peer(offer)
        if self._agreed is None or self._peer is None:
            raise SdpError("ICE is restarted once media are agreed on")
        agent = SingleHostAgent(self._host)
        await agent.gather()
        agent.remote_username, agent.remote_password = peer.user, peer.password
        self._peer = peer
        if self._restarting is not None:
            self._restarting.cancel()
        self._restarting = asyncio.ensure_future(self._move_to(agent))
        setup = "passive" if self._dtls.is_server else "active"
        return self._written(self._agreed, agent, peer.mid, setup)

    def is_of(self, description: str) -> bool:
        """Tell whether a description is the one by which the browser is connected already."""
        return self._peer is not None and _Peer(description).user == self._peer.user

    def is_same_connection(self, description: str) -> bool:
        """Tell whether a description has the certificate of the browser that is connected."""
        return self._peer is not None and _Peer(description).prints == self._peer.prints

    def _written(
        self, description: SessionDescription, agent: SingleHostAgent, mid: str, setup: str
    ) -> str:
        """Return a description of ours as a browser is sent it."""
        lines = description.text().replace("RTP/AVPF ", f"{_PROTOCOL} ", 1).splitlines()
        lines.insert(lines.index("t=0 0") + 1, f"a=group:BUNDLE {mid}")
        fingerprints = self._dtls.getLocalParameters().fingerprints
        lines += [
            f"a=mid:{mid}",
            "a=msid:mediasim audio",
            f"a=ice-ufrag:{agent.local_username}",
            f"a=ice-pwd:{agent.local_password}",
            *(f"a=fingerprint:{each.algorithm} {each.value}" for each in fingerprints),
            f"a=setup:{setup}",
            *(f"a=candidate:{each.to_sdp()}" for each in agent.local_candidates),
            "a=end-of-candidates",
        ]
        return "\r\n".join(lines) + "\r\n"

    def _connect_to(self, peer: _Peer) -> None:
        """Begin to connect to a browser."""
        self._peer, agent = peer, self._path.agent
        agent.remote_username, agent.remote_password = peer.user, peer.password
        self._connecting = asyncio.ensure_future(self._connect(peer))

    async def _move_to(self, agent: SingleHostAgent) -> None:
        """Move to the path that another ICE agent finds; the one there was stays if none is."""
        try:
            await asyncio.wait_for(agent.connect(), _PATIENCE)
        except (ConnectionError, TimeoutError):
            await agent.close()
            return
        before, self._path.agent = self._path.agent, agent
        await before.close()

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
            await self._path.agent.connect()
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
        tasks = [
            task for task in (self._connecting, self._sending, self._restarting) if task is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._dtls.stop()
        await self._path.agent.close()

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


class _MediaTransport(RTCDtlsTransport):
    """A DTLS transport that hands RTP and RTCP to an endpoint instead of receivers."""

    def __init__(
        self, ice: Any, certificates: list[RTCCertificate], endpoint: WebRtcEndpoint
    ) -> None:
        super().__init__(ice, certificates)
        self._endpoint = endpoint

    @property
    def is_server(self) -> bool:
        """Whether the browser opens the connection."""
        return bool(self._role == "server")

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
    """The parts of a browser's description beside its codecs. Raises SdpError."""

    def __init__(self, description: str) -> None:
        lines = [line.strip() for line in description.splitlines()]

        def values(name: str) -> list[str]:
            start = f"a={name}:"
            return [line[len(start) :].strip() for line in lines if line.startswith(start)]

        def only(name: str) -> str:
            found = values(name)
            if not found:
                raise SdpError(f"expected a browser's description, found no a={name}")
            return found[0]

        self.user, self.password = only("ice-ufrag"), only("ice-pwd")
        self.mid = only("mid")
        self.setup = only("setup")
        only("fingerprint")
        self.prints = values("fingerprint")

    @property
    def fingerprints(self) -> list[RTCDtlsFingerprint]:
        """The fingerprints of its certificate."""
        parts = (text.partition(" ") for text in self.prints)
        return [RTCDtlsFingerprint(algorithm, value) for algorithm, _, value in parts]

    def check_setup(self, *possible: str) -> None:
        """Check who opens the DTLS connection. Raises SdpError."""
        if self.setup not in possible:
            raise SdpError(
                f"expected a=setup:{' or '.join(possible)} for the DTLS connection, found"
                f" {self.setup[:20]!r}"
            )


def _read(description: str) -> SessionDescription:
    if description.count("\nm=") != 1:
        found = description.count("\nm=")
        raise SdpError(f"expected one stream, of audio, found {found}")
    if _PROTOCOL not in description:
        raise SdpError(f"expected WebRTC's {_PROTOCOL}, found another protocol")
    return parse_sdp(description.replace(_PROTOCOL, "RTP/AVPF", 1))
