"""What is wrong with a text that is not YAML, in words for people, and where it begins.

YAML's parser says where it could not go on, which is often far from what its writer got wrong: a
quote that is never closed swallows the lines after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from mediasim.documents.texts import place_after

__all__ = ["syntax_mistake"]

_HINTS: Final = {
    "alphabetic or numeric": "a text that begins with * or & must stand in quotes",
    "cannot start any token": "YAML indents with spaces, not tabs, and a text that begins with "
    "%, @ or ` must stand in quotes",
}
"""Advice for messages of the YAML parser, by a part of the message."""


def syntax_mistake(error: yaml.YAMLError, text: str) -> tuple[str, int, int]:
    """Return what an error of the YAML parser means for a text, and the line and the column,
    counted from 1, at which the mistake begins."""
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = str(getattr(error, "context", None) or "")
    context_mark: yaml.Mark | None = getattr(error, "context_mark", None)
    mark: yaml.Mark | None = getattr(error, "problem_mark", None) or context_mark
    if mark is None:  # a character that YAML does not allow
        return f"is not YAML: {said}", *place_after(text[: getattr(error, "position", 0)])
    begun = context_mark or mark
    line, column = mark.line + 1, mark.column + 1
    if "quoted scalar" in context and "end of" in said:
        return _never_closed(begun.line + 1, begun.column + 1)
    if quote := _open_quote(text, mark.index):
        return _never_closed(*quote)
    hint = next((advice for part, advice in _HINTS.items() if part in said), "")
    if "flow" in context and (opened := _open_bracket(text)):
        if not text[mark.index :].strip():  # the text has ended
            line, column = opened
        hint = "the bracket of line {}, column {} is not closed".format(*opened)
    elif "block" in context or "mapping values" in said:
        hint = _of_lines(text.split("\n"), mark, begun, of_list="collection" in context)
    return f"is not YAML: {said}" + (f" ({hint})" if hint else ""), line, column


def _never_closed(line: int, column: int) -> tuple[str, int, int]:
    return "is not YAML: the quote that opens here is not closed on this line", line, column


def _open_quote(text: str, end: int) -> tuple[int, int] | None:
    """Return the place of a quoted text of several lines that ends just before a mistake: it was
    meant to end on its first line, and another's quote has closed it."""
    last = None
    for token in _tokens(text):
        if token.start_mark.index >= end:
            break
        if isinstance(token, yaml.ScalarToken):
            last = token
    if last is None or last.style not in ("'", '"') or text[last.end_mark.index : end].strip():
        return None
    place = last.start_mark
    return (place.line + 1, place.column + 1) if place.line < last.end_mark.line else None


def _open_bracket(text: str) -> tuple[int, int] | None:
    """Return the place of the innermost bracket that a text opens and does not close."""
    opened: list[yaml.Mark] = []
    for token in _tokens(text):
        if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
            opened.append(token.start_mark)
        elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken) and opened:
            opened.pop()
    return (opened[-1].line + 1, opened[-1].column + 1) if opened else None


def _tokens(text: str) -> Iterator[yaml.Token]:
    """Yield the tokens of a text up to its first mistake."""
    try:
        yield from yaml.scan(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return


def _of_lines(lines: list[str], mark: yaml.Mark, begun: yaml.Mark, *, of_list: bool) -> str:
    """Return advice about a line that does not go with the lines above it."""
    written = lines[mark.line] if mark.line < len(lines) else ""
    indent = len(written) - len(written.lstrip(" "))
    above = next((at for at in range(mark.line - 1, -1, -1) if lines[at].strip()), None)
    first = ":" not in written[: mark.column] if begun is mark else mark.column == indent
    if not first or above is None:
        return (
            "a text that holds ': ' must stand in quotes"
            if begun is mark
            else "a text that begins with a quote must end with it"
        )
    over = len(lines[above]) - len(lines[above].lstrip(" "))
    if begun is mark and indent <= over:
        return f"line {above + 1} has no ': ', and so its text goes on here"
    if begun is mark or indent != begun.column:
        around = {above: over} if begun is mark else {above: over, begun.line: begun.column}
        others = " and ".join(f"line {at + 1} by {by}" for at, by in around.items())
        return f"it is indented by {indent}, {others}: what belongs together begins in one column"
    if of_list:
        return f"expected '- ', as on line {begun.line + 1}"
    dash = written[indent:].startswith("- ")
    return "expected 'key: value'" + ("; '- ' begins in the column of the others" if dash else "")
