"""Serves a bot's app on any free port, which it prints."""

from __future__ import annotations

import logging
import socket
from typing import Any

import uvicorn

__all__ = ["serve"]


def serve(app: Any) -> None:
    logging.disable(logging.WARNING)
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="critical", lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])
