"""Records of text messages and their media, and their JSON (API description 2010-04-01)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import Event
from mediasim.exchange.states import MESSAGE, MessageStatus
from mediasim.twilio.representations import (
    API_VERSION,
    account_path,
    dates_json,
    rfc2822,
    subresource_uris,
)
from mediasim.twilio.resources import Dated

__all__ = [
    "Direction",
    "MediaRecord",
    "MessageEvent",
    "MessageRecord",
    "error_words",
    "segments",
]

Direction = Literal["inbound", "outbound-api", "outbound-call", "outbound-reply"]
_ERRORS: Final = {
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30034: "US A2P 10DLC - Message from an Unregistered Number",
    30410: "Provider Timeout Error",
    30500: "Message Failed",
}
"""Messages of the codes for why a message is not delivered (docs, error dictionary)."""

_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""The basic set of GSM 03.38 and its extension, whose characters count twice."""


def error_words(code: int) -> str:
    """Return the message of a code for why a message is not delivered."""
    return _ERRORS.get(code, "Unknown error")


def segments(body: str) -> int:
    """Return the number of segments that a text is sent in: 160 characters of GSM 03.38, 70 of
    UCS-2; less in each of several."""
    if all(char in _GSM or char in _GSM_EXTENSION for char in body):
        length = len(body) + sum(char in _GSM_EXTENSION for char in body)
        one, several = 160, 153
    else:
        length = len(body.encode("utf-16-le")) // 2
        one, several = 70, 67
    return 1 if length <= one else -(-length // several)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(Event):
    """A message has got a status: ``message.sent``."""

    message_sid: str

    @property
    def subject(self) -> str:
        return self.message_sid


@dataclass(slots=True)
class MessageRecord(Dated):
    """A text message: Twilio's Message resource."""

    LIFECYCLE: ClassVar = MESSAGE

    sid: str
    account_sid: str
    to: str
    from_: str | None
    """Number or name of the sender; None until a messaging service has chosen it."""
    body: str
    direction: Direction
    created_ns: int
    updated_ns: int = field(init=False)
    status: MessageStatus = "queued"
    messaging_service_sid: str | None = None
    media: int = 0
    """Number of media."""
    sent_ns: int | None = None
    error_code: int | None = None
    feedback: str = ""
    """``confirmed`` or ``unconfirmed``, as the app has reported; "" before."""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Messages/{self.sid}"
        code = self.error_code
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            **dates_json(self, dates),
            "date_sent": None if self.sent_ns is None else rfc2822(dates, self.sent_ns),
            "direction": self.direction,
            "error_code": code,
            "error_message": None if code is None else error_words(code),
            "from": self.from_,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": str(self.media),
            "num_segments": str(segments(self.body) if not self.media else 1),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": subresource_uris(path, ("Media", "Feedback")),
            "to": self.to,
            "uri": f"{path}.json",
        }


@dataclass(slots=True)
class MediaRecord(Dated):
    """A picture or another file of a message: Twilio's Media resource."""

    sid: str
    account_sid: str
    parent_sid: str
    """SID of the message."""
    content_type: str
    url: str
    """Where the file is, with the app or its sender: it is not copied."""
    created_ns: int
    updated_ns: int = field(init=False)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Messages/{self.parent_sid}/Media/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "content_type": self.content_type,
            **dates_json(self, dates),
            "parent_sid": self.parent_sid,
            "sid": self.sid,
            "uri": f"{path}.json",
        }
