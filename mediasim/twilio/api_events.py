"""The app's own requests to the API about its calls, as Events of a call list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ApiEvent"]


@dataclass(frozen=True, slots=True)
class ApiEvent:
    """A request to the API that was about a call, and its response."""

    sid: str
    """Key of the event; Twilio shows none."""
    account_sid: str
    call_sid: str
    method: str
    url: str
    parameters: Mapping[str, str]
    """Parameters of the form by names such as ``status_callback``."""
    status: int
    content_type: str
    body: str
    """Beginning of the response."""
    at_ns: int
