"""What stands before the front's own APIs: requests that workers are to answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediasim.sandbox.access import whole_body
from mediasim.sandbox.fleet.fleet import Fleet, Worker
from mediasim.sandbox.fleet.proxy import (
    RequestOwner,
    Where,
    control_place,
    pass_on,
    rest_place,
)
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.rest.responses import error_response

__all__ = ["ControlOfFleet", "RestOfFleet"]

_TOO_LARGE: Final = 413
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a body that has to be read before it is passed on."""


class RestOfFleet:
    """Twilio's API: what is under way is with a worker, everything else is here."""

    def __init__(self, app: ASGIApp, fleet: Fleet) -> None:
        self._app = app
        self._fleet = fleet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fleet, method, path = self._fleet, scope["method"], scope["path"]
        place = rest_place(method, path)
        if place.where is not Where.ANYONE:
            await fleet.heard()
        if place.where is Where.ANYONE:
            body = await whole_body(receive, _LARGEST)
            if body is None:
                too_large = TwilioError(_TOO_LARGE, 20001, "The request's body is too large")
                await error_response(too_large, as_xml=not path.endswith(".json"))(
                    scope, receive, send
                )
                return
            await _placed(fleet, _form_value(body, "From"), scope, body, send)
            return
        owner = fleet.owner(place) if place.where is Where.OWNER else None
        if owner is not None:
            await _passed(fleet, owner, scope, receive, send)
        elif _begins_conference(method, path, place):
            body = await whole_body(receive, _LARGEST) or b""
            await _placed(fleet, _form_value(body, "From"), scope, body, send)
        elif method in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _after(send, fleet.told))


class ControlOfFleet:
    """The control API: a middleware within its refusals."""

    def __init__(self, app: ASGIApp, fleet: Fleet) -> None:
        self._app = app
        self._fleet = fleet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fleet = self._fleet
        below = scope["path"].removeprefix(scope.get("root_path", ""))
        place = control_place(scope["method"], below)
        if place.where is Where.EACH:
            await JSONResponse(await self._lists(scope))(scope, receive, send)
        elif place.where is Where.HERE:
            if not below.startswith("/inspector/assets"):
                await fleet.heard()
            await self._app(scope, receive, send)
        elif place.where is Where.OWNER:
            await fleet.heard()
            owner = fleet.owner(place)
            if owner is None:
                await self._app(scope, receive, send)
            else:
                await _passed(fleet, owner, scope, receive, send)
        else:
            await self._all(place, scope, receive, send)

    async def _all(self, place: RequestOwner, scope: Scope, receive: Receive, send: Send) -> None:
        fleet, body = self._fleet, await whole_body(receive, _LARGEST) or b""
        if place.where is Where.ANYONE:
            await _placed(fleet, _json_value(body, "to"), scope, body, send)
            return

        async def everybody() -> None:
            await asyncio.gather(
                *(_passed(fleet, each, scope, body, _nowhere) for each in fleet.all)
            )

        if place.where is Where.RESET:
            await everybody()
            await fleet.forget()
            await self._app(scope, _said(body), _after(send, fleet.told))
        else:
            await self._app(scope, _said(body), _after(send, everybody))

    async def _lists(self, scope: Scope) -> dict[str, Any]:
        """The lists that all workers answer with, put together."""
        import httpx2

        found: dict[str, Any] = {}
        request = Request(scope)
        for worker in self._fleet.all:
            url = f"{worker.url}{request.url.path}?{request.url.query}"
            try:
                answer = await self._fleet.client.get(url)
            except httpx2.HTTPError:
                continue  # it has died: what it had has ended
            for name, listed in answer.json().items():
                found.setdefault(name, []).extend(listed)
        return found


async def _placed(fleet: Fleet, number: str, scope: Scope, body: bytes, send: Send) -> None:
    """Let a worker place a call: another one if it dies before it has heard of it."""
    import httpx2

    as_xml = not scope["path"].endswith(".json")
    while True:
        try:
            async with fleet.chosen(number) as worker:
                await _passed(fleet, worker, scope, body, send, again=True)
            return
        except httpx2.ConnectError:
            await asyncio.sleep(0)  # its end is heard of by then
            worker.wire.gone.set()
        except TwilioError as error:
            await error_response(error, as_xml=as_xml)(scope, _said(b""), send)
            return


async def _passed(
    fleet: Fleet,
    worker: Worker,
    scope: Scope,
    body: bytes | Receive,
    send: Send,
    *,
    again: bool = False,
) -> None:
    """Let a worker answer. With ``again`` raises httpx2.ConnectError for one that never heard."""
    import httpx2

    begun = False

    async def sent(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await pass_on(fleet.client, worker.url, scope, body, sent)
    except httpx2.HTTPError as error:
        if begun or (again and isinstance(error, httpx2.ConnectError)):
            raise
        words = f"worker {worker.number} does not answer: {type(error).__name__}"
        as_xml = not scope["path"].endswith(".json")
        broken = TwilioError(500, 20500, words)
        await error_response(broken, as_xml=as_xml)(scope, _said(b""), send)


def _begins_conference(method: str, path: str, place: RequestOwner) -> bool:
    """Whether somebody is called into a conference that has yet to begin."""
    named = place.kind == "conference" and not place.key.startswith("CF")
    return named and method == "POST" and path.split("/")[-1].startswith("Participants")


def _after(send: Send, work: Callable[[], Awaitable[None]]) -> Send:
    """Answer once that has been done, unless the answer is a refusal."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 300:
            await work()
        await send(message)

    return sent


def _said(body: bytes) -> Receive:
    """What has been read, to be read once more."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _nowhere(_: Message) -> None:
    pass


def _form_value(body: bytes, name: str) -> str:
    return parse_qs(body.decode("utf-8", "replace")).get(name, [""])[0]


def _json_value(body: bytes, name: str) -> str:
    try:
        return str(json.loads(body)[name])
    except (ValueError, LookupError, TypeError):
        return ""  # a worker says what is wrong with it
