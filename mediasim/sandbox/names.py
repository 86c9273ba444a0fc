"""The public names inside a sandbox: who answers under a host name, for webhooks and for apps.

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

from mediasim.net.stream_port import StreamListener, StreamPort, StreamRefused, StreamSocket
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpPort, HttpRequest
from mediasim.twilio.sites import SAMPLES, Site, SiteRequest, samples, site_of
from mediasim.twilio.webhooks.address import allowed_host, is_address

__all__ = ["AppHost", "NamedPort", "NamedStreams", "Names", "Note", "public_host_name"]

_API: Final = re.compile(r"api(\.[a-z0-9-]+){0,2}\.twilio\.com")
_FORWARDED_FOR: Final = "127.0.0.1"
"""The address that requests come from: this machine."""
_SECURE: Final = ("https", "wss")
Note = Callable[[str, str, str], None]
"""Takes a note for the developer: (SID of the call or "", words, URL)."""


@dataclass(frozen=True, slots=True)
class AppHost:
    """A public name of an app, and where the app is."""

    name: str
    """The name as the plan has it; ``*.example.com`` is all names below example.com."""
    origin: str
    """Scheme, host and port of the app: ``http://127.0.0.1:5050``."""
    forwards: bool = True
    """Whether the app is told the public name; False for the sandbox's own API."""

    def reach(self, url: str) -> tuple[str, dict[str, str]]:
        """Return the app's own URL for a public http, https, ws or wss URL, and its headers."""
        parts, at = urlsplit(url), urlsplit(self.origin)
        web = parts.scheme in ("http", "https")
        scheme = at.scheme if web else {"http": "ws", "https": "wss"}[at.scheme]
        headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "X-Forwarded-For": _FORWARDED_FOR,
            "X-Forwarded-Host": parts.netloc.rpartition("@")[2],
            "X-Forwarded-Proto": "https" if parts.scheme in _SECURE else "http",
        }
        local = parts._replace(scheme=scheme, netloc=at.netloc).geturl()
        return local, headers if self.forwards else {}


class Names(Container[str]):
    """The names that a sandbox knows, and who answers under each."""

    def __init__(self, hosts: Mapping[str, str], own_url: str = "") -> None:
        """``hosts`` are the plan's: an app's address by its public name, ``*.`` for all below.

        ``own_url`` is where Twilio's API is served here.
        """
        self._hosts: dict[str, AppHost] = {}
        for name, origin in hosts.items():
            self.add(name, origin)
        self._own = AppHost("api.twilio.com", own_url, forwards=False) if own_url else None

    def add(self, name: str, origin: str) -> str:
        """Let an app be found under a name from now on; return its public URL, of https.

        Raises ValueError for a name that no app can have.
        """
        self._hosts[_plain(public_host_name(name))] = AppHost(name, origin)
        return f"https://{name}"

    def __contains__(self, host: object) -> bool:
        """Tell whether an app or a site answers under a host name."""
        return isinstance(host, str) and self.find(host) is not None

    def find(self, host: str, path: str = "/") -> AppHost | Site | None:
        """Return the app or the site that answers under a host name; None for a name of others.

        The plan's names come before Twilio's; of several that match, the longest counts. Only the
        API's host has sites of its own at some paths.
        """
        host = _plain(host)
        if host in self._hosts:
            return self._hosts[host]
        labels = host.split(".")
        for first in range(1, len(labels)):
            if (found := self._hosts.get(".".join(("*", *labels[first:])))) is not None:
                return found
        if _API.fullmatch(host):
            return samples if path in SAMPLES else self._own
        return site_of(host)


def public_host_name(text: str) -> str:
    """Return a public name of an app, ``*.`` for all names below. Raises ValueError."""
    plain = _plain(text).removeprefix("*.")
    example = "expected a public host name such as demo.ngrok.app, or *.ngrok.app for all below"
    try:
        allowed_host(plain)
    except ValueError:
        raise ValueError(f"{example}, found {text[:60]!r}") from None
    if plain in ("*", "localhost") or is_address(plain):
        raise ValueError(f"{example}, found {text[:60]!r}")
    if plain == "twilio.com" or plain.endswith(".twilio.com"):
        raise ValueError(f"{text[:60]}: the sandbox itself answers under names of twilio.com")
    return text


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


class NamedPort(HttpPort):
    """Sends requests to names where the names lead, and all others by another port."""

    def __init__(
        self,
        port: HttpPort,
        names: Names,
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
        if found is None:
            return await self._port.send(request, limits)
        if not isinstance(found, AppHost):
            return await self._ask_site(found, request)
        url, headers = found.reach(request.url)
        try:
            sent = replace(request, url=url, headers={**request.headers, **headers})
            return await self._port.send(sent, limits)
        except HttpFailed as failed:
            words = f"{failed} ({found.name} is {found.origin} by hosts:)"
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

    def __init__(self, port: StreamPort, names: Names) -> None:
        self._port = port
        self._names = names

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> StreamSocket:
        """Open a WebSocket. Raises StreamRefused."""
        found = self._names.find(urlsplit(url).hostname or "")
        if found is None:
            return await self._port.connect(url, headers, listener)
        if not isinstance(found, AppHost):
            raise StreamRefused("it is a site of Twilio's, which takes no streams", "refused")
        at, more = found.reach(url)
        try:
            return await self._port.connect(at, {**headers, **more}, listener)
        except StreamRefused as refused:
            words = f"{refused} ({found.name} is {found.origin} by hosts:)"
            raise StreamRefused(words, refused.why) from None
