"""Which local handler answers for a host name: the sandbox itself, or an app at a local address.

One table serves both ways: the forward proxy looks up the hosts that an app asks for, and webhooks
and media streams look up the public names of apps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from mediasim.twilio.webhooks.address import plain_host

__all__ = ["AppAddress", "HostTable", "LocalHandler"]

_ANY_BELOW: Final = "*."
_WWW: Final = "www."
_MUSIC: Final = "com.twilio."
"""Beginning of the names of the buckets with Twilio's music."""


@dataclass(frozen=True, slots=True)
class AppAddress:
    """The address where an app with a public name listens on this machine."""

    url: str
    """``http://127.0.0.1:5050``, without a final slash."""


LocalHandler = ASGIApp | AppAddress
"""What answers for a host: an ASGI app of the sandbox, or the address of an app."""


class HostTable:
    """The host names that are answered for on this machine, each with its handler."""

    def __init__(self, apps: Mapping[str, str] | None = None) -> None:
        """``apps`` are URLs of apps by their public names, as ``hosts:`` of a number plan."""
        self._handlers: dict[str, LocalHandler] = {}
        for name, url in (apps or {}).items():
            self.route(name, url)

    def route(self, name: str, url: str) -> None:
        """Let the app at a local URL answer for a public name, instead of what did so before.

        ``*.example.com`` are all names below example.com.
        """
        self._set(name, AppAddress(url.rstrip("/")))

    def answer(self, name: str, app: ASGIApp) -> None:
        """Let an ASGI app of the sandbox answer for a name, or for all names below it by ``*.``."""
        self._set(name, app)

    def forget(self, name: str) -> None:
        """Remove a name, if it is there."""
        self._handlers = {
            known: each for known, each in self._handlers.items() if known != plain_host(name)
        }

    def find(self, host: str) -> LocalHandler | None:
        """Return the handler for a host name without its port; None for hosts of others.

        The whole name has priority over ``*.``, and the longer ``*.`` over the shorter.
        """
        name, handlers = plain_host(host), self._handlers
        if name in handlers:
            return handlers[name]
        labels = name.split(".")
        for start in range(1, len(labels)):
            found = handlers.get(_ANY_BELOW + ".".join(labels[start:]))
            if found is not None:
                return found
        return None

    def app_address(self, host: str) -> str | None:
        """Return the URL of the app with a public name; None for other hosts."""
        found = self.find(host)
        return found.url if isinstance(found, AppAddress) else None

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they were added."""
        return tuple(self._handlers)

    @property
    def summary(self) -> list[str]:
        """The names without those that another one of them includes, and without ``www.``.

        Twilio's music, which is in many buckets, is one word.
        """
        plain = [name for name in self._handlers if not name.startswith((_WWW, _MUSIC))]
        covered = {name[1:] for name in plain if name.startswith(_ANY_BELOW)}
        kept = [
            name
            for name in plain
            if name.startswith(_ANY_BELOW) or not name.endswith(tuple(covered))
        ]
        has_music = any(name.startswith(_MUSIC) for name in self._handlers)
        return [*kept, *(["Twilio's music"] if has_music else [])]

    def _set(self, name: str, handler: LocalHandler) -> None:
        # Replaced whole: other threads may be looking something up.
        self._handlers = {**self._handlers, plain_host(name): handler}
