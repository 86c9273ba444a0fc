"""Requests to the user's app: an HttpPort over httpx2 on the web loop.

A request is awaited on the engine's loop, whose virtual clock is held until the response is there:
an app takes no time but its own. The number of open requests is limited for each host and port, so
an app that does not respond cannot block the others. There are no redirects, cookies, or proxies of
the environment: an app under test receives what Twilio's request would bring it, and no request
goes anywhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mediasim.net.trust import Trust, TrustError
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpRequest

if TYPE_CHECKING:
    import httpx2

__all__ = ["WebPort"]

_MAX_PER_HOST: Final = 100
"""Largest number of requests that one host and port may have open."""


class WebPort:
    """A client that sends requests from the loop it was made on, for callers on other loops."""

    def __init__(
        self,
        web: asyncio.AbstractEventLoop,
        hold: Callable[[], AbstractContextManager[None]],
        trust: Trust | None = None,
    ) -> None:
        """``hold`` stops the engine's clock while its context is entered, on the engine's loop.

        ``trust`` says whose certificates are accepted.
        """
        self._trust = trust or Trust()
        self._web_loop = web
        self._hold = hold
        self._client: httpx2.AsyncClient | None = None
        self._open: Counter[str] = Counter()
        """Number of requests that are open or wait to be opened, by host and port."""
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        """Send one request and return the response.

        Raises HttpFailed when there is no response, or one that is longer than the limits allow.
        """
        sending = self._timed_round_trip(request, limits)
        with self._hold():
            return await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(sending, self._web_loop)
            )

    async def close(self) -> None:
        """Close all connections. To be awaited on the web loop."""
        if self._client is not None:
            await self._client.aclose()

    async def _timed_round_trip(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        """Send one request on the web loop, and measure how long it took. Raises HttpFailed."""
        began = self._web_loop.time()
        try:
            answer = await self._round_trip(request, limits)
        except HttpFailed as failed:
            failed.took_ms = round((self._web_loop.time() - began) * 1000)
            raise
        return replace(answer, took_ms=round((self._web_loop.time() - began) * 1000))

    async def _round_trip(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        """Send one request on the web loop. Raises HttpFailed."""
        import httpx2

        timeout = httpx2.Timeout(limits.total_seconds, connect=limits.connect_seconds)
        waiting = True
        try:
            async with asyncio.timeout(limits.total_seconds), self._slot(request.url):
                waiting = False
                streaming = self._http_client().stream(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    content=request.body,
                    timeout=timeout,
                )
                async with streaming as response:
                    return HttpAnswer(
                        response.status_code,
                        {name.lower(): value for name, value in response.headers.items()},
                        await _read_body(response, limits.most_bytes),
                    )
        except TrustError as error:
            raise HttpFailed(str(error), refused=True) from None
        except httpx2.ConnectTimeout:
            words = f"no connection within {limits.connect_seconds:g} seconds"
            raise HttpFailed(words, timed_out=True) from None
        except (TimeoutError, httpx2.TimeoutException):
            words = f"no answer within {limits.total_seconds:g} seconds"
            if waiting:
                words += f": it has {_MAX_PER_HOST} requests open and answers none"
            raise HttpFailed(words, timed_out=True) from None
        except httpx2.ConnectError as error:
            raise HttpFailed(f"cannot connect: {error}", refused=True) from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise HttpFailed(f"{request.url!r} cannot be called: {error}", refused=True) from None
        except httpx2.HTTPError as error:
            words = str(error) or type(error).__name__
            raise HttpFailed(f"the connection broke: {words}") from None

    @contextlib.asynccontextmanager
    async def _slot(self, url: str) -> AsyncIterator[None]:
        """Wait until the URL's host and port have fewer open requests than the limit."""
        host = _host(url)
        slots = self._slots.setdefault(host, asyncio.Semaphore(_MAX_PER_HOST))
        self._open[host] += 1
        try:
            async with slots:
                yield
        finally:
            self._open[host] -= 1
            if not self._open[host]:
                del self._open[host], self._slots[host]

    def _http_client(self) -> httpx2.AsyncClient:
        """Return the HTTP client, made at the first request: importing httpx2 takes long."""
        if self._client is None:
            import httpx2

            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
            self._client = httpx2.AsyncClient(
                trust_env=False,
                verify=self._trust.context,
                follow_redirects=False,
                cookies=no_cookies,
                headers={"Accept-Encoding": "gzip, deflate"},
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=50),
            )
        return self._client


def _host(url: str) -> str:
    """Return host and port of a URL; an empty text for a malformed URL, which sending refuses."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


async def _read_body(response: httpx2.Response, most_bytes: int) -> bytes:
    """Read the body of a response. Raises HttpFailed for more than ``most_bytes`` bytes."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > most_bytes:
            raise HttpFailed(f"the answer is longer than {most_bytes:,} bytes")
    return bytes(content)
