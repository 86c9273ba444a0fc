"""The inspector's page and its assets, with a policy that runs nothing but them.

Everything shown comes from an app or a caller: the page's scripts put it in as text alone, and the
policy would stop what slipped through. Source: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

__all__ = ["Assets", "page", "page_in"]

_ASSETS: Final = Path(__file__).parent / "assets"
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def page(_: Request) -> Response:
    """The inspector's."""
    return page_in(_ASSETS)


def page_in(folder: Path) -> Response:
    """The page of a folder of assets."""
    headers = {**_GUARDS, "Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    text = (folder / "index.html").read_text("utf-8")
    return Response(text, headers=headers, media_type="text/html; charset=utf-8")


class Assets:
    """What the page loads: asked for anew each time, for another version may be installed."""

    def __init__(self, folder: Path = _ASSETS) -> None:
        self._files = StaticFiles(directory=folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _guard(message)
            await send(message)

        await self._files(scope, receive, guarded)


def _guard(message: MutableMapping[str, Any]) -> None:
    extra = {**_GUARDS, "Cache-Control": "no-cache"}
    message["headers"] = [
        *message["headers"],
        *((name.lower().encode(), value.encode()) for name, value in extra.items()),
    ]
