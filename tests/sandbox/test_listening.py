"""The socket that the server listens on."""

from __future__ import annotations

import socket
from contextlib import closing

from mediasim.sandbox.server import ListenAddress


def test_answers_are_sent_at_once() -> None:
    """An answer is written in two pieces, the second of which must not wait for a receipt."""
    with (
        closing(ListenAddress(port=0).listen()) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
