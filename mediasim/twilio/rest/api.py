"""The application of the REST API: the routes of all resources, and errors beside them.

A path ends in ``.json``, or in ``.xml``, or in neither: then, as with Twilio, the response is XML.
The exception is a recording's, which without a suffix is its media. What Twilio has below its
versions, or at any of its hosts, and the sandbox has not, gets 501 after authentication; any other
unknown path gets 404, code 20404; an internal error gets code 20500.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Route
from starlette.types import Receive, Scope, Send

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.endpoint import ResourceEndpoint
from mediasim.twilio.rest.media import MediaEndpoint
from mediasim.twilio.rest.recordings import MEDIA, RECORDINGS
from mediasim.twilio.rest.resource import ACCOUNT, Resource
from mediasim.twilio.rest.responses import error_response
from mediasim.twilio.rest.table import RESOURCES

__all__ = ["ApiSettings", "create_api"]

_ELSEWHERE: Final = Resource(
    name="",
    many="",
    paths={
        f"{ACCOUNT}/{{rest:path}}": {},
        f"/{API_VERSION}/{{rest:path}}": {},
        "/v{version:int}/{rest:path}": {},
    },
)
"""What Twilio has and the sandbox has not."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of an account's API."""

    media_auth: bool = True
    """Whether downloads of media need credentials."""


for _name, _regex in {
    "segment": "[^/]+?",
    "suffix": r"(?:\.json|\.xml|)",
    "data_suffix": r"\.(?:json|xml)",  # without a suffix a recording's path is its media
    "media_suffix": r"(?:\.wav|\.mp3|)",
    "twilio": r"(?:[A-Za-z0-9-]+\.)+twilio\.com",
}.items():
    register_url_convertor(_name, type("PathPart", (StringConvertor,), {"regex": _regex})())


def create_api(account: Account, gate: Gate, settings: ApiSettings | None = None) -> Starlette:
    """Return the application; ``gate`` runs work on the engine's loop, where the account lives."""
    settings = settings or ApiSettings()
    recording = ResourceEndpoint(RECORDINGS, RECORDINGS.paths[MEDIA], account, gate)
    media = MediaEndpoint(account, gate, recording, needs_auth=settings.media_auth)
    routes: list[BaseRoute] = [
        _route(MEDIA, "data_suffix", recording),
        _route(MEDIA, "media_suffix", media),
    ]
    for resource in (*RESOURCES, _ELSEWHERE):
        for path, methods in resource.paths.items():
            routes.append(
                _route(path, "suffix", ResourceEndpoint(resource, methods, account, gate))
            )
    elsewhere = ResourceEndpoint(_ELSEWHERE, {}, account, gate)
    routes.append(Host("{host:twilio}", elsewhere))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _broken})
    app.router.redirect_slashes = False
    return app


def _route(path: str, suffix: str, endpoint: ResourceEndpoint | MediaEndpoint) -> Route:
    """Return the route of a path to an endpoint of one account."""
    route = Route.__new__(Route)
    route.__dict__ = {**_compiled(path, suffix).__dict__, "endpoint": endpoint, "app": endpoint}
    return route


@cache
def _compiled(path: str, suffix: str) -> Route:
    """Return a route of a path to nowhere: patterns are compiled once for all accounts."""
    return Route(re.sub(r"\{(\w+)\}", r"{\1:segment}", path) + f"{{suffix:{suffix}}}", _Nowhere())


class _Nowhere:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError


async def _refused(request: Request, error: Exception) -> Response:
    """Respond to a request that no route matches."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return error_response(not_found(request.scope["path"]))
    return error_response(
        TwilioError(error.status_code, 20001, str(error.detail)), headers=error.headers
    )


async def _broken(request: Request, error: Exception) -> Response:
    return error_response(TwilioError(500, 20500, "An internal server error has occurred"))
