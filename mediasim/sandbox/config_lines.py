"""What a config file says of a party's line: what becomes of messages to it, what lookups find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Text, count
from mediasim.twilio.subscribers import LineType, MessageOutcome, MessagesEnd, Subscriber

__all__ = ["LookupSpec", "MessagesSpec", "subscriber_of"]


class MessagesSpec(Model):
    """What becomes of text messages to a party. A bare text is the last status."""

    stands_for: ClassVar[str] = "status"

    status: MessagesEnd | None = None
    """The last status; delivered where absent, undelivered where there is an error_code."""
    error_code: Annotated[int, count(10_000, 99_999)] | None = None
    """Twilio's code for why, such as 30003; with 21xxx the request for a message is refused."""

    def troubles(self) -> Iterator[Misfit]:
        if self.error_code is not None and self.status in ("delivered", "sent"):
            words = f"expected none: a message that is {self.status} has no error"
            yield ("error_code",), words

    @property
    def outcome(self) -> MessageOutcome | None:
        """The outcome as the account's messages have it; None where the file says nothing."""
        if self.status is None and self.error_code is None:
            return None
        return MessageOutcome(self.status or "undelivered", self.error_code)


class LookupSpec(Model):
    """What Lookup finds out about a party's number. A bare text is its line type."""

    stands_for: ClassVar[str] = "line_type"

    line_type: LineType | None = None
    """The kind of line; what the numbering plan says of the number where absent."""
    carrier: Text | None = None
    """Name of the carrier."""
    caller_name: Text | None = None
    """The subscriber's name (CNAM)."""
    caller_type: Literal["BUSINESS", "CONSUMER"] = "CONSUMER"
    """The kind of subscriber."""


def subscriber_of(party: str | None, messages: MessagesSpec, lookup: LookupSpec) -> Subscriber:
    """Return what a party's description says of its line; None: of lines of no party."""
    return Subscriber(
        lookup.line_type,
        lookup.carrier,
        lookup.caller_name,
        lookup.caller_type,
        party,
        messages.outcome,
    )
