"""The config file: the number plan of a sandbox, and its settings.

YAML, read and checked as scenario files are, so that every mistake is reported with file, line,
column and what would be right. Parties are described as in scenarios, and have besides how they
answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, PrivateAttr, ValidationInfo, WithJsonSchema

from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.documents.document import Node, Origin, from_python, read_yaml, validated
from mediasim.documents.durations import Duration
from mediasim.documents.model import Location, Many, Misfit, Model, OneOrMany
from mediasim.documents.texts import read_text
from mediasim.documents.values import (
    Flag,
    Moment,
    Name,
    Number,
    Text,
    among,
    count,
    existing_file,
)
from mediasim.exchange.phone import RINGING_RULES, Answering
from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.net.trust import Trust
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.recogniser.spec import RecogniserSpec
from mediasim.sandbox.config_account import (
    AccountConfig,
    InsightsConfig,
    RecordingsConfig,
    SipConfig,
)
from mediasim.sandbox.config_lines import LookupSpec, MessagesSpec
from mediasim.sandbox.config_values import Url
from mediasim.sandbox.config_weather import WeatherSpell
from mediasim.sandbox.proxy.hosts import app_origin, public_host_name
from mediasim.scenario.model.call import AnswerSpec
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.recording import FaultText
from mediasim.scenario.model.steps import Say
from mediasim.twilio.twiml import TwimlError, parse_twiml
from mediasim.twilio.webhooks.address import HostGuard, allowed_host, plain_host

__all__ = [
    "DEFAULT",
    "AppNumber",
    "AppUrl",
    "Callee",
    "Config",
    "PublicName",
    "RingAnswer",
    "config_of",
    "config_schema",
    "load_config",
    "parse_callee",
    "parse_config",
]

DEFAULT: Final = "default"
"""Name of the party that answers numbers without a party or app."""


def _twiml(text: str) -> str:
    try:
        parse_twiml(text.encode(), "text/xml")
    except TwimlError as error:
        raise ValueError(f"expected TwiML such as <Response/>: {error.message}") from None
    return text


def _authority(path: Path, info: ValidationInfo) -> Path:
    """Return the path of a file of certificates. Raises ValueError."""
    existing_file(path, info)
    if info.context is not None:
        Trust([info.context.base / path]).check()
    return path


PublicName = Annotated[
    Text,
    AfterValidator(public_host_name),
    WithJsonSchema({"type": "string", "pattern": r"^(\*\.)?[A-Za-z0-9_.-]+$"}),
]
AppUrl = Annotated[
    Text,
    AfterValidator(app_origin),
    WithJsonSchema({"type": "string", "pattern": r"^https?://[^/?#@]+/?$"}),
]
Method = Literal["POST", "GET"]


class AppNumber(Model):
    """A number whose calls an app decides about. A bare text is its voice URL."""

    stands_for: ClassVar[str] = "voice_url"

    voice_url: Url | None = None
    """Where the TwiML of its calls is asked for."""
    voice_method: Method = "POST"
    """How."""
    voice_fallback_url: Url | None = None
    """Where it is asked for when that fails."""
    voice_fallback_method: Method = "POST"
    """How."""
    status_callback: Url | None = None
    """Where the ends of its calls are told."""
    status_callback_method: Method = "POST"
    """How."""
    friendly_name: Text | None = None
    """What a person calls it; the number itself where absent."""
    sms_url: Url | None = None
    """Where the TwiML that answers its messages is asked for."""
    sms_method: Method = "POST"
    """How."""
    sms_fallback_url: Url | None = None
    """Where it is asked for when that fails."""
    sms_fallback_method: Method = "POST"
    """How."""
    twiml: Annotated[Text, AfterValidator(_twiml)] | None = None
    """Instead of a URL: the TwiML itself."""
    recorder_fault: OneOrMany[FaultText] = ()
    """Its calls' recordings are broken so: as in weather, for this number alone."""

    def troubles(self) -> Iterator[Misfit]:
        if self.voice_url is not None and self.twiml is not None:
            yield ("twiml",), "expected voice_url or twiml, found both"


class RingAnswer(AnswerSpec):
    """What a party does when called: a time after which it answers, or another outcome."""

    outcome: Literal["answer", "no-answer", "busy", "reject", "failed"] = "answer"  # type: ignore[assignment]
    """What it does in the end; busy and failed never ring, no-answer rings for ever."""
    rings_after: Duration = Duration(0)
    """The post-dial delay: how long it takes until its telephone rings."""

    def troubles(self) -> Iterator[Misfit]:
        if self.rings_after and not RINGING_RULES[self.outcome].rings:
            yield ("rings_after",), f"expected none: a telephone that is {self.outcome} never rings"

    @property
    def answering(self) -> Answering:
        """The outcome and delay as the exchange's telephones have them."""
        return Answering(self.outcome, int(self.after), int(self.rings_after))


class Callee(PartySpec):
    """A simulated party with a telephone: a scenario's party, and how it answers."""

    answer: RingAnswer = RingAnswer.model_construct()
    """What it does when called: 2s (answers after that), no-answer, busy, reject or failed."""
    messages: MessagesSpec = MessagesSpec.model_construct()
    """What becomes of text messages to it."""
    lookup: LookupSpec = LookupSpec.model_construct()
    """What Lookup finds out about its number."""


class Config(Model):
    """A sandbox's number plan and settings; all of it may be absent."""

    account: AccountConfig = AccountConfig.model_construct()
    """Its account."""
    numbers: Mapping[Number, AppNumber] = {}
    """The app's own numbers."""
    parties: Mapping[Name, Callee] = {}
    """Simulated parties by name; also ``client:NAME`` and ``sip:NAME@...`` call them."""
    default: Callee = Callee.model_construct(script=(Say(text="Hello."),))
    """Who answers numbers that nobody claimed."""
    allow_hosts: Many[Annotated[Text, AfterValidator(allowed_host)]] = ()
    """Hosts that webhooks may go to besides this machine's own: names, addresses, or "*" for
    every host."""
    hosts: Mapping[PublicName, AppUrl] = {}
    """Public names of apps on this machine: what is sent to https://, http:// or wss:// of a name
    goes to this address in plain, as a tunnel would bring it."""
    trust: OneOrMany[Annotated[Path, AfterValidator(_authority)]] = ()
    """Files of certificates (PEM) that apps' own TLS is accepted by, besides the system's."""
    stream_grace: Duration = Duration.of("0s")
    """With a virtual or manual clock: how long, by the wall clock, a media stream's app is given
    for each 20 ms beyond what it needs to read them; 20ms lets it think in real time."""
    media_auth: Flag | None = None
    """Whether recordings' media asks for the account's credentials; absent: as the profile says."""
    recordings: RecordingsConfig = RecordingsConfig.model_construct()
    """What the account does with recordings."""
    insights: InsightsConfig = InsightsConfig.model_construct()
    """What it does with Voice Insights."""
    recogniser: RecogniserSpec = RecogniserSpec.model_construct()
    """What is heard of what parties say: perfect, realistic, or single settings. A party may have
    its own."""
    profile: Annotated[str, among(PROFILES)] = DEFAULT_PROFILE
    """Twilio's behaviour as of a date."""
    seed: Annotated[int, count(0, 2**63 - 1)] = 1
    """Decides every random draw, SIDs among them."""
    epoch: Moment | None = None
    """The date at which its time begins: 2026-01-05, or with a time of day; UTC unless it says so.
    Absent: today's."""
    sip: SipConfig = SipConfig.model_construct()
    """SIP telephones: where they are answered, and who may register."""
    weather: OneOrMany[WeatherSpell] = ()
    """What goes wrong from the start."""

    _origin: Origin = PrivateAttr(default_factory=lambda: Origin(Node({}), Path()))

    def settle(self, context: Any) -> None:
        if isinstance(context, Origin):
            self._origin = context

    def troubles(self) -> Iterator[Misfit]:
        claimed = dict.fromkeys(self.numbers, "an app's number")
        for name, party in self.parties.items():
            if name == DEFAULT:
                yield ("parties", name), f"write it as {DEFAULT}: beside parties, not among them"
            number = party.number
            if number is not None and number in claimed:
                yield ("parties", name, "number"), f"{number} is {claimed[number]} already"
            elif number is not None:
                claimed[number] = f"{name}'s number"
        for name in self.sip.users:
            if name in self.parties:
                yield ("sip", "users", name), f"{name} is a simulated party already"
        storage = self.recordings.storage
        if storage is not None and HostGuard(self.allow_hosts).refusal(storage.place.host):
            expected = "expected this machine's own host or one of allow_hosts"
            yield ("recordings", "storage"), f"{expected}, found {storage.place.host}"
        if self.default.number is not None:
            yield (DEFAULT, "number"), "it answers any number: give it none"
        names: dict[str, str] = {}
        for name in self.hosts:
            first = names.setdefault(plain_host(name), name)
            if first != name:
                yield ("hosts", name), f"{first} is the same name"

    @property
    def all_weather(self) -> tuple[WeatherSpell, ...]:
        """All weather from the start: the config's own, and the recorder faults of single
        numbers."""
        own = (
            WeatherSpell(recorder_fault=app.recorder_fault, number=number)
            for number, app in self.numbers.items()
            if app.recorder_fault
        )
        return (*(self.weather or ()), *own)

    @property
    def judges_numbers(self) -> bool:
        """Whether the account's rules judge the numbers of its calls."""
        strict = self.account.strict
        return bool(self.numbers) if strict is None else strict

    @property
    def authorities(self) -> tuple[Path, ...]:
        """The files of certificates that are accepted besides the system's."""
        given = self.trust or ()
        paths = (given,) if isinstance(given, Path) else given
        return tuple(self.base / path for path in paths)

    @property
    def has_endpoints(self) -> bool:
        """Whether a party is an RTP endpoint elsewhere, which requires a clock in real time."""
        return any(callee.endpoint is not None for _, _, callee in self.callees())

    @property
    def base(self) -> Path:
        """The folder that paths in the config are relative to."""
        return self._origin.base

    def document(self) -> dict[str, Any]:
        """Return the config as it was written, with its present public names, for JSON."""
        written: dict[str, Any] = self._origin.document.plain() or {}
        return {**written, "hosts": dict(self.hosts)}

    def callees(self) -> Iterator[tuple[Location, str, Callee]]:
        """Yield the place in the file, the name and the description of each party, the default
        last."""
        for name, party in self.parties.items():
            yield ("parties", name), name, party
        yield (DEFAULT,), DEFAULT, self.default


def load_config(file: Path) -> Config:
    """Read a config file. Raises ScenarioError with every mistake in it."""
    return parse_config(read_text(file), base=file.parent, file=file)


def parse_config(text: str | Mapping[str, Any], *, base: Path, file: Path | None = None) -> Config:
    """Read a config from YAML or from data; paths in it are relative to ``base``.

    Raises ScenarioError.
    """
    document = read_yaml(text, file) if isinstance(text, str) else from_python(text)
    origin = Origin(document, base, file)
    config = validated(Config, origin)
    callees = ((location, callee) for location, _, callee in config.callees())
    if problems := _sound_problems(callees, origin):
        raise ScenarioError(problems)
    return config


def config_of(given: Config | Mapping[str, Any] | str | Path, base: Path) -> Config:
    """Return a config given as an object, data, YAML text, or the path of a file.

    Raises ScenarioError.
    """
    if isinstance(given, Config):
        return given
    return load_config(given) if isinstance(given, Path) else parse_config(given, base=base)


def parse_callee(data: object, *, base: Path) -> Callee:
    """Read a party given as data, in the form that ``parties`` has. Raises ScenarioError."""
    origin = Origin(from_python(data), base)
    callee = validated(Callee, origin)
    if callee.endpoint is not None:
        words = "expected none: endpoints elsewhere are parties of the number plan"
        raise ScenarioError([origin.problem(("endpoint",), words)])
    if problems := _sound_problems([((), callee)], origin):
        raise ScenarioError(problems)
    return callee


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of config files, for editors."""
    from mediasim.documents.schema import file_schema

    return file_schema(Config, "mediasim sandbox")


def _sound_problems(
    callees: Iterable[tuple[Location, PartySpec]], origin: Origin
) -> list[Diagnostic]:
    """Return a diagnostic for each sound of the parties that cannot be spoken or played."""
    # Loaded for configs that are read: their schema has no need of voices.
    from mediasim.scenario.running.sounds import party_sound_troubles

    return [
        origin.problem((*where, *location), words)
        for where, callee in callees
        for location, words in party_sound_troubles(
            callee, callee.voice or DEFAULT_VOICES[0], origin.base
        )
    ]
