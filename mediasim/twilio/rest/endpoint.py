"""One path as an ASGI application: reads a request, has it done, writes the answer.

Everything that touches the account, authentication included, is one piece of work on the engine's
loop; reading and writing stay on the web server's. Who asks is settled before anything else: only
then is a method refused (405, code 20004) or a path not found.

Credentials are the account's token, or an API key and its secret, by HTTP basic authentication.
Whatever is wrong with them is answered with 401 and code 20003, also when they are not those of
the account in the path. What manages the account itself is not for API keys. Source: Twilio's
pages of error 20003 and of API keys; the messages are those that its API gives.

A body of any other type than a form has no parameters, as with Twilio: JSON sent to it says
nothing, and what is required is missed. A body of more than 1 MiB is not read (413, code 20413).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import replace
from typing import Final

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mediasim.twilio.account import Account
from mediasim.twilio.errors import BAD_PARAMETER, TwilioError, bad_parameter, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.rest.params import MOST_FIELDS, Params
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse, head_of, refused, written

__all__ = ["ResourceEndpoint", "authenticate"]

_NOT_ALLOWED: Final = 20004
_DENIED: Final = 20003
_LARGEST: Final = 1 << 20
_LONGEST_WORDS: Final = 1000
_TOO_LARGE: Final = 20413


class ResourceEndpoint:
    """Answers for one path of a resource."""

    def __init__(
        self, resource: Resource, methods: Mapping[str, Operation], service: Account, gate: Gate
    ) -> None:
        self._resource = resource
        self._methods = methods
        self._service = service
        self._gate = gate
        self._allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])

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
        path = request.scope["path"]
        as_xml = not path.endswith(".json")
        try:
            query = Params.parse(request.scope["query_string"].decode("latin-1"))
            form = await _read_form(request) if request.method == "POST" else Params()
            ask = ApiRequest(self._resource, self._service, path, request.path_params, query, form)
            authorization = request.headers.get("authorization")
            answer: ApiResponse = await self._gate(
                lambda: self._done(request.method, authorization, ask)
            )
        except TwilioError as error:
            headers = {"Allow": self._allowed} if error.status == 405 else None
            return refused(error, as_xml=as_xml, headers=headers)
        return written(answer, self._resource.name, as_xml=as_xml)

    async def _done(self, method: str, authorization: str | None, ask: ApiRequest) -> ApiResponse:
        """On the engine's loop: do it, and warn of what was given in vain."""
        own = self._service.account.sid
        authenticate(
            self._service,
            authorization,
            account_sid=ask.at.get("account", own),
            main_only=self._resource.main_only,
        )
        if not self._methods:
            raise not_found(ask.path)
        operation = self._methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise TwilioError(405, _NOT_ALLOWED, f"Method {method} is not allowed here")
        names = operation.parameters
        ask = replace(ask, query=ask.query.only(names), form=ask.form.only(names))
        answer = operation.do(ask)
        if isinstance(answer, Awaitable):
            answer = await answer
        if ignored := ask.form.unread():
            words = f"{self._resource.name} parameters are ignored here: {', '.join(ignored)}"
            self._service.notify(_call_of(ask, answer), BAD_PARAMETER, _short(words), warning=True)
        return answer


def _call_of(ask: ApiRequest, answer: ApiResponse) -> str | None:
    """The call that a request was about, or has placed; None: none."""
    shown = answer.body if isinstance(answer.body, dict) else {}
    placed = shown.get("sid") if ask.resource.prefix == "CA" else None
    call: str | None = placed or shown.get("call_sid") or ask.at.get("call")
    return call


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 3] + "..."


# -- credentials -------------------------------------------------------------------------------


def authenticate(
    service: Account, authorization: str | None, *, account_sid: str, main_only: bool
) -> None:
    """Pass for whom may ask. Raises TwilioError (401, 20003).

    ``authorization`` is the header, ``account_sid`` that of the path; ``main_only``: no API keys.
    """
    if not authorization:
        raise _denied("Authentication Error - No credentials provided")
    name, secret = _credentials(authorization)
    if name == service.account.sid:
        known = service.account.auth_token
    else:
        found = next((key for key in service.keys.all() if key.sid == name), None)
        if found is None:
            raise _denied("Authenticate")
        known = found.secret
    if not hmac.compare_digest(secret.encode(), known.encode()):
        raise _denied("Authenticate")
    if account_sid != service.account.sid:
        raise _denied("Authenticate")
    if main_only and name != account_sid:
        raise _denied("Authenticate: this resource needs the account's own credentials")


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _denied("Authentication Error - only Basic authentication is accepted")
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _denied("Authenticate") from None
    name, _, secret = text.partition(":")
    return name, secret


def _denied(message: str) -> TwilioError:
    return TwilioError(401, _DENIED, message)


# -- forms -------------------------------------------------------------------------------------


async def _read_form(request: Request) -> Params:
    """The form's parameters. Raises TwilioError for one that cannot be read."""
    body = await _read(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("", "application/x-www-form-urlencoded"):
        return Params.parse(body.decode("utf-8", "replace"))
    if kind == "multipart/form-data":
        return await _multipart(request, body)
    return Params()


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _LARGEST:
            raise TwilioError(413, _TOO_LARGE, f"A request may have {_LARGEST} bytes at most")
        chunks.append(chunk)
    return b"".join(chunks)


async def _multipart(request: Request, body: bytes) -> Params:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    parser = MultiPartParser(
        request.headers,
        stream(),  # type: ignore[arg-type]  # it is only iterated over
        max_files=0,
        max_fields=MOST_FIELDS,
        max_part_size=_LARGEST,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError, LookupError) as error:
        raise bad_parameter(f"The form cannot be read: {error}") from None
    return Params((name, value) for name, value in form.multi_items() if isinstance(value, str))
