"""A path of the API, and what is done there by which method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mediasim.twilio.rest.ask import Handler

__all__ = ["Resource"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of the table of routes."""

    path: str
    """Below ``/2010-04-01/``, without suffix; variable parts in braces."""
    name: str
    """What one resource is called: ``Call``."""
    methods: Mapping[str, Handler]
    main_only: bool = False
    """Not for API keys."""
