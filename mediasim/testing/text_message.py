"""A text message in the sandbox of a test, as it is now."""

from __future__ import annotations

from mediasim.twilio.message_records import MessageRecord

__all__ = ["TextMessage"]


class TextMessage:
    """A text message of the app, or to it."""

    def __init__(self, record: MessageRecord, media: tuple[str, ...]) -> None:
        self.record = record
        self.media = media
        """URLs of its files."""

    def __repr__(self) -> str:
        return f"<{self.direction} {self.from_} to {self.to}, {self.status}: {self.body!r}>"

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def from_(self) -> str:
        """Number or name of the sender; "" until a messaging service has chosen it."""
        return self.record.from_ or ""

    @property
    def to(self) -> str:
        return self.record.to

    @property
    def body(self) -> str:
        return self.record.body

    @property
    def direction(self) -> str:
        """``inbound``, ``outbound-api``, ``outbound-call`` or ``outbound-reply``."""
        return self.record.direction

    @property
    def status(self) -> str:
        """How far it is: ``queued``, ``sent``, ``delivered``, ``undelivered`` ..."""
        return self.record.status

    @property
    def error_code(self) -> int | None:
        """Why it was not delivered; None if it was."""
        return self.record.error_code
