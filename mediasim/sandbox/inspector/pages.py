"""The inspector's page and its assets, with a policy that permits no other scripts or sources.

Apps and callers decide what is shown, so the page's scripts insert it as text alone, and the policy
blocks anything else. Source: https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["Assets", "html_page", "page", "page_head", "page_in"]

_ASSETS: Final = Path(__file__).parent / "assets"
_SERVED: Final = "/_mediasim/inspector/assets"
"""Path under which the assets are served."""
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


def page_head(title: str, name: str) -> str:
    """Return the beginning of a page that code writes, up to its body: the style and the script
    among the assets that have its name."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="{_SERVED}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{_SERVED}/style/base.css">
<link rel="stylesheet" href="{_SERVED}/style/{name}.css">
<script src="{_SERVED}/app/theme_first.js"></script>
<script type="module" src="{_SERVED}/app/{name}.js"></script>
</head>
<body class="{name}">"""


class Assets(StaticFiles):
    """The files that a page loads, never cached unchecked: another version may be installed."""

    def __init__(self, folder: Path = _ASSETS) -> None:
        super().__init__(directory=folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update({**_GUARDS, "Cache-Control": "no-cache"})
        return response
