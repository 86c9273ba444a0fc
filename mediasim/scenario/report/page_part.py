"""A part that others add to a report's page: a script of their own, and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PagePart"]


@dataclass(frozen=True, slots=True)
class PagePart:
    """A section of the page that a script fills."""

    id: str
    """The section's id; the script reads its data from the element ``ID-data``."""
    title: str
    script: str
    data: Mapping[str, Any]
    """What the script shows, as JSON."""
