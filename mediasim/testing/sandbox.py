"""The ``mediasim_sandbox`` fixture: a sandbox beside the app under test, whose time the test moves.

Time passes only in :meth:`MediasimSandbox.advance` and :meth:`MediasimSandbox.run_until_idle`. With
``--mediasim-realtime`` the wall clock moves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

from mediasim.documents.durations import Duration, LongDuration
from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.live_call import LiveCall
from mediasim.recogniser.spec import parse_recogniser
from mediasim.sandbox.config import AppNumber, Callee, Config, parse_callee
from mediasim.sandbox.config_weather import parse_weather
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.inspector.legs import Legs
from mediasim.sandbox.inspector.text import timelines, timelines_text
from mediasim.sandbox.inspector.waits import calls_in_words, run_until_idle
from mediasim.sandbox.names import name_app
from mediasim.sandbox.number_plan import DEFAULT_CALLER, act, claim_numbers, place_call, text_app
from mediasim.sandbox.settings import Settings
from mediasim.scenario.expectations.forbidden_audio import (
    ForbiddenClip,
    SpokenUtterance,
    utterances_of,
)
from mediasim.testing.address import SandboxAddress
from mediasim.testing.apps import DeliveryLog, ServedApp, serve_app
from mediasim.testing.artifacts import Artifacts
from mediasim.testing.conversation import CallRelay, CallStream
from mediasim.testing.injected_faults import InjectedFaults
from mediasim.testing.placed_call import PlacedCall
from mediasim.testing.recording import Recording
from mediasim.testing.sandbox_report import keep_sandbox
from mediasim.testing.source import SandboxRecording
from mediasim.testing.text_message import TextMessage
from mediasim.testing.waiting import awaited

__all__ = ["DEFAULT_NUMBER", "InjectedFaults", "MediasimSandbox", "PlacedCall"]

T = TypeVar("T")
DEFAULT_NUMBER: Final = "+15005550006"
"""The app's number unless the test gives another."""
Script = str | Sequence[Any]
"""The steps of a party's script, as scenarios have them; a bare text is spoken."""


class MediasimSandbox(SandboxAddress):
    """The ``mediasim_sandbox`` fixture of one test: a sandbox in memory."""

    def __init__(self, config: Config, artifacts: Artifacts) -> None:
        options = artifacts.options
        self.realtime = options.realtime
        settings = Settings(
            config=config,
            clock="real" if options.realtime else "manual",
            # Always given: the account is then the same in every run of a test.
            seed_override=config.seed if options.seed is None else options.seed,
            today=True,
        )
        self._artifacts = artifacts
        self._apps: list[ServedApp] = []
        self.answered_calls: dict[str, LiveCall] = {}
        """Answered calls by SID, also those that the engine has dropped."""
        self._base = config.base
        super().__init__(EmbeddedSandbox(settings))
        self._legs = Legs(self._embedded.sandbox)
        self._gave_up = False
        """Whether the last time that the test let pass did not suffice."""
        self._acted_ns = -1
        """Loop time at which the test last had a party do something, in nanoseconds."""
        self.on_engine(lambda: self.service.exchange.events.on("event", self._follow))
        self.redirect_sdk()
        artifacts.at_end(self._write_artifacts)
        artifacts.at_failure("mediasim: what the sandbox saw", lambda: self.on_engine(self._tell))

    # -- apps, parties and calls ------------------------------------------------------------

    def app(
        self,
        app: Any,
        *,
        number: str = DEFAULT_NUMBER,
        voice: str | None = "/voice",
        status: str | None = None,
        sms: str | None = None,
        method: Literal["POST", "GET"] = "POST",
        public_name: str | None = None,
    ) -> ServedApp:
        """Serve an app under test and give it a number; return where it is served.

        ``app`` is an ASGI or WSGI application, a dict of answers by path (TwiML, or a function that
        makes it of the request), or the URL of an app that is served. ``voice``, ``status`` and
        ``sms`` are paths of the number's voice URL, status callback and URL for messages, requested
        by ``method``; without ``voice`` and ``sms`` the app gets no number. ``public_name``: as of
        a plan's hosts.
        """
        self._apps.append(served := serve_app(app))
        base = served.url
        if public_name is not None:
            base = name_app(self._embedded.sandbox.hosts, public_name, served.url)
        if voice is not None or sms is not None:
            of_app = AppNumber(
                voice_url=None if voice is None else base + voice,
                voice_method=method,
                status_callback=None if status is None else base + status,
                status_callback_method=method,
                sms_url=None if sms is None else base + sms,
                sms_method=method,
            )
            plan = Config(numbers={number: of_app})
            self.on_engine(lambda: claim_numbers(self.service, plan))
        return served

    def party(
        self, name: str, script: Script = (), *, number: str | None = None, **more: Any
    ) -> str:
        """Add a simulated party that the app can call; return its number.

        ``more`` is what config files say of parties: ``answer="busy"``, ``voice=...``,
        ``network={...}``. Raises ScenarioError.
        """
        callee = self._callee(script, number=number, **more)
        party = self.on_engine(lambda: self._embedded.sandbox.phones.add(name, callee))
        if callee.recogniser is not None:
            self.service.recognisers.of_party[name] = callee.recogniser.settings
        return str(party.number)

    def call(
        self,
        from_: str = DEFAULT_CALLER,
        to: str | None = None,
        *,
        script: Script | None = None,
        recogniser: str | Mapping[str, Any] | None = None,
    ) -> PlacedCall:
        """Place a call to the app; it rings once time passes.

        ``from_`` is a number, or a party's name; a party has its own script unless one is given.
        ``to`` may be omitted where the app has one number. ``recogniser`` is what is heard of the
        caller in this call: ``"realistic"``, or ``{"word_error_rate": 0.2}``. Raises ValueError
        where ``to`` is needed, ScenarioError for wrong settings, TwilioError for a refused call.
        """
        to = self._number(to, "called")
        callee = self._callee(script or (), recogniser=recogniser)
        record = self.on_engine(
            lambda: place_call(
                self.service,
                self._embedded.sandbox.phones,
                to=to,
                from_=from_,
                callee=callee,
                scripted=script is not None,
            )
        )
        return PlacedCall(self, record)

    def text(
        self,
        body: str,
        from_: str = DEFAULT_CALLER,
        to: str | None = None,
        *,
        media: Sequence[str] = (),
    ) -> TextMessage:
        """Send the app a text message; the app is asked about it once time passes.

        ``from_`` is a number, or a party's name; ``media`` are URLs of files. ``to`` may be omitted
        where the app has one number. Raises ValueError where it is needed.
        """
        to = self._number(to, "texted")
        phones = self._embedded.sandbox.phones
        record = self.on_engine(
            lambda: text_app(self.service, phones, to=to, from_=from_, body=body, media=media)
        )
        return TextMessage(record, tuple(media))

    def _number(self, to: str | None, done: str) -> str:
        """Return the number of the app that is called or texted. Raises ValueError if unclear."""
        numbers = [each.phone_number for each in self.service.numbers.all()]
        if to is None and len(numbers) != 1:
            known = ", ".join(numbers) or "none: register one with app(...)"
            raise ValueError(f"say which number is {done}; the app's numbers are: {known}")
        return to or numbers[0]

    def act(self, call_sid: str, script: Script) -> None:
        """Have the party of a call in progress perform a script from now on."""
        callee = self._callee(script)
        self._acted_ns = self.service.now_ns
        self.on_engine(lambda: act(self.service, self._embedded.sandbox.phones, call_sid, callee))

    def _callee(self, script: Script, **more: Any) -> Callee:
        steps = [{"say": script}] if isinstance(script, str) else list(script)
        given = {name: value for name, value in more.items() if value is not None}
        return parse_callee({**given, **({"script": steps} if steps else {})}, base=self._base)

    # -- time -------------------------------------------------------------------------------

    def advance(self, by: float | str) -> Awaitable[None]:
        """Let time pass, in seconds or a text such as ``1m30s``, and do all that is due by then.

        A test on a loop has to await the result.
        """
        by_ns, clock = int(LongDuration.of(by)), self._embedded.sandbox.clock

        async def pass_by() -> None:
            self._gave_up = False
            if self.realtime:
                await asyncio.sleep(by_ns / 1e9)
            else:
                await clock.advance(by_ns)

        return awaited(self._embedded.submit(pass_by))

    def run_until_idle(self, most: float | str = "1h") -> Awaitable[None]:
        """Let time pass until every call has ended and every callback was sent.

        A test on a loop has to await the result. Raises AssertionError where ``most`` does not
        suffice, and at once where nothing more can happen before: it says who waits for what.
        """
        __tracebackhide__ = True
        limit, sandbox = Duration.of(most), self._embedded.sandbox

        async def run() -> None:
            self._gave_up = True
            if not self.realtime:
                goes_on = await run_until_idle(sandbox, int(limit))
            elif await self._run_in_real_time(limit.seconds):
                goes_on = None
            else:
                goes_on = f"after {limit} it is not over: {calls_in_words(sandbox)}"
            if goes_on is not None:
                raise AssertionError(goes_on)
            self._gave_up = False

        return awaited(self._embedded.submit(run))

    async def _run_in_real_time(self, most: float) -> bool:
        try:
            async with asyncio.timeout(most):
                while self.service.sessions:  # noqa: ASYNC110 - no event says so
                    await asyncio.sleep(0.02)
                await self.service.webhooks.settled()
        except TimeoutError:
            return False
        return True

    # -- what came of it --------------------------------------------------------------------

    @property
    def calls(self) -> list[PlacedCall]:
        """All calls, oldest first."""
        return [
            PlacedCall(self, each) for each in self.on_engine(self.service.catalogue.call_resources)
        ]

    @property
    def recordings(self) -> list[Recording]:
        """All recordings, oldest first."""
        return self.recordings_of()

    def recordings_of(self, call_sid: str | None = None) -> list[Recording]:
        """Return the recordings of a call, or all, oldest first."""
        records = self.on_engine(self.service.catalogue.recordings)
        return [
            Recording(SandboxRecording(f"recording-{number}", each, self))
            for number, each in enumerate(records, 1)
            if call_sid in (None, each.call_sid)
        ]

    def streams_of(self, call_sid: str | None = None) -> list[CallStream]:
        """Return the media streams of a call, or all, oldest first."""
        return [
            CallStream(each.record.name or f"stream-{number}", each, self.on_engine)
            for number, each in enumerate(self.on_engine(self.service.streams.all), 1)
            if call_sid in (None, each.record.call_sid)
        ]

    def relays_of(self, call_sid: str | None = None) -> list[CallRelay]:
        """Return the relays (ConversationRelay) of a call, or all, oldest first."""
        return [
            CallRelay(f"relay-{number}", each, self.on_engine)
            for number, each in enumerate(self.on_engine(self.service.relays.all), 1)
            if call_sid in (None, each.record.call_sid)
        ]

    @property
    def messages(self) -> list[TextMessage]:
        """All text messages, oldest first."""
        manager = self.service.messages
        return self.on_engine(
            lambda: [
                TextMessage(each, tuple(media.url for media in manager.media_of(each.sid)))
                for each in manager.all()
            ]
        )

    @property
    def deliveries(self) -> DeliveryLog:
        """All requests to the app, sent or to be sent, oldest first."""
        return DeliveryLog(self.on_engine(lambda: list(self.service.webhooks.deliveries)))

    @property
    def utterances(self) -> list[SpokenUtterance]:
        """All utterances of all calls."""
        return utterances_of(list(self.answered_calls.values()))

    def assert_never_contains(self, clip: ForbiddenClip) -> None:
        """Assert that no recording holds a part of it: see
        :meth:`Recording.assert_never_contains`."""
        __tracebackhide__ = True
        for recording in self.recordings:
            if recording.status != "deleted":
                recording.assert_never_contains(clip)

    # -- the weather ------------------------------------------------------------------------

    def weather(self, **faults: Any) -> InjectedFaults:
        """Inject faults from now on: ``with sandbox.weather(webhook_duplicate=2): ...``.

        They end with the block; without a block they last. Raises ScenarioError.
        """
        rule, weather = parse_weather(faults).fault_rule, self.service.webhooks.faults
        name = self.on_engine(lambda: weather.begin(rule))
        return InjectedFaults(lambda: self.on_engine(lambda: weather.end(name)))

    def recogniser(self, like: str = "perfect", **settings: Any) -> None:
        """Choose what is heard of what parties say from now on, unless a party or call has its own.

        ``like`` is ``"perfect"`` or ``"realistic"``; ``settings`` differ from it, as those of a
        number plan's ``recogniser`` do: ``word_error_rate=0.2``. Raises ScenarioError.
        """
        chosen = parse_recogniser({"like": like, **settings})
        self.service.recognisers.settings = chosen

    # -- behind it --------------------------------------------------------------------------

    def on_engine(self, work: Callable[[], T]) -> T:
        """Run a function on the engine's loop, and return its result."""
        result: T = self._embedded.submit(work).result()
        return result

    def _follow(self, event: Event) -> None:
        # The engine drops calls that have ended; their utterances are still searched for.
        if isinstance(event, CallEvent) and event.kind == "call.answered":
            for call in self.service.exchange.calls:
                if call.sid == event.call_sid:
                    self.answered_calls[call.sid] = call

    def _write_artifacts(self) -> list[str]:
        """Write the artifacts; return lines that name them."""
        folder = self._artifacts.folder / "sandbox"
        sandbox = self._embedded.sandbox
        return keep_sandbox(
            sandbox,
            self._legs,
            self.on_engine,
            folder,
            self._artifacts.name,
            self._artifacts.repeat,
            self.realtime,
        )

    def _tell(self) -> str:
        """Return the timelines as text, for a failed test; on the engine's loop."""
        sandbox = self._embedded.sandbox
        told = timelines_text(sandbox, timelines(sandbox, self._legs))
        return "\n\n".join(filter(None, (self._why_nothing_moves(), told)))

    def _why_nothing_moves(self) -> str:
        """Return what to call where a test has not let time pass; "" where it has."""
        now_ns = self.service.now_ns
        calls = [session.call.record for session in self.service.sessions.values()]
        begun = [self._acted_ns, *(record.created_ns for record in calls)]
        if self.realtime or self._gave_up or not calls or now_ns not in begun:
            return ""
        wait = ", ".join(f"{record.sid} is {record.status}" for record in calls)
        return (
            f"time stands still: run_until_idle() or advance(...) lets it pass; at"
            f" {now_ns / 1e9:.1f}s {wait}"
        )

    def close(self) -> None:
        """End the sandbox, and the apps that it serves."""
        self.redirect_sdk(False)
        try:
            self._embedded.close()
        finally:
            for app in self._apps:
                app.close()
