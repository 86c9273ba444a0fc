"""The softphone's page, its assets, and the WebSocket on which it signals.

Messages are JSON objects with a ``type``: those of a page are in :mod:`page`, those to a page stand
where they are sent. A page is a client from its ``register`` until it is closed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.inspector.pages import Assets, page_in
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.page import PAGE_MESSAGE, PageMessage
from mediasim.sandbox.softphone.socket import SoftphoneSocket

__all__ = ["SOFTPHONE", "softphone_routes"]

SOFTPHONE: Final = "/softphone"
"""Path of the page."""
_ASSETS: Final = Path(__file__).parent / "assets"


def softphone_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return all routes of the softphone."""

    async def page(_: Request) -> Response:
        return page_in(_ASSETS)

    async def socket(websocket: WebSocket) -> None:
        await _PageSocket(sandbox, websocket).live()

    return [
        Route(SOFTPHONE, page),
        WebSocketRoute(f"{SOFTPHONE}/ws", socket),
        Mount(f"{SOFTPHONE}/assets", Assets(_ASSETS)),
    ]


class _PageSocket(SoftphoneSocket):
    """The wire of the sandbox's own page: messages as they are, in JSON."""

    def read(self, text: str) -> PageMessage:
        return PAGE_MESSAGE.validate_json(text)

    def written(self, kind: str, what: dict[str, Any]) -> str:
        return json.dumps({"type": kind, **what}, ensure_ascii=False)

    async def greet(self) -> None:
        """Send what can be called, or why softphones cannot be used."""

        def found() -> dict[str, Any]:
            problem = ""
            try:
                self.sandbox.softphones.real_time()
            except ClockRefuses as error:
                problem = str(error)
            numbers = [
                {"number": each.phone_number, "name": each.friendly_name}
                for each in self.sandbox.service.numbers.all()
            ]
            parties = list(self.sandbox.settings.config.parties)
            return {"problem": problem, "numbers": numbers, "parties": parties}

        hello = await self.sandbox.engine.gate(found)
        if not hello["problem"]:
            await self.load_media()
        self.send("hello", **hello)
