"""The documentation as pages of the sandbox: each page, the search in all, and their pictures.

Nothing of another host is loaded. Pages are the package's own text, so that what they say is true
of the version that runs.
"""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from mediasim import __version__
from mediasim.documentation.html import Heading, html_of
from mediasim.documentation.pages import FOLDER, INDEX, KINDS, Page, UnknownTopic, page, pages
from mediasim.documentation.search import Found, search
from mediasim.sandbox.inspector.pages import Assets, html_page, page_head

__all__ = ["DOCS", "docs_routes"]

DOCS: Final = "/docs"
"""Path of the documentation, of the sandbox as of the control API."""


def docs_routes() -> list[BaseRoute]:
    """Return the routes of the documentation."""
    return [
        Route(DOCS, _index, methods=["GET"]),
        Route(f"{DOCS}/search", _search, methods=["GET"]),
        Mount(f"{DOCS}/pictures", Assets(FOLDER / "pictures")),
        Route(f"{DOCS}/{{topic:path}}", _topic, methods=["GET"]),
    ]


async def _index(request: Request) -> Response:
    return _answer(request, page(INDEX))


async def _topic(request: Request) -> Response:
    """Return a page; one that is named by its kind too, or by its beginning, is redirected to."""
    asked = request.path_params["topic"]
    try:
        found = page(asked)
    except UnknownTopic as error:
        if "text/html" in request.headers.get("accept", ""):
            words = f"<h1>There is no such page</h1><p>{escape(str(error)).capitalize()}.</p>"
            return _as_page("No such page", words, [], status=404)
        return JSONResponse({"error": str(error)}, 404)
    if found.topic != asked:
        return RedirectResponse(f"{DOCS}/{found.topic}".removesuffix(f"/{INDEX}"), 308)
    return _answer(request, found)


async def _search(request: Request) -> Response:
    """Return the sections that have all words of ``q``: to a browser a page, else JSON."""
    words = request.query_params.get("q", "")[:200]
    found = search(words)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"found": [_as_json(each) for each in found]})
    items = "".join(
        f'<li><a href="{each["address"]}">{escape(each["title"])}</a>'
        f"<p>{escape(each['excerpt'])}</p></li>"
        for each in map(_as_json, found)
    )
    shown = f"<ol>{items}</ol>" if items else "<p>No section has all of these words.</p>"
    return _as_page("Search", f"<h1>{escape(words) or 'Search'}</h1>{shown}", [], words=words)


def _as_json(found: Found) -> dict[str, str]:
    section = found.section
    title = section.page.title
    return {
        "topic": found.topic,
        "kind": section.page.kind,
        "title": title if section.heading == title else f"{title}: {section.heading}",
        "address": f"{DOCS}/{found.topic}" + (f"#{section.anchor}" if section.anchor else ""),
        "excerpt": found.excerpt,
    }


def _answer(request: Request, found: Page) -> Response:
    """Return a page to a browser as HTML, to anyone else as Markdown."""
    accepted = request.headers.get("accept", "")
    if "text/html" not in accepted:
        headers = {"X-Content-Type-Options": "nosniff"}
        return PlainTextResponse(found.text, headers=headers, media_type="text/markdown")
    text, headings = html_of(found, DOCS)
    return _as_page(found.title, text, headings, found)


def _as_page(
    title: str,
    article: str,
    headings: list[Heading],
    shown: Page | None = None,
    *,
    words: str = "",
    status: int = 200,
) -> Response:
    items = "".join(
        f'<li class="level{each.level}"><a href="#{each.anchor}">{escape(each.text)}</a></li>'
        for each in headings
        if each.level <= 3
    )
    if len(headings) > 1:
        contents = f'<nav class="contents" aria-label="On this page"><ul>{items}</ul></nav>'
        article = article.replace("</h1>\n", f"</h1>\n{contents}\n", 1)
    head = page_head(f"{title} · mediasim", "docs")
    response = html_page(f"""{head}
<a class="skip" href="#page">Skip to the content</a>
<header>
<a class="home" href="{DOCS}">mediasim {escape(__version__)}</a>
<label><span class="unseen">Search the documentation</span><input type="search" id="words" value="{escape(words)}" placeholder="Search" autocomplete="off" spellcheck="false"></label>
<a href="/">Inspector</a>
<button type="button" id="theme" class="icon" aria-label="Theme"></button>
</header>
<nav class="pages" aria-label="Pages"><details id="pages"><summary>All pages</summary>{_menu(shown)}</details></nav>
<main id="page" tabindex="-1">
<section id="found" aria-live="polite" aria-label="Found" hidden></section>
<article>
{article}
</article>
</main>
</body>
</html>
""")  # noqa: E501
    response.status_code = status
    return response


def _menu(shown: Page | None) -> str:
    """Return the list of all pages, by kind."""
    parts = []
    for kind in KINDS:
        items = "".join(
            f'<li><a href="{DOCS}/{each.topic}"{_CURRENT * (each == shown)}>'
            f"{escape(each.title)}</a></li>"
            for each in pages()
            if each.kind == kind.name
        )
        parts.append(f"<h2>{kind.title}</h2><ul>{items}</ul>")
    return "".join(parts)


_CURRENT: Final = ' aria-current="page"'
