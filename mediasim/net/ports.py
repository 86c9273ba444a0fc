"""TCP ports of this machine."""

from __future__ import annotations

import socket

__all__ = ["free_port"]


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that no program uses."""
    with socket.socket() as trying:
        # Free for now: until it is bound, another program could take it.
        trying.bind(("127.0.0.1", 0))
        port: int = trying.getsockname()[1]
        return port
