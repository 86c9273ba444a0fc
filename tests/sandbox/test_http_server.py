"""Connections that are kept open without asking anything, or without taking the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from mediasim.sandbox.http_server import BoundedProtocol, PromptServer

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
UNENDED = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Connection]]
HUGE = 200 * 1024 * 1024


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """All of a body is read; then as much is answered as the path says."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            return
        if not message.get("more_body") and scope["type"] == "http":
            break
    if scope["path"] == "/hang":
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/huge":
        for _ in range(HUGE // 65536):
            await send({"type": "http.response.body", "body": b" " * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b"here"})


class Quick(BoundedProtocol):
    head_seconds = 0.5
    body_seconds = 0.5
    response_seconds = 0.5
    most = 20


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    config = uvicorn.Config(answers, http=Quick, lifespan="off", log_config=None, port=0)
    server = PromptServer(config)
    serving = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn tells of it by this alone
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    opened: list[asyncio.StreamWriter] = []

    async def connected() -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        return reader, writer

    yield connected
    for writer in opened:
        writer.close()
    server.end()
    await serving


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the far side has closed."""
    data = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            while piece := await reader.read(1 << 20):
                data += piece
    return data


async def asked(connection: Connection) -> bytes:
    reader, writer = connection
    writer.write(REQUEST)
    async with asyncio.timeout(20):
        return await reader.readuntil(b"here\r\n0\r\n\r\n")


@pytest.mark.parametrize("said", [b"", b"G", REQUEST[:-2], REQUEST + b"GET", UNENDED])
async def test_what_never_becomes_a_request_is_closed(connect: Connect, said: bytes) -> None:
    reader, writer = await connect()
    writer.write(said)
    await ends(reader)


async def test_a_head_that_comes_a_byte_at_a_time_has_no_more_time(connect: Connect) -> None:
    reader, writer = await connect()

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for byte in REQUEST[:-1] * 20:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)

    dripping = asyncio.ensure_future(drip())
    assert b"here" not in await ends(reader)
    dripping.cancel()


async def test_a_websocket_stays_open_though_nothing_is_said(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(UPGRADE)
    async with asyncio.timeout(20):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2 * Quick.body_seconds):
            await reader.read(1)


async def test_an_answer_that_is_not_taken_is_given_up(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(REQUEST.replace(b"/ ", b"/huge "))
    await asyncio.sleep(2)  # the reader's own limit stops it from taking more
    taken = 0
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            while piece := await reader.read(1 << 20):
                taken += len(piece)
    assert taken < HUGE


async def test_one_that_asks_again_and_again_is_kept(connect: Connect) -> None:
    connection = await connect()
    for _ in range(5):
        assert b"here" in await asked(connection)
        await asyncio.sleep(0.2)


async def test_of_too_many_that_wait_the_oldest_go_and_whoever_asks_is_answered(
    connect: Connect,
) -> None:
    idle = [await connect() for _ in range(19)]
    for _, writer in idle[:9]:
        writer.write(UNENDED)
    for _ in range(30):
        assert b"here" in await asked(await connect())
    gone = await asyncio.wait_for(asyncio.gather(*(ends(reader) for reader, _ in idle)), 20)
    assert len(gone) == 19


async def test_where_all_are_busy_one_more_is_told_so(connect: Connect) -> None:
    for _ in range(20):
        _, writer = await connect()
        writer.write(REQUEST.replace(b"/ ", b"/hang "))
    await asyncio.sleep(0.1)
    reader, _ = await connect()
    assert (await ends(reader)).startswith(b"HTTP/1.1 503 ")
