"""Which hosts may be called: this machine's own, unless the user allowed others.

An app under test must not reach production by accident. Only what needs no name server counts
as this machine (``localhost``, 127.0.0.0/8 and ::1 as they are usually written), so no answer
of a name server's can lead elsewhere. An address written in an unusual way is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final

__all__ = ["HostGuard"]

_EVERY_HOST: Final = "*"


class HostGuard:
    """The rule, with the hosts that the user allowed besides: names, addresses, or ``*``."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(_plain(host) for host in allowed)

    def refusal(self, host: str) -> str | None:
        """Why a host may not be called; None: it may."""
        plain = _plain(host)
        if _is_loopback(plain) or plain in self._allowed or _EVERY_HOST in self._allowed:
            return None
        return (
            f"the host {host} was not called: only this machine (localhost, 127.0.0.1, [::1]) is, "
            "and hosts that were allowed when the sandbox was started"
        )


def _plain(host: str) -> str:
    return host.strip("[]").lower().removesuffix(".")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return address.is_loopback and not mapped
