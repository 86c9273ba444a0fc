"""Requests to the user's app, their responses and their failures, and the delivery log's entries.

The log has one entry for each request, those that were never sent included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["AppFailure", "AppRequest", "AppResponse", "Attempt", "Delivery"]

_MOST_CHARACTERS: Final = 4096
"""Most characters of a response's body in the log."""
State = Literal["queued", "sent", "delivered", "failed"]


@dataclass(slots=True)
class Attempt:
    """An HTTP request of a delivery: the first, a retry or a redirect. Times are loop times, ns."""

    url: str
    method: str
    headers: dict[str, str]
    body: str
    sent_ns: int
    answered_ns: int | None = None
    status: int | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    """Beginning of the body; of a body that is no text only its size."""
    error: str | None = None
    injected: str | None = None
    """The injected fault in words; None without."""
    took_ms: int | None = field(default=None, compare=False)
    """Milliseconds of real time that the app took, while a virtual clock stood still; None where
    nothing measured them. Not part of the JSON, which is the same in each run of a seed."""

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Enter the app's response."""
        self.status = status
        self.response_headers = dict(headers)
        self.response_body = _body_text(body, headers.get("content-type", ""))

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
    """An entry of the delivery log: a request and all attempts to send it."""

    id: str
    kind: str
    sid: str
    url: str
    """URL as requested, with its connection overrides."""
    method: str
    params: tuple[tuple[str, str], ...]
    queued_ns: int
    lane: str | None = None
    """Lane whose deliveries are sent one after another; None: sent at once."""
    replay_of: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    done: bool = False
    error_code: int | None = None
    error: str | None = None
    """Why the delivery failed; None if it did not."""
    injected: list[str] = field(default_factory=list)
    """The injected faults in words."""
    duplicate_of: str | None = None
    """ID of the delivery that this one, made by fault injection, is a copy of."""
    account_sid: str = ""
    """SID of the account whose token signs it; "" for the sandbox's main account."""
    as_json: bool = False
    """Whether the parameters are the body as a JSON object, in place of a form."""
    document: str | None = None
    """The JSON body of a POST in place of the parameters."""
    secret: bool = False
    """Whether its real body must not be known: the parameters show what may be, it is not signed,
    and it cannot be sent again."""

    @property
    def form(self) -> dict[str, str]:
        """The parameters by name."""
        return dict(self.params)

    @property
    def state(self) -> State:
        """How far the delivery is."""
        if self.done:
            return "delivered" if self.error is None else "failed"
        return "sent" if self.attempts else "queued"

    @property
    def sent_ns(self) -> int | None:
        """Loop time of the first attempt in nanoseconds; None before."""
        return self.attempts[0].sent_ns if self.attempts else None

    @property
    def answered_ns(self) -> int | None:
        """Loop time of the last attempt's response in nanoseconds; None without."""
        return self.attempts[-1].answered_ns if self.attempts else None

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON; request and response are those of the last attempt."""
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


def _body_text(body: bytes, content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if body and not (kind.startswith("text/") or kind.endswith(("xml", "json", "urlencoded"))):
        return f"({len(body)} bytes of {kind or 'an unknown kind'})"
    # Cut before decoding: four bytes a character are the most there can be.
    text = body[: 4 * _MOST_CHARACTERS].decode("utf-8", "replace")
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "..."


@dataclass(frozen=True, slots=True)
class AppRequest:
    """A request to the app; its parameters are the form of a POST, the query of a GET."""

    url: str
    """Absolute URL; its fragment may hold connection overrides and is not sent."""
    method: str = "POST"
    params: tuple[tuple[str, str], ...] = ()
    kind: str = "twiml"
    """Kind of request in the log: twiml, media, call-status, recording-status ..."""
    sid: str = ""
    """SID of the call, recording or conference that the request is about."""
    account_sid: str = ""
    """SID of the account whose token signs it; "": the one that its AccountSid names."""
    as_json: bool = False
    """Whether the parameters of a POST are its body as a JSON object, in place of a form."""
    document: str | None = None
    """The JSON body of a POST with ``as_json``; None: the parameters as an object."""
    secret_body: str | None = field(default=None, repr=False)
    """The JSON body of an unsigned POST that the log must not show; None: that of the
    parameters."""
    track: str = ""
    """The track of a call that it is about: ``inbound_track``; "" if it is about none."""


@dataclass(frozen=True, slots=True)
class AppResponse:
    """The app's response, with a status of 2xx."""

    url: str
    """URL after redirects, without a fragment: the base of relative URLs in the body."""
    status: int
    headers: Mapping[str, str]
    """Header fields, their names in lower case."""
    body: bytes
    delivery: Delivery

    @property
    def content_type(self) -> str:
        """The Content-Type header as the app wrote it; "" without one."""
        return self.headers.get("content-type", "")


class AppFailure(Exception):
    """A request to the app got no response that can be used.

    Codes of Twilio's error dictionary: 11100 no URL, 11200 an error status or a broken response,
    11205 no connection or no response in time, 11215 too many redirects, 11216 an invalid
    redirect, 11243 an invalid retry policy.
    """

    def __init__(self, code: int, message: str, delivery: Delivery | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.delivery = delivery
