"""A request that has been read, and its answer before it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.representations import account_path
from mediasim.twilio.rest.params import Params
from mediasim.twilio.service import Service

__all__ = ["Answer", "Ask", "Handler"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, as handlers see it: on the engine's loop, its sender known."""

    service: Service
    path: str
    """As it was asked for."""
    at: Mapping[str, str]
    """The variable parts of the path."""
    query: Params
    form: Params

    @property
    def account_path(self) -> str:
        """``/2010-04-01/Accounts/AC…``."""
        return account_path(self.service.account.sid)

    def missing(self) -> TwilioError:
        """What was asked for is not there."""
        return not_found(self.path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown: a resource, a page of a list, plain text, or nothing."""

    body: dict[str, Any] | str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Ask], Answer | Awaitable[Answer]]
"""Runs on the engine's loop. Raises TwilioError for what is refused."""
