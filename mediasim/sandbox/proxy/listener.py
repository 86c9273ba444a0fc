"""The proxy's listening socket: what each connection is found to be by its first bytes.

A client sends ``CONNECT``, a request, or a TLS handshake straight away (whose host is that of SNI).
Connections to hosts of the table are decrypted and served as HTTP by the sandbox's own HTTP server;
tunnels to allowed hosts are passed through as they are. Nothing that a client sends ends more than
its own connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final, NoReturn

from uvicorn.server import ServerState

from mediasim.sandbox.http_server import LARGEST_HEAD, BoundedProtocol, limit_head, server_config
from mediasim.sandbox.proxy.app import ProxyApp, host_and_port
from mediasim.sandbox.proxy.authority import OWN_NAMES, Authority
from mediasim.twilio.webhooks.address import is_this_machine

__all__ = ["ProxyListener"]

_SECONDS_TO_BEGIN: Final = 10.0
"""Seconds that a client may take to say what it wants, and for a TLS handshake."""
_SECONDS_TO_CONNECT: Final = 10.0
_MOST_CONNECTIONS: Final = 1000
_PAUSE: Final = 0.1
"""Seconds until the next try where no connection can be accepted."""
_CHUNK: Final = 64 * 1024
_LARGEST_MESSAGE: Final = 16 << 20
"""Largest WebSocket message to an app, in bytes."""
_TLS_HANDSHAKE: Final = b"\x16"
_SPACE: Final = b" "
_END_OF_HEAD: Final = b"\r\n\r\n"
_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_UNTRUSTED: Final = ("UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "BAD_CERTIFICATE")
"""Reasons of a failed handshake by which a client says that it does not trust the certificate."""


class ProxyListener:
    """Accepts the connections of a listening socket, until it is closed."""

    def __init__(
        self,
        listening: socket.socket,
        app: ProxyApp,
        authority: Authority,
        on_untrusted: Callable[[str], object],
    ) -> None:
        """``on_untrusted`` is called where a client does not trust the authority, in words."""
        self._listening = listening
        self._app = app
        self._authority = authority
        self._on_untrusted = on_untrusted
        self._loop = asyncio.get_running_loop()
        self._state = ServerState()
        self._config = server_config(limit_head(app), largest_message=_LARGEST_MESSAGE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        """Hosts whose clients have been said not to trust the authority."""
        listening.setblocking(False)
        self._accepting = asyncio.ensure_future(self._accept())

    async def close(self) -> None:
        """Stop accepting, and close all connections."""
        self._accepting.cancel()
        self._listening.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(self._accepting, *self._tasks, return_exceptions=True)
        for connection in tuple(self._state.connections):
            connection.shutdown()
        for serving in tuple(self._state.tasks):
            serving.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                client, _ = await self._loop.sock_accept(self._listening)
            except OSError:  # too many open files, or a client that has gone again
                await asyncio.sleep(_PAUSE)
                continue
            if len(self._tasks) >= _MOST_CONNECTIONS:
                client.close()
                continue
            task = asyncio.ensure_future(self._connection(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connection(self, client: socket.socket) -> None:
        """Handle one connection until it is served or has been passed through."""
        client.setblocking(False)
        handed_on = False
        # Of a client that has gone, or never says what it wants, nothing is to be said.
        with contextlib.suppress(OSError, TimeoutError):
            try:
                async with asyncio.timeout(_SECONDS_TO_BEGIN):
                    first = await self._peek(client)
                    target = await self._tunnel_target(client) if first == b"C" else None
                if target is None:
                    handed_on = await self._serve(client, "", tls=first == _TLS_HANDSHAKE)
                else:
                    handed_on = await self._open_tunnel(client, *target)
            finally:
                if not handed_on:
                    client.close()

    # -- what the client wants ----------------------------------------------------------------

    async def _peek(self, client: socket.socket) -> bytes:
        """Wait for the first byte, and return it unread. Raises OSError at the stream's end."""
        while True:
            try:
                first = client.recv(1, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                await self._readable(client)
                continue
            if not first:
                raise ConnectionResetError
            return first

    async def _readable(self, client: socket.socket) -> None:
        """Wait until something can be read."""
        ready = asyncio.Event()
        self._loop.add_reader(client, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_reader(client)

    async def _tunnel_target(self, client: socket.socket) -> tuple[str, int]:
        """Read the head of a CONNECT request, and return its host and port.

        Any other request is answered with an error. Raises OSError.
        """
        head = bytearray()
        # Byte by byte, for what follows it belongs to the tunnel.
        while not head.endswith(_END_OF_HEAD) and not head.endswith(b"\n\n"):
            byte = await self._loop.sock_recv(client, 1)
            if not byte:
                raise ConnectionResetError
            head += byte
            if len(head) > LARGEST_HEAD:
                await self._respond(client, 431, "a request's head is too long")
        method, _, rest = bytes(head).partition(_SPACE)
        authority = rest.partition(_SPACE)[0]
        try:
            if method != b"CONNECT":
                raise ValueError(f"the method {ascii(method[:20])[1:]} is not known")
            host, port = host_and_port(authority.decode("latin-1"), 443)
        except ValueError as error:
            await self._respond(client, 400, str(error))
        return host, port or 443

    async def _respond(self, client: socket.socket, status: int, words: str) -> NoReturn:
        """Answer with an error, whose words clients show; raises ConnectionResetError."""
        body = words.encode() + b"\n"
        # Many clients show nothing of such an answer but its reason phrase.
        head = (
            f"HTTP/1.1 {status} {words}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        await self._loop.sock_sendall(client, head.encode("ascii", "replace") + body)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        raise ConnectionResetError

    # -- tunnels -----------------------------------------------------------------------------

    async def _open_tunnel(self, client: socket.socket, host: str, port: int) -> bool:
        """Serve a tunnel's host here, pass the tunnel through, or refuse it.

        Returns True if another has the socket now.
        """
        if self._app.hosts.find(host) is not None:
            await self._loop.sock_sendall(client, _ESTABLISHED)
            async with asyncio.timeout(_SECONDS_TO_BEGIN):
                first = await self._peek(client)
            return await self._serve(client, host, tls=first == _TLS_HANDSHAKE)
        words = self._app.refusal(host)
        if words is not None:
            await self._respond(client, 403, words)
        try:
            async with asyncio.timeout(_SECONDS_TO_CONNECT):
                far = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError, UnicodeError) as error:
            why = str(error) or type(error).__name__
            await self._respond(client, 502, f"mediasim cannot reach {host}:{port}: {why}")
        with contextlib.closing(far[1]):
            await self._loop.sock_sendall(client, _ESTABLISHED)
            near = await asyncio.open_connection(sock=client)
            with contextlib.closing(near[1]):
                await _pass_through(near, far)
        return True

    # -- serving ------------------------------------------------------------------------------

    async def _serve(self, client: socket.socket, host: str, *, tls: bool) -> bool:
        """Serve a connection as HTTP, decrypted with a certificate for the host it asks for.

        Returns True if the HTTP server has the socket now.
        """
        try:
            await self._loop.connect_accepted_socket(
                lambda: BoundedProtocol(self._config, self._state, {}, self._loop),
                client,
                ssl=self._context(host) if tls else None,
                ssl_handshake_timeout=_SECONDS_TO_BEGIN if tls else None,
            )
        except ssl.SSLError as error:
            untrusted = any(reason in str(error.reason) for reason in _UNTRUSTED)
            if untrusted and host not in self._told:  # a browser tries many times
                self._told.add(host)
                self._on_untrusted(
                    f"a client asked for {host or 'a simulated host'} and does not trust the"
                    " sandbox's authority: its list is none of those that the environment names;"
                    f" {self._authority.certificate_file} is the one to add"
                )
            return False
        return True

    def _context(self, host: str) -> ssl.SSLContext:
        """Return a TLS context whose certificate is chosen by the name that the client sends.

        A client that sends none gets the certificate for ``host``, the one of its tunnel.
        """

        def choose(
            connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext
        ) -> ssl.AlertDescription | None:
            wanted = name or host or OWN_NAMES[0]
            if not host and is_this_machine(wanted):
                connection.context = self._authority.context(wanted)
                return None
            if self._app.hosts.find(wanted) is None:
                # What a client sees is a broken handshake: the words are in the log alone.
                self._app.refuse(wanted)
                return ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            try:
                connection.context = self._authority.context(wanted)
            except ValueError:
                return ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = choose
        return context


async def _pass_through(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Pass bytes on in both directions, until both are at their end or one breaks."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(near[0], far[1]))
            group.create_task(_pump(far[0], near[1]))
    except* OSError:
        pass


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until their end. Raises OSError."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
