"""Errors as Twilio answers them: an HTTP status, a code of its error dictionary, and words."""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "BAD_PARAMETER",
    "NOT_FOUND",
    "TOO_MANY",
    "TwilioError",
    "bad_parameter",
    "not_complete",
    "not_found",
    "too_many",
    "unavailable",
]

NOT_FOUND: Final = 20404
BAD_PARAMETER: Final = 20001
_NOT_COMPLETE: Final = 20009
TOO_MANY: Final = 20429
_UNAVAILABLE: Final = 20503
_MORE_INFO: Final = "https://www.twilio.com/docs/errors"


class TwilioError(Exception):
    """What a request is refused with."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"{_MORE_INFO}/{self.code}",
            "status": self.status,
        }


def not_found(path: str) -> TwilioError:
    """There is nothing at a path."""
    return TwilioError(404, NOT_FOUND, f"The requested resource {path} was not found")


def bad_parameter(message: str, code: int = BAD_PARAMETER) -> TwilioError:
    """A parameter has a value that it cannot have."""
    return TwilioError(400, code, message)


def not_complete(what: str, status: str) -> TwilioError:
    """A resource is to be deleted that is still under way."""
    words = f"Cannot delete this resource before it is complete: the {what} is {status}"
    return TwilioError(409, _NOT_COMPLETE, words)


def too_many(why: str) -> TwilioError:
    """There is no room for more at the moment."""
    return TwilioError(429, TOO_MANY, f"Too Many Requests: {why}")


def unavailable(why: str) -> TwilioError:
    """It cannot be done as long as something here is broken."""
    return TwilioError(503, _UNAVAILABLE, f"Service Unavailable: {why}")
