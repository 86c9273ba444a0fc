"""A recording server (SRS) inside the process, for where there is no network, and its wires.

It takes every stream that it is offered, and counts the packets of each; it answers what is no
recording session with the errors of RFC 7866.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from mediasim.sip.media import SDP, UnsupportedBody, text_of
from mediasim.sip.messages import BadSipMessage, Request, SipUri, new_tag, parse, respond
from mediasim.sip.siprec.metadata import METADATA
from mediasim.sip.telephone import METHODS
from mediasim.sip.transports import Channel, Peer, Receive, Transports

__all__ = ["MemoryPath", "MemoryTransports", "SimulatedRecordingServer"]

_HERE: Final = "127.0.0.1"
_FIRST_PORT: Final = 20_000
_CLIENT_PORT: Final = 4000


class SimulatedRecordingServer:
    """A recording server that is not on a network. Bytes come in, and bytes go out."""

    def __init__(self) -> None:
        self.metadata = ""
        """The metadata of the session."""
        self.offered = ""
        """The session description of its INVITE."""
        self.packets: Counter[int] = Counter()
        """RTP packets by the port that they came to."""
        self.reports = 0
        """RTCP packets that came."""
        self.ended = False
        """Whether the session was ended by a BYE."""
        self._tag = new_tag()

    def receive(self, data: bytes, reply: Callable[[bytes], None]) -> None:
        """Take a SIP message; ``reply`` sends one back."""
        try:
            message = parse(data, METHODS)
        except BadSipMessage:
            return
        if not isinstance(message, Request) or message.method == "ACK":
            return
        if message.method == "INVITE":
            reply(self._answer(message))
            return
        known = message.method in ("BYE", "CANCEL", "OPTIONS")
        self.ended = self.ended or message.method == "BYE"
        reply(bytes(respond(message, 200 if known else 405, tag=self._tag)))

    def receive_rtp(self, port: int, packet: bytes) -> None:
        """Take an RTP packet that was sent to a port of the answer."""
        self.packets[port] += 1

    def receive_rtcp(self, port: int, packet: bytes) -> None:
        """Take an RTCP packet that was sent beside a port of the answer."""
        self.reports += 1

    def _answer(self, invite: Request) -> bytes:
        if "siprec" not in [each.lower() for each in invite.headers.get("require")]:
            headers = [("Require", "siprec")]
            return bytes(respond(invite, 421, "Extension Required", tag=self._tag, headers=headers))
        try:
            self.offered = _part(invite, SDP)
            self.metadata = _part(invite, METADATA)
        except UnsupportedBody as error:
            return bytes(respond(invite, 400, str(error), tag=self._tag))
        headers = [("Contact", f"<sip:srs@{_HERE}>;+sip.srs"), ("Accept", f"{SDP}, {METADATA}")]
        body = _answered(self.offered)
        return bytes(respond(invite, 200, tag=self._tag, headers=headers, body=body))


def _part(invite: Request, kind: str) -> str:
    text = text_of(invite, kind)
    if not text or not text.strip():
        raise UnsupportedBody(f"expected a part of {kind}, found none")
    return text


def _answered(offered: str) -> str:
    """Return the answer to a description that takes every stream, in the first codec of each."""
    lines = ["v=0", f"o=srs 1 1 IN IP4 {_HERE}", "s=srs", f"c=IN IP4 {_HERE}", "t=0 0"]
    port = _FIRST_PORT
    for line in offered.splitlines():
        if line.startswith("m="):
            _, _, protocol, payload_type = line.split()[:4]
            lines += [f"m=audio {port} {protocol} {payload_type}", "a=recvonly"]
            port += 2
        elif line.startswith("a=label:"):
            lines.append(line)
    return "\r\n".join(lines) + "\r\n"


# -- wires ----------------------------------------------------------------------------------


class _Wire:
    """The channel to a server in memory; what is sent arrives in the next turn of the loop."""

    name, reliable = "TCP", True

    def __init__(self, receive: Receive, server: SimulatedRecordingServer, peer: Peer) -> None:
        self.peer = peer
        self._receive = receive
        self._far = server

    @property
    def open(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._far.receive, data, self._back)

    def _back(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(lambda: self._receive(data, self))


class MemoryTransports(Transports):
    """Transports that lead to one recording server in memory, whatever the address."""

    def __init__(self, receive: Receive, server: SimulatedRecordingServer) -> None:
        super().__init__(receive)
        self._far = server
        self.local = (_HERE, 5060)

    async def listen(self, host: str, port: int) -> None:
        """Open nothing: the server is here."""

    @property
    def listening(self) -> bool:
        return True

    async def channel_to(self, uri: SipUri) -> Channel:
        """Return the wire to the server."""
        return self._wire((_HERE, 5060))

    def datagrams(self, peer: Peer) -> Channel:
        """Return the wire to the server."""
        return self._wire(peer)

    def _wire(self, peer: Peer) -> Channel:
        return _Wire(self.receive, self._far, peer)


class MemoryPath:
    """The way of one stream's packets to a recording server in memory."""

    def __init__(self, server: SimulatedRecordingServer, number: int) -> None:
        """``number`` is that of the stream in its session, from 0."""
        self.local = (_HERE, _CLIENT_PORT + 2 * number)
        self._far = server
        self._port = 0

    def aim(self, remote: tuple[str, int], rtcp: tuple[str, int]) -> None:
        """Send to these ports from now on."""
        self._port = remote[1]

    def send(self, packet: bytes) -> None:
        """Send an RTP packet."""
        self._far.receive_rtp(self._port, packet)

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        self._far.receive_rtcp(self._port, packet)

    def close(self) -> None:
        """Close nothing."""
