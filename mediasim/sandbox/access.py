"""Who may ask a sandbox: by which name of it, from which page, and with which token.

A page of any web site can have its reader's browser send requests to this machine, also under a
name of its own that leads here (DNS rebinding). So every request has to name a host that is ours,
and the control API answers no page of elsewhere. Who reaches it over a network, or through a proxy,
shows the sandbox's token besides: as ``Authorization: Bearer``, or by the cookie that the page sets
which was opened with ``?token=``.
"""

from __future__ import annotations

import hmac
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mediasim.twilio.webhooks import HostGuard
from mediasim.twilio.webhooks.address import is_address

if TYPE_CHECKING:
    from mediasim.twilio.resources import AccountRecord

__all__ = [
    "TOKEN",
    "Access",
    "environment",
    "environment_block",
    "kept_token",
    "token_for_this_user",
    "whole_body",
]

TOKEN: Final = "MEDIASIM_TOKEN"
"""The environment variable of a token, for the server and for who asks it."""
_LARGEST: Final = 1 << 20
"""Bytes of a body that the control API reads."""
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_POLICY_VIOLATION: Final = 1008


class Access:
    """What one sandbox answers, and whom."""

    def __init__(
        self,
        token: str,
        *,
        local: bool,
        public_url: str | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        """``local``: it listens to this machine alone; ``hosts``: other names it is asked by."""
        self._token = token
        self._local = local
        public = urlsplit(public_url).hostname if public_url else None
        self._hosts = HostGuard([*hosts, *([public] if public else [])])

    @property
    def needs_token(self) -> bool:
        """Whether somebody may ask who has to show the token."""
        return not self._local

    # -- rules ------------------------------------------------------------------------------

    def misnamed(self, scope: Scope) -> str | None:
        """Why the name it is asked by is none of its own; None: it is one."""
        host = Headers(scope=scope).get("host", "")
        name = _name(host)
        if name and (self._hosts.refusal(name) is None or (not self._local and is_address(name))):
            return None
        return f"it is not asked as {host[:100]!r}"

    def foreign(self, scope: Scope) -> str | None:
        """Why a page of elsewhere asks; None: none does."""
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and urlsplit_or_none(origin) != headers.get("host", ""):
            return f"no page of {origin[:100]!r} may ask it"
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":
            return "no page of elsewhere may ask it"
        return None

    def lacks_token(self, scope: Scope) -> bool:
        """Whether a token is to be shown that is not."""
        headers = Headers(scope=scope)
        direct = not any(name in headers for name in _FORWARDED)
        if self._local and direct and HostGuard().refusal(_name(headers.get("host", ""))) is None:
            return False
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        found = (
            shown.strip() if scheme.lower() == "bearer" else _cookie(headers, _cookie_name(scope))
        )
        return not self._is_token(found)

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())

    # -- guards -----------------------------------------------------------------------------

    def named(self, app: ASGIApp) -> ASGIApp:
        """An app that is asked by names of ours alone."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            why = self.misnamed(scope)
            if why is None:
                await app(scope, receive, send)
            else:
                await _refuse(scope, receive, send, 403, f"{_OURS}: {why}")

        return guarded

    def control(self, app: ASGIApp, *, open_paths: Collection[str] = ()) -> ASGIApp:
        """The control API, with its pages; ``open_paths`` need no token."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            why = self.foreign(scope)
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
                receive = _read(body, receive)
            await app(scope, receive, send)

        return guarded

    async def _without_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a page be opened that has the token in its address; refuse anything else."""
        query = QueryParams(scope["query_string"]) if scope["type"] == "http" else QueryParams()
        if scope.get("method") == "GET" and self._is_token(query.get("token", "")):
            left = urlencode([pair for pair in query.multi_items() if pair[0] != "token"])
            shown: str = scope.get("mediasim.path", scope["path"])
            response: Response = RedirectResponse(shown + (f"?{left}" if left else ""), 303)
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
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    await JSONResponse({"error": words}, status, challenge)(scope, receive, send)


def _read(body: bytes, receive: Receive) -> Receive:
    """What has been read, to be read once more; then what else comes."""
    told = False

    async def again() -> dict[str, object]:
        nonlocal told
        if told:
            return dict(await receive())
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _name(host: str) -> str:
    """The name in a Host header; empty where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def urlsplit_or_none(origin: str) -> str | None:
    """Host and port of an origin; None where it has none."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _cookie_name(scope: Scope) -> str:
    # Cookies are of a host, whatever the port: two sandboxes must not take each other's.
    return f"mediasim-{(scope.get('server') or ('', 0))[1]}"


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


# -- apps, and commands of the same user -------------------------------------------------------


def environment(base_url: str, account: AccountRecord, token: str | None = None) -> dict[str, str]:
    """The variables that point an app at a sandbox, by name.

    ``token`` is what the control API asks for; None: nothing.
    """
    return {
        "MEDIASIM_BASE_URL": base_url,
        "TWILIO_ACCOUNT_SID": account.sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        **({} if token is None else {TOKEN: token}),
    }


def environment_block(variables: Mapping[str, str]) -> str:
    """A line each, to be copied."""
    return "\n".join(f"{name}={value}" for name, value in variables.items())


@contextmanager
def kept_token(token: str, port: int) -> Iterator[None]:
    """Have this user's commands find the token of the sandbox at a port of this machine."""
    file = _folder() / f"{port}.token"
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if _is_private(file.parent):
            file.unlink(missing_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as opened:
                opened.write(token)
    except OSError:
        pass  # then the environment variable has to tell it
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def token_for_this_user(url: str) -> str | None:
    """The token of a sandbox at a URL: the environment's, else what :func:`kept_token` left."""
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
    return Path(tempfile.gettempdir()) / f"mediasim-{os.getuid()}"


def _is_private(folder: Path) -> bool:
    """Whether a folder in a place that everybody may write to is really this user's own."""
    found = folder.lstat()
    return folder.is_dir() and found.st_uid == os.getuid() and not found.st_mode & 0o077


async def whole_body(receive: Receive, most: int) -> bytes | None:
    """A request's body; None if it has more than ``most`` bytes, or never came to its end."""
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
