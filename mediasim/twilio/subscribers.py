"""Who has a telephone line, as far as a number plan says: for lookups, and for messages to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["LineType", "MessageOutcome", "MessagesEnd", "Subscriber"]

LineType = Literal[
    "landline",
    "mobile",
    "fixedVoip",
    "nonFixedVoip",
    "personal",
    "tollFree",
    "premium",
    "sharedCost",
    "uan",
    "voicemail",
    "pager",
    "unknown",
]
"""Twilio's words for kinds of lines (docs, Lookup, line_type_intelligence)."""
MessagesEnd = Literal["delivered", "sent", "undelivered", "failed"]
_LANDLINE: Final = 30006


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What becomes of messages to a number."""

    status: MessagesEnd = "delivered"
    """The last status; ``sent``: no receipt comes."""
    error_code: int | None = None
    """Why it is not delivered; a code 21xxx refuses the request for the message."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What a number plan knows of a line; None: nothing."""

    line_type: LineType | None = None
    carrier: str | None = None
    caller_name: str | None = None
    caller_type: str = "CONSUMER"
    """``CONSUMER`` or ``BUSINESS``."""
    party: str | None = None
    """Name of the party that has the line."""
    messages: MessageOutcome | None = None
    """What becomes of messages; None: a landline takes none, and others are delivered."""

    @property
    def outcome(self) -> MessageOutcome:
        """What becomes of messages to the line."""
        if self.messages is not None:
            return self.messages
        if self.line_type == "landline":
            return MessageOutcome("undelivered", _LANDLINE)
        return MessageOutcome()
