"""The inspector's page and its assets, with a policy that permits no other scripts or sources.

Apps and callers decide what is shown, so the page's scripts insert it as text alone, and the policy
blocks anything else. Source: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["Assets", "html_page", "page", "page_in"]

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
"""Security headers of pages and assets."""


async def page(_: Request) -> Response:
    """Return the inspector's page."""
    return page_in(_ASSETS)


def page_in(folder: Path) -> Response:
    """Return the page of a folder of assets."""
    return html_page((folder / "index.html").read_text("utf-8"))


def html_page(text: str) -> Response:
    """Return a page of HTML, with the policy of all pages."""
    headers = {**_GUARDS, "Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return Response(text, headers=headers, media_type="text/html; charset=utf-8")


class Assets(StaticFiles):
    """The files that a page loads, never cached unchecked: another version may be installed."""

    def __init__(self, folder: Path = _ASSETS) -> None:
        super().__init__(directory=folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update({**_GUARDS, "Cache-Control": "no-cache"})
        return response
