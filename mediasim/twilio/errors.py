"""Errors of Twilio's API: an HTTP status, a code of its error dictionary and a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

__all__ = [
    "BAD_PARAMETER",
    "NOT_FOUND",
    "TOO_MANY",
    "TwilioError",
    "bad_parameter",
    "not_complete",
    "not_found",
    "not_in_progress",
    "too_many",
    "unavailable",
    "unknown_number",
]

NOT_FOUND: Final = 20404
BAD_PARAMETER: Final = 20001
_NOT_COMPLETE: Final = 20009
TOO_MANY: Final = 20429
_UNAVAILABLE: Final = 20503
_NOT_IN_PROGRESS: Final = 21220
_MORE_INFO: Final = "https://www.twilio.com/docs/errors"


class TwilioError(Exception):
    """The error that a request is refused with."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, Any]:
        """Return the body of the response."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"{_MORE_INFO}/{self.code}",
            "status": self.status,
        }


def not_found(path: str) -> TwilioError:
    """Return the error (404, 20404) that there is nothing at a path."""
    return TwilioError(404, NOT_FOUND, f"The requested resource {path} was not found")


def unknown_number(number: str, known: Iterable[str]) -> TwilioError:
    """Return the error (404, 20404) that a number that is called is none of the account's."""
    there = ", ".join(known) or "none"
    return TwilioError(404, NOT_FOUND, f"{number} was not found: the app's numbers are: {there}")


def bad_parameter(message: str, code: int = BAD_PARAMETER) -> TwilioError:
    """Return the error (400) that a parameter has a wrong value."""
    return TwilioError(400, code, message)


def not_in_progress(message: str) -> TwilioError:
    """Return the error (400, 21220) that a call or recording is not in progress."""
    return TwilioError(400, _NOT_IN_PROGRESS, message)


def not_complete(what: str, status: str) -> TwilioError:
    """Return the error (409, 20009) that an active resource cannot be deleted."""
    words = f"Cannot delete this resource before it is complete: the {what} is {status}"
    return TwilioError(409, _NOT_COMPLETE, words)


def too_many(why: str) -> TwilioError:
    """Return the error (429, 20429) that no more can be carried at the moment."""
    return TwilioError(429, TOO_MANY, f"Too Many Requests: {why}")


def unavailable(why: str) -> TwilioError:
    """Return the error (503, 20503) that something of the sandbox is broken."""
    return TwilioError(503, _UNAVAILABLE, f"Service Unavailable: {why}")
