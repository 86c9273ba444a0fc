"""What is asked of the user's app, what came of it, and the delivery log's entries about it.

The log has one entry for each request that the app was sent, or was to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["AppFailure", "AppRequest", "AppResponse", "Attempt", "Delivery"]

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


@dataclass(frozen=True, slots=True)
class AppRequest:
    """A request to make. Parameters go into the form of a POST, into the query of a GET."""

    url: str
    """Absolute. Its fragment may hold connection overrides; it is not sent."""
    method: str = "POST"
    params: tuple[tuple[str, str], ...] = ()
    kind: str = "twiml"
    """What it is for, for the log: twiml, media, call-status, recording-status ..."""
    sid: str = ""
    """The call, recording or conference it is about."""


@dataclass(frozen=True, slots=True)
class AppResponse:
    """The app's answer, with a status of 2xx."""

    url: str
    """Where it was found after redirects, without a fragment: the base of relative URLs in it."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    delivery: Delivery

    @property
    def content_type(self) -> str:
        """As the app wrote it; empty when it did not."""
        return self.headers.get("content-type", "")


class AppFailure(Exception):
    """No answer that can be used.

    Codes of Twilio's error dictionary: 11100 no URL, 11200 an error status or a broken answer,
    11205 no connection or no answer in time, 11215 too many redirects, 11216 a redirect to
    nowhere, 11243 a retry policy that there is not.
    """

    def __init__(self, code: int, message: str, delivery: Delivery | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.delivery = delivery
