"""Every command and snippet of the README, the tutorial and the how-tos, done as it is pasted.

Of the other pages the snippets in Python and the files in YAML are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from inner_runs import imported_once  # noqa: F401 - a fixture of this module
from snippets import PageRun, snippets_of

from mediasim.documentation.pages import pages

pytest_plugins = ["pytester"]

README = Path(__file__).parents[2] / "README.md"
SOURCES = {
    "README": README,
    **{each.topic: each.path for each in pages() if each.kind},
}
ILLUSTRATED = {each.topic for each in pages() if each.kind in ("reference", "explanation")}
"""Pages in which commands stand for what is said of them, of files that the reader has."""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.mark.parametrize("topic", SOURCES)
def test_a_page_does_what_it_says(topic: str, pytester: pytest.Pytester, stack: ExitStack) -> None:
    page, left_out = PageRun(pytester, stack), list[str]()
    for snippet in snippets_of(SOURCES[topic].read_text("utf-8")):
        if snippet.language in ("sh", "console") and topic in ILLUSTRATED:
            continue
        if why := snippet.left_out:
            left_out.append(f"line {snippet.line}, {snippet.language}: {why}")
        else:
            page.do(snippet)
    page.finish()
    for each in left_out:
        sys.stdout.write(f"not run: {each}\n")
