"""How SIP messages come and go: datagrams and TCP connections on one port.

A channel is the way back to one peer: its address over UDP, its connection over TCP. What is not
well framed is dropped, with the connection that it came by.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

__all__ = ["Channel", "Peer", "Receive", "Transports"]

Peer = tuple[str, int]
_LARGEST: Final = 65_535
"""Bytes of a message over TCP, as a datagram has them at most."""
_MOST_CONNECTIONS: Final = 500
_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r\n", re.I)
_TRIES: Final = 20


class Channel(Protocol):
    """The way to one peer."""

    name: str
    """``UDP`` or ``TCP``, as a Via has it."""
    reliable: bool
    peer: Peer

    @property
    def open(self) -> bool:
        """Whether anything can be sent."""

    def send(self, data: bytes) -> None:
        """Send one message; what cannot be sent is lost."""


Receive = Callable[[bytes, Channel], None]


class _Datagrams:
    """One peer's address."""

    name, reliable = "UDP", False

    def __init__(self, transport: asyncio.DatagramTransport, peer: Peer) -> None:
        self._transport = transport
        self.peer = peer

    @property
    def open(self) -> bool:
        return not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        if self.open:
            self._transport.sendto(data, self.peer)


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data.strip(b"\r\n\0"):  # or it only keeps a way through a router open
            self._receive(data, _Datagrams(self.transport, (str(addr[0]), int(addr[1]))))


class _Connection(asyncio.Protocol):
    """One TCP connection: messages follow each other, each with its length (RFC 3261 18.3)."""

    name, reliable = "TCP", True

    def __init__(self, owner: Transports) -> None:
        self._owner = owner
        self._buffer = bytearray()
        self._transport: Any = None
        self.peer: Peer = ("", 0)

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        if self.open:
            self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = (host, port)
        if len(self._owner.connections) >= _MOST_CONNECTIONS:
            self._transport.abort()
        else:
            self._owner.connections[self.peer] = self

    def connection_lost(self, exc: Exception | None) -> None:
        if self._owner.connections.get(self.peer) is self:
            del self._owner.connections[self.peer]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self.open and (message := self._next()) is not None:
            self._owner.receive(message, self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _next(self) -> bytes | None:
        """One whole message, as soon as it is there."""
        if self._buffer.startswith(b"\r\n\r\n"):
            self.send(b"\r\n")  # a ping and its pong (RFC 5626 section 3.5.1)
        while self._buffer.startswith((b"\r", b"\n")):
            del self._buffer[:1]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LARGEST:
                self._transport.abort()
            return None
        found = _LENGTH.search(self._buffer, 0, end + 2)
        length = end + 4 + (int(found[1]) if found else 0)
        if length > _LARGEST:
            self._transport.abort()
            return None
        if len(self._buffer) < length:
            return None
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        return message


class Transports:
    """A port for UDP and TCP. Used on one loop."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.connections: dict[Peer, _Connection] = {}
        self.local: Peer = ("", 0)
        self._datagrams: _Socket | None = None
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Take the port; 0 is any that is free for both. Raises OSError."""
        loop = asyncio.get_running_loop()
        for rest in reversed(range(_TRIES)):
            transport, protocol = await loop.create_datagram_endpoint(
                lambda: _Socket(self.receive), local_addr=(host, port)
            )
            local = transport.get_extra_info("sockname")[:2]
            try:
                self._server = await loop.create_server(lambda: _Connection(self), *local)
            except OSError:
                transport.close()
                if port or not rest:
                    raise
                continue
            self._datagrams, self.local = protocol, local
            return

    def datagrams(self, peer: Peer) -> Channel:
        """The way to an address over UDP."""
        assert self._datagrams is not None
        return _Datagrams(self._datagrams.transport, peer)

    async def connection(self, peer: Peer) -> Channel:
        """A TCP connection to an address: the one there is, or a new one. Raises OSError."""
        there = self.connections.get(peer)
        if there is not None and there.open:
            return there
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: _Connection(self), *peer)
        return made

    def host_towards(self, peer: Peer) -> str:
        """Our address as a peer sees it."""
        if self.local[0] not in ("0.0.0.0", "::"):
            return self.local[0]
        family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(peer)  # sends nothing
            return str(probe.getsockname()[0])
        return self.local[0]

    def close(self) -> None:
        """Let go of the port and of every connection."""
        if self._datagrams is not None:
            self._datagrams.transport.close()
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.close()
