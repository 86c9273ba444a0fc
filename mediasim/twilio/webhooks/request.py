"""What is asked of the user's app, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mediasim.twilio.webhooks.delivery import Delivery

__all__ = ["AppFailure", "AppRequest", "AppResponse"]


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
