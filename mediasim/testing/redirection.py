"""The redirection of a test's own process: an app in it reaches the sandbox by Twilio's names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mediasim.sandbox.proxy.redirect import Redirection

if TYPE_CHECKING:
    from mediasim.sandbox.embedded import EmbeddedSandbox
    from mediasim.sandbox.proxy.proxy import SandboxProxy

__all__ = ["ProcessRedirection"]

_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")


class ProcessRedirection:
    """Leads connections of this process to a sandbox's hosts to its proxy while it is begun."""

    def __init__(self, embedded: EmbeddedSandbox) -> None:
        self._embedded = embedded
        self._redirection = Redirection(lambda: embedded.sandbox.hosts.names, self._address)
        self._before: dict[str, str | None] = {}
        """Variables of the environment as they were before."""

    def begin(self) -> None:
        """Begin to redirect; nothing happens if that was done already."""
        self._redirection.begin()
        # A proxy of the machine's own would be asked for Twilio's hosts instead.
        if not self._before and any(name.lower() in _PROXIES for name in os.environ):
            hosts = [name.removeprefix("*") for name in self._embedded.sandbox.hosts.names]
            for name in _NO_PROXY:
                self._before[name] = os.environ.get(name)
                os.environ[name] = ",".join(filter(None, (self._before[name], *hosts)))

    def end(self) -> None:
        """Undo it."""
        self._redirection.end()
        while self._before:
            name, before = self._before.popitem()
            if before is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = before

    def start_proxy(self) -> SandboxProxy:
        """Start the sandbox's proxy, unless it listens already. Raises ProxyError."""
        proxy = self._embedded.sandbox.proxy
        assert proxy is not None
        if proxy.url is None:
            self._embedded.on_web_loop(proxy.start)
        return proxy

    def _address(self) -> tuple[str, int, str]:
        """Return the address of the proxy, started now, and its authority's certificate."""
        proxy = self.start_proxy()
        parts = urlsplit(proxy.url or "")
        assert proxy.authority is not None
        return parts.hostname or "", parts.port or 0, proxy.authority.certificate.decode("ascii")
