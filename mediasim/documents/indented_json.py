"""JSON with indents, as the standard library writes it, in a twentieth of the time.

The standard library has its encoder with indents in Python; pydantic's is compiled, and writes the
same but for numbers with an exponent.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from pydantic_core import to_json

__all__ = ["indented_json"]

_EXPONENT: Final = re.compile(rb"(?:\de[-+]?\d+|[ -]0\.0000\d*),?\n")
"""A number that one of them writes with an exponent: at the end of its line, as every number is,
where a string has its quote."""


def indented_json(document: dict[str, Any], indent: int) -> bytes:
    """Return a document as JSON, a value a line, in UTF-8.

    Raises TypeError or ValueError for what JSON has no form for.
    """
    try:
        text = to_json(document, indent=indent, inf_nan_mode="constants")
    except ValueError:  # the standard library says what is wrong
        text = b"0e0\n"
    if _EXPONENT.search(text):
        return json.dumps(document, indent=indent, ensure_ascii=False).encode()
    return text
