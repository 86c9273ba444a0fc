"""A stream as Twilio's Streams resource shows it (API description 2010-04-01)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mediasim.exchange.dates import Dates
from mediasim.exchange.states import STREAM, StreamStatus
from mediasim.twilio.representations import account_path, rfc2822

__all__ = ["StreamRecord"]


@dataclass(slots=True)
class StreamRecord:
    """One stream of a call, under way or over."""

    LIFE: ClassVar = STREAM

    sid: str
    account_sid: str
    call_sid: str
    name: str | None
    updated_ns: int
    status: StreamStatus = "in-progress"

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Calls/{self.call_sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "name": self.name,
            "status": self.status,
            "date_updated": rfc2822(dates, self.updated_ns),
            "uri": f"{path}/Streams/{self.sid}.json",
        }
