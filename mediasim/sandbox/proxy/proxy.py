"""The forward proxy of a sandbox: started when it is first needed, closed with the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from mediasim.sandbox.listening import ListenAddress, listening_socket
from mediasim.sandbox.proxy.app import ProxyApp
from mediasim.sandbox.proxy.authority import Authority, TrustFiles
from mediasim.sandbox.proxy.environment import PRELOADS, proxy_variables
from mediasim.sandbox.proxy.hosts import HostTable
from mediasim.sandbox.proxy.listener import ProxyListener

__all__ = ["ProxyError", "SandboxProxy"]

_FOLDER: Final = "authority"
_LAST_PORT: Final = 65_535


class ProxyError(Exception):
    """The proxy cannot be started; the message says why."""


class SandboxProxy:
    """The way for apps to reach the hosts of a sandbox's table by their own names.

    Used on the loop of its sandbox's server.
    """

    def __init__(
        self,
        hosts: HostTable,
        folder: Path,
        *,
        allow_hosts: Collection[str],
        address: ListenAddress,
        on_event: Callable[[str, str], object],
        own: ASGIApp | None = None,
        before_start: Callable[[], None] = lambda: None,
    ) -> None:
        """``folder`` is the sandbox's data folder; ``address`` is the sandbox's own.

        ``on_event`` is called with a kind, ``refused`` or ``untrusted``, and what happened in
        words. ``own`` is the sandbox's app, which the proxy's port serves by TLS too.
        ``before_start`` is called before it listens.
        """
        self._before_start = before_start
        self.hosts = hosts
        self._own = own
        self._folder = folder / _FOLDER
        self._allow_hosts = tuple(allow_hosts)
        self._address = address
        self._on_event = on_event
        self._listener: ProxyListener | None = None
        self._app: ProxyApp | None = None
        self.authority: Authority | None = None
        """The authority that its certificates are of; None while it has never listened."""
        self._trust: TrustFiles | None = None
        self.url: str | None = None
        """The proxy's URL for clients on this machine; None while it does not listen."""

    def start(self) -> str:
        """Listen, unless it does so already; return the proxy's URL. Raises ProxyError."""
        if self.url is None:
            self._before_start()
            with self._writing():
                self.authority = authority = Authority(self._folder)
            listening = self._listen()
            self._app = ProxyApp(
                self.hosts,
                self._allow_hosts,
                lambda words: self._on_event("refused", words),
                self._own,
            )
            self._listener = ProxyListener(
                listening, self._app, authority, lambda words: self._on_event("untrusted", words)
            )
            self.url = self._address.url(listening)
        return self.url

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise an OSError in it as ProxyError."""
        try:
            yield
        except OSError as error:
            words = f"cannot write the authority's files below {self._folder}"
            raise ProxyError(f"{words}: {error.strerror or error}") from None

    def _listen(self) -> socket.socket:
        """Return a listening socket. Raises ProxyError."""
        own, host = self._address.port, self._address.host
        port = self._address.proxy_port
        # A port that stays the same is one less thing to copy at each start.
        ports = [port] if port is not None else [own + 1, 0] if 0 < own < _LAST_PORT else [0]
        for each in ports:
            try:
                return listening_socket(host, each)
            except OSError as error:
                words = f"the proxy cannot listen on {host}:{each}: {error.strerror or error}"
        raise ProxyError(words)

    @property
    def description(self) -> list[str]:
        """Where the proxy is, what it answers for, and what programs load for it, in lines."""
        passed = ", ".join(self._allow_hosts)
        others = f"passes on {passed}; refuses others" if passed else "refuses other hosts"
        return [
            f"proxy at {self.url}: answers for {', '.join(self.hosts.summary)}; {others}",
            *(f"loaded by {name}, for {what}" for name, what in PRELOADS.items()),
        ]

    def variables(self) -> Mapping[str, str]:
        """Return the environment by which programs use the proxy; empty while there is none.

        Raises ProxyError.
        """
        if self.url is None or self.authority is None:
            return {}
        if self._trust is None:
            with self._writing():
                self._trust = self.authority.trust_files()
        return proxy_variables(self.url, self._trust, self.hosts.names, self._allow_hosts)

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        if self._listener is not None and self._app is not None:
            await self._listener.close()
            await self._app.close()
            await asyncio.sleep(0)  # closed transports are taken down by the loop
        self._listener, self._app, self.url = None, None, None
