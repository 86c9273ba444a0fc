"""Requests to an app, over real sockets on loopback, from an engine whose time is virtual."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mediasim.sandbox.clocks import make_clock
from mediasim.sandbox.engine import EngineThread
from mediasim.sandbox.http_port import WebPort
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpRequest

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
Send = Callable[..., Awaitable[HttpAnswer]]


@asynccontextmanager
async def app(answer: Answer) -> AsyncIterator[str]:
    """A server that hands each request's head and body to ``answer``; gives its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                await answer(head + await reader.readexactly(length), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def reply(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.fixture
async def engine() -> AsyncIterator[EngineThread]:
    engine = EngineThread(make_clock("virtual"))
    engine.start()
    yield engine
    await asyncio.to_thread(engine.stop)


@pytest.fixture
async def send(engine: EngineThread) -> AsyncIterator[Send]:
    port = WebPort(asyncio.get_running_loop(), engine.clock.hold)

    async def ask(url: str, method: str = "POST", body: bytes = b"", **limits: float) -> HttpAnswer:
        limits = {"connect_seconds": 5, "total_seconds": 5, "most_bytes": 1000, **limits}
        headers = {"User-Agent": "TwilioProxy/1.1"}
        request = HttpRequest(method, url, headers, body)
        most = HttpLimits(**limits)  # type: ignore[arg-type]
        return await engine.gate(lambda: port.send(request, most))

    yield ask
    await port.close()


async def test_a_request_and_its_answer(send: Send) -> None:
    seen = list[bytes]()

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(reply(b"<Response/>", b"Content-Type: text/xml", status=b"201 Created"))

    async with app(answer) as url:
        got = await send(f"{url}/voice?x=1", body=b"CallSid=CA1")
    assert (got.status, got.body, got.headers["content-type"]) == (201, b"<Response/>", "text/xml")
    assert seen[0].startswith(b"POST /voice?x=1 HTTP/1.1\r\n")
    assert seen[0].lower().count(b"user-agent:") == 1
    assert b"TwilioProxy/1.1" in seen[0]
    assert seen[0].endswith(b"\r\n\r\nCallSid=CA1")


async def test_the_clock_stands_still_while_the_app_thinks(
    engine: EngineThread, send: Send
) -> None:
    times = list[int]()

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        times.append(await engine.gate(lambda: engine.clock.now_ns))
        writer.write(reply(b"ok"))

    async with app(answer) as url:
        asking = asyncio.ensure_future(send(url))
        await asyncio.sleep(0.01)
        engine.submit(lambda: asyncio.sleep(60))
        await asking
    assert times == [0]


async def test_redirects_are_not_followed_and_cookies_not_kept(send: Send) -> None:
    seen = list[bytes]()

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        headers = (b"Location: /elsewhere", b"Set-Cookie: session=1; Path=/")
        writer.write(reply(b"", *headers, status=b"302 Found"))

    async with app(answer) as url:
        assert (await send(url)).headers["location"] == "/elsewhere"
        await send(url)
    assert len(seen) == 2
    assert b"cookie" not in seen[1].lower()


async def test_proxies_of_the_environment_are_not_used(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"straight"))

    async with app(answer) as url:
        assert (await send(url)).body == b"straight"


@pytest.mark.parametrize("packed", [False, True])
async def test_too_long_an_answer_is_not_read_to_its_end(send: Send, packed: bool) -> None:
    body = b"a" * 1_000_000

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        if packed:
            writer.write(reply(gzip.compress(body), b"Content-Encoding: gzip"))
        else:
            writer.write(reply(body))

    async with app(answer) as url:
        with pytest.raises(HttpFailed, match="longer than 1,000 bytes"):
            await send(url)


async def test_an_app_that_is_too_slow(send: Send) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    async with app(answer) as url:
        with pytest.raises(HttpFailed, match=r"no answer within 0\.05 seconds") as failed:
            await send(url, total_seconds=0.05)
    assert failed.value.timed_out


async def test_an_app_that_drips_its_answer_is_too_slow_too(send: Send) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            await asyncio.sleep(0.01)
            writer.write(b"x")
            await writer.drain()

    async with app(answer) as url:
        with pytest.raises(HttpFailed) as failed:
            await send(url, total_seconds=0.1)
    assert failed.value.timed_out


async def test_an_app_that_hangs_up(send: Send) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with app(answer) as url:
        with pytest.raises(HttpFailed, match="the connection broke") as failed:
            await send(url)
    assert not failed.value.timed_out
    assert not failed.value.refused


async def test_an_app_that_does_not_run(send: Send) -> None:
    async with app(lambda request, writer: asyncio.sleep(0)) as url:
        pass
    with pytest.raises(HttpFailed, match="cannot connect") as failed:
        await send(url)
    assert failed.value.refused


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "no url", "http://127.0.0.1:x/"])
async def test_what_is_no_url_is_refused(send: Send, url: str) -> None:
    with pytest.raises(HttpFailed, match="cannot be called") as failed:
        await send(url)
    assert failed.value.refused


async def test_an_answer_that_is_no_http(send: Send) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()

    async with app(answer) as url:
        with pytest.raises(HttpFailed, match="the connection broke"):
            await send(url)


async def test_an_app_that_hangs_starves_no_other(send: Send) -> None:
    hung = asyncio.Semaphore(0)

    async def hang(_: bytes, __: asyncio.StreamWriter) -> None:
        hung.release()
        await asyncio.Event().wait()

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"here"))

    async with app(hang) as first, app(hang) as second, app(answer) as innocent:
        asked = [
            asyncio.ensure_future(send(f"{url}/{number}", total_seconds=60))
            for url in (first, second)
            for number in range(300)
        ]
        for _ in range(200):  # as many as these two may have open
            await hung.acquire()
        before = asyncio.get_running_loop().time()
        for _ in range(20):
            assert (await send(innocent)).body == b"here"
        assert asyncio.get_running_loop().time() - before < 5
        with pytest.raises(HttpFailed, match="100 requests open"):
            await send(first, total_seconds=0.2)
        assert hung.locked()
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert (await send(innocent)).body == b"here"
