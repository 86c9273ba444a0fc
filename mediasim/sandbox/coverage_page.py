"""The coverage: what is simulated of Twilio, as a page, as JSON and as Markdown.

One path serves all three: a browser is sent the page, who asks for JSON gets JSON, and anyone else
Markdown. A path that ends in ``.json`` is JSON whatever is asked for.
"""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mediasim.sandbox.inspector.pages import html_page, page_head
from mediasim.twilio.coverage import Entry, coverage_json, coverage_markdown, entries

__all__ = ["coverage_routes"]

_STATES: Final = {"acts": "live", "noted": "waiting", "not there": "bad"}
"""The look of each state, which is that of a call's."""


def coverage_routes() -> list[BaseRoute]:
    """Return the routes of the coverage."""
    return [
        Route("/coverage", _coverage, methods=["GET"]),
        Route("/coverage.json", _json, methods=["GET"]),
    ]


async def _coverage(request: Request) -> Response:
    accepted = request.headers.get("accept", "")
    if "text/html" in accepted:
        return html_page(_page())
    if "application/json" in accepted:
        return await _json(request)
    return PlainTextResponse(coverage_markdown(), media_type="text/markdown")


async def _json(_: Request) -> Response:
    return JSONResponse({"coverage": coverage_json()})


def _page() -> str:
    rows = "\n".join(_row(each) for each in entries())
    choices = "".join(f"<option>{escape(each)}</option>" for each in _STATES)
    head = page_head("mediasim: coverage", "coverage")
    return f"""{head}
<header>
<h1>What is simulated of Twilio</h1>
<p class="quiet">Every parameter and attribute either <b>acts</b>, is <b>noted</b> by a notification that names it,
or is <b>not there</b>. <a href="/">Back to the inspector</a></p>
<p class="filters">
<label><span class="unseen">Search</span><input type="search" id="words" placeholder="Calls, Dial, timeout" autocomplete="off" spellcheck="false"></label>
<label><span class="unseen">State</span><select id="state"><option value="">all states</option>{choices}</select></label>
<span id="count" class="quiet" role="status"></span>
</p>
</header>
<main tabindex="0" aria-label="Coverage">
<table>
<thead><tr><th scope="col">Of</th><th scope="col">Operation or element</th><th scope="col">Parameter or attribute</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">Why not</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</main>
</body>
</html>
"""  # noqa: E501


def _row(entry: Entry) -> str:
    place = entry.place if entry.kind == "REST" else f"<{entry.place.replace('/', '> <')}>"
    return (
        f'<tr data-state="{entry.state}"><td>{escape(entry.of)}</td>'
        f"<td><code>{escape(place)}</code></td><td><code>{escape(entry.name)}</code></td>"
        f'<td><span class="state {_STATES[entry.state]}">{entry.state}</span></td>'
        f"<td>{escape(entry.since or '')}</td><td>{escape(entry.why)}</td></tr>"
    )
