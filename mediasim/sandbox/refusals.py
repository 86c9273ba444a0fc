"""Refusals of the control API: ``{"error": words}`` with a status of 4xx, by exception.

Refusals of clients by host, origin or token are in :mod:`mediasim.sandbox.access`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mediasim.documents.diagnostics import ScenarioError
from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.number_plan import Conflict
from mediasim.twilio.errors import TwilioError

__all__ = ["REFUSALS", "WrongParameter", "validation_words"]


class WrongParameter(ValueError):
    """A parameter of the query has an unsupported value; the message says which are supported."""


def _refusal(status: int, words: str, **more: Any) -> Response:
    return JSONResponse({"error": words, **more}, status)


def _of_twilio(_: Request, error: Any) -> Response:
    return _refusal(error.status, error.message, code=error.code)


def _with_status(status: int) -> Callable[[Request, Exception], Response]:
    """Return a handler that answers an exception's words with a status."""
    return lambda _, error: _refusal(status, str(error))


def _wrong_script(_: Request, error: Any) -> Response:
    problems = [{"path": each.path, "message": each.message} for each in error.problems]
    return _refusal(422, str(error), problems=problems)


def validation_words(error: ValidationError) -> str:
    """Return the errors of a JSON body in words."""
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"])))
        for each in error.errors()
    )


def _wrong_body(_: Request, error: ValidationError) -> Response:
    return _refusal(422, validation_words(error))


def _plain(_: Request, error: Any) -> Response:
    return _refusal(error.status_code, error.detail)


REFUSALS: Final[dict[Any, Callable[[Request, Any], Response]]] = {
    TwilioError: _of_twilio,
    Conflict: _with_status(409),
    WrongParameter: _with_status(400),
    ClockRefuses: _with_status(409),
    LookupError: _with_status(404),
    ScenarioError: _wrong_script,
    ValidationError: _wrong_body,
    HTTPException: _plain,
}
"""Handlers of the exceptions that the control API answers, for Starlette."""
