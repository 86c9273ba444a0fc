"""The ``mediasim_sandbox`` fixture: a sandbox beside the app under test, whose time the test moves.

Nothing happens but while the test lets time pass: by :meth:`MediasimSandbox.advance` and
:meth:`MediasimSandbox.run_until_idle`. With ``--mediasim-realtime`` the wall clock moves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, Literal, TypeVar

from mediasim.documents.durations import Duration
from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import CallRecord
from mediasim.sandbox.access import environment
from mediasim.sandbox.config import AppNumber, Callee, Config, parse_callee
from mediasim.sandbox.config_weather import parse_weather
from mediasim.sandbox.number_plan import DEFAULT_CALLER, act, claim_numbers, place_call
from mediasim.sandbox.server import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.testing.apps import ServedApp, sdk_client, serve_app
from mediasim.testing.artifacts import Artifacts
from mediasim.testing.conversation import CallStream
from mediasim.testing.forbidden_audio import ForbiddenClip
from mediasim.testing.recording import Recording
from mediasim.testing.sandbox_report import keep_sandbox
from mediasim.testing.source import SandboxRecording, SpokenUtterance, utterances_of
from mediasim.testing.waiting import awaited
from mediasim.twilio.account import Account
from mediasim.twilio.webhooks import Delivery

__all__ = ["DEFAULT_NUMBER", "DeliveryLog", "InjectedFaults", "MediasimSandbox", "PlacedCall"]

T = TypeVar("T")
DEFAULT_NUMBER: Final = "+15005550006"
"""The app's number unless it is given another."""
Script = str | Sequence[Any]
"""The steps of a party's script, as scenarios have them; a bare text is said."""


class MediasimSandbox:
    """One test's own."""

    def __init__(self, config: Config, artifacts: Artifacts) -> None:
        options = artifacts.options
        self.realtime = options.realtime
        settings = Settings(
            config=config,
            clock="real" if options.realtime else "manual",
            # Asked for in any case: the account is the same in every run of a test.
            asked_seed=config.seed if options.seed is None else options.seed,
        )
        self._artifacts = artifacts
        self._apps: list[ServedApp] = []
        self._lines: dict[str, LiveCall] = {}
        self._base = config.base
        self._embedded = EmbeddedSandbox(settings)
        self._do(lambda: self.service.exchange.events.on("event", self._follow))
        artifacts.at_end(self._kept)

    # -- where it is ------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Where it serves Twilio's API, on a free port of this machine."""
        return self._embedded.base_url

    @property
    def account_sid(self) -> str:
        return self.service.account.sid

    @property
    def auth_token(self) -> str:
        """What requests are authenticated and webhooks are signed with."""
        return self.service.account.auth_token

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point an app at it."""
        return environment(self.base_url, self.service.account)

    @cached_property
    def client(self) -> Any:
        """Twilio's own SDK, pointed here. RuntimeError where it is not installed."""
        return sdk_client(self.base_url, self.account_sid, self.auth_token)

    # -- who is there -----------------------------------------------------------------------

    def app(
        self,
        app: Any,
        *,
        number: str = DEFAULT_NUMBER,
        voice: str | None = "/voice",
        status: str | None = None,
        method: Literal["POST", "GET"] = "POST",
    ) -> ServedApp:
        """Serve an app under test and give it a number. Returns where it is served.

        ``app`` is an ASGI or WSGI application, a dict of answers by path (TwiML, or what makes it
        of the request), or the URL of an app that is served already. ``voice`` and ``status`` are
        the paths that decide about the number's calls and hear of their ends, asked by ``method``;
        without ``voice`` it gets no number.
        """
        served = serve_app(app)
        self._apps.append(served)
        if voice is not None:
            told = None if status is None else served.url + status
            of_app = AppNumber(
                voice_url=served.url + voice,
                voice_method=method,
                status_callback=told,
                status_callback_method=method,
            )
            plan = Config(numbers={number: of_app})
            self._do(lambda: claim_numbers(self.service, plan))
        return served

    def party(
        self, name: str, script: Script = (), *, number: str | None = None, **more: Any
    ) -> str:
        """Somebody with a telephone, whom the app can call; returns the number.

        ``more`` is what config files say of parties: ``answer="busy"``, ``voice=...``,
        ``network={...}``. Raises ScenarioError for what cannot be.
        """
        callee = self._callee(script, number=number, **more)
        party = self._do(lambda: self._embedded.sandbox.phones.add(name, callee))
        return str(party.number)

    def call(
        self,
        from_: str = DEFAULT_CALLER,
        to: str | None = None,
        *,
        script: Script | None = None,
    ) -> PlacedCall:
        """Somebody calls the app: ``from_`` is a number, or a party's name; its script is its own.

        ``to`` may be left out where the app has one number. Time has to pass before it rings.
        """
        numbers = [each.phone_number for each in self.service.numbers.all()]
        if to is None and len(numbers) != 1:
            known = ", ".join(numbers) or "none: register one with app(...)"
            raise ValueError(f"say which number is called; the app's numbers are: {known}")
        callee = self._callee(script or ())
        record = self._do(
            lambda: place_call(
                self.service,
                self._embedded.sandbox.phones,
                to=to or numbers[0],
                from_=from_,
                callee=callee,
                scripted=script is not None,
            )
        )
        return PlacedCall(self, record)

    def act(self, call_sid: str, script: Script) -> None:
        """The party of a call in progress carries a script out from now on."""
        callee = self._callee(script)
        self._do(lambda: act(self.service, self._embedded.sandbox.phones, call_sid, callee))

    def _callee(self, script: Script, **more: Any) -> Callee:
        steps = [{"say": script}] if isinstance(script, str) else list(script)
        given = {name: value for name, value in more.items() if value is not None}
        return parse_callee({**given, **({"script": steps} if steps else {})}, base=self._base)

    # -- time -------------------------------------------------------------------------------

    def advance(self, by: float | str) -> Awaitable[None]:
        """Let time pass, seconds or a text such as ``1m30s``, and all that it causes be done.

        To be awaited in a test on a loop; so is the next.
        """
        by_ns, clock = int(Duration.of(by)), self._embedded.sandbox.clock

        async def pass_by() -> None:
            if self.realtime:
                await asyncio.sleep(by_ns / 1e9)
            else:
                await clock.advance(by_ns)

        return awaited(self._embedded.submit(pass_by))

    def run_until_idle(self, most: float | str = "1h") -> Awaitable[None]:
        """Let time pass until every call is over and everything was told; AssertionError if not."""
        limit, clock = Duration.of(most), self._embedded.sandbox.clock

        async def run() -> None:
            if self.realtime:
                idle = await self._run_in_real_time(limit.seconds)
            else:
                idle = await clock.run_until_idle(int(limit))
            if not idle:
                raise AssertionError(f"after {limit} it is not over: {self._under_way()}")

        return awaited(self._embedded.submit(run))

    async def _run_in_real_time(self, most: float) -> bool:
        try:
            async with asyncio.timeout(most):
                while self.service.sessions:  # noqa: ASYNC110 - nobody tells of their end
                    await asyncio.sleep(0.02)
                await self.service.webhooks.settled()
        except TimeoutError:
            return False
        return True

    def _under_way(self) -> str:
        calls = [session.call.record for session in self.service.sessions.values()]
        words = [f"{it.sid} from {it.from_} to {it.to} is {it.status}" for it in calls]
        return "; ".join(words) or "something has been set for later"

    # -- what came of it --------------------------------------------------------------------

    @property
    def calls(self) -> list[PlacedCall]:
        """Every call, oldest first."""
        return [PlacedCall(self, each) for each in self._do(self.service.catalogue.calls)]

    @property
    def recordings(self) -> list[Recording]:
        """Every recording, oldest first."""
        return self.recordings_of()

    def recordings_of(self, call_sid: str | None = None) -> list[Recording]:
        """Those of a call."""
        records = self._do(self.service.catalogue.recordings)
        return [
            Recording(SandboxRecording(f"recording-{number}", each, self))
            for number, each in enumerate(records, 1)
            if call_sid in (None, each.call_sid)
        ]

    def streams_of(self, call_sid: str | None = None) -> list[CallStream]:
        """Media streams of a call, or of all, oldest first."""
        return [
            CallStream(each.record.name or f"stream-{number}", each, self._do)
            for number, each in enumerate(self._do(self.service.streams.all), 1)
            if call_sid in (None, each.record.call_sid)
        ]

    @property
    def deliveries(self) -> DeliveryLog:
        """Every request that the app was sent, or was to be sent, oldest first."""
        return DeliveryLog(self._do(lambda: list(self.service.webhooks.deliveries)))

    @property
    def utterances(self) -> list[SpokenUtterance]:
        """All that was said in all calls."""
        return utterances_of(list(self._lines.values()))

    def assert_never_contains(self, clip: ForbiddenClip) -> None:
        """No recording holds any of it: see :meth:`Recording.assert_never_contains`."""
        __tracebackhide__ = True
        for recording in self.recordings:
            if recording.status != "deleted":
                recording.assert_never_contains(clip)

    # -- the weather ------------------------------------------------------------------------

    def weather(self, **spell: Any) -> InjectedFaults:
        """From now on something goes wrong: ``with sandbox.weather(webhook_duplicate=2): ...``.

        At the end of the block it is over; without one it lasts. Raises ScenarioError.
        """
        meant, weather = parse_weather(spell).spell, self.service.webhooks.faults
        name = self._do(lambda: weather.begin(meant))
        return InjectedFaults(lambda: self._do(lambda: weather.end(name)))

    # -- behind it --------------------------------------------------------------------------

    @property
    def service(self) -> Account:
        """The account as the engine has it. Its methods are for the engine's thread."""
        return self._embedded.sandbox.service

    def _do(self, work: Callable[[], T]) -> T:
        result: T = self._embedded.submit(work).result()
        return result

    def _follow(self, event: Event) -> None:
        # The engine forgets calls that are over; what was said in them is still to be looked for.
        if isinstance(event, CallEvent) and event.kind == "call.answered":
            for call in self.service.exchange.calls:
                if call.sid == event.call_sid:
                    self._lines[call.sid] = call

    def _kept(self) -> list[str]:
        folder = self._artifacts.folder / "sandbox"
        sandbox = self._embedded.sandbox
        return keep_sandbox(
            sandbox, self._do, folder, self._artifacts.name, self._artifacts.repeat, self.realtime
        )

    def close(self) -> None:
        """End it, and the apps that it served."""
        try:
            self._embedded.close()
        finally:
            for app in self._apps:
                app.close()


class PlacedCall:
    """A call in the sandbox, and what its party can be made to do."""

    def __init__(self, sandbox: MediasimSandbox, record: CallRecord) -> None:
        self._sandbox = sandbox
        self.record = record

    def __repr__(self) -> str:
        return f"<call {self.sid} from {self.record.from_} to {self.record.to}: {self.status}>"

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def status(self) -> str:
        """queued, ringing, in-progress, completed, busy, no-answer, failed, canceled."""
        return self.record.status

    @property
    def recordings(self) -> list[Recording]:
        """Its own, oldest first."""
        return self._sandbox.recordings_of(self.sid)

    @property
    def streams(self) -> list[CallStream]:
        """Its media streams, oldest first."""
        return self._sandbox.streams_of(self.sid)

    @property
    def stream(self) -> CallStream:
        """The only one. LookupError if there is none, or if there are several."""
        found = self.streams
        if len(found) != 1:
            known = ", ".join(each.name for each in found) or "none"
            raise LookupError(f"call {self.sid} has not one stream; there are: {known}")
        return found[0]

    def act(self, *steps: Any) -> None:
        """Steps of a script, carried out from now on, as time passes."""
        self._sandbox.act(self.sid, steps)

    def say(self, text: str) -> None:
        self.act({"say": text})

    def press(self, digits: str) -> None:
        self.act({"dtmf": digits})

    def hang_up(self) -> None:
        self.act("hangup")


class DeliveryLog(list[Delivery]):
    """Requests to the app, oldest first."""

    def of(self, kind: str | None = None, sid: str | None = None) -> DeliveryLog:
        """Those of a kind (``twiml``, ``call-status``, ``recording-status``), or about a SID."""
        return DeliveryLog(
            each for each in self if kind in (None, each.kind) and sid in (None, each.sid)
        )

    @property
    def injected(self) -> DeliveryLog:
        """Those that bad weather has struck."""
        struck: Iterable[Delivery] = (
            each
            for each in self
            if each.injected or any(attempt.injected for attempt in each.attempts)
        )
        return DeliveryLog(struck)


class InjectedFaults:
    """One that has begun."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end: Callable[[], None] | None = end

    def __enter__(self) -> InjectedFaults:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """It is over."""
        end, self._end = self._end, None
        if end is not None:
            end()
