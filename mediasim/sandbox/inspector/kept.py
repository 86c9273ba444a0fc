"""The inspector's part of a report that a test has left: timelines, TwiML and webhooks.

It holds the inspector's own scripts and styles, in a shadow tree, so that neither they nor the
report's touch each other.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from mediasim.sandbox.inspector.waits import who_waits
from mediasim.sandbox.sandbox import Sandbox
from mediasim.scenario.report import SHARED_SCRIPTS
from mediasim.scenario.report.page_part import PagePart

__all__ = ["kept_part"]

_ASSETS: Final = Path(__file__).parent / "assets"
_APP: Final = ("dom", "words", "markup", "stream_marks", "marks", "timeline", "kept")
"""Modules in an order in which each stands after those that it imports."""
_STYLES: Final = ("base", "detail", "timeline", "kept")
_LINKS: Final = re.compile(r"^(import .*\n|export \{.*\n|export )", re.MULTILINE)
"""Imports and exports, which are removed: the page holds the modules as one script."""
_START: Final = """
const part = document.getElementById("{id}");
const { style, ...kept } = JSON.parse(document.getElementById("{id}-data").textContent);
const root = part.attachShadow({ mode: "open" });
const sheet = new CSSStyleSheet();
sheet.replaceSync(style);
root.adoptedStyleSheets = [sheet];
const view = keptView(kept);
root.append(view.element);
view.shown();
"""
_ID: Final = "sandbox"


def kept_part(sandbox: Sandbox, found: list[dict[str, Any]]) -> PagePart:
    """Return the page part of a sandbox's timelines; on the engine's loop."""
    waits = who_waits(sandbox)
    calls = [
        {**each, "waits": [words for leg in each["legs"] for words in waits.get(leg["sid"], ())]}
        for each in found
    ]
    shown = {each["id"] for call in found for each in call["deliveries"]}
    deliveries = {
        each.id: each.to_json() for each in sandbox.service.webhooks.deliveries if each.id in shown
    }
    data = {"style": _style(), "calls": calls, "deliveries": deliveries}
    return PagePart(_ID, "What the sandbox saw", _script(), data)


def _script() -> str:
    files = [SHARED_SCRIPTS / "axis.js", *(_ASSETS / "app" / f"{name}.js" for name in _APP)]
    modules = (_LINKS.sub("", file.read_text("utf-8")) for file in files)
    start = _START.replace("{id}", _ID)
    # Of what the live page stores, the words of times alone are asked for.
    stored = "const store = { clock: null };\n"
    return '(() => {\n"use strict";\n' + stored + "\n".join(modules) + start + "})();\n"


def _style() -> str:
    texts = (_ASSETS / "style" / f"{name}.css" for name in _STYLES)
    # The shadow tree's root is its host.
    style = "\n".join(file.read_text("utf-8") for file in texts)
    style = style.replace(':root[data-theme="dark"]', ':host([data-theme="dark"])')
    style = style.replace(':root:not([data-theme="light"])', ":host")
    return style.replace(":root", ":host")
