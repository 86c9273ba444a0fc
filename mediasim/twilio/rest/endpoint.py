"""One resource as an ASGI application: reads a request, has it done, writes the answer.

Everything that touches the account, authentication included, is one piece of work on the engine's
loop; reading and writing stay on the web server's. Who asks is settled before anything else: only
then is a method refused (405, code 20004) or a path not found.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.auth import authenticate
from mediasim.twilio.rest.bodies import read_form
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import Resource
from mediasim.twilio.rest.writing import refused, written
from mediasim.twilio.service import Service

__all__ = ["Endpoint", "head_of"]

_NOT_ALLOWED: Final = 20004


class Endpoint:
    """Answers for one resource."""

    def __init__(self, resource: Resource, service: Service, gate: Gate) -> None:
        self._resource = resource
        self._service = service
        self._gate = gate
        self._allowed = ", ".join(
            [*resource.methods, *(["HEAD"] if "GET" in resource.methods else [])]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        if request.method == "HEAD":
            response = head_of(response)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        as_xml = not request.scope["path"].endswith(".json")
        try:
            query = Params.parse(request.scope["query_string"].decode("latin-1"))
            form = await read_form(request) if request.method == "POST" else Params()
            ask = Ask(self._service, request.scope["path"], request.path_params, query, form)
            authorization = request.headers.get("authorization")
            answer: Answer = await self._gate(
                lambda: self._done(request.method, authorization, ask)
            )
        except TwilioError as error:
            headers = {"Allow": self._allowed} if error.status == 405 else None
            return refused(error, as_xml=as_xml, headers=headers)
        return written(answer, self._resource.name, as_xml=as_xml)

    def _done(self, method: str, authorization: str | None, ask: Ask) -> Any:
        """On the engine's loop: the answer, or what is awaited for it."""
        own = self._service.account.sid
        authenticate(
            self._service,
            authorization,
            account_sid=ask.at.get("account", own),
            main_only=self._resource.main_only,
        )
        if not self._resource.methods:
            raise not_found(ask.path)
        handler = self._resource.methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise TwilioError(405, _NOT_ALLOWED, f"Method {method} is not allowed here")
        answer: Answer | Awaitable[Answer] = handler(ask)
        return answer


def head_of(response: Response) -> Response:
    """The same without its body."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare
