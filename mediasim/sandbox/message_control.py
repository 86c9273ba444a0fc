"""The control API's paths for text messages, and for what the sandbox has of Twilio's API.

:mod:`mediasim.sandbox.refusals` makes error responses of exceptions, as for all paths.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mediasim.documents.document import Origin, from_python, validated
from mediasim.documents.values import Number
from mediasim.sandbox.bodies import Body, body_of, data_of
from mediasim.sandbox.config_lines import MessagesSpec
from mediasim.sandbox.number_plan import DEFAULT_CALLER, text_app
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.subscribers import MessageOutcome

__all__ = ["message_routes"]


class IncomingMessage(Body):
    """A text message to one of the app's numbers."""

    to: str
    """The app's number."""
    from_: str = Field(DEFAULT_CALLER, alias="from")
    """A number, or the name of a party in the number plan."""
    body: str = ""
    """What it says."""
    media: tuple[str, ...] = ()
    """URLs of pictures and other files."""


class Outcome(MessagesSpec):
    """What becomes of the app's messages to a number from now on."""

    to: Number
    """The number."""


def message_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes for messages."""
    control = _MessageControl(sandbox)
    return [
        Route("/messages", control.list, methods=["GET"]),
        Route("/messages", control.receive, methods=["POST"]),
        Route("/message-outcomes", control.outcomes, methods=["GET"]),
        Route("/message-outcomes", control.choose, methods=["POST"]),
        Route("/message-outcomes", control.forget, methods=["DELETE"]),
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
        body = await body_of(request, IncomingMessage)

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
        given = await data_of(request)
        body = validated(Outcome, Origin(from_python(given), Path()))

        def chosen() -> dict[str, Any]:
            self._sandbox.service.messages.outcomes[body.to] = body.outcome or MessageOutcome()
            return self._chosen()

        return JSONResponse({"outcomes": await self._gate(chosen)}, 201)

    async def forget(self, _: Request) -> Response:
        """Forget all outcomes that were chosen: those of the number plan are valid again."""
        await self._gate(lambda: self._sandbox.service.messages.outcomes.clear())
        return Response(status_code=204)

    def _chosen(self) -> dict[str, Any]:
        outcomes = self._sandbox.service.messages.outcomes
        return {number: asdict(each) for number, each in outcomes.items()}
