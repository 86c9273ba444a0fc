"""What the control API refuses: ``{"error": words}`` with a status of 4xx.

Who may ask it at all decides :mod:`mediasim.sandbox.access`.
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
from mediasim.sandbox.number_plan import NotNow
from mediasim.twilio.errors import TwilioError

__all__ = ["REFUSALS", "WrongParameter"]


class WrongParameter(ValueError):
    """A parameter of the query cannot have that value; says which it can."""


def _refusal(status: int, words: str, **more: Any) -> Response:
    return JSONResponse({"error": words, **more}, status)


def _of_twilio(_: Request, error: Any) -> Response:
    return _refusal(error.status, error.message, code=error.code)


def _not_now(_: Request, error: Exception) -> Response:
    return _refusal(409, str(error))


def _wrong_parameter(_: Request, error: Exception) -> Response:
    return _refusal(400, str(error))


def _missing(_: Request, error: Exception) -> Response:
    return _refusal(404, str(error))


def _wrong_script(_: Request, error: Any) -> Response:
    problems = [{"path": each.path, "message": each.message} for each in error.problems]
    return _refusal(422, str(error), problems=problems)


def _wrong_body(_: Request, error: Any) -> Response:
    words = [
        ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"])))
        for each in error.errors()
    ]
    return _refusal(422, "; ".join(words))


def _plain(_: Request, error: Any) -> Response:
    return _refusal(error.status_code, error.detail)


REFUSALS: Final[dict[Any, Callable[[Request, Any], Response]]] = {
    TwilioError: _of_twilio,
    NotNow: _not_now,
    WrongParameter: _wrong_parameter,
    ClockRefuses: _not_now,
    LookupError: _missing,
    ScenarioError: _wrong_script,
    ValidationError: _wrong_body,
    HTTPException: _plain,
}
