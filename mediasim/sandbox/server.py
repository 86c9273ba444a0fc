"""A sandbox that serves: Twilio's API and the control API on one address, until its end.

It serves on the caller's loop; :mod:`mediasim.sandbox.embedded` has one inside another program.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediasim.sandbox.access import TOKEN, Access, environment_block, stored_token
from mediasim.sandbox.addresses import addresses, inspector_url
from mediasim.sandbox.config_account import secret_token
from mediasim.sandbox.http_server import SandboxServer, limit_head
from mediasim.sandbox.listening import ListenAddress, ServeError
from mediasim.sandbox.log import SandboxLog
from mediasim.sandbox.proxy.serving import opened_proxy, sandbox_environment
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.settings import Settings, clock_of
from mediasim.sandbox.softphone.relay import serve_signal
from mediasim.sandbox.softphone.sdk import SIGNAL
from mediasim.sandbox.workers import WORKERS, FleetBroke
from mediasim.twilio.webhooks.address import WebhookUrl, allowed_host

if TYPE_CHECKING:
    from mediasim.sandbox.clocks import Clock
    from mediasim.sandbox.fleet.fleet import Fleet

__all__ = [
    "ListenAddress",
    "SandboxApp",
    "ServeError",
    "serve",
    "serve_until",
]


async def serve(
    settings: Settings,
    address: ListenAddress,
    say: Callable[[str], None],
    log: SandboxLog | None = None,
    show: Callable[[str], object] | None = None,
) -> None:
    """Serve until a signal to end arrives; ``say`` prints the text of the start.

    ``log`` takes what happens from the start on, ``show`` the URL of the inspector. Raises
    ServeError, StorageError, ClockRefuses.
    """

    def on_ready(sandbox: Sandbox, url: str) -> None:
        block = environment_block(sandbox_environment(sandbox, url))
        say(f"{addresses(sandbox, url)}\n\n{block}\n\nready")
        if show is not None:
            show(inspector_url(sandbox, url))

    await serve_until(asyncio.Event(), settings, address, on_ready, ended_by=_signals, log=log)


async def serve_until(
    end: asyncio.Event,
    settings: Settings,
    address: ListenAddress,
    on_ready: Callable[[Sandbox, str], None],
    *,
    ended_by: Callable[[asyncio.Event], AbstractContextManager[None]] | None = None,
    log: SandboxLog | None = None,
) -> None:
    """Serve until ``end`` is set.

    ``on_ready`` is called with the sandbox and its URL once it serves; ``ended_by`` is a context in
    which something else sets the event; ``log`` follows the sandbox. Raises ServeError,
    StorageError, ClockRefuses.
    """
    loop, crashed = asyncio.get_running_loop(), list[BaseException]()
    _check(settings, address)
    clock = clock_of(settings)  # what cannot be is said before a port that is taken
    with _listening(address, clock) as listening:
        url = address.url(listening)
        local = ipaddress.ip_address(listening.getsockname()[0]).is_loopback

        def crash(error: BaseException) -> None:
            crashed.append(error)
            loop.call_soon_threadsafe(end.set)

        base_url = (address.public_url or url).rstrip("/")
        sandbox = Sandbox(
            settings,
            base_url=base_url,
            local_url=url,
            on_crash=crash,
            clock=clock,
        )
        access = Access(
            sandbox.token,
            local=local,
            public_url=address.public_url,
            hosts=settings.hosts,
        )
        if access.needs_token or address.public_url is not None:
            sandbox.shown_token = sandbox.token
        following = contextlib.ExitStack()
        if log is not None:
            following.enter_context(log.following(sandbox))
        try:
            await sandbox.open()
            await _open_sip(sandbox)
            with (
                contextlib.nullcontext() if ended_by is None else ended_by(end),
                stored_token(sandbox.token, listening.getsockname()[1]),
            ):
                async with _fleet(sandbox, crash) as fleet:
                    app = SandboxApp(sandbox, fleet, access)

                    async def when_up() -> None:
                        if fleet is not None:
                            await fleet.start(url)
                        on_ready(sandbox, url)

                    async def before_end() -> None:
                        if fleet is not None:
                            await fleet.end()
                        await sandbox.end_calls()

                    sandbox.storage.announce(url)
                    async with opened_proxy(sandbox, address, app, app.twilio):
                        server = SandboxServer(app)
                        await server.run_until(listening, when_up, end, before_end)
        finally:
            await sandbox.close()
            following.close()
    if crashed:
        what = crashed[0] if isinstance(crashed[0], FleetBroke) else f"{crashed[0]!r}"
        raise ServeError(f"the engine broke: {what}") from crashed[0]


async def _open_sip(sandbox: Sandbox) -> None:
    """Listen for SIP telephones, if the settings say so. Raises ServeError."""
    try:
        await sandbox.open_sip()
    except OSError as error:
        where = ":".join(map(str, sandbox.settings.sip or ()))
        words = f"cannot listen for SIP on {where}: {error.strerror or error}"
        raise ServeError(words) from None


def _check(settings: Settings, address: ListenAddress) -> None:
    """Check names, URLs, the token and options together. Raises ServeError."""
    with _named(f"the environment's {TOKEN}"):
        if given := os.environ.get(TOKEN):
            secret_token(given)
    with _named("--allowed-host or MEDIASIM_ALLOWED_HOSTS"):
        for host in settings.hosts:
            allowed_host(host)
    with _named("--public-url"):
        if address.public_url is not None:
            found = WebhookUrl.parse(address.public_url)
            if found.query or found.fragment:
                raise ValueError("it must have no query and no fragment")
    if settings.spread == "numbers" and not settings.has_workers:
        raise ServeError("--spread numbers says what workers share: expected --workers 2 or more")
    _check_shard(settings)
    if settings.workers == 0 and settings.media is None:
        raise ServeError("--workers 0 waits for workers elsewhere, which need a store: --media URL")


def _check_shard(settings: Settings) -> None:
    """Check what sandboxes behind one proxy have in common. Raises ServeError."""
    shard, given = settings.shard, settings.config.account
    if settings.peers is not None and (shard is None or "{}" not in settings.peers):
        raise ServeError("--peers: expected a URL with {} for a place, beside --shard")
    if shard is not None and (given.sid is None or given.auth_token is None):
        raise ServeError(
            "--shard: all sandboxes behind a proxy have one account: expected account.sid and"
            " account.auth_token in the config"
        )


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Raise a ValueError in it as ServeError, with the name of the input."""
    try:
        yield
    except ValueError as error:
        raise ServeError(f"{what}: {error}") from None


@contextlib.contextmanager
def _listening(address: ListenAddress, clock: Clock) -> Iterator[socket.socket]:
    """Open the socket to serve on; close the clock if that fails. Raises ServeError."""
    try:
        listening = address.listen()
    except ServeError:
        clock.close()
        raise
    with contextlib.closing(listening):
        yield listening


@contextlib.asynccontextmanager
async def _fleet(
    sandbox: Sandbox, crash: Callable[[BaseException], None]
) -> AsyncIterator[Fleet | None]:
    """Run the sandbox's workers; yields None where it carries its calls itself.

    Raises ServeError.
    """
    if not sandbox.settings.has_workers:
        yield None
        return
    from mediasim.sandbox.fleet.fleet import Fleet

    fleet = Fleet(sandbox, crash)
    try:
        yield fleet
    except FleetBroke as error:
        raise ServeError(str(error)) from error
    finally:
        await fleet.close()


class SandboxApp:
    """Both APIs and the pages as one ASGI app."""

    def __init__(self, sandbox: Sandbox, fleet: Fleet | None, access: Access | None) -> None:
        """``access`` checks clients; None in a worker, whose front has checked them."""
        from mediasim.sandbox.control import PREFIX, create_control
        from mediasim.sandbox.docs_pages import DOCS
        from mediasim.sandbox.inspector import HOME
        from mediasim.sandbox.softphone.routes import SOFTPHONE

        self._sandbox = sandbox
        self._prefix = PREFIX
        self._home = PREFIX + HOME
        self._pages = (DOCS, SOFTPHONE)
        self._fleet = fleet
        self._control: ASGIApp = create_control(sandbox, fleet)
        self._named: ASGIApp = self._answer
        if access is not None:
            self._named = limit_head(access.check_host(self._answer))
            self._control = access.control(self._control, open_paths=(f"{PREFIX}/health",))
        self._twilio: ASGIApp | None = None
        """Twilio's API for the present account, from its first request on."""
        sandbox.on_rebuilt = self._rebuild

    def _create_twilio_api(self) -> ASGIApp:
        """Return Twilio's API for the present account."""
        from mediasim.twilio.fault_injecting_api import FaultInjectingApi
        from mediasim.twilio.rest import ApiSettings, create_api

        sandbox = self._sandbox
        settings = ApiSettings(media_auth=sandbox.settings.media_auth)
        api: ASGIApp = create_api(sandbox.service, sandbox.engine.gate, settings)
        if self._fleet is not None:
            from mediasim.sandbox.fleet.front import RestOfFleet

            api = RestOfFleet(api, self._fleet)
        # A worker's requests have been through the front's.
        own = sandbox.settings.worker is None
        return FaultInjectingApi(api, sandbox.service, sandbox.engine.gate, refuses=own)

    def _rebuild(self) -> None:
        """Replace Twilio's API after a reset."""
        self._twilio = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What stops being HTTP within its body has been answered 400, and hears no other answer.
        with contextlib.suppress(h11.LocalProtocolError):
            await self._named(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route a request to the control API, a page, or Twilio's API."""
        path = scope["path"]
        if scope["type"] == "websocket" and path == SIGNAL:  # its clients have tokens of their own
            await self.twilio(scope, receive, send)
            return
        if scope["type"] == "websocket" and path == WORKERS:
            from mediasim.sandbox.fleet.joining import serve_worker

            await serve_worker(self._fleet, self._sandbox.token, scope, receive, send)
            return
        if path == "/" or path.startswith(self._pages):
            scope = {**scope, "mediasim.path": path}
            path = self._home if path == "/" else self._prefix + path
            scope["path"] = path
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            inner = {**scope, "root_path": scope.get("root_path", "") + self._prefix}
            await self._control(inner, receive, send)
            return
        await self.twilio(scope, receive, send)

    async def twilio(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to a host of Twilio's."""
        if scope["type"] == "websocket":
            if scope["path"] == SIGNAL:
                await serve_signal(self._sandbox, scope, receive, send)
            else:  # nothing else of Twilio's is one that apps open
                await send({"type": "websocket.close", "code": 1008})
            return
        method = scope["method"]
        if method not in ("GET", "HEAD", "OPTIONS"):
            send = self._after_commit(send, deleted=method == "DELETE")
        if self._twilio is None:
            self._twilio = self._create_twilio_api()
        api = self._twilio
        await api(scope, receive, send)

    def _after_commit(self, send: Send, *, deleted: bool) -> Send:
        """Return a ``send`` that waits until a request's changes are in the database."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._sandbox.flush(deleted=deleted)
            await send(message)

        return sent


@contextlib.contextmanager
def _signals(end: asyncio.Event) -> Iterator[None]:
    """Set the event on SIGINT and SIGTERM while the context is entered."""
    loop = asyncio.get_running_loop()
    known = (signal.SIGINT, signal.SIGTERM)
    for number in known:
        loop.add_signal_handler(number, end.set)
    try:
        yield
    finally:
        for number in known:
            loop.remove_signal_handler(number)
