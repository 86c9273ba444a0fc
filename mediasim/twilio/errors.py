"""Errors as Twilio answers them: an HTTP status, a code of its error dictionary, and words."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["NOT_FOUND", "TwilioError", "bad_parameter", "not_found"]

NOT_FOUND: Final = 20404
_BAD_PARAMETER: Final = 20001
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


def bad_parameter(message: str, code: int = _BAD_PARAMETER) -> TwilioError:
    """A parameter has a value that it cannot have."""
    return TwilioError(400, code, message)
