"""The server: Twilio's API and the control API on one address, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import h11
import uvicorn

from mediasim.sandbox.access import TOKEN, Access, kept_token
from mediasim.sandbox.environment import environment, environment_block
from mediasim.sandbox.fleet.wire import FleetBroke
from mediasim.sandbox.limits import LARGEST_HEAD, BoundedProtocol, with_short_head
from mediasim.sandbox.prompt_server import PromptServer
from mediasim.sandbox.sandbox import Sandbox, clock_of
from mediasim.sandbox.settings import Settings

if TYPE_CHECKING:
    from mediasim.sandbox.clocks import Clock
    from mediasim.sandbox.fleet.fleet import Fleet
    from mediasim.sandbox.fleet.wire import ReportedRecords

__all__ = ["Address", "ServeError", "serve", "serve_until"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_MOST_SAID: Final = 256 * 1024
"""Bytes of a WebSocket's message."""
_PATIENCE: Final = 0.2
"""Seconds that requests under way have, at the end, to be answered."""


class ServeError(Exception):
    """It cannot be served; says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and by which URL apps are told to find it."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None

    def listen(self) -> socket.socket:
        """A listening socket. Raises ServeError."""
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            found = socket.create_server((self.host, self.port), family=family, backlog=1024)
        except OSError as error:
            hint = "; another port may be free: --port 0" if self.port else ""
            words = error.strerror or str(error)
            raise ServeError(f"cannot listen on {self.host}:{self.port}: {words}{hint}") from None
        # What it accepts has this too; or an answer's body waits 40 ms for its head's receipt.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def url(self, listening: socket.socket) -> str:
        """Where the socket is found from this machine."""
        host, port = listening.getsockname()[:2]
        if ipaddress.ip_address(host).is_unspecified:
            host = "127.0.0.1"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(settings: Settings, address: Address, say: Callable[[str], None]) -> None:
    """Serve until a signal to end comes; ``say`` takes what is to be told on starting.

    Raises ServeError, StorageError, ClockRefuses.
    """

    def tell(sandbox: Sandbox, url: str) -> None:
        variables = environment(url, sandbox.service.account, sandbox.shown_token)
        where = f"mediasim sandbox at {url}"
        if settings.workers > 1:
            where += f", {settings.workers} workers"
        if sandbox.sip is not None:
            where += f"\nSIP telephones at sip:{sandbox.sip.address}, UDP and TCP"
        if sandbox.shown_token is not None:
            where += f"\nits page at {url}/?token={sandbox.shown_token}"
        say(f"{where}\n\n{environment_block(variables)}\n\nready")

    await serve_until(asyncio.Event(), settings, address, tell, ended_by=_signals)


async def serve_until(
    end: asyncio.Event,
    settings: Settings,
    address: Address,
    tell: Callable[[Sandbox, str], None],
    *,
    ended_by: Callable[[asyncio.Event], AbstractContextManager[None]] | None = None,
    records: ReportedRecords | None = None,
) -> None:
    """Serve until the event is set; ``tell`` is called with the sandbox and its URL once it does.

    ``ended_by`` is what else sets the event meanwhile; ``records`` is where a worker's go. Raises
    as :func:`serve`.
    """
    loop, crashed = asyncio.get_running_loop(), list[BaseException]()
    if re.fullmatch("[!-~]*", os.environ.get(TOKEN, "")) is None:
        raise ServeError(f"the environment's {TOKEN}: expected printable ASCII without spaces")
    clock = clock_of(settings)  # what cannot be is said before a port that is taken
    with _listening(address, clock) as listening:
        url = address.url(listening)
        local = ipaddress.ip_address(listening.getsockname()[0]).is_loopback

        def crash(error: BaseException) -> None:
            crashed.append(error)
            loop.call_soon_threadsafe(end.set)

        base_url = (address.public_url or url).rstrip("/")
        sandbox = Sandbox(settings, base_url=base_url, on_crash=crash, records=records, clock=clock)
        access = Access(
            sandbox.token,
            local=local,
            public_url=address.public_url,
            hosts=settings.hosts,
        )
        if access.needs_token or address.public_url is not None:
            sandbox.shown_token = sandbox.token
        try:
            await sandbox.open()
            try:
                await sandbox.open_sip()
            except OSError as error:
                where = ":".join(map(str, settings.sip or ()))
                words = f"cannot listen for SIP on {where}: {error.strerror or error}"
                raise ServeError(words) from None
            own = settings.worker is None
            port = listening.getsockname()[1]
            with (
                contextlib.nullcontext() if ended_by is None else ended_by(end),
                kept_token(sandbox.token, port) if own else contextlib.nullcontext(),
            ):
                async with _fleet(sandbox, crash) as fleet:
                    server = _Server(_Faces(sandbox, fleet, access if own else None))

                    async def last_words() -> None:
                        if fleet is not None:
                            await fleet.end()
                        await sandbox.end_calls()

                    await server.run_until(listening, lambda: tell(sandbox, url), end, last_words)
        finally:
            await sandbox.close()
    if crashed:
        what = crashed[0] if isinstance(crashed[0], FleetBroke) else f"{crashed[0]!r}"
        raise ServeError(f"the engine broke: {what}") from crashed[0]


@contextlib.contextmanager
def _listening(address: Address, clock: Clock) -> Iterator[socket.socket]:
    """The socket to serve on; without one the clock is of no use."""
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
    """The sandbox's workers; None where it carries its calls itself."""
    if sandbox.settings.workers == 1:
        yield None
        return
    from mediasim.sandbox.fleet.fleet import Fleet

    try:
        async with Fleet(sandbox, crash) as fleet:
            yield fleet
    except FleetBroke as error:
        raise ServeError(str(error)) from error


class _Faces:
    """Both APIs as one app."""

    def __init__(self, sandbox: Sandbox, fleet: Fleet | None, access: Access | None) -> None:
        """``access``: who may ask; None: that has been asked by the front."""
        from mediasim.sandbox.control import PREFIX, create_control
        from mediasim.sandbox.inspector import HOME
        from mediasim.sandbox.softphone.routes import SOFTPHONE

        self._sandbox = sandbox
        self._prefix = PREFIX
        self._home = PREFIX + HOME
        self._softphone = SOFTPHONE
        self._fleet = fleet
        self._control: App = create_control(sandbox, fleet)
        self._named: App = self._answer
        if access is not None:
            self._named = with_short_head(access.named(self._answer))
            self._control = access.control(self._control, open_paths=(f"{PREFIX}/health",))
        self._twilio = self._made()
        sandbox.on_rebuilt = self._rebuild

    def _made(self) -> App:
        from mediasim.twilio.rest import ApiSettings, create_api
        from mediasim.twilio.weather.front import WeatherFront

        sandbox = self._sandbox
        settings = ApiSettings(media_auth=sandbox.settings.config.media_auth)
        api: App = create_api(sandbox.service, sandbox.engine.gate, settings)
        if self._fleet is not None:
            from mediasim.sandbox.fleet.front import RestOfFleet

            api = RestOfFleet(api, self._fleet)
        # A worker's requests have been through the front's.
        own = sandbox.settings.worker is None
        return WeatherFront(api, sandbox.service, sandbox.engine.gate, refuses=own)

    def _rebuild(self) -> None:
        self._twilio = self._made()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What stops being HTTP within its body has been answered 400, and hears no other answer.
        with contextlib.suppress(h11.LocalProtocolError):
            await self._named(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/" or path.startswith(self._softphone):
            scope = {**scope, "mediasim.path": path}
            path = self._home if path == "/" else self._prefix + path
            scope["path"] = path
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            inner = {**scope, "root_path": scope.get("root_path", "") + self._prefix}
            await self._control(inner, receive, send)
            return
        if scope["type"] == "websocket":  # nothing of Twilio's is one that apps open
            await send({"type": "websocket.close", "code": 1008})
            return
        method = scope["method"]
        if method not in ("GET", "HEAD", "OPTIONS"):
            send = self._once_written(send, deleted=method == "DELETE")
        await self._twilio(scope, receive, send)

    def _once_written(self, send: Send, *, deleted: bool) -> Send:
        """What a request has changed is in the database before it is answered."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._sandbox.written(deleted=deleted)
            await send(message)

        return sent


class _Server(PromptServer):
    """Uvicorn without its own signals."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=_MOST_SAID,
                http=BoundedProtocol,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                backlog=1024,
                loop="asyncio",
                access_log=False,
                log_config=None,  # what a program has set up of logging stays as it is
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._up = asyncio.Event()
        logging.getLogger("uvicorn.error").addFilter(_not_a_broken_download)

    async def run_until(
        self,
        listening: socket.socket,
        tell: Callable[[], None],
        end: asyncio.Event,
        last_words: Callable[[], Awaitable[None]],
    ) -> None:
        """Serve; ``tell`` is called once it does, ``last_words`` while it still does."""
        serving = asyncio.ensure_future(self.serve(sockets=[listening]))
        try:
            await _first(self._up.wait(), serving)
            if self._up.is_set():
                tell()
            await _first(end.wait(), serving)
            await last_words()
        finally:
            self.end()
            asyncio.get_running_loop().call_later(_PATIENCE, setattr, self, "force_exit", True)
            await serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _not_a_broken_download(record: logging.LogRecord) -> bool:
    """A download that the weather truncates is all that ends without being complete."""
    return "returned without completing response" not in record.getMessage()


async def _first(event: Coroutine[Any, Any, Any], serving: asyncio.Future[None]) -> None:
    """Wait for an event, or for the server's own end."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


@contextlib.contextmanager
def _signals(end: asyncio.Event) -> Iterator[None]:
    """Ctrl-C, and what a system sends to end a program, set the event."""
    loop = asyncio.get_running_loop()
    known = (signal.SIGINT, signal.SIGTERM)
    for number in known:
        loop.add_signal_handler(number, end.set)
    try:
        yield
    finally:
        for number in known:
            loop.remove_signal_handler(number)
