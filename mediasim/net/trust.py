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
        try:
            context = _system_context() if self._authorities else _of_system()
        except (OSError, ValueError) as error:
            words = f"the authorities of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}"
            raise TrustError(words) from None
        for file in self._authorities:
            _load_authority(context, file)
        return context

    def check(self) -> None:
        """Check that the files given can be used. Raises TrustError."""
        for file in self._authorities:
            _load_authority(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file)


def _system_context() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()


def _of_system() -> ssl.SSLContext:
    """Return the context of the system's authorities: one for all sandboxes of a process.

    Reading the authorities takes 20 ms. They are read again if the environment names others, or
    their file has changed.
    """
    file = os.environ.get("SSL_CERT_FILE")
    state = os.stat(file) if file and os.path.isfile(file) else None
    version = state and (state.st_ino, state.st_mtime_ns, state.st_size)
    return _read_once(file, os.environ.get("SSL_CERT_DIR"), version)


@lru_cache(maxsize=2)
def _read_once(file: str | None, folder: str | None, version: object) -> ssl.SSLContext:
    return _system_context()


def _load_authority(context: ssl.SSLContext, file: Path) -> None:
    """Accept the authorities of a PEM file. Raises TrustError."""
    try:
        context.load_verify_locations(file)
    except (OSError, ValueError) as error:
        why = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else str(error)
        raise TrustError(f"the authority {str(file)!r} cannot be used: {why}") from None
