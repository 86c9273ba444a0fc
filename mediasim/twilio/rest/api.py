"""The API's application: the paths of all resources, and what is answered beside them.

A path ends in ``.json``, or in ``.xml``, or in neither: then, as with Twilio, XML is answered. The
exception is a recording's, which without a suffix is its media. A path that leads nowhere is
answered with 404, code 20404, once it is known who asks; whatever breaks on our side with code
20500.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.endpoint import ResourceEndpoint
from mediasim.twilio.rest.media import MediaEndpoint
from mediasim.twilio.rest.recordings import MEDIA, RECORDINGS
from mediasim.twilio.rest.resource import ACCOUNT, Resource
from mediasim.twilio.rest.responses import refused
from mediasim.twilio.rest.table import RESOURCES

__all__ = ["ApiSettings", "create_api"]

_NOWHERE: Final = Resource(
    name="",
    many="",
    paths={f"{ACCOUNT}/{{rest:path}}": {}, f"/{API_VERSION}/{{rest:path}}": {}},
)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What an account can choose."""

    media_auth: bool = True
    """Whether media are given only to those who have credentials."""


class _Segment(Convertor[str]):
    """A variable part of a path."""

    regex = "[^/]+?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Suffix(_Segment):
    """What a path may end in."""

    regex = r"(?:\.json|\.xml|)"


class _DataSuffix(_Segment):
    """The same where no suffix means something else."""

    regex = r"\.(?:json|xml)"


class _MediaSuffix(_Segment):
    """What a recording's media end in."""

    regex = r"(?:\.wav|\.mp3|)"


register_url_convertor("segment", _Segment())
register_url_convertor("suffix", _Suffix())
register_url_convertor("data_suffix", _DataSuffix())
register_url_convertor("media_suffix", _MediaSuffix())


def create_api(service: Account, gate: Gate, settings: ApiSettings | None = None) -> Starlette:
    """The application. ``gate`` leads to the engine's loop, where ``service`` lives."""
    settings = settings or ApiSettings()
    recording = ResourceEndpoint(RECORDINGS, RECORDINGS.paths[MEDIA], service, gate)
    media = MediaEndpoint(service, gate, recording, needs_auth=settings.media_auth)
    routes = [_route(MEDIA, "data_suffix", recording), _route(MEDIA, "media_suffix", media)]
    for resource in (*RESOURCES, _NOWHERE):
        for path, methods in resource.paths.items():
            routes.append(
                _route(path, "suffix", ResourceEndpoint(resource, methods, service, gate))
            )
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _broken})
    app.router.redirect_slashes = False
    return app


def _route(path: str, suffix: str, endpoint: ResourceEndpoint | MediaEndpoint) -> Route:
    return Route(re.sub(r"\{(\w+)\}", r"{\1:segment}", path) + f"{{suffix:{suffix}}}", endpoint)


async def _refused(request: Request, error: Exception) -> Response:
    """What is not of this API at all."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return refused(not_found(request.scope["path"]))
    return refused(TwilioError(error.status_code, 20001, str(error.detail)), headers=error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    return refused(TwilioError(500, 20500, "An internal server error has occurred"))
