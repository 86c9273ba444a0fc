"""The control API described: a row for each operation, and OpenAPI made of the rows.

The rows say what an operation does, takes and answers. A test asks each of a sandbox and compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mediasim import __version__
from mediasim.documents.schema import body_schema
from mediasim.sandbox.config_weather import WeatherSpell
from mediasim.sandbox.control_bodies import (
    Act,
    Advance,
    PlaceCall,
    PressBody,
    Rate,
    Speak,
    Until,
)
from mediasim.sandbox.message_control import IncomingMessage, Outcome
from mediasim.sandbox.proxy.routes import ProxyHosts

__all__ = ["OPERATIONS", "Operation", "openapi", "openapi_routes"]


@dataclass(frozen=True)
class Operation:
    """One operation of the control API."""

    method: str
    path: str
    """Below the control API's prefix; what is in braces is a parameter."""
    summary: str
    """What it does, as a sentence."""
    body: type[BaseModel] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the query, each with its meaning."""
    status: int = 200
    answer: Mapping[str, str] = field(default_factory=dict)
    """The keys of the answer's JSON, each with its meaning; none where the answer is empty, or is a
    resource of Twilio's."""
    resource: str = ""
    """The resource that the answer is, in words."""


_CLOCK: Final = {
    "kind": "virtual, manual or real.",
    "seconds": "The sandbox's time, from its start.",
    "date": "The date and time that resources show now, ISO 8601.",
    "rate": "How fast time passes, of a real clock: 1 is the wall clock's.",
}
_CALL: Final = "the call, as Twilio's API has it"
_DELIVERY: Final = (
    "the delivery: id, kind, sid, state, url, method, params, request, response, error, injected"
)
_WEATHER: Final = "id, and the keys of the spell as they act"

OPERATIONS: Final = (
    Operation(
        "GET",
        "/health",
        "Say how the sandbox is. It needs no token.",
        answer={
            "status": "ok, or degraded where something of it does not work.",
            "version": "mediasim's version.",
            "clock": "The clock, as of GET /clock.",
            "profile": "Twilio's behaviour as of a date.",
            "busy": "Share of time that each worker's engine is busy.",
            "calls_in_progress": "Number of calls that have not ended.",
            "storage": "ok, in memory, or what is wrong.",
            "sip": "ok, off, or not listening.",
            "dropped": "Datagrams that were not handled, by protocol and reason.",
        },
    ),
    Operation(
        "POST",
        "/reset",
        "Forget everything that happened: calls, recordings, messages, weather, the clock's time.",
        status=204,
    ),
    Operation(
        "GET",
        "/events",
        "List the events of the exchange, oldest first.",
        query={"after": "The number of the last event that is known already."},
        answer={"events": "Each with number, at (seconds), kind, text, and SIDs."},
    ),
    Operation("GET", "/clock", "Show the clock.", answer=_CLOCK),
    Operation(
        "POST",
        "/clock/advance",
        "Let time pass on a manual or virtual clock, and do all that is due by then.",
        body=Advance,
        answer=_CLOCK,
    ),
    Operation(
        "POST",
        "/clock/run-until-idle",
        "Let time pass until every call has ended and every callback was sent.",
        body=Until,
        answer={
            **_CLOCK,
            "idle": "Whether that came about.",
            "goes_on": "If not, what goes on, in words; else null.",
        },
    ),
    Operation(
        "POST", "/clock/rate", "Change how fast a real clock runs.", body=Rate, answer=_CLOCK
    ),
    Operation(
        "GET",
        "/calls",
        "List all calls, oldest first.",
        answer={"calls": "Each as Twilio's API has it."},
    ),
    Operation(
        "POST",
        "/calls",
        "Place a call to one of the app's numbers.",
        body=PlaceCall,
        status=201,
        resource=_CALL,
    ),
    Operation(
        "POST",
        "/calls/{sid}/act",
        "Have the party of a call perform steps of a script.",
        body=Act,
        status=202,
        resource=_CALL,
    ),
    Operation(
        "POST",
        "/calls/{sid}/press",
        "Have the party of a call press keys.",
        body=PressBody,
        status=202,
        resource=_CALL,
    ),
    Operation(
        "POST",
        "/calls/{sid}/speak",
        "Have the party of a call say something.",
        body=Speak,
        status=202,
        resource=_CALL,
    ),
    Operation(
        "POST",
        "/calls/{sid}/hang-up",
        "Have the party of a call hang up.",
        status=202,
        resource=_CALL,
    ),
    Operation(
        "GET",
        "/recordings",
        "List all recordings, oldest first.",
        answer={"recordings": "Each with Twilio's fields and its channel_map."},
    ),
    Operation(
        "GET",
        "/recordings/{sid}/truth",
        "Show the truth of a recording that is completed.",
        resource="the truth, as NAME.truth.json has it",
    ),
    Operation(
        "GET",
        "/streams",
        "List media streams and relays with their figures.",
        query={"call": "Only those of the call with this SID."},
        answer={"streams": "Each with what went over it and how well the app converses."},
    ),
    Operation(
        "GET",
        "/deliveries",
        "List the requests to the app, oldest first.",
        query={
            "kind": "Only those of a kind: twiml, call-status, recording-status ...",
            "sid": "Only those about the resource with this SID.",
        },
        answer={"deliveries": f"Each is {_DELIVERY}."},
    ),
    Operation("GET", "/deliveries/{id}", "Show a request to the app.", resource=_DELIVERY),
    Operation(
        "POST",
        "/deliveries/{id}/replay",
        "Send a request to the app again, freshly signed.",
        resource=_DELIVERY,
    ),
    Operation(
        "GET",
        "/weather",
        "List what goes wrong at present.",
        answer={"weather": f"Each is {_WEATHER}."},
    ),
    Operation(
        "POST",
        "/weather",
        "Begin a spell of what goes wrong between the sandbox and the app.",
        body=WeatherSpell,
        status=201,
        resource=_WEATHER,
    ),
    Operation("DELETE", "/weather", "End all spells.", status=204),
    Operation("DELETE", "/weather/{id}", "End a spell.", status=204),
    Operation(
        "GET",
        "/messages",
        "List all text messages, oldest first.",
        answer={"messages": "Each as Twilio's API has it."},
    ),
    Operation(
        "POST",
        "/messages",
        "Text one of the app's numbers.",
        body=IncomingMessage,
        status=201,
        resource="the message, as Twilio's API has it",
    ),
    Operation(
        "GET",
        "/message-outcomes",
        "List what becomes of messages to numbers, as it was chosen.",
        answer={"outcomes": "By number: status and error_code."},
    ),
    Operation(
        "POST",
        "/message-outcomes",
        "Choose what becomes of the app's messages to a number from now on.",
        body=Outcome,
        status=201,
        answer={"outcomes": "By number: status and error_code."},
    ),
    Operation(
        "DELETE",
        "/message-outcomes",
        "Forget what was chosen: the number plan holds again.",
        status=204,
    ),
    Operation(
        "GET",
        "/env",
        "List the environment variables that point an app at the sandbox.",
        resource="the variables by name",
    ),
    Operation(
        "POST",
        "/proxy",
        "Start the proxy for apps as they are, if it does not run, and give apps public names.",
        body=ProxyHosts,
        resource="the environment variables of such an app by name",
    ),
    Operation("DELETE", "/proxy/hosts/{name}", "Take a public name away from an app.", status=204),
)
"""All operations; the paths of pages (inspector, softphone, documentation, coverage) are not
among them."""

_PREFIX: Final = "/_mediasim"
_SECURITY: Final = {"token": {"type": "http", "scheme": "bearer", "description": "MEDIASIM_TOKEN"}}


def openapi() -> dict[str, Any]:
    """Return the control API as a document of OpenAPI 3.1."""
    schemas: dict[str, Any] = {
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {"type": "string", "description": "What is wrong, as a sentence."},
                "code": {"type": "integer", "description": "Twilio's code, if it has one."},
                "problems": {"type": "array", "description": "Of a script: each mistake."},
            },
        }
    }
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(_PREFIX + each.path, {})[each.method.lower()] = _described(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mediasim control API",
            "version": __version__,
            "description": "What a test does with a sandbox that Twilio's API does not have.",
        },
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schemas[name] for name in sorted(schemas)},
            "securitySchemes": _SECURITY,
        },
    }


def openapi_routes() -> list[BaseRoute]:
    """Return the route of the description."""
    return [Route("/openapi.json", _openapi, methods=["GET"])]


async def _openapi(_: Request) -> Response:
    return JSONResponse(openapi())


def _described(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return an operation as OpenAPI has it; the definitions it needs are added to ``schemas``."""
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": words, "schema": {"type": "string"}}
        for name, words in operation.query.items()
    ]
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    found: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "responses": {
            str(operation.status): _response(operation),
            "4XX": {"description": "Refused, with the reason.", "content": refused},
        },
    }
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        schema = body_schema(operation.body)
        schemas |= {name: _moved(it) for name, it in schema.pop("$defs", {}).items()}
        name = operation.body.__name__
        schemas[name] = _moved(schema)
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        found["requestBody"] = {"required": bool(schema.get("required")), "content": content}
    return found


def _response(operation: Operation) -> dict[str, Any]:
    if operation.status == 204:
        return {"description": HTTPStatus.NO_CONTENT.phrase}
    schema: dict[str, Any] = {"type": "object"}
    if operation.answer:
        schema["properties"] = {
            name: {"description": words} for name, words in operation.answer.items()
        }
        schema["required"] = list(operation.answer)
    description = operation.resource or HTTPStatus(operation.status).phrase
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation_id(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.replace("-", "_"))
    return "_".join([operation.method.lower(), *words])


def _moved(schema: Any) -> Any:
    """Return a schema whose references are to the document's components."""
    if isinstance(schema, dict):
        return {
            key: it.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(it, str)
            else _moved(it)
            for key, it in schema.items()
        }
    return [_moved(it) for it in schema] if isinstance(schema, list) else schema
