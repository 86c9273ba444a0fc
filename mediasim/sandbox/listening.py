"""Where a sandbox listens, and its proxy."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

__all__ = ["ListenAddress", "ServeError", "listening_socket"]


class ServeError(Exception):
    """The sandbox cannot be served; the message says why."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a TCP port, 0 for any free one. Raises OSError."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listening = socket.create_server((host, port), family=family, backlog=1024)
    # What it accepts has this too; or an answer's body waits 40 ms for its head's receipt.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """The address to listen on, and the public URL that apps use."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    proxy: bool = False
    """Whether the forward proxy listens from the start; it does once it is needed."""
    proxy_port: int | None = None
    """The proxy's port, 0 for any free one; None for the one after ``port``, if it is free."""

    def listen(self) -> socket.socket:
        """Return a listening socket. Raises ServeError."""
        try:
            return listening_socket(self.host, self.port)
        except OSError as error:
            hint = "; another port may be free: --port 0" if self.port else ""
            words = error.strerror or str(error)
            raise ServeError(f"cannot listen on {self.host}:{self.port}: {words}{hint}") from None

    def url(self, listening: socket.socket) -> str:
        """Return the URL of a listening socket for clients on this machine."""
        host, port = listening.getsockname()[:2]
        if ipaddress.ip_address(host).is_unspecified:
            host = "127.0.0.1"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
