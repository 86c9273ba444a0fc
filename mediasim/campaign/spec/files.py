"""Files that a spec names: texts and corpora, which may be large."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["read_corpus"]

_LARGEST: Final = 256_000_000
"""Bytes that a file may have."""


def read_corpus(path: Path) -> str:
    """Return the text of a file. Raises ValueError if it is missing, too large, or not UTF-8."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"{path} is larger than {_LARGEST:,} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: byte {error.start} is wrong") from None
