"""Whose TLS certificates are accepted: one rule for webhooks and media streams.

The authorities are those of the system, or of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` where the
environment names them, and besides them the ones that the user has given, such as the authority of
an app on this machine.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path

__all__ = ["Trust", "TrustError"]


class TrustError(ValueError):
    """A file of authorities cannot be used; the message says which and why."""


class Trust:
    """The authorities whose certificates are accepted."""

    def __init__(self, authorities: Iterable[Path] = ()) -> None:
        """``authorities`` are files of PEM certificates, accepted besides the system's own."""
        self._authorities = tuple(authorities)

    @cached_property
    def context(self) -> ssl.SSLContext:
        """The context of every TLS connection to an app. Raises TrustError."""
        named = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return _context(self._authorities, named)

    def check(self) -> None:
        """Check that the files given can be used. Raises TrustError."""
        for file in self._authorities:
            _load_authority(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file)


@lru_cache(maxsize=8)
def _context(authorities: tuple[Path, ...], named: tuple[str | None, ...]) -> ssl.SSLContext:
    """Return a context with these authorities and those that the environment names.

    Kept, as reading the system's authorities takes 20 ms. Raises TrustError.
    """
    import httpx2

    try:
        context = httpx2.create_ssl_context()
    except (OSError, ValueError) as error:
        words = f"the authorities of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}"
        raise TrustError(words) from None
    for file in authorities:
        _load_authority(context, file)
    return context


def _load_authority(context: ssl.SSLContext, file: Path) -> None:
    """Accept the authorities of a PEM file. Raises TrustError."""
    try:
        context.load_verify_locations(file)
    except (OSError, ValueError) as error:
        why = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else str(error)
        raise TrustError(f"the authority {str(file)!r} cannot be used: {why}") from None
