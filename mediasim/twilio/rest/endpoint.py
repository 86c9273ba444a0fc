"""A path of the API as an ASGI application: it reads a request and writes its response.

All access to the account, authentication included, is one function on the engine's loop; reading
and writing stay on the web server's. Authentication comes first: only then is a method refused
(405, code 20004) or a path not found.

Credentials are the account's token, or an API key and its secret, by HTTP basic authentication.
Wrong ones get 401 and code 20003, also those of another account than the path's, but that the main
account's token is valid for its subaccounts. Resources that manage the account itself refuse API
keys, and an account that is not active refuses its own. A resource of another account is not found
(404, 20404). Test credentials are a case of their own: :mod:`mediasim.twilio.rest.magic`. Source:
Twilio's pages of error 20003 and of API keys; the messages are those of its API.

A body of any other type than a form has no parameters, as with Twilio: JSON is ignored, and
required parameters are missing. Operations of Voice, versions 2 and 3, take JSON. A body of more
than 1 MiB is not read (413, code 20413).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import replace
from typing import Final

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mediasim.twilio.account import Account
from mediasim.twilio.errors import BAD_PARAMETER, NOT_FOUND, TwilioError, bad_parameter, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.events import note_event
from mediasim.twilio.rest.json_body import json_params
from mediasim.twilio.rest.magic import answer_in_test, test_account
from mediasim.twilio.rest.not_simulated import is_twilios, not_simulated, product_of
from mediasim.twilio.rest.noted import ignored_words
from mediasim.twilio.rest.params import MOST_FIELDS, Params
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse, error_response, to_response, without_body
from mediasim.twilio.rest.table import RESOURCES

__all__ = ["ResourceEndpoint", "authenticate"]

_NOT_ALLOWED: Final = 20004
_DENIED: Final = 20003
_MOST_UNSERVED: Final = 100
"""Most paths that are reported as not served."""
_LARGEST: Final = 1 << 20
_TOO_LARGE: Final = 20413
_JSON: Final = "application/json"


class ResourceEndpoint:
    """Handles the requests for one path of a resource."""

    def __init__(
        self, resource: Resource, methods: Mapping[str, Operation], account: Account, gate: Gate
    ) -> None:
        self._resource = resource
        self._methods = methods
        self._account = account
        self._gate = gate
        self._unserved: set[tuple[str, str]] = set()
        self._allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        if request.method == "HEAD":
            response = without_body(response)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.scope["path"]
        # The API of 2010 alone has XML.
        as_xml = path.startswith(f"/{API_VERSION}/") and not path.endswith(".json")
        try:
            query = Params.parse(request.scope["query_string"].decode("latin-1"))
            form = await self._read_form(request)
            api_request = ApiRequest(
                self._resource, self._account, path, request.path_params, query, form
            )
            authorization = request.headers.get("authorization")
            answer: ApiResponse = await self._gate(
                lambda: self._handle(request, authorization, api_request)
            )
        except TwilioError as error:
            headers = {"Allow": self._allowed} if error.status == 405 else None
            return error_response(error, as_xml=as_xml, headers=headers)
        return to_response(answer, self._resource.name, as_xml=as_xml)

    async def _read_form(self, request: Request) -> Params:
        """Return the parameters of a body, in the form that the operation takes."""
        operation = self._methods.get(request.method)
        if operation is not None and operation.json and _kind(request) == _JSON:
            return json_params(await _read(request))
        return await _read_form(request) if request.method in ("POST", "PUT") else Params()

    async def _handle(
        self, received: Request, authorization: str | None, request: ApiRequest
    ) -> ApiResponse:
        """Handle a request on the engine's loop; a notification names ignored parameters."""
        method = received.method
        if (tested := _tested(self._account, authorization)) is not None:
            if request.at.get("account", tested.sid) != tested.sid:
                raise _denied("Authenticate")
            operation = self._methods.get(method)
            names = () if operation is None else operation.parameters
            form, query = request.form.only(names), request.query.only(names)
            return answer_in_test(replace(request, account=tested, form=form, query=query), method)
        account = authenticate(
            self._account,
            authorization,
            account_sid=request.at.get("account"),
            main_only=self._resource.main_only,
        )
        request = replace(request, account=account)
        host = received.headers.get("host", "")
        if not self._methods and not is_twilios(request.path):
            self._report_unserved(method, request.path)
            raise not_found(request.path)
        if not self._methods or product_of(host) not in ("", self._resource.host):
            raise not_simulated(account, method, host, request.path)
        account.retention.settle()
        operation = self._methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise TwilioError(405, _NOT_ALLOWED, f"Method {method} is not allowed here")
        names = operation.parameters
        if account.subaccounts.all():
            self._check_account(request)
        request = replace(request, query=request.query.only(names), form=request.form.only(names))
        try:
            answer = operation.do(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        except TwilioError as refusal:
            note_event(request, method, request.at.get("call"), refusal)
            raise
        note_event(request, method, _call_of(request, answer), answer)
        ignored = [*request.form.unread(), *request.query.unread()]
        for words in ignored_words(self._resource.name, ignored):
            account.notify(_call_of(request, answer), BAD_PARAMETER, words, warning=True)
        return answer

    def _report_unserved(self, method: str, path: str) -> None:
        """Add a notification about a path that is none of Twilio's, once."""
        if (method, path) in self._unserved or len(self._unserved) >= _MOST_UNSERVED:
            return
        self._unserved.add((method, path))
        words = (
            f"{method} {path:.200} is not served by this sandbox, and is answered as a missing"
            " resource is: mediasim docs rest-api (or /docs/rest-api) lists what is served"
        )
        self._account.notify(None, NOT_FOUND, words, warning=True)

    def _check_account(self, request: ApiRequest) -> None:
        """Check that what the path names is the account's. Raises TwilioError (404) if not."""
        kinds = {(each.prefix, each.stored) for each in RESOURCES if each.prefix and each.stored}
        # Several kinds may have one prefix: keys of accounts and of SIP domains are both CR.
        for sid, (prefix, kind) in itertools.product(request.at.values(), kinds):
            if not sid.startswith(prefix):
                continue
            try:
                record = kind.store(request.account).find(sid)
            except (LookupError, TwilioError):
                continue
            if not request.own([record]):
                raise request.missing()


def _call_of(request: ApiRequest, answer: ApiResponse) -> str | None:
    """Return the call that a request was about, or has placed; None for any other resource."""
    shown = answer.body if isinstance(answer.body, dict) else {}
    placed = shown.get("sid") if request.resource.prefix == "CA" else None
    call: str | None = placed or shown.get("call_sid") or request.at.get("call")
    return call


# -- credentials -------------------------------------------------------------------------------


def authenticate(
    main: Account, authorization: str | None, *, account_sid: str | None, main_only: bool
) -> Account:
    """Return the account that a request acts for. Raises TwilioError (401, 20003) if it may not.

    ``authorization`` is the header; ``account_sid`` is the path's, by default the account of the
    credentials; ``main_only`` refuses API keys.
    """
    if not authorization:
        raise _denied("Authentication Error - No credentials provided")
    name, secret = _credentials(authorization)
    key = next((each for each in main.keys.all() if each.sid == name), None)
    try:
        principal = main.of(name if key is None else key.account_sid)
        account = principal if account_sid is None else main.of(account_sid)
    except TwilioError:
        raise _denied("Authenticate") from None
    known = principal.account.auth_token if key is None else key.secret
    if not hmac.compare_digest(secret.encode(), known.encode()):
        raise _denied("Authenticate")
    if account is not principal and (principal is not main or key is not None):
        raise _denied("Authenticate")
    if main_only and key is not None:
        raise _denied("Authenticate: this resource needs the account's own credentials")
    if principal.account.status != "active":
        raise _denied(f"Authenticate: the account is {principal.account.status}")
    return account


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


def _tested(main: Account, authorization: str | None) -> Account | None:
    """Return the account of test credentials; None for other credentials."""
    if not authorization:
        return None
    return test_account(main, *_credentials(authorization))


def _denied(message: str) -> TwilioError:
    return TwilioError(401, _DENIED, message)


# -- forms -------------------------------------------------------------------------------------


def _kind(request: Request) -> str:
    """Return the type of a request's body, without parameters; "" if it names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read_form(request: Request) -> Params:
    """Read the parameters of a form. Raises TwilioError if it cannot be read or is too large."""
    body = await _read(request)
    kind = _kind(request)
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
