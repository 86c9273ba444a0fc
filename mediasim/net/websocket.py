"""A WebSocket connection to an app: the library's protocol over a transport of asyncio's.

Used on the web loop alone. Messages are handed on as they come; how far the app has read is found
by pings, which it answers in order.

Reading plain text frames by hand would take 1.2 microseconds of CPU a message, the library takes
5.4. Of a whole stream, its call and both ways of its audio included, that is 6 % (50 echoes on one
core, runs in turn: 5.25 and 5.59 ms a stream-second), which does not pay for a second reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.frames import apply_mask as _apply_mask  # type: ignore[attr-defined]
from websockets.http11 import Response
from websockets.protocol import SEND_EOF, State
from websockets.uri import parse_uri

from mediasim.net.stream_port import StreamEnd, StreamRefused
from mediasim.net.trust import Trust, TrustError

__all__ = ["WebSocketConnection", "WebSocketListener", "open_websocket"]

_SECONDS_TO_OPEN: Final = 10.0
_SECONDS_TO_CLOSE: Final = 1.0
"""Seconds to wait for the app's close frame, after ours."""
_MOST_BYTES: Final = 1 << 20
"""Bytes of one message at most: over a minute and a half of audio."""
_FINAL_TEXT: Final = 0x81
_MASKED: Final = 0x80
_MOST_WAITING: Final = 256 * 1024
"""Bytes not yet read by the app, from which on audio is left out: some 15 seconds."""


class WebSocketListener(Protocol):
    """Receives a connection's messages and its end. Called on the web loop."""

    def message(self, data: str | bytes) -> None:
        """Handle a message."""

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        """Handle the end of the connection. Called once, and not after our own ``close``."""

    def congested(self) -> None:
        """Handle that audio was not sent, because too much waits to be sent."""


async def open_websocket(
    url: str, headers: Mapping[str, str], listener: WebSocketListener, trust: Trust | None = None
) -> WebSocketConnection:
    """Open a connection. Raises StreamRefused after ten seconds, or if the app refuses it."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    try:
        context = (trust or Trust()).context if secure else None
    except TrustError as error:
        raise StreamRefused(str(error), "handshake") from None
    port = parts.port or (443 if secure else 80)
    loop = asyncio.get_running_loop()
    connection = WebSocketConnection(url, headers, listener)
    try:
        async with asyncio.timeout(_SECONDS_TO_OPEN):
            await loop.create_connection(
                lambda: connection, parts.hostname or "", port, ssl=context
            )
            await connection.opened
    except TimeoutError:
        connection.abort()
        raise StreamRefused(f"no answer within {_SECONDS_TO_OPEN:g} seconds", "timeout") from None
    except OSError as error:
        raise StreamRefused(f"cannot connect: {_in_words(error)}", "refused") from None
    except StreamRefused:
        connection.abort()
        raise
    return connection


def _in_words(error: OSError) -> str:
    """Return why connecting failed; of a name with several addresses, at the first of them."""
    words = error.strerror or str(error)
    number = re.search(r"\[Errno (\d+)\] Connect call failed", str(error))
    return os.strerror(int(number[1])) if number is not None else words


def _text_frame(data: bytes) -> bytes:
    """Return a client's whole text frame of UTF-8 (RFC 6455, section 5.2).

    The library's takes several times as long: it is written fifty times a second for each track.
    """
    size, mask = len(data), os.urandom(4)  # noqa: TID251 - no audio depends on a mask
    if size < 126:
        head = struct.pack("!BB", _FINAL_TEXT, _MASKED | size)
    elif size < 65536:
        head = struct.pack("!BBH", _FINAL_TEXT, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _FINAL_TEXT, _MASKED | 127, size)
    masked: bytes = _apply_mask(data, mask)  # in C where the library has it
    return head + mask + masked


class WebSocketConnection(asyncio.Protocol):
    """One connection, from its upgrade on. :func:`open_websocket` makes it."""

    def __init__(self, url: str, headers: Mapping[str, str], listener: WebSocketListener) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._headers = headers
        self._listener = listener
        self._protocol = ClientProtocol(parse_uri(url), max_size=_MOST_BYTES)
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._text = False
        self._pings: dict[bytes, asyncio.Future[None]] = {}
        self._pinged = 0
        self._ended = False
        self.opened: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when the connection is gone."""
        self.received = 0
        """Number of messages received."""

    # -- writing ----------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether messages may be sent."""
        return self._protocol.state is State.OPEN

    def send(self, messages: Sequence[tuple[str, bool]]) -> None:
        """Send text frames, given as (text, whether it is audio); nothing once it is closed.

        Audio is left out while too much waits to be sent.
        """
        transport = self._transport
        if not self.open or transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MOST_WAITING:
            kept = [(text, audio) for text, audio in messages if not audio]
            if len(kept) < len(messages):
                self._listener.congested()
            messages = kept
        self._flush()
        transport.write(b"".join([_text_frame(text.encode()) for text, _ in messages]))

    def ping(self) -> asyncio.Future[None]:
        """Ping the app; the future is done when it has read all sent before, or is gone."""
        answered: asyncio.Future[None] = self._loop.create_future()
        if self.open:
            self._pinged += 1
            name = b"%d" % self._pinged
            self._pings[name] = answered
            self._protocol.send_ping(name)
            self._flush()
        else:
            answered.set_result(None)
        return answered

    def close(self, code: int = 1000) -> None:
        """Send a close frame, and break the connection if it is not answered within a second."""
        self._ended = True  # the listener closes it itself and needs no notice
        if self.open:
            self._protocol.send_close(code)
            self._flush()
        self._loop.call_later(_SECONDS_TO_CLOSE, self.abort)

    def abort(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading until :meth:`resume`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Resume reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = self._protocol.data_to_send()
        transport.write(b"".join(data))  # in one go: each write is a call of the system's
        if data and data[-1] == SEND_EOF and transport.can_write_eof():
            with contextlib.suppress(OSError):  # the app was faster
                transport.write_eof()

    # -- reading ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        request = self._protocol.connect()
        for name, value in self._headers.items():
            if name in request.headers:  # a Host that is not the address connected to
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._handle()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._handle()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            words = "the connection was closed before the WebSocket was open"
            self.opened.set_exception(StreamRefused(words, "handshake"))
        with contextlib.suppress(Exception):  # the protocol may know that already
            self._protocol.receive_eof()
        self._end()
        for waiting in self._pings.values():
            waiting.set_result(None)
        self._pings.clear()
        if not self.gone.done():
            self.gone.set_result(None)

    def _handle(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._answered(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()
        if self._protocol.state in (State.CLOSING, State.CLOSED) and self.opened.done():
            self._end()
        if self._protocol.close_expected():
            self._loop.call_later(_SECONDS_TO_CLOSE, self.abort)

    def _answered(self, response: Response) -> None:
        wrong = self._protocol.handshake_exc
        if self.opened.done():
            return
        if wrong is None:
            self.opened.set_result(None)
        else:
            words = f"the upgrade was answered with {response.status_code}"
            if response.status_code == 101:
                words = f"the upgrade was answered wrongly: {wrong}"
            self.opened.set_exception(StreamRefused(words, "handshake"))

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            waiting = self._pings.pop(bytes(frame.data), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                self._text = frame.opcode is Opcode.TEXT
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), []
                self._message(whole)

    def _message(self, whole: bytes) -> None:
        self.received += 1
        if self._ended:
            return
        if not self._text:
            self._listener.message(whole)
            return
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            self._ended = True  # even if the app's close frame was read with it
            self._protocol.fail(1007, "not UTF-8")
            self._listener.closed("protocol", 1007, "not UTF-8")
        else:
            self._listener.message(text)

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        protocol = self._protocol
        if protocol.close_rcvd is not None:
            close = protocol.close_rcvd
            words = "the app has closed the WebSocket" + (
                f": {close.reason}" if close.reason else ""
            )
            self._listener.closed("closed", int(close.code), words)
        elif protocol.close_sent is not None:
            close = protocol.close_sent
            words = close.reason or "the app broke the WebSocket protocol"
            self._listener.closed("protocol", int(close.code), words)
        else:
            self._listener.closed("broken", 1006, "the connection broke")
