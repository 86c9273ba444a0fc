"""Access to a sandbox: by which host names, from which pages, and with which token.

A page of any web site can have its reader's browser send requests to this machine, also under a
host name of its own that resolves to it (DNS rebinding). So every request has to name a host of
this sandbox, and the control API refuses pages of other origins. Clients that come over a network,
or through a proxy, present the sandbox's token besides: as ``Authorization: Bearer``, or by the
cookie that is set when a page is opened with ``?token=``.
"""

from __future__ import annotations

import hmac
import os
import shlex
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediasim.twilio.webhooks import HostGuard
from mediasim.twilio.webhooks.address import is_address

if TYPE_CHECKING:
    from mediasim.twilio.resources import AccountRecord
    from mediasim.twilio.rules import TestCredentials

__all__ = [
    "TOKEN",
    "Access",
    "environment",
    "environment_block",
    "stored_token",
    "token_for_this_user",
    "whole_body",
]

TOKEN: Final = "MEDIASIM_TOKEN"
"""The environment variable that holds a sandbox's token, for the server and for its clients."""
_LARGEST: Final = 1 << 20
"""Largest body that the control API reads, in bytes."""
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_POLICY_VIOLATION: Final = 1008


class Access:
    """The rules by which one sandbox accepts or refuses requests."""

    def __init__(
        self,
        token: str,
        *,
        local: bool,
        public_url: str | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        """``local`` says that the sandbox listens on the loopback interface only; ``hosts`` are
        further host names under which requests may reach it."""
        self._token = token
        self._local = local
        public = urlsplit(public_url).hostname if public_url else None
        self._hosts = HostGuard([*hosts, *([public] if public else [])])

    @property
    def needs_token(self) -> bool:
        """Whether some clients have to present the token."""
        return not self._local

    # -- rules ------------------------------------------------------------------------------

    def host_refusal(self, scope: Scope) -> str | None:
        """Return why a request's Host header is refused; None for a host of this sandbox."""
        host = Headers(scope=scope).get("host", "")
        name = _host_name(host)
        # Rebinding needs a name: a Host header with an address is no other site's.
        if name and (self._hosts.refusal(name) is None or (not self._local and is_address(name))):
            return None
        return f"it is not asked as {host[:100]!r}"

    def origin_refusal(self, scope: Scope) -> str | None:
        """Return why a request's origin is refused; None unless it comes from another site's
        page."""
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and urlsplit_or_none(origin) != headers.get("host", ""):
            return f"no page of {origin[:100]!r} may ask it"
        # A link of another site may open a page here; its scripts may send nothing.
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":
            return "no page of elsewhere may ask it"
        return None

    def lacks_token(self, scope: Scope) -> bool:
        """Return whether a request needs the token and does not carry it."""
        headers = Headers(scope=scope)
        # A proxy on this machine makes requests of the whole network local.
        direct = not any(name in headers for name in _FORWARDED)
        name = _host_name(headers.get("host", ""))
        if self._local and direct and HostGuard().refusal(name) is None:
            return False
        scheme, _, presented = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return not self._is_token(presented.strip())
        return not self._is_token(_cookie(headers, _cookie_name(scope)))

    def _is_token(self, presented: str) -> bool:
        return hmac.compare_digest(presented.encode(), self._token.encode())

    # -- guards -----------------------------------------------------------------------------

    def check_host(self, app: ASGIApp) -> ASGIApp:
        """Wrap an app so that requests for other hosts are refused with 403."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            why = self.host_refusal(scope)
            if why is None:
                await app(scope, receive, send)
            else:
                await _refuse(scope, receive, send, 403, f"{_OURS}: {why}")

        return guarded

    def control(self, app: ASGIApp, *, open_paths: Collection[str] = ()) -> ASGIApp:
        """Wrap the control API and its pages with the checks of origin, token and size.

        ``open_paths`` need no token.
        """

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            why = self.origin_refusal(scope)
            if why is not None:
                await _refuse(scope, receive, send, 403, f"{_OURS}: {why}")
                return
            if self.lacks_token(scope) and scope["path"] not in open_paths:
                await self._without_token(scope, receive, send)
                return
            if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                body = await whole_body(receive, _LARGEST)
                if body is None:
                    words = f"a request may have {_LARGEST:,} bytes at most"
                    await _refuse(scope, receive, send, 413, words)
                    return
                receive = _replay(body, receive)
            await app(scope, receive, send)

        return guarded

    async def _without_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Exchange a page's ``?token=`` for a cookie; refuse any other request with 401."""
        query = QueryParams(scope["query_string"]) if scope["type"] == "http" else QueryParams()
        if scope.get("method") == "GET" and self._is_token(query.get("token", "")):
            left = urlencode([pair for pair in query.multi_items() if pair[0] != "token"])
            path: str = scope.get("mediasim.path", scope["path"])
            # Redirected, so that address bar, history and Referer do not keep the token.
            response: Response = RedirectResponse(path + (f"?{left}" if left else ""), 303)
            response.set_cookie(
                _cookie_name(scope), self._token, path="/", httponly=True, samesite="strict"
            )
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
            await response(scope, receive, send)
            return
        words = (
            "the control API asks for the sandbox's token, which it printed at its start:"
            f" Authorization: Bearer with {TOKEN}, or its page opened with ?token="
        )
        await _refuse(scope, receive, send, 401, words)


_OURS: Final = (
    "the sandbox answers this machine only, and the hosts of --public-url and --allowed-host"
)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    """Refuse a request with a status and words; close a WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    await JSONResponse({"error": words}, status, challenge)(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body that was read already, then what else arrives."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replayed() -> Message:
        message: Message | None = next(messages, None)
        return await receive() if message is None else message

    return replayed


def _host_name(host: str) -> str:
    """Return the host name in a Host header; an empty text where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def urlsplit_or_none(origin: str) -> str | None:
    """Return host and port of an origin; None where it has none."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _cookie_name(scope: Scope) -> str:
    # Cookies are of a host, whatever the port: two sandboxes must not take each other's.
    """Return the name of the cookie that holds the token."""
    return f"mediasim-{(scope.get('server') or ('', 0))[1]}"


def _cookie(headers: Headers, name: str) -> str:
    """Return the value of a cookie; an empty text where it is absent or malformed."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


# -- apps, and commands of the same user -------------------------------------------------------


def environment(
    base_url: str,
    account: AccountRecord,
    token: str | None = None,
    test: TestCredentials | None = None,
) -> dict[str, str]:
    """Return the variables that point an app at a sandbox, by name.

    ``token`` is the one that the control API requires; None where it requires none. ``test`` are
    the credentials whose requests create nothing.
    """
    tested = {}
    if test is not None:
        tested = {"TWILIO_TEST_ACCOUNT_SID": test.sid, "TWILIO_TEST_AUTH_TOKEN": test.auth_token}
    return {
        "MEDIASIM_BASE_URL": base_url,
        "TWILIO_ACCOUNT_SID": account.sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        **tested,
        **({} if token is None else {TOKEN: token}),
    }


def environment_block(variables: Mapping[str, str]) -> str:
    """Return the variables as lines to be copied into a shell."""
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


@contextmanager
def stored_token(token: str, port: int) -> Iterator[None]:
    """Store the token of the sandbox at a local port where this user's commands find it."""
    file = _folder() / f"{port}.token"
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if _is_private(file.parent):
            # Created exclusively: a link that another user has placed here is not followed.
            file.unlink(missing_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as opened:
                opened.write(token)
    except OSError:
        pass  # clients then need the environment variable
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def token_for_this_user(url: str) -> str | None:
    """Return the token of the sandbox at a URL; None where it is unknown.

    The environment variable has priority over the file of :func:`stored_token`.
    """
    if given := os.environ.get(TOKEN):
        return given
    try:
        where = urlsplit(url)
        ours = HostGuard().refusal(where.hostname or "") is None
        file = _folder() / f"{where.port or 80}.token"
        if ours and _is_private(file.parent):
            return file.read_text("ascii").strip()
    except (OSError, ValueError):
        pass
    return None


def _folder() -> Path:
    """Return this user's folder of token files."""
    return Path(tempfile.gettempdir()) / f"mediasim-{os.getuid()}"


def _is_private(folder: Path) -> bool:
    """Return whether a folder in a place that all users may write to belongs to this user alone."""
    found = folder.lstat()
    return folder.is_dir() and found.st_uid == os.getuid() and not found.st_mode & 0o077


async def whole_body(receive: Receive, most: int) -> bytes | None:
    """Read a request's body.

    Returns None if it has more than ``most`` bytes, or the client disconnects before its end.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)
