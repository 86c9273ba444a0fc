"""Transports of SIP messages: UDP datagrams and TCP connections on one port.

A channel leads to one peer: its address over UDP, its connection over TCP. A TCP connection whose
messages are not framed correctly is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiosipua import SipUri

from mediasim.net.udp import DROPPED, DatagramSocket, drop

__all__ = ["Channel", "Peer", "Receive", "Transports", "host_and_port"]

Peer = tuple[str, int]
_LARGEST: Final = 65_535
"""Most bytes of a message, over TCP as in a datagram."""
_LONGEST_HEAD: Final = 32_768
"""Most bytes of its first line and headers."""
_MOST_CONNECTIONS: Final = 500
_MOST_UNREAD: Final = 1024 * 1024
"""Most bytes buffered for a peer that does not read."""
_MESSAGE_TIMEOUT: Final = 32.0
"""Seconds for the first message of a connection, and for any message to be complete: the duration
of a transaction (64 * T1)."""
_LONGEST_IDLE: Final = 3600.0 + _MESSAGE_TIMEOUT
"""Seconds that a connection may be idle: the duration of a registration."""
_LENGTH: Final = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:\s*(\d{1,9})[ \t]*(?=\r\n)", re.IGNORECASE
)
_TRIES: Final = 20
"""Attempts to find a port that is free for both UDP and TCP."""


class Channel(Protocol):
    """The path to one peer."""

    name: str
    """``UDP`` or ``TCP``, as in a Via."""
    reliable: bool
    """Whether messages need no retransmission."""
    peer: Peer

    @property
    def open(self) -> bool:
        """Whether messages can be sent."""

    def send(self, data: bytes) -> None:
        """Send a message; it is lost if that is not possible."""


Receive = Callable[[bytes, Channel], None]


def host_and_port(host: str, port: int) -> str:
    """Return an address as text, with an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Datagrams:
    """A peer's UDP address."""

    name, reliable = "UDP", False

    def __init__(self, socket: DatagramSocket, peer: Peer) -> None:
        self._socket = socket
        self.peer = peer

    @property
    def open(self) -> bool:
        return self._socket.open

    def send(self, data: bytes) -> None:
        if self.open:
            self._socket.send(data, self.peer)


class _Connection(asyncio.Protocol):
    """A TCP connection: a stream of messages with Content-Length (RFC 3261 section 18.3)."""

    name, reliable = "TCP", True

    def __init__(self, owner: Transports) -> None:
        self._owner = owner
        self._buffer = bytearray()
        self._transport: Any = None
        self._deadline: asyncio.TimerHandle | None = None
        self.peer: Peer = ("", 0)

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        if not self.open:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > _MOST_UNREAD:
            self._refuse("unread")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = (host, port)
        if len(self._owner.connections) >= _MOST_CONNECTIONS:
            self._refuse("one too many")
            return
        self._owner.connections[self.peer] = self
        self._wait(_MESSAGE_TIMEOUT, "nothing said")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._owner.connections.get(self.peer) is self:
            del self._owner.connections[self.peer]

    def data_received(self, data: bytes) -> None:
        fresh = not self._buffer
        self._buffer += data
        while self.open and (message := self._next()) is not None:
            fresh = True
            try:
                self._owner.receive(message, self)
            except Exception as error:
                drop("SIP", error)
        if not self.open:
            return
        if not self._buffer:
            self._wait(_LONGEST_IDLE, "idle")
        elif fresh:
            self._wait(_MESSAGE_TIMEOUT, "a message without its end")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _wait(self, seconds: float, why: str) -> None:
        """Close the connection after a time, unless a complete message restarts the timer."""
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self._refuse, why)

    def _refuse(self, why: str) -> None:
        DROPPED[f"SIP connection: {why}"] += 1
        self._transport.abort()

    def _next(self) -> bytes | None:
        """Take the next complete message out of the buffer; None if there is none yet."""
        if self._buffer.startswith(b"\r\n\r\n"):
            self.send(b"\r\n")  # a ping and its pong (RFC 5626 section 3.5.1)
        kept = self._buffer.lstrip(b"\r\n")
        del self._buffer[: len(self._buffer) - len(kept)]
        end = self._buffer.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
        if end < 0:
            if len(self._buffer) >= _LONGEST_HEAD:
                self._refuse("headers too long")
            return None
        lengths = {int(found[1]) for found in _LENGTH.finditer(self._buffer, 0, end + 2)}
        length = end + 4 + max(lengths, default=0)
        if length > _LARGEST:
            self._refuse("a message too long")
            return None
        # Two lengths could smuggle one message into another: the head is answered with an error
        # and the connection is closed.
        if len(lengths) > 1:
            message = bytes(self._buffer[: end + 4])
            self._buffer.clear()
            self._owner.receive(message, self)
            self.close()
            return None
        if len(self._buffer) < length:
            return None
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        return message


class Transports:
    """A port for UDP and TCP, with its connections. Used on one loop."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.connections: dict[Peer, _Connection] = {}
        self.local: Peer = ("", 0)
        self._datagrams: DatagramSocket | None = None
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Open the port; 0 is any that is free for both. Raises OSError."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # A port that the kernel picks for UDP may be taken for TCP: then another one is tried.
        for rest in reversed(range(_TRIES)):
            bound = socket.socket(family, socket.SOCK_DGRAM)
            try:
                bound.setblocking(False)
                bound.bind((await loop.getaddrinfo(host, port, family=family))[0][4])
                local = bound.getsockname()[:2]
                self._server = await loop.create_server(lambda: _Connection(self), *local)
            except OSError:
                bound.close()
                if port or not rest:
                    raise
                continue
            self._datagrams = DatagramSocket(
                loop, bound, "SIP", self._datagram, most_bytes=_LARGEST + 1
            )
            self.local = local
            return

    @property
    def listening(self) -> bool:
        """Whether messages are received over UDP and TCP."""
        over_udp = self._datagrams is not None and self._datagrams.open
        return over_udp and self._server is not None and self._server.is_serving()

    def _datagram(self, data: bytes, sender: Peer) -> None:
        if data.strip(b"\r\n\0"):  # empty datagrams only keep a router's mapping alive
            self.receive(data, self.datagrams(sender))

    def datagrams(self, peer: Peer) -> Channel:
        """Return the UDP channel to an address."""
        assert self._datagrams is not None
        return _Datagrams(self._datagrams, peer)

    async def connection(self, peer: Peer) -> Channel:
        """Return the open TCP connection to an address, or a new one. Raises OSError."""
        there = self.connections.get(peer)
        if there is not None and there.open:
            return there
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: _Connection(self), *peer)
        return made

    async def channel_to(self, uri: SipUri) -> Channel:
        """Resolve the host of a URI and return the channel to it. Raises OSError."""
        host, port = uri.host.strip("[]"), uri.port or 5060
        if (uri.params.get("transport") or "udp").lower() == "tcp":
            return await self.connection((host, port))
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in self.local[0] else socket.AF_INET
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
        return self.datagrams((str(found[0][4][0]), int(found[0][4][1])))

    def host_towards(self, peer: Peer) -> str:
        """Return the local address as a peer sees it."""
        if self.local[0] not in ("0.0.0.0", "::"):
            return self.local[0]
        family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(peer)  # sends nothing, but lets the kernel choose the local address
            return str(probe.getsockname()[0])
        return self.local[0]

    def close(self) -> None:
        """Close the port and every connection."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.close()
