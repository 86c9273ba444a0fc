"""The control API's paths for text messages, and for what the sandbox has of Twilio's API.

:mod:`mediasim.sandbox.refusals` makes error responses of exceptions, as for all paths.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mediasim.sandbox.number_plan import DEFAULT_CALLER, text_app
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.rest.table import coverage
from mediasim.twilio.subscribers import MessageOutcome, MessagesEnd

__all__ = ["message_routes"]

_NUMBER: Final = r"^\+[1-9]\d{6,14}$"


class Text(BaseModel):
    """A text message to one of the app's numbers."""

    model_config = ConfigDict(extra="forbid")
    to: str
    from_: str = Field(DEFAULT_CALLER, alias="from")
    """A number, or the name of a party in the number plan."""
    body: str = ""
    media: list[str] = []
    """URLs of pictures and other files."""


class Outcome(BaseModel):
    """What becomes of the app's messages to a number from now on."""

    model_config = ConfigDict(extra="forbid")
    to: Annotated[str, Field(pattern=_NUMBER)]
    status: MessagesEnd | None = None
    """The last status; delivered where absent, undelivered where there is an error_code."""
    error_code: Annotated[int, Field(ge=10_000, le=99_999)] | None = None


def message_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes for messages, and for the coverage."""
    control = _MessageControl(sandbox)
    return [
        Route("/messages", control.list, methods=["GET"]),
        Route("/messages", control.receive, methods=["POST"]),
        Route("/message-outcomes", control.outcomes, methods=["GET"]),
        Route("/message-outcomes", control.choose, methods=["POST"]),
        Route("/message-outcomes", control.forget, methods=["DELETE"]),
        Route("/coverage", control.coverage, methods=["GET"]),
    ]


class _MessageControl:
    """The handlers of the paths."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._gate = sandbox.engine.gate

    async def list(self, _: Request) -> Response:
        """Return all messages of all accounts, oldest first."""

        def found() -> Any:
            service = self._sandbox.service
            return [each.to_twilio_json(service.dates) for each in service.messages.all()]

        return JSONResponse({"messages": await self._gate(found)})

    async def receive(self, request: Request) -> Response:
        """Take in a message to one of the app's numbers."""
        body = Text.model_validate_json(await request.body() or b"{}")

        def received() -> dict[str, Any]:
            sandbox = self._sandbox
            record = text_app(
                sandbox.service,
                sandbox.phones,
                to=body.to,
                from_=body.from_,
                body=body.body,
                media=body.media,
            )
            return record.to_twilio_json(sandbox.service.dates)

        return JSONResponse(await self._gate(received), 201)

    async def outcomes(self, _: Request) -> Response:
        """Return the outcomes that were chosen, by number."""
        return JSONResponse({"outcomes": await self._gate(self._chosen)})

    async def choose(self, request: Request) -> Response:
        """Choose what becomes of messages to a number."""
        body = Outcome.model_validate_json(await request.body() or b"{}")
        status = body.status or ("delivered" if body.error_code is None else "undelivered")
        outcome = MessageOutcome(status, body.error_code)

        def chosen() -> dict[str, Any]:
            self._sandbox.service.messages.outcomes[body.to] = outcome
            return self._chosen()

        return JSONResponse({"outcomes": await self._gate(chosen)}, 201)

    async def forget(self, _: Request) -> Response:
        """Forget all outcomes that were chosen: those of the number plan are valid again."""
        await self._gate(lambda: self._sandbox.service.messages.outcomes.clear())
        return Response(status_code=204)

    async def coverage(self, _: Request) -> Response:
        """Return the operations of the REST API as a table in Markdown."""
        return PlainTextResponse(coverage(), media_type="text/markdown")

    def _chosen(self) -> dict[str, Any]:
        outcomes = self._sandbox.service.messages.outcomes
        return {number: asdict(each) for number, each in outcomes.items()}
