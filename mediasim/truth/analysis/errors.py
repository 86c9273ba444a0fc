"""What keeps a recording from being analysed."""

from __future__ import annotations

__all__ = ["AnalysisError"]


class AnalysisError(ValueError):
    """Says what is wrong, and what would be right, in words for a person."""
