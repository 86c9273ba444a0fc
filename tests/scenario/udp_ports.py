"""Ports for peers: free ones, and whether somebody receives there."""

from __future__ import annotations

import socket
import time


def free_port() -> int:
    """An even port that is free, and so is the next."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trying:
            trying.bind(("127.0.0.1", 0))
            port: int = trying.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_one:
                try:
                    next_one.bind(("127.0.0.1", port + 1))
                except OSError:
                    continue
        if port % 2 == 0:
            return port


def wait_until_open(port: int) -> None:
    """Until somebody receives there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.01)
    raise TimeoutError(f"nobody has opened port {port}")
