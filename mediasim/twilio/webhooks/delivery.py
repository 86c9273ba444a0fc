"""The delivery log's entries: one for each request the app was sent, or was to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["Attempt", "Delivery"]

MOST_SHOWN: Final = 4096
"""Of a response's body, in characters."""

State = Literal["queued", "sent", "delivered", "failed"]


@dataclass(slots=True)
class Attempt:
    """One HTTP request: the first, a retry, or where a redirect led. Times are loop time, ns."""

    url: str
    method: str
    headers: dict[str, str]
    body: str
    sent_ns: int
    answered_ns: int | None = None
    status: int | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    """Its beginning; of what is no text, only how long it is."""
    error: str | None = None
    injected: str | None = None
    """What the weather made of the app's answer."""

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Enter the app's answer."""
        self.status = status
        self.response_headers = dict(headers)
        self.response_body = _shown(body, headers.get("content-type", ""))

    def to_json(self) -> dict[str, Any]:
        response = None
        if self.status is not None:
            response = {
                "status": self.status,
                "headers": self.response_headers,
                "body": self.response_body,
            }
        return {
            "request": {
                "method": self.method,
                "url": self.url,
                "headers": self.headers,
                "body": self.body,
            },
            "response": response,
            "error": self.error,
            "injected": self.injected,
            "sent_ns": self.sent_ns,
            "answered_ns": self.answered_ns,
        }


@dataclass(slots=True)
class Delivery:
    """What was to be delivered, and every attempt at it."""

    id: str
    kind: str
    sid: str
    url: str
    """As it was asked for, connection overrides and all."""
    method: str
    params: tuple[tuple[str, str], ...]
    queued_ns: int
    lane: str | None = None
    """Those of one lane are delivered one after another; None: at once."""
    replay_of: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    done: bool = False
    error_code: int | None = None
    error: str | None = None
    """Why it was given up."""
    injected: list[str] = field(default_factory=list)
    """What the weather did to it."""
    duplicate_of: str | None = None
    """The delivery that this one, made by the weather, is the same as."""

    @property
    def form(self) -> dict[str, str]:
        """Its parameters by name."""
        return dict(self.params)

    @property
    def state(self) -> State:
        if self.done:
            return "delivered" if self.error is None else "failed"
        return "sent" if self.attempts else "queued"

    @property
    def sent_ns(self) -> int | None:
        """When it was first sent."""
        return self.attempts[0].sent_ns if self.attempts else None

    @property
    def answered_ns(self) -> int | None:
        """When the last answer came."""
        return self.attempts[-1].answered_ns if self.attempts else None

    def to_json(self) -> dict[str, Any]:
        """As the log shows it: request and response are those of the last attempt."""
        last = self.attempts[-1].to_json() if self.attempts else {}
        return {
            "id": self.id,
            "kind": self.kind,
            "sid": self.sid,
            "state": self.state,
            "url": self.url,
            "method": self.method,
            "params": [list(pair) for pair in self.params],
            "lane": self.lane,
            "replay_of": self.replay_of,
            "injected": self.injected,
            "duplicate_of": self.duplicate_of,
            "queued_ns": self.queued_ns,
            "sent_ns": self.sent_ns,
            "answered_ns": self.answered_ns,
            "request": last.get("request"),
            "response": last.get("response"),
            "error_code": self.error_code,
            "error": self.error,
            "attempts": [attempt.to_json() for attempt in self.attempts],
        }


def _shown(body: bytes, content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if body and not (kind.startswith("text/") or kind.endswith(("xml", "json", "urlencoded"))):
        return f"({len(body)} bytes of {kind or 'an unknown kind'})"
    # Cut before decoding: four bytes a character are the most there can be.
    text = body[: 4 * MOST_SHOWN].decode("utf-8", "replace")
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "..."
