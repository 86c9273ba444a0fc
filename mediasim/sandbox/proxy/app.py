"""What the forward proxy does with a request: answered here, passed on, or refused.

A request names its host by its target (``GET http://api.twilio.com/…``) or, inside a tunnel, by its
Host header. Hosts of the table are answered for on this machine; this machine itself and what
``allow_hosts`` names are passed on; all others are refused, so that no test reaches production.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import unquote, urlsplit

import h11
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mediasim.sandbox.proxy.forward import Forwarder
from mediasim.sandbox.proxy.hosts import AppAddress, HostTable
from mediasim.sandbox.proxy.redirect import refusal_words
from mediasim.twilio.webhooks import HostGuard
from mediasim.twilio.webhooks.address import is_this_machine, plain_host

__all__ = ["ProxyApp", "host_and_port"]

_SCHEMES: Final = ("http", "https", "ws", "wss")
_SECURE: Final = {"http": "https", "ws": "wss"}
_MOST_QUOTED: Final = 100
"""Characters of a host that are quoted."""


class ProxyApp:
    """An ASGI app that answers for the hosts of a table, and forwards what is allowed."""

    def __init__(
        self,
        hosts: HostTable,
        allow_hosts: Collection[str] = (),
        on_refused: Callable[[str], object] | None = None,
        own: ASGIApp | None = None,
    ) -> None:
        """``on_refused`` is called with the words of each refusal.

        ``own`` answers what is asked of the proxy itself under a name of this machine, as browsers
        do that need the sandbox by TLS.
        """
        self._own = own
        self.hosts = hosts
        self._allowed = HostGuard(allow_hosts)
        self._on_refused = on_refused
        self._forwarder = Forwarder()

    def refusal(self, host: str) -> str | None:
        """Return why a host is not called, and report that; None for one that may be."""
        if self.hosts.find(host) is not None or self._allowed.refusal(host) is None:
            return None
        return self.refuse(host)

    def refuse(self, host: str) -> str:
        """Report that a host is not called, and return why."""
        words = refusal_words(_quoted(host)[1:-1])
        if self._on_refused is not None:
            self._on_refused(words)
        return words

    async def close(self) -> None:
        """Close all idle connections."""
        await self._forwarder.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What stops being HTTP within its body has been answered 400, and hears no other answer.
        with contextlib.suppress(h11.LocalProtocolError):
            try:
                host, inner = _destination(scope)
                whole = inner is not scope
            except ValueError as error:
                await JSONResponse({"error": str(error)}, 400)(scope, receive, send)
                return
            await self._answer(host, whole, inner, receive, send)

    async def _answer(
        self, host: str, whole: bool, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request to a host; ``whole`` says that its target has named the host."""
        found = self.hosts.find(host)
        if isinstance(found, AppAddress):
            await self._forwarder.forward(found.url, _forwarded(scope), receive, send)
        elif found is not None:
            await found(scope, receive, send)
        elif self._own is not None and not whole and is_this_machine(host):
            await self._own(scope, receive, send)
        # By a Host header only simulated hosts are asked, or the proxy would ask itself.
        elif (words := self.refusal(host) if whole else self.refuse(host)) is not None:
            await JSONResponse({"error": words}, 403)(scope, receive, send)
        else:
            scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
            url = f"{scheme}://{Headers(scope=scope)['host']}"
            await self._forwarder.forward(url, scope, receive, send)


def _destination(scope: Scope) -> tuple[str, Scope]:
    """Return the host that a request is for, and its scope in origin-form. Raises ValueError."""
    target = scope["raw_path"].decode("ascii")
    if target.startswith("/"):
        name, _ = host_and_port(Headers(scope=scope).get("host", ""))
        return name, scope
    scheme, _, rest = target.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise ValueError(
            "this is a proxy: expected a target such as http://api.twilio.com/path, CONNECT, or a"
            f" path with the Host header of a simulated host; found {_quoted(target)}"
        )
    authority, _, path = rest.partition("/")
    name, _port = host_and_port(authority)
    # The authority of the target replaces the Host header (RFC 9112 section 3.2.2).
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"host"]
    headers.insert(0, (b"host", authority.encode("ascii")))
    inner = {**scope, "path": unquote(f"/{path}"), "raw_path": f"/{path}".encode()}
    if scheme in _SECURE.values():
        inner["scheme"] = _SECURE.get(scope["scheme"], scope["scheme"])
    return name, {**inner, "headers": headers}


def host_and_port(authority: str, default: int | None = None) -> tuple[str, int | None]:
    """Return the host and port of ``HOST[:PORT]``. Raises ValueError."""
    try:
        parts = urlsplit(f"//{authority}")
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"the host {_quoted(authority)} cannot be read: {error}") from None
    if not name or parts.netloc != authority or "@" in authority or not authority.isascii():
        raise ValueError(f"expected a host and its port, found {_quoted(authority)}")
    return plain_host(name), port or default


def _quoted(text: str) -> str:
    return ascii(text[:_MOST_QUOTED])


def _forwarded(scope: Scope) -> Scope:
    """Return a request's scope with the headers by which an app knows the public URL."""
    headers = Headers(scope=scope)
    own = {
        "x-forwarded-proto": "https" if scope["scheme"] in _SECURE.values() else "http",
        "x-forwarded-for": (scope.get("client") or ("127.0.0.1", 0))[0],
        "x-forwarded-host": headers["host"],
    }
    added = [(name.encode(), value.encode()) for name, value in own.items() if name not in headers]
    return {**scope, "headers": [*scope["headers"], *added]}
