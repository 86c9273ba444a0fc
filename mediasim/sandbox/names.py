"""How webhooks and media streams reach who answers under a public name.

A name of the number plan (``hosts:``) leads to an app on this machine, in plain HTTP and plain
WebSockets, as a tunnel's end would: the app sees the public name in ``Host`` and the public scheme
in ``X-Forwarded-Proto``, and requests stay signed for the public URL. Names of sites that Twilio
hosts are answered by their stand-ins (:mod:`mediasim.twilio.sites`). Nothing is resolved by a name
server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Container, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mediasim.net.stream_port import StreamListener, StreamPort, StreamRefused, StreamSocket
from mediasim.sandbox.proxy.hosts import AppAddress, HostTable, app_origin, public_host_name
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpPort, HttpRequest
from mediasim.twilio.sites import SAMPLES, SITES, Site, SiteRequest, samples
from mediasim.twilio.webhooks.address import plain_host

__all__ = ["NamedPort", "NamedStreams", "Note", "Reachable", "SiteApp", "name_app", "with_sites"]

_API: Final = re.compile(r"api(\.[a-z0-9-]+){0,2}\.twilio\.com")
_THIS_MACHINE: Final = "127.0.0.1"
_SECURE: Final = ("https", "wss")
_WEB_SOCKET: Final = {"http": "ws", "https": "wss"}
Note = Callable[[str, str, str], None]
"""Takes a note for the developer: (SID of the call or "", words, URL)."""


class SiteApp:
    """A site that Twilio hosts, as an ASGI app for requests of apps."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        asked = SiteRequest(request.method, str(request.url), await request.body())
        answer = await asyncio.to_thread(self.site, asked)
        response = Response(answer.body, answer.status, media_type=answer.content_type)
        await response(scope, receive, send)


def with_sites(hosts: HostTable) -> HostTable:
    """Add the sites that Twilio hosts to a table, where no app has their names."""
    for name, site in SITES.items():
        if hosts.find(name) is None:
            hosts.answer(name, SiteApp(site))
    return hosts


def name_app(hosts: HostTable, name: str, url: str) -> str:
    """Let an app answer under a public name from now on; return its public URL, of https.

    Raises ValueError for a name or an address that no app can have.
    """
    hosts.route(public_host_name(name), app_origin(url))
    return f"https://{name}"


@dataclass(frozen=True, slots=True)
class Reachable(Container[str]):
    """The names that are answered on this machine."""

    hosts: HostTable
    own_url: str = ""
    """Where Twilio's API is served here, which answers as api.twilio.com too."""

    def __contains__(self, host: object) -> bool:
        return isinstance(host, str) and self.find(host, "/") is not None

    def find(self, host: str, path: str) -> AppAddress | ASGIApp | None:
        """Return who answers for a path of a host; None for a host of others."""
        if _API.fullmatch(plain_host(host)):
            if path in SAMPLES:
                return SiteApp(samples)
            return AppAddress(self.own_url) if self.own_url else self.hosts.find(host)
        return self.hosts.find(host)

    def reach(self, app: AppAddress, url: str) -> tuple[str, dict[str, str]]:
        """Return the app's own URL for a public http, https, ws or wss URL, and its headers."""
        parts, at = urlsplit(url), urlsplit(app.url)
        web = parts.scheme in ("http", "https")
        scheme = at.scheme if web else _WEB_SOCKET[at.scheme]
        local = parts._replace(scheme=scheme, netloc=at.netloc).geturl()
        if app.url == self.own_url:  # the API knows its own names
            return local, {}
        host = parts.netloc.rpartition("@")[2]
        return local, {
            "Host": host,
            "X-Forwarded-For": _THIS_MACHINE,
            "X-Forwarded-Host": host,
            "X-Forwarded-Proto": "https" if parts.scheme in _SECURE else "http",
        }


class NamedPort(HttpPort):
    """Sends requests to names where the names lead, and all others by another port."""

    def __init__(
        self,
        port: HttpPort,
        names: Reachable,
        hold: Callable[[], AbstractContextManager[None]],
        note: Note,
    ) -> None:
        """``hold`` stops the engine's clock while a site answers, on the engine's loop."""
        self._port = port
        self._names = names
        self._hold = hold
        self._note = note

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        """Send one request and return its response. Raises HttpFailed."""
        parts = urlsplit(request.url)
        found = self._names.find(parts.hostname or "", parts.path)
        if isinstance(found, SiteApp):
            return await self._ask_site(found.site, request)
        if not isinstance(found, AppAddress):
            return await self._port.send(request, limits)
        url, headers = self._names.reach(found, request.url)
        try:
            sent = replace(request, url=url, headers={**request.headers, **headers})
            return await self._port.send(sent, limits)
        except HttpFailed as failed:
            words = f"{failed} ({parts.hostname} is {found.url} by hosts:)"
            raise HttpFailed(words, timed_out=failed.timed_out, refused=failed.refused) from None

    async def _ask_site(self, site: Site, request: HttpRequest) -> HttpAnswer:
        asked = SiteRequest(request.method, request.url, request.body)
        with self._hold():  # music is made when it is first asked for
            answer = await asyncio.to_thread(site, asked)
        for words in answer.notes:
            self._note(asked.text("CallSid"), words, request.url)
        return HttpAnswer(answer.status, {"content-type": answer.content_type}, answer.body)


class NamedStreams(StreamPort):
    """Opens the WebSockets of names where the names lead, and all others by another port."""

    def __init__(self, port: StreamPort, names: Reachable) -> None:
        self._port = port
        self._names = names

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> StreamSocket:
        """Open a WebSocket. Raises StreamRefused."""
        host = urlsplit(url).hostname or ""
        found = self._names.find(host, urlsplit(url).path)
        if found is None:
            return await self._port.connect(url, headers, listener)
        if not isinstance(found, AppAddress):
            raise StreamRefused(f"{host} is a site of Twilio's, which takes no streams", "refused")
        at, more = self._names.reach(found, url)
        try:
            return await self._port.connect(at, {**headers, **more}, listener)
        except StreamRefused as refused:
            words = f"{refused} ({host} is {found.url} by hosts:)"
            raise StreamRefused(words, refused.why) from None
