"""The pages of the documentation, each with kind, topic, title and text."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "INDEX", "KINDS", "Kind", "Page", "UnknownTopic", "page", "pages"]

FOLDER: Final = Path(__file__).parent.parent / "docs"
"""Where the pages are."""
INDEX: Final = "index"
"""The topic of the page that lists all others."""


@dataclass(frozen=True)
class Kind:
    """A kind of page, which is a folder of them."""

    name: str
    """The folder's name."""
    title: str
    about: str
    """What a page of the kind is for, as a sentence."""


KINDS: Final = (
    Kind("tutorial", "Tutorial", "Ten minutes, from nothing to a tested call."),
    Kind("how-to", "How to", "One task each, on one screen."),
    Kind("reference", "Reference", "What there is, each with its meaning and default."),
    Kind("explanation", "Explanation", "Why it is so, and what follows from it."),
)
"""The kinds in the order in which they are read."""

_FENCED: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_COMMENT: Final = re.compile(r"^<!--.*?-->\n?", re.DOTALL | re.MULTILINE)


class UnknownTopic(LookupError):
    """There is no page of a topic; the message names those that are near."""


@dataclass(frozen=True)
class Page:
    """A page of the documentation."""

    kind: str
    """The name of its kind; an empty text for the index."""
    topic: str
    path: Path

    @property
    def source(self) -> str:
        """The Markdown as it stands in the file, with comments for tests and generators."""
        return self.path.read_text("utf-8")

    @property
    def text(self) -> str:
        """The Markdown without comments."""
        return _COMMENT.sub("", self.source)

    @property
    def title(self) -> str:
        """The first heading, without marks of Markdown."""
        head = self.source.partition("\n")[0]
        return head.removeprefix("#").strip().replace("`", "")

    @property
    def summary(self) -> str:
        """The first sentence below the title, without marks of Markdown."""
        without_code = _FENCED.sub("", self.text)
        for block in without_code.split("\n\n")[1:]:
            if block.strip() and not block.startswith(("#", "|", "!", "-", "*", "<")):
                words = " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", block).split())
                return re.split(r"(?<=[.:])\s+(?=[A-Z`])", words)[0].removesuffix(":")
        return ""


@cache
def pages() -> tuple[Page, ...]:
    """Return all pages: the index, then those of each kind, the tutorial first."""
    found = [Page("", INDEX, FOLDER / f"{INDEX}.md")]
    for kind in KINDS:
        for path in sorted((FOLDER / kind.name).glob("*.md")):
            found.append(Page(kind.name, path.stem, path))
    return tuple(found)


def page(topic: str) -> Page:
    """Return the page of a topic; its beginning is enough if no other begins so.

    Raises UnknownTopic.
    """
    wanted = topic.strip().strip("/").lower().removesuffix(".md").rpartition("/")[2]
    known = {each.topic: each for each in pages()}
    if wanted in known:
        return known[wanted]
    begun = [each for name, each in known.items() if wanted and name.startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    near = [each.topic for each in begun] or difflib.get_close_matches(wanted, known, 5, 0.5)
    hint = f"near it are {', '.join(near)}" if near else "mediasim docs lists them"
    raise UnknownTopic(f"the documentation has no page {topic[:60]!r}: {hint}")
