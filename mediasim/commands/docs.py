"""``docs``: the documentation, in a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mediasim.commands.ending import ExitCode, refusing, stop

if TYPE_CHECKING:
    from mediasim.documentation.pages import Page

__all__ = ["docs", "on_terminal"]


def docs(
    topic: Annotated[
        str | None, typer.Argument(help="The page; its beginning is enough. Or a kind of pages.")
    ] = None,
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="WORDS", help="Find sections with these words."),
    ] = None,
) -> None:
    """Print a page of the documentation, or list all pages."""
    from mediasim.documentation.pages import KINDS, UnknownTopic, page

    if search is not None:
        if topic is not None:
            stop("expected a topic or --search WORDS, found both")
        _print_found(search)
    elif topic is None or topic in [kind.name for kind in KINDS]:
        _print_list(topic)
    else:
        with refusing(UnknownTopic):
            found = page(topic)
        _show(found)


def _print_list(kind_name: str | None) -> None:
    """Print the topics and titles of all pages, or of those of a kind."""
    from mediasim.documentation.pages import KINDS, pages

    width = max(len(each.topic) for each in pages())
    for kind in KINDS:
        if kind_name in (None, kind.name):
            print(f"{kind.title}: {kind.about}")
            for each in pages():
                if each.kind == kind.name:
                    print(f"  {each.topic:{width}}  {each.title}")
            print()
    print("mediasim docs TOPIC prints a page, mediasim docs --search WORDS finds one.")


def _print_found(words: str) -> None:
    """Print the sections that have all words; exit code 1 if there is none."""
    from mediasim.documentation.search import search

    found = search(words)
    if not found:
        stop(f"no section of the documentation has all of {words!r}", ExitCode.FAILED)
    for each in found:
        section = each.section
        title = section.page.title
        where = title if section.heading == title else f"{title}: {section.heading}"
        print(f"{each.topic}  {where}\n    {each.excerpt}")


def on_terminal() -> bool:
    """Return whether a person reads what is printed."""
    return sys.stdout.isatty()


def _show(page: Page) -> None:
    """Print a page: rendered and paged on a terminal, else as the Markdown that it is."""
    if not on_terminal():
        print(page.text.rstrip("\n"))
        return
    from rich.console import Console

    from mediasim.documentation.terminal import rendered

    console = Console()
    os.environ.setdefault("LESS", "-RFX")  # colours; what fits on the screen is not paged
    with console.pager(styles=not console.no_color, links=False):
        console.print(rendered(page.text), width=min(console.width, 100), crop=False)
