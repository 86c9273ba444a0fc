"""Search in the documentation: sections that have all words, best first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from mediasim.documentation.pages import KINDS, Page, pages

__all__ = ["Found", "Section", "anchor_of", "search", "sections"]

_SHOWN: Final = 160
"""Characters of a section that a result shows."""
_EARLIER: Final = {kind.name: len(KINDS) - place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Section:
    """A part of a page, from one heading to the next."""

    page: Page
    heading: str
    anchor: str
    """What follows the ``#`` of its address; an empty text for the page's beginning."""
    text: str


@dataclass(frozen=True)
class Found:
    """A section in which all words stand."""

    section: Section
    excerpt: str
    """Text around the first of the words."""
    score: int

    @property
    def topic(self) -> str:
        """The topic of the page."""
        return self.section.page.topic


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return kept.replace(" ", "-")


@cache
def sections() -> tuple[Section, ...]:
    """Return the sections of all pages but the index."""
    return tuple(section for page in pages() if page.kind for section in _parts(page))


def search(words: str, most: int = 20) -> list[Found]:
    """Return the sections that have each of the words, in any order and as any part of a word.

    Headings count more than text, and how-tos more than tables of the reference.
    """
    wanted = words.lower().split()
    if not wanted:
        return []
    found = [hit for section in sections() if (hit := _held(section, wanted)) is not None]
    found.sort(key=lambda each: (-each.score, each.topic, each.section.heading))
    return found[:most]


def _parts(page: Page) -> list[Section]:
    parts, heading, anchor, lines, code = list[Section](), page.title, "", list[str](), False
    for line in page.text.split("\n")[1:]:
        code ^= line.startswith("```")
        if line.startswith("#") and not code:
            parts.append(Section(page, heading, anchor, "\n".join(lines)))
            heading, lines = line.lstrip("#").strip().replace("`", ""), []
            anchor = anchor_of(heading)
        else:
            lines.append(line)
    return [*parts, Section(page, heading, anchor, "\n".join(lines))]


def _held(section: Section, wanted: list[str]) -> Found | None:
    title, heading = section.page.title.lower(), section.heading.lower()
    text = section.text.lower()
    topic = section.page.topic
    if not all(word in text or word in heading or word in title for word in wanted):
        return None
    if not any(word in text or word in heading for word in wanted):
        return None  # the title alone has them: the page's own beginning is the result
    score = _EARLIER[section.page.kind]
    for word in wanted:
        score += 40 * (word in heading) + 20 * (word in title or word in topic)
        score += min(text.count(word), 5)
    return Found(section, _around(section.text, wanted), score)


def _around(text: str, wanted: list[str]) -> str:
    """Return what stands around the first of the words, on one line."""
    flat = re.sub(r"^```\w*|^\|[-:| ]+\|$", "", text, flags=re.MULTILINE)
    flat = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", flat)
    flat = " ".join(re.sub(r"[|`]|\*\*", " ", flat).split())
    places = [place for word in wanted if (place := flat.lower().find(word)) >= 0]
    start = max(0, min(places, default=0) - _SHOWN // 3)
    start = flat.find(" ", start) + 1 if start else 0
    end = start + _SHOWN
    return f"{'… ' * (start > 0)}{flat[start:end].strip()}{' …' * (end < len(flat))}"
