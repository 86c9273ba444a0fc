"""Pages as HTML: what stands between the header and the end of a page that the sandbox serves."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from mediasim.documentation.pages import FOLDER, Page
from mediasim.documentation.search import anchor_of

__all__ = ["REPOSITORY", "Heading", "html_of"]

REPOSITORY: Final = "https://github.com/mediasim/mediasim"
"""Where links lead that leave the documentation, and those of the README."""


_NO_HEADER: Final = re.compile(r"<thead>\s*<tr>\s*(?:<td></td>\s*)+</tr>\s*</thead>\s*")


@dataclass(frozen=True)
class Heading:
    """A heading of a page, for its list of contents."""

    level: int
    text: str
    anchor: str


def html_of(page: Page, base: str) -> tuple[str, list[Heading]]:
    """Return a page's HTML and its headings below the title.

    ``base`` is the path below which pages are served: links between pages lead there.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = markdown.parse(page.text)
    headings = _named(tokens)
    for token in tokens:
        for child in token.children or ():
            for name in ("href", "src"):
                if isinstance(target := child.attrGet(name), str):
                    child.attrSet(name, _address(target, page, base))
    rules: MutableMapping[str, Callable[..., str]] = markdown.renderer.rules  # type: ignore[attr-defined]
    rules["table_open"] = lambda *_: '<div class="scrolls" tabindex="0"><table>\n'
    rules["table_close"] = lambda *_: "</table></div>\n"
    rules["fence"] = _code
    text = markdown.renderer.render(tokens, markdown.options, {})
    # A header cell without words heads nothing.
    text = _NO_HEADER.sub("", text.replace("<th></th>", "<td></td>"))
    return text, headings


def _code(
    tokens: Sequence[Token], at: int, options: OptionsDict, env: Any, *_: RendererHTML
) -> str:
    """Return a block of code, which the keyboard can scroll."""
    token = tokens[at]
    language = re.sub(r"\W", "", token.info.split(" ")[0])
    return f'<pre tabindex="0" class="{language}"><code>{escape(token.content)}</code></pre>\n'


def _named(tokens: Sequence[Token]) -> list[Heading]:
    """Give headings their anchors, and return those below the title."""
    found, taken = list[Heading](), dict[str, int]()
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = inline.content.replace("`", "")
        anchor = anchor_of(text)
        taken[anchor] = taken.get(anchor, -1) + 1
        if taken[anchor]:
            anchor = f"{anchor}-{taken[anchor]}"
        token.attrSet("id", anchor)
        if token.tag != "h1":
            found.append(Heading(int(token.tag[1:]), text, anchor))
    return found


def _address(target: str, page: Page, base: str) -> str:
    """Return where a link of a page leads when pages are served below ``base``."""
    if target.startswith(("#", "mailto:")) or "://" in target:
        return target
    path, mark, anchor = target.partition("#")
    here = page.path.relative_to(FOLDER.parent.parent).parent.as_posix()
    whole = posixpath.normpath(posixpath.join(here, path))
    inside = whole.removeprefix("mediasim/docs/")
    if inside != whole and inside.startswith("pictures/"):
        return f"{base}/{inside}"
    if inside != whole and inside.endswith(".md"):
        topic = posixpath.basename(inside).removesuffix(".md")
        return f"{base}/{topic}{mark}{anchor}" if topic != "index" else f"{base}{mark}{anchor}"
    return f"{REPOSITORY}/blob/main/{whole}{mark}{anchor}"
