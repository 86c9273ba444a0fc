"""The control API's part for apps: their environment, the proxy's start, and public names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mediasim.sandbox.bodies import Body, body_of
from mediasim.sandbox.config import AppUrl, PublicName
from mediasim.sandbox.proxy.proxy import ProxyError
from mediasim.sandbox.proxy.serving import sandbox_environment

if TYPE_CHECKING:
    from mediasim.sandbox.sandbox import Sandbox

__all__ = ["proxy_routes"]


class ProxyHosts(Body):
    """Public names to be given to apps."""

    hosts: Mapping[PublicName, AppUrl] = {}
    """URLs of apps on this machine by their public names."""


def proxy_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the proxy and of the environment."""

    async def env(_: Request) -> Response:
        return JSONResponse(sandbox_environment(sandbox))

    async def start(request: Request) -> Response:
        """Start the proxy, if it does not listen yet, and return the environment of apps."""
        body = await body_of(request, ProxyHosts)
        if sandbox.proxy is not None:  # a worker has none, and knows the names all the same
            try:
                sandbox.proxy.start()
            except ProxyError as error:
                return JSONResponse({"error": str(error)}, 503)
        for name, url in body.hosts.items():
            sandbox.hosts.route(name, url)
        return JSONResponse(sandbox_environment(sandbox))

    async def forget(request: Request) -> Response:
        """Take a public name away from an app."""
        sandbox.hosts.forget(request.path_params["name"])
        return Response(status_code=204)

    return [
        Route("/env", env),
        Route("/proxy", start, methods=["POST"]),
        Route("/proxy/hosts/{name}", forget, methods=["DELETE"]),
    ]
