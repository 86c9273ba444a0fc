"""Texts of documents: read from a file, with the places in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mediasim.documents.diagnostics import Diagnostic, ScenarioError

__all__ = ["place_after", "read_text"]

_LARGEST: Final = 1_000_000
"""Bytes that a file may have."""


def place_after(text: str) -> tuple[int, int]:
    """Return line and column, from 1, of what comes after a text."""
    *before, last = text.split("\n")
    return len(before) + 1, len(last) + 1


def read_text(file: Path) -> str:
    """Return the text of a file.

    Raises ScenarioError if the file is missing, too large, or not UTF-8.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ScenarioError([Diagnostic(f"is larger than {_LARGEST:,} bytes", "", file)])
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError([Diagnostic(f"cannot be read: {error.strerror}", "", file)]) from None
    except UnicodeDecodeError as error:
        words = f"is not UTF-8 text: byte {error.start} is wrong"
        place = place_after(data[: error.start].decode("utf-8-sig", "replace"))
        raise ScenarioError([Diagnostic(words, "", file, *place)]) from None
