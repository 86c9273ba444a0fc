"""The control API: actions of a test on a sandbox that Twilio's API does not have.

Served under one prefix that no path of Twilio's begins with. Requests and responses are JSON;
:mod:`mediasim.sandbox.refusals` makes error responses of exceptions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mediasim import __version__
from mediasim.net.udp import DROPPED
from mediasim.sandbox.bodies import body_of, data_of
from mediasim.sandbox.config import parse_callee
from mediasim.sandbox.config_weather import parse_weather
from mediasim.sandbox.control_api import openapi_routes
from mediasim.sandbox.control_bodies import Act, Advance, PlaceCall, PressBody, Rate, Speak, Until
from mediasim.sandbox.coverage_page import coverage_routes
from mediasim.sandbox.docs_pages import docs_routes
from mediasim.sandbox.inspector import inspector_routes
from mediasim.sandbox.inspector.waits import run_until_idle
from mediasim.sandbox.message_control import message_routes
from mediasim.sandbox.number_plan import Conflict, act, place_call
from mediasim.sandbox.proxy.routes import proxy_routes
from mediasim.sandbox.refusals import REFUSALS, WrongParameter
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.routes import softphone_routes
from mediasim.twilio.account import Account
from mediasim.twilio.representations import call_json, recording_document

if TYPE_CHECKING:
    from mediasim.sandbox.fleet.fleet import Fleet

__all__ = ["PREFIX", "create_control"]

PREFIX: Final = "/_mediasim"
"""Path below which the control API is served."""
_MOST_DIGITS: Final = 18
"""Most digits of an event's number."""


def create_control(sandbox: Sandbox, fleet: Fleet | None = None) -> Starlette:
    """Return the control API, to be mounted at PREFIX.

    ``fleet`` is that of the sandbox's workers, which share the requests.
    """
    control = _Control(sandbox)
    routes = [
        Route(path, _endpoint(handler), methods=[method])
        for method, path, handler in (
            ("GET", "/health", control.health),
            ("POST", "/reset", control.reset),
            ("GET", "/events", control.events),
            ("GET", "/clock", control.clock),
            ("POST", "/clock/advance", control.advance),
            ("POST", "/clock/run-until-idle", control.run_until_idle),
            ("POST", "/clock/rate", control.set_rate),
            ("GET", "/calls", control.calls),
            ("POST", "/calls", control.place_call),
            ("POST", "/calls/{sid}/act", control.act),
            ("POST", "/calls/{sid}/press", control.press),
            ("POST", "/calls/{sid}/speak", control.speak),
            ("POST", "/calls/{sid}/hang-up", control.hang_up),
            ("GET", "/recordings", control.recordings),
            ("GET", "/recordings/{sid}/truth", control.truth),
            ("GET", "/streams", control.streams),
            ("GET", "/deliveries", control.deliveries),
            ("GET", "/deliveries/{id}", control.delivery),
            ("POST", "/deliveries/{id}/replay", control.replay),
            ("GET", "/weather", control.weather),
            ("POST", "/weather", control.begin_weather),
            ("DELETE", "/weather", control.clear_weather),
            ("DELETE", "/weather/{id}", control.end_weather),
        )
    ]
    middleware = []
    if fleet is not None:
        from mediasim.sandbox.fleet.front import ControlOfFleet

        middleware.append(Middleware(ControlOfFleet, fleet=fleet))
    pages = (*coverage_routes(), *docs_routes(), *openapi_routes(), *inspector_routes(sandbox))
    return Starlette(
        routes=[
            *routes,
            *message_routes(sandbox),
            *proxy_routes(sandbox),
            *pages,
            *softphone_routes(sandbox),
        ],
        middleware=middleware,
        exception_handlers=REFUSALS,
    )


Handler = Callable[[Request], Awaitable[tuple[int, Any]]]
"""Handles a request; returns a status and the JSON of the response."""


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler as an endpoint of Starlette."""

    async def answer(request: Request) -> Response:
        status, found = await handler(request)
        return Response(status_code=status) if status == 204 else JSONResponse(found, status)

    return answer


class _Control:
    """The handlers of all paths."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._gate = sandbox.engine.gate
        self._base = sandbox.settings.config.base

    async def _listed(
        self, name: str, found: Callable[[Account], Iterable[Any]]
    ) -> tuple[int, Any]:
        """Return a list of the account's, made on the engine's loop."""
        return 200, {name: await self._gate(lambda: list(found(self._sandbox.service)))}

    # -- the sandbox ------------------------------------------------------------------------

    async def health(self, _: Request) -> tuple[int, Any]:
        return 200, await self._gate(lambda: _health(self._sandbox))

    async def reset(self, _: Request) -> tuple[int, Any]:
        await self._sandbox.reset()
        return 204, None

    async def events(self, request: Request) -> tuple[int, Any]:
        after = request.query_params.get("after", "0")
        if not after.isdecimal() or len(after) > _MOST_DIGITS:
            words = f"expected the number of an event, at most {_MOST_DIGITS} digits"
            raise WrongParameter(f"after: {words}, found {after[:40]!r}")

        def found() -> list[dict[str, Any]]:
            return [
                {"number": number, "at": event.at_ns / 1e9, **_event_json(event)}
                for number, event in self._sandbox.events
                if number > int(after)
            ]

        return 200, {"events": await self._gate(found)}

    # -- the clock --------------------------------------------------------------------------

    async def clock(self, _: Request) -> tuple[int, Any]:
        return 200, await self._gate(lambda: _clock_json(self._sandbox))

    async def advance(self, request: Request) -> tuple[int, Any]:
        body = await body_of(request, Advance)
        await self._gate(lambda: self._sandbox.clock.advance(int(body.by)))
        await self._keep_time()
        return await self.clock(request)

    async def run_until_idle(self, request: Request) -> tuple[int, Any]:
        body = await body_of(request, Until)
        goes_on = await self._gate(lambda: run_until_idle(self._sandbox, int(body.most)))
        await self._keep_time()
        _, clock = await self.clock(request)
        return 200, {**clock, "idle": goes_on is None, "goes_on": goes_on}

    async def _keep_time(self) -> None:
        """Do and store what the time that has passed has brought."""
        await self._gate(self._sandbox.upkeep.run_once)
        await self._sandbox.flush(deleted=True)

    async def set_rate(self, request: Request) -> tuple[int, Any]:
        body = await body_of(request, Rate)
        await self._gate(lambda: self._sandbox.set_rate(body.rate))
        return await self.clock(request)

    # -- calls ------------------------------------------------------------------------------

    async def calls(self, _: Request) -> tuple[int, Any]:
        def found(service: Account) -> Iterable[Any]:
            return (call_json(each, service.dates) for each in service.catalogue.call_resources())

        return await self._listed("calls", found)

    async def place_call(self, request: Request) -> tuple[int, Any]:
        body = await body_of(request, PlaceCall)
        given = dict(body.party or {})
        if body.script is not None:
            given["script"] = body.script
        callee = await asyncio.to_thread(parse_callee, given, base=self._base)

        def placed() -> dict[str, Any]:
            sandbox = self._sandbox
            record = place_call(
                sandbox.service,
                sandbox.phones,
                to=body.to,
                from_=body.from_,
                callee=callee,
                scripted=body.script is not None,
            )
            return call_json(record, sandbox.service.dates)

        return 201, await self._gate(placed)

    async def act(self, request: Request) -> tuple[int, Any]:
        return await self._do(request, (await body_of(request, Act)).script)

    async def press(self, request: Request) -> tuple[int, Any]:
        body = await body_of(request, PressBody)
        return await self._do(request, [{"dtmf": body.digits}])

    async def speak(self, request: Request) -> tuple[int, Any]:
        body = await body_of(request, Speak)
        return await self._do(request, [{"say": {"text": body.text, "voice": body.voice}}])

    async def hang_up(self, request: Request) -> tuple[int, Any]:
        return await self._do(request, ["hangup"])

    async def _do(self, request: Request, script: list[Any]) -> tuple[int, Any]:
        """Have the party of the path's call perform a script."""
        sid, sandbox = request.path_params["sid"], self._sandbox
        callee = await asyncio.to_thread(parse_callee, {"script": script}, base=self._base)

        def done() -> dict[str, Any]:
            record = act(sandbox.service, sandbox.phones, sid, callee)
            return call_json(record, sandbox.service.dates)

        return 202, await self._gate(done)

    # -- recordings -------------------------------------------------------------------------

    async def recordings(self, _: Request) -> tuple[int, Any]:
        def found(service: Account) -> Iterable[Any]:
            records = service.catalogue.recordings()
            return (recording_document(each, service.dates) for each in records)

        return await self._listed("recordings", found)

    async def truth(self, request: Request) -> tuple[int, Any]:
        sid, service = request.path_params["sid"], self._sandbox.service
        record = await self._gate(lambda: service.recording_record(sid))
        if record.status not in ("completed", "absent"):
            words = f"recording {sid} is {record.status}: there is truth of it once it is completed"
            raise Conflict(words)
        return 200, await asyncio.to_thread(service.store.truth, sid)

    # -- streams ----------------------------------------------------------------------------

    async def streams(self, request: Request) -> tuple[int, Any]:
        call = request.query_params.get("call")

        def found(service: Account) -> Iterable[Any]:
            streams = service.relays.with_streams()
            return (each.to_json() for each in streams if call in (None, each.record.call_sid))

        return await self._listed("streams", found)

    # -- deliveries -------------------------------------------------------------------------

    async def deliveries(self, request: Request) -> tuple[int, Any]:
        kind, sid = (request.query_params.get(name) for name in ("kind", "sid"))

        def found(service: Account) -> Iterable[Any]:
            return (
                each.to_json()
                for each in service.webhooks.deliveries
                if kind in (None, each.kind) and sid in (None, each.sid)
            )

        return await self._listed("deliveries", found)

    async def delivery(self, request: Request) -> tuple[int, Any]:
        webhooks, delivery_id = self._sandbox.service.webhooks, request.path_params["id"]
        return 200, await self._gate(lambda: webhooks.delivery(delivery_id).to_json())

    async def replay(self, request: Request) -> tuple[int, Any]:
        webhooks, delivery_id = self._sandbox.service.webhooks, request.path_params["id"]
        return 200, (await self._gate(lambda: webhooks.replay(delivery_id))).to_json()

    # -- the weather ------------------------------------------------------------------------

    async def weather(self, _: Request) -> tuple[int, Any]:
        def found(service: Account) -> Iterable[Any]:
            return ({"id": key, **each.to_json()} for key, each in service.webhooks.faults.rules())

        return await self._listed("weather", found)

    async def begin_weather(self, request: Request) -> tuple[int, Any]:
        rule = parse_weather(await data_of(request)).fault_rule
        rule_id = await self._gate(lambda: self._sandbox.service.webhooks.faults.begin(rule))
        return 201, {"id": rule_id, **rule.to_json()}

    async def end_weather(self, request: Request) -> tuple[int, Any]:
        name = request.path_params["id"]
        await self._gate(lambda: self._sandbox.service.webhooks.faults.end(name))
        return 204, None

    async def clear_weather(self, _: Request) -> tuple[int, Any]:
        await self._gate(self._sandbox.service.webhooks.faults.clear)
        return 204, None


def _clock_json(sandbox: Sandbox) -> dict[str, Any]:
    """Return the state of the clock, as JSON has it."""
    clock = sandbox.clock
    return {
        "kind": clock.kind,
        "seconds": clock.now_ns / 1e9,
        "date": sandbox.service.dates.at(clock.now_ns).isoformat(),
        "rate": clock.rate,
    }


def _health(sandbox: Sandbox) -> dict[str, Any]:
    """Return the health of the sandbox, as JSON has it."""
    database = sandbox.storage.database
    problem = sandbox.upkeep.problem() or (None if database is None else database.error)
    calls, fleet = len(sandbox.service.sessions), sandbox.workers
    sip_is_down = sandbox.sip is not None and not sandbox.sip.listening
    workers = None if fleet is None else fleet.problem
    healthy = problem is None and workers is None and not sip_is_down
    return {
        "status": "ok" if healthy else "degraded",
        "version": __version__,
        "clock": _clock_json(sandbox),
        "profile": sandbox.service.profile,
        "busy": [sandbox.clock.busy] if fleet is None else list(fleet.busy),
        "calls_in_progress": calls + (0 if fleet is None else fleet.calls_in_progress),
        "storage": problem or ("in memory" if database is None else "ok"),
        **({} if fleet is None else {"workers": workers or "ok", "fleet": fleet.described()}),
        "sip": "off" if sandbox.sip is None else "not listening" if sip_is_down else "ok",
        "dropped": dict(DROPPED),
    }


def _event_json(event: Any) -> dict[str, Any]:
    """Return the fields of an event that have a value, without its time."""
    fields = {name: value for name, value in asdict(event).items() if value is not None}
    del fields["at_ns"]
    return fields
