"""What stands in the way of importing a capture."""

from __future__ import annotations

__all__ = ["ImportRefused"]


class ImportRefused(Exception):
    """The capture, or the choice made of it, cannot be imported: says why, and what would help."""
