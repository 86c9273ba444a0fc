"""Apps under test at the other end of a call: started, reached, and called.

A bot is an app that the scenario starts, a process of its own with a port of its own. A call to an
app is the party's leg, and a stream both ways to the app; it ends when the app closes its
WebSocket, when the party hangs up, or some time after the party's script has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from mediasim.exchange.call_control import LINGER_NS
from mediasim.exchange.events import StreamEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import PartyControl
from mediasim.net.ports import free_port
from mediasim.net.stream_port import StreamPort
from mediasim.recogniser.choice import Recognisers
from mediasim.scenario.model.app import App
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.call_plans import AppPlan
from mediasim.scenario.running.calls import CallerLeg, PartyPhones
from mediasim.scenario.running.failures import BotFailed
from mediasim.scenario.running.relay_calls import AppRelay
from mediasim.seeds import Seeds
from mediasim.twilio.relay.records import UNREACHABLE
from mediasim.twilio.relay.session import RelaySession
from mediasim.twilio.streams.handshake import NAMES, StreamFailed, target_of
from mediasim.twilio.streams.stream import MediaStream, StreamRecord
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import HostGuard

if TYPE_CHECKING:
    from mediasim.net.web_streams import WebStreams

__all__ = ["AppCall", "Apps", "Bot", "app_key", "apps_of", "running_bots"]

_SECONDS_TO_START: Final = 20.0
"""Seconds that a bot may take until it listens."""
_SECONDS_TO_END: Final = 2.0
"""Seconds that a bot may take to end before it is killed."""
_SECONDS_TO_EXIT: Final = 0.3
"""Seconds that a process may take to end after its connections are gone."""
_MOST_QUOTED: Final = 300
"""Characters of a bot's output that are quoted, from its end."""


# -- bots: apps that a scenario starts ----------------------------------------------------------


@contextmanager
def running_bots(
    commands: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[dict[str, Bot]]:
    """Start each command once; give the bots by command when all listen, and end them afterwards.

    Raises BotFailed.
    """
    with ExitStack() as stack:
        bots = {
            command: stack.enter_context(Bot(command, folder, environment))
            for command in dict.fromkeys(commands)
        }
        for bot in bots.values():
            bot.wait()
        yield bots


class Bot:
    """A process that a scenario starts, with its output and its port."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._port = free_port()
        self._process: subprocess.Popen[bytes]
        self._output: IO[bytes]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/"

    def __enter__(self) -> Bot:
        words = shlex.split(self._command)
        if words[0].endswith(".py"):
            words = [sys.executable, *words]
        # A file and not a pipe: a bot that prints much would wait for ever for a reader of the
        # pipe.
        self._output = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                words,
                cwd=self._folder,
                env={**os.environ, **self._environment, "PORT": str(self._port)},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            self._output.close()
            raise BotFailed(f"cannot start the bot {self._command!r}: {error.strerror}") from None
        return self

    def wait(self) -> None:
        """Wait until the bot listens. Raises BotFailed if it ends or takes too long."""
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline:
            if (code := self._process.poll()) is not None:
                raise BotFailed(
                    f"the bot {self._command!r} ended with exit code {code} before it listened on "
                    f"port {self._port} (the environment's PORT){self._end_of_output()}"
                )
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.01)
        raise BotFailed(
            f"the bot {self._command!r} did not listen on 127.0.0.1 port {self._port} (the "
            f"environment's PORT) within {_SECONDS_TO_START:g} seconds{self._end_of_output()}"
        )

    def fault(self) -> str | None:
        """Return how a bot whose connection broke has ended, and its last output; None if there is
        nothing to say."""
        try:
            code = self._process.wait(_SECONDS_TO_EXIT)
        except subprocess.TimeoutExpired:
            words = self._end_of_output()
            return f"the bot {self._command!r} said{words}" if words else None
        return f"the bot {self._command!r} ended with exit code {code}{self._end_of_output()}"

    def _end_of_output(self) -> str:
        """Return the end of the bot's output, in words that can follow a message."""
        output = self._output.fileno()  # not sought in: the bot writes where that leads
        text = os.pread(output, os.fstat(output).st_size, 0).decode(errors="replace").strip()
        if len(text) > _MOST_QUOTED:
            text = "… " + text[-_MOST_QUOTED:]
        return f": {text}" if text else ""

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


ClockHold = Callable[[], AbstractContextManager[None]]


# -- the apps of a scenario, and the way to them ------------------------------------------------


@dataclass(slots=True)
class Apps:
    """The apps of a scenario's calls: their URLs, and how they are reached."""

    urls: dict[str, str] = field(default_factory=dict)
    """URL of each app, by the name of its call, or of the party that it is (:func:`app_key`)."""
    auth_token: str = ""
    """Token that signs the upgrades; bots have it as TWILIO_AUTH_TOKEN."""
    web: asyncio.AbstractEventLoop | None = None
    """The event loop of the WebSockets, in a thread of its own; None if no call has an app."""
    ports: list[WebStreams] = field(default_factory=list)
    bots: dict[str, Bot] = field(default_factory=dict)
    """The bots that the scenario starts, by the same keys."""
    shared: dict[float, WebStreams] = field(default_factory=dict)
    """The way to open WebSockets, by the grace that apps get: what comes over one is in order."""
    studio: Studio = field(default_factory=Studio)
    """Speaks the words of apps on relays."""

    def faults(self, broken: Iterable[str]) -> list[str]:
        """Return how the bots of calls whose streams broke have ended, in words."""
        keys = [app_key(*name.split("/")) for name in broken]
        bots = {id(bot): bot for key in keys if (bot := self.bots.get(key)) is not None}
        return [fault for bot in bots.values() if (fault := bot.fault()) is not None]

    def port(self, hold: ClockHold, *, waits: bool, grace: float) -> WebStreams:
        """Return a way to open WebSockets for a run."""
        from mediasim.net.web_streams import WebStreams

        assert self.web is not None
        port = self.shared.get(grace)
        if port is None:
            port = self.shared[grace] = WebStreams(self.web, hold, waits=waits, grace=grace)
            self.ports.append(port)
        return port

    def connect(
        self,
        exchange: Exchange,
        app: App,
        plan: AppPlan,
        phones: PartyPhones,
        recognisers: Recognisers,
        hold: ClockHold | None,
    ) -> AppCall:
        """Return a call to an app, which is not open yet; ``hold`` is None in real time."""
        port = self.port(
            hold or contextlib.nullcontext, waits=hold is not None, grace=app.grace.seconds
        )
        return AppCall(exchange, plan, port, phones, self.studio, recognisers)


def app_key(call: str, party: str | None = None) -> str:
    """Return the key of a call's own app, or of a party's, which is the same in all its calls."""
    return call if party is None else f"/{party}"


@contextmanager
def apps_of(scenario: Scenario, seeds: Seeds) -> Iterator[Apps]:
    """Start the bots of a scenario, and end them afterwards. Raises BotFailed."""
    apps = {call.name: call.app for call in scenario.calls if call.app is not None}
    for name, party in scenario.parties.items():
        if party.app is not None:
            apps[app_key("", name)] = party.app
    if not apps:
        yield Apps()
        return
    token = seeds.digest("auth-token").hex()
    commands = [app.bot for app in apps.values() if app.bot is not None]
    with running_bots(commands, scenario.base, {"TWILIO_AUTH_TOKEN": token}) as bots:
        started = {name: bots[app.bot] for name, app in apps.items() if app.bot is not None}
        urls = {name: app.url or started[name].url for name, app in apps.items()}
        # The run's own loop may be a virtual one, which never waits for a socket.
        web = asyncio.new_event_loop()
        thread = threading.Thread(target=web.run_forever, name="mediasim-streams", daemon=True)
        thread.start()
        found = Apps(urls, token, web, bots=started)
        try:
            yield found
        finally:
            found.studio.close()
            asyncio.run_coroutine_threadsafe(_close(found.ports), web).result()
            web.call_soon_threadsafe(web.stop)
            thread.join()
            web.close()


async def _close(ports: list[Any]) -> None:
    """Close all WebSockets and cancel their tasks."""
    for port in ports:
        await port.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


# -- calls to apps ------------------------------------------------------------------------------


class AppCall:
    """A call to an app, over a stream or a relay.

    The caller does what its behavior says from when that is open.
    """

    def __init__(
        self,
        exchange: Exchange,
        plan: AppPlan,
        port: StreamPort,
        phones: PartyPhones,
        studio: Studio,
        recognisers: Recognisers,
    ) -> None:
        """``studio`` speaks the words of an app on a relay, ``recognisers`` hear the caller."""
        self.name = plan.name
        self._exchange = exchange
        self._plan = plan
        self._port = port
        self._behavior = phones.behaviors[plan.caller.name]
        self.warnings: list[str] = []
        self._caller = CallerLeg(
            exchange,
            plan.name,
            phones.phone(plan.caller, acts=False),
            "app",
            plan.recordings,
            "call",
        )
        self._relay: AppRelay | None = None
        self.stream: MediaStream | RelaySession
        """The stream or the relay to the app."""
        if plan.relay is not None:
            self._relay = AppRelay(plan.name, studio, self.spawn, self._report)
            heard = recognisers.of(self._caller.call)
            self.stream = self._relay.session(self._caller.call, plan.relay, heard)
            return
        record = StreamRecord(
            sid=exchange.sids.new("MZ"),
            account_sid=exchange.account_sid,
            call_sid=self._caller.call.sid,
            name=None,
            updated_ns=exchange.now_ns,
        )
        self.stream = MediaStream(self, self._caller.call, plan.request, record, both_ways=True)

    @property
    def call(self) -> LiveCall:
        """The call that is connected to the app."""
        return self._caller.call

    async def run(self) -> None:
        """Carry out the call from dialling to its end."""
        caller, exchange = self._caller, self._exchange
        async with caller.in_progress():
            try:
                caller.answer()
                caller.planned.begin("answer")
                if await self._opened():
                    caller.behave(self._act)
                    longest = exchange.watch_until(exchange.now_ns + self._plan.time_limit_ns)
                    await caller.until(self.stream.ended.wait(), longest)
            finally:
                self.stream.stop()

    async def _opened(self) -> bool:
        """Open the stream, and return whether it is open."""
        try:
            whole = isinstance(self.stream, RelaySession)
            url, token = self._plan.request.url, self._plan.auth_token
            target = target_of(url, HostGuard(), token, keep_query=whole)
            await self.stream.open(self._port, target)
        except StreamFailed as failed:
            if isinstance(self.stream, RelaySession):
                self.stream.fail(UNREACHABLE, str(failed))
            else:
                self.stream.error = (failed.code, str(failed))
                self.failed(self.stream, failed)
            return False
        if isinstance(self.stream, MediaStream):
            self._emit("started")
        return not self.stream.ended.is_set()

    async def _act(self, control: PartyControl) -> None:
        await self._behavior(control)
        await self._exchange.sleep(LINGER_NS)
        await control.call.hang_up()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task beside the call until the call ends."""
        return self._caller.spawn(work)

    # -- what the stream reports ------------------------------------------------------------

    def failed(self, stream: MediaStream, failed: StreamFailed) -> None:
        """Note that the stream broke, or could not be opened."""
        words = f"{failed.code} {NAMES[failed.code]}: {failed}"
        self.warnings.append(f"call {self.name}: {words}")
        self._emit("error", f": {words}")

    def warn(self, stream: MediaStream, code: int, words: str) -> None:
        """Note something the app did that Twilio ignores."""
        self.warnings.append(f"call {self.name}: {code} {NAMES[code]}: {words}")

    def stopped(self, stream: MediaStream) -> None:
        """Emit that the stream has ended."""
        self._emit("stopped")

    @property
    def all_warnings(self) -> list[str]:
        """What is to be said of the app, in words."""
        return self.warnings + ([] if self._relay is None else self._relay.warnings)

    def _report(self, word: str, more: str) -> None:
        self._emit(word, more)

    def _emit(self, word: str, more: str = "") -> None:
        """Emit an event of the call's stream or relay."""
        kind = "stream" if self._relay is None else "relay"
        self._exchange.events.emit(
            StreamEvent(
                at_ns=self._exchange.now_ns,
                kind=f"{kind}.{word}",
                text=f"{kind} of call {self.name} {word}{more}",
                call_sid=self._caller.call.sid,
                stream_sid=self.stream.record.sid,
            )
        )
