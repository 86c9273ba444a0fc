"""Which local handler answers for a host name: the sandbox itself, or an app at a local address.

One table serves both ways: the forward proxy looks up the hosts that an app asks for, and webhooks
and media streams look up the public names of apps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from mediasim.twilio.webhooks.address import (
    WebhookUrl,
    allowed_host,
    is_address,
    plain_host,
)

__all__ = [
    "AppAddress",
    "HostTable",
    "LocalHandler",
    "app_origin",
    "is_of_twilio",
    "public_host_name",
]

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


def public_host_name(text: str) -> str:
    """Return a public name of an app, ``*.`` for all names below. Raises ValueError."""
    plain = plain_host(text).removeprefix(_ANY_BELOW)
    example = "expected a public host name such as demo.ngrok.app, or *.ngrok.app for all below"
    try:
        allowed_host(plain)
    except ValueError:
        raise ValueError(f"{example}, found {text[:60]!r}") from None
    if plain in ("*", "localhost") or is_address(plain):
        raise ValueError(f"{example}, found {text[:60]!r}")
    if is_of_twilio(plain):
        raise ValueError(f"{text[:60]}: the sandbox itself answers under names of twilio.com")
    return text


def is_of_twilio(name: str) -> bool:
    """Return whether a host name is one that the sandbox itself answers under as Twilio."""
    return f".{plain_host(name)}".endswith(".twilio.com")


def app_origin(text: str) -> str:
    """Return the address of an app, without a path. Raises ValueError."""
    example = "expected the address of an app such as http://127.0.0.1:5050"
    try:
        address = WebhookUrl.parse(text)
    except ValueError as error:
        raise ValueError(f"{example}, found {text[:60]!r}: {error}") from None
    if address.userinfo is not None or address.url() != f"{address.origin}/" or address.fragment:
        raise ValueError(f"{example}, without path, query and password, found {text[:60]!r}")
    return address.origin


class HostTable:
    """The host names that are answered for on this machine, each with its handler."""

    def __init__(self, apps: Mapping[str, str] | None = None) -> None:
        """``apps`` are URLs of apps by their public names, as ``hosts:`` of a number plan."""
        self._lasting: dict[str, LocalHandler] = {
            plain_host(name): _app_at(url) for name, url in (apps or {}).items()
        }
        self._routed: dict[str, LocalHandler] = {}
        """Apps that have a name until it is forgotten."""

    def route(self, name: str, url: str) -> None:
        """Let the app at a local URL answer for a public name until it is forgotten.

        What answered before does so again then. ``*.example.com`` are all names below example.com.
        """
        self._routed[plain_host(name)] = _app_at(url)

    def answer(self, name: str, app: ASGIApp) -> None:
        """Let an ASGI app of the sandbox answer for a name, or for all names below it by ``*.``."""
        self._lasting[plain_host(name)] = app

    def forget(self, name: str) -> None:
        """Take a name from the app that it was routed to, if it was."""
        self._routed.pop(plain_host(name), None)

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

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they were added."""
        return tuple(self._handlers)

    @property
    def summary(self) -> list[str]:
        """The names without those that another one of them includes, and without ``www.``.

        Twilio's music, which is in many buckets, is one word.
        """
        plain = [name for name in self.names if not name.startswith((_WWW, _MUSIC))]
        covered = {name[1:] for name in plain if name.startswith(_ANY_BELOW)}
        kept = [
            name
            for name in plain
            if name.startswith(_ANY_BELOW) or not name.endswith(tuple(covered))
        ]
        has_music = any(name.startswith(_MUSIC) for name in self.names)
        return [*kept, *(["Twilio's music"] if has_music else [])]

    @property
    def _handlers(self) -> dict[str, LocalHandler]:
        """The present handlers by name; a copy, which no other thread changes."""
        return {**self._lasting, **self._routed}


def _app_at(url: str) -> AppAddress:
    return AppAddress(url.rstrip("/"))
