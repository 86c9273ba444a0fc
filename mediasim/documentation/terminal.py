"""Pages on a terminal."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown
from rich.text import Text

__all__ = ["rendered"]

_TO_PAGE: Final = re.compile(r"\]\((?:\.\./)?(?:[\w-]+/)?([\w-]+)\.md(?:#[^)]*)?\)")


class _Code(CodeBlock):
    """A block of code that can be copied: its lines are as they are, however long."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(str(self.text).rstrip(), style="cyan", no_wrap=True, overflow="ignore")


class _Page(Markdown):
    elements: ClassVar[dict[str, Any]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
    }


def rendered(text: str) -> Markdown:
    """Return Markdown as rich prints it; beside a link stands its target, which of a page is its
    topic."""
    return _Page(_TO_PAGE.sub(r"](\1)", text), hyperlinks=False)
