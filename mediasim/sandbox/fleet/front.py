"""The front's side of both APIs: requests that workers have to answer are passed on to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediasim.sandbox.access import whole_body
from mediasim.sandbox.fleet.fleet import Fleet, Worker
from mediasim.sandbox.fleet.ipc import PipeClosed
from mediasim.sandbox.fleet.proxy import (
    RequestOwner,
    Responder,
    control_owner,
    pass_on,
    rest_owner,
)
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.rest.responses import error_response

__all__ = ["ControlOfFleet", "RestOfFleet"]

_TOO_LARGE: Final = 413
_LARGEST: Final = 4 * 1024 * 1024
"""Largest body that is read before it is passed on, in bytes."""


class RestOfFleet:
    """Twilio's API: requests about active calls go to their workers, all others to the front."""

    def __init__(self, app: ASGIApp, fleet: Fleet) -> None:
        self._app = app
        self._fleet = fleet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fleet, method, path = self._fleet, scope["method"], scope["path"]
        target = rest_owner(method, path)
        if target.responder is Responder.ANYONE:
            body = await whole_body(receive, _LARGEST)
            if body is None:
                too_large = TwilioError(_TOO_LARGE, 20001, "The request's body is too large")
                await error_response(too_large, as_xml=not path.endswith(".json"))(
                    scope, receive, send
                )
                return
            await _place_call(fleet, _form_value(body, "From"), scope, body, send)
            return
        # The owner of a record that a worker has just made must be known.
        await fleet.synchronize()
        owner = fleet.owner(target) if target.responder is Responder.OWNER else None
        if owner is not None:
            await _pass_to_worker(owner, scope, receive, send)
        elif _begins_conference(method, path, target):
            body = await whole_body(receive, _LARGEST) or b""
            await _place_call(fleet, _form_value(body, "From"), scope, body, send)
        elif method in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _after(send, fleet.records.send))


class ControlOfFleet:
    """The control API: a middleware inside the conversion of exceptions to refusals."""

    def __init__(self, app: ASGIApp, fleet: Fleet) -> None:
        self._app = app
        self._fleet = fleet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fleet = self._fleet
        below = scope["path"].removeprefix(scope.get("root_path", ""))
        target = control_owner(scope["method"], below)
        if target.responder is Responder.EACH:
            await JSONResponse(await self._merged_lists(scope))(scope, receive, send)
        elif target.responder is Responder.HERE:
            if not below.startswith("/inspector/assets"):
                await fleet.synchronize()
            await self._app(scope, receive, send)
        elif target.responder is Responder.OWNER:
            await fleet.synchronize()
            owner = fleet.owner(target)
            if owner is None:
                await self._app(scope, receive, send)
            else:
                await _pass_to_worker(owner, scope, receive, send)
        else:
            await self._to_all(target, scope, receive, send)

    async def _to_all(
        self, target: RequestOwner, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on to a chosen worker, or to all workers and the front."""
        fleet, body = self._fleet, await whole_body(receive, _LARGEST) or b""
        if target.responder is Responder.ANYONE:
            await _place_call(fleet, _json_value(body, "to"), scope, body, send)
            return

        async def all_workers() -> None:
            await asyncio.gather(
                *(_pass_to_worker(each, scope, body, _discard) for each in fleet.all)
            )

        if target.responder is Responder.RESET:
            await all_workers()
            await fleet.forget()
            await self._app(scope, _replay(body), _after(send, fleet.records.send))
        else:
            await self._app(scope, _replay(body), _after(send, all_workers))

    async def _merged_lists(self, scope: Scope) -> dict[str, Any]:
        """Return the lists that the workers respond with, merged."""
        found: dict[str, Any] = {}
        for worker in self._fleet.all:
            body = bytearray()

            async def collect(message: Message, body: bytearray = body) -> None:
                body.extend(message.get("body", b""))

            try:
                await pass_on(worker.pipe, scope, b"", collect)
            except PipeClosed:
                continue  # it has died: what it had has ended
            for name, listed in json.loads(body).items():
                found.setdefault(name, []).extend(listed)
        return found


async def _place_call(fleet: Fleet, number: str, scope: Scope, body: bytes, send: Send) -> None:
    """Let a worker place a call; choose another one if it has died before it got the request."""
    as_xml = not scope["path"].endswith(".json")
    while True:
        try:
            async with fleet.choose(number) as worker:
                if worker.pipe.gone.is_set():
                    continue
                await _pass_to_worker(worker, scope, body, send)
            return
        except TwilioError as error:
            await error_response(error, as_xml=as_xml)(scope, _replay(b""), send)
            return


async def _pass_to_worker(worker: Worker, scope: Scope, body: bytes | Receive, send: Send) -> None:
    """Let a worker respond to a request."""
    as_xml = not scope["path"].endswith(".json")
    content = body if isinstance(body, bytes) else await whole_body(body, _LARGEST)
    if content is None:
        too_large = TwilioError(_TOO_LARGE, 20001, "The request's body is too large")
        await error_response(too_large, as_xml=as_xml)(scope, _replay(b""), send)
        return
    try:
        await pass_on(worker.pipe, scope, content, send)
    except PipeClosed:
        broken = TwilioError(500, 20500, f"{worker.name} does not answer: it was lost")
        await error_response(broken, as_xml=as_xml)(scope, _replay(b""), send)


def _begins_conference(method: str, path: str, target: RequestOwner) -> bool:
    """Return whether a request calls a participant into a conference that does not exist yet."""
    named = target.kind == "conference" and not target.key.startswith("CF")
    return named and method == "POST" and path.split("/")[-1].startswith("Participants")


def _after(send: Send, work: Callable[[], Awaitable[None]]) -> Send:
    """Return a ``send`` that waits for ``work`` before a response that is no refusal."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 300:
            await work()
        await send(message)

    return sent


def _replay(body: bytes) -> Receive:
    """Return a ``receive`` that gives a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _discard(_: Message) -> None:
    """Discard a message."""


def _form_value(body: bytes, name: str) -> str:
    """Return a parameter of a form; an empty text where it is absent."""
    return parse_qs(body.decode("utf-8", "replace")).get(name, [""])[0]


def _json_value(body: bytes, name: str) -> str:
    """Return a value of a JSON object; an empty text where there is none."""
    try:
        return str(json.loads(body)[name])
    except (ValueError, LookupError, TypeError):
        return ""  # a worker says what is wrong with it
