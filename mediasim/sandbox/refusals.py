"""What the control API refuses: ``{"error": words}`` with a status of 4xx.

It asks for no credentials, so it answers only requests made to this machine by name, and none that
a web page of elsewhere makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.live import NotNow
from mediasim.scenario.errors import ScenarioError
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.webhooks import HostGuard

__all__ = ["REFUSALS", "RefuseStrangers", "is_foreign"]


def _refusal(status: int, words: str, **more: Any) -> Response:
    return JSONResponse({"error": words, **more}, status)


def _of_twilio(_: Request, error: Any) -> Response:
    return _refusal(error.status, error.message, code=error.code)


def _not_now(_: Request, error: Exception) -> Response:
    return _refusal(409, str(error))


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
    ClockRefuses: _not_now,
    LookupError: _missing,
    ScenarioError: _wrong_script,
    ValidationError: _wrong_body,
    HTTPException: _plain,
}


def is_foreign(scope: Scope) -> bool:
    """Whether a page of elsewhere asks."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


class RefuseStrangers:
    """A page of elsewhere may send requests here, by a name of its own or as a form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if is_foreign(scope) or HostGuard().refusal(name) is not None:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            words = "the control API answers this machine only, by localhost or 127.0.0.1"
            await _refusal(403, words)(scope, receive, send)
            return
        await self._app(scope, receive, send)
