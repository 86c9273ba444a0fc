"""The inspector's page and its assets, with a policy that runs nothing but them.

Everything shown comes from an app or a caller: the page's scripts put it in as text alone, and the
policy would stop what slipped through. Its one loose end, the styles that wavesurfer.js writes
into its own shadow, is named by a nonce. Source: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

import secrets
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
        "style-src 'self' 'nonce-{nonce}'",
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
    """The page of a folder of assets; each time with a nonce of its own."""
    nonce = secrets.token_urlsafe(16)
    text = (folder / "index.html").read_text("utf-8").replace("{{ nonce }}", nonce)
    headers = {
        **_GUARDS,
        "Content-Security-Policy": _POLICY.format(nonce=nonce),
        "Cache-Control": "no-store",
    }
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
