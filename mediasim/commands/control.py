"""Requests of commands to the control API of a running sandbox."""

from __future__ import annotations

import json
from typing import Any

from mediasim.commands.ending import stop

__all__ = ["request_control"]


def request_control(url: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Return the response of the control API; end the command if it refuses."""
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    from mediasim.sandbox.access import token_for_this_user

    data = None if body is None else json.dumps(body).encode()
    try:
        request = Request(f"{url.rstrip('/')}/_mediasim{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        if (token := token_for_this_user(url)) is not None:
            request.add_header("Authorization", f"Bearer {token}")
        # Without the proxies of the environment, which cannot reach this machine's own addresses.
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            found: dict[str, Any] = {} if method == "DELETE" else json.load(answer)
    except HTTPError as error:
        with error:
            stop(_refusal(error.read(), error.code))
    except (URLError, OSError, ValueError) as error:
        stop(f"no sandbox answers at {url}: {getattr(error, 'reason', error)}; is it running?")
    return found


def _refusal(body: bytes, status: int) -> str:
    """Return the message of a refusal."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"it answered with status {status}: that is no mediasim sandbox"
