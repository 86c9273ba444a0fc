"""The steps of a party's script: what it says, plays, waits for and does to its call.

In a file a step is a mapping of one key, ``say: hello``, or a bare word, ``hangup``. Steps run one
after the other. ``at`` holds a step back until that time of the call, counted from when it was
dialled; a step that is reached later than that runs at once.

A new step is a class here, in ``STEPS``, and a function in ``running/actor.py`` that carries it
out; everything else is read from the class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from mediasim.audio.tones import NoiseKind
from mediasim.documents.durations import Duration, at_least, positive
from mediasim.documents.model import Keyed, Location, Many, Misfit, OneOrMany
from mediasim.documents.values import (
    Digits,
    EventName,
    Flag,
    Frequency,
    Level,
    Name,
    Text,
    count,
)
from mediasim.scenario.model.business_steps import Message, TakePayment
from mediasim.scenario.model.script_step import Play, Say, ScriptStep, Talk

__all__ = [
    "STEPS",
    "AnswerAs",
    "Dtmf",
    "Emit",
    "Hangup",
    "Hold",
    "Message",
    "Mute",
    "Noise",
    "Pause",
    "Play",
    "Repeat",
    "Resume",
    "Say",
    "ScriptStep",
    "Step",
    "TakePayment",
    "Together",
    "Tone",
    "Unmute",
    "WaitFor",
    "listens",
    "walk",
]

OTHER_STOPS: Final = "other-stops"


class Tone(Talk):
    """One sine, or several added up."""

    keyword: ClassVar[str] = "tone"

    hz: OneOrMany[Frequency]
    """A frequency or a list of them."""
    for_: Annotated[Duration, positive()] = Field(validation_alias="for", serialization_alias="for")
    """How long the tone lasts."""
    level: Level = -12.0
    """Level of the whole in dBFS."""
    at: Duration | None = None
    """Not before this time of the call."""

    def troubles(self) -> Iterator[Misfit]:
        if not self.frequencies:
            yield ("hz",), "expected a frequency or a list of them"

    @property
    def frequencies(self) -> tuple[float, ...]:
        """The frequencies in Hz, always as a tuple."""
        return self.hz if isinstance(self.hz, tuple) else ()


class Noise(Talk):
    """Seeded noise."""

    keyword: ClassVar[str] = "noise"

    kind: NoiseKind = "white"
    """white, pink, babble (noise with the spectrum and the syllables of speech), or street."""
    for_: Annotated[Duration, positive()] = Field(validation_alias="for", serialization_alias="for")
    """How long the noise lasts."""
    level: Level = -40.0
    """Level in dBFS."""
    at: Duration | None = None
    """Not before this time of the call."""
    label: Name | None = None
    """A label under which the noise is drawn, with its number among the party's noises, in place of
    the call's and the party's names: the same noise is made in other calls and scenarios of this
    name."""

    @property
    def drawn_by_leg(self) -> bool:
        return self.label is None


class Dtmf(Talk):
    """Press keys: as telephone-events (RFC 4733), or as tones in the audio."""

    keyword: ClassVar[str] = "dtmf"
    stands_for: ClassVar[str] = "digits"

    digits: Digits
    """Keys among 0-9, *, #, A-D, pressed one after the other."""
    in_band: Flag = False
    """Whether the keys are sent as tones in the audio instead of events."""
    tone: Annotated[Duration, at_least("40ms")] = Duration.of("100ms")
    """How long each key is down."""
    gap: Annotated[Duration, at_least("40ms")] = Duration.of("100ms")
    """The silence after each key."""
    at: Duration | None = None
    """Not before this time of the call."""


class Pause(Talk):
    """Say nothing for a while."""

    keyword: ClassVar[str] = "pause"
    stands_for: ClassVar[str] = "for"

    for_: Duration = Field(validation_alias="for", serialization_alias="for")
    """How long the pause lasts."""


class WaitFor(ScriptStep):
    """Wait for something to happen; ``other-stops`` is short for ``quiet: 600ms``."""

    keyword: ClassVar[str] = "wait_for"
    exactly_one: ClassVar[tuple[str, ...]] = ("quiet", "speech", "digit", "event", "time")

    quiet: Annotated[Duration, positive()] | None = None
    """Until the other party has spoken and then been silent this long."""
    speech: Flag | None = None
    """Until the other party starts to speak."""
    digit: Digits | None = None
    """Until this key is heard; with several keys, until any of them is."""
    event: EventName | None = None
    """Until this event: one that a script emits, or one of the exchange's (call.answered)."""
    time: Duration | None = None
    """Until this time of the call."""
    timeout: Annotated[Duration, positive()] | None = None
    """Go on after this long in any case."""
    hears: Literal["parties", "anything"] = "parties"
    """What counts as speech: parties and apps, or anything, ringing and hold music too."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        if value != OTHER_STOPS:
            raise ValueError(
                f"expected {OTHER_STOPS} or a mapping with {', '.join(cls.known_keys())}"
            )
        return {"quiet": "600ms"}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"const": OTHER_STOPS}]

    def troubles(self) -> Iterator[Misfit]:
        if self.speech is False:
            yield ("speech",), "expected true: a wait for no speech is a wait for quiet"
        if self.hears == "anything" and self.quiet is None and self.speech is None:
            yield ("hears",), "expected nothing where neither quiet nor speech is waited for"

    @property
    def listens(self) -> bool:
        return bool(self.quiet or self.speech or self.digit)

    @property
    def hears_anything(self) -> bool:
        return self.hears == "anything"

    @property
    def quiet_ns(self) -> int:
        return self.quiet or 0

    @property
    def awaits(self) -> str | None:
        return self.event


class Mute(ScriptStep):
    """Send silence, and keep counting through it, until unmute."""

    keyword: ClassVar[str] = "mute"


class Unmute(ScriptStep):
    """Be heard again."""

    keyword: ClassVar[str] = "unmute"


class Hold(ScriptStep):
    """Put the other party on hold."""

    keyword: ClassVar[str] = "hold"
    after_ringing: ClassVar[bool] = True


class Resume(ScriptStep):
    """Take the other party off hold."""

    keyword: ClassVar[str] = "resume"
    after_ringing: ClassVar[bool] = True


class Hangup(ScriptStep):
    """End this party's leg."""

    keyword: ClassVar[str] = "hangup"
    hangs_up: ClassVar[bool] = True


class Emit(ScriptStep):
    """Raise an event that scripts, transfers and recordings can wait for."""

    keyword: ClassVar[str] = "emit"
    stands_for: ClassVar[str] = "name"

    name: Name
    """The event's name, without a dot: names with a dot are the exchange's own."""

    @property
    def emits(self) -> str | None:
        return self.name


class Repeat(ScriptStep):
    """Run steps several times."""

    keyword: ClassVar[str] = "repeat"
    is_talk: ClassVar[bool] = True

    times: Annotated[int, count(1, 100_000)]
    """How many times the steps run."""
    steps: Many[Step]
    """The steps that are repeated."""

    def blocks(self) -> Iterator[tuple[Location, Many[Step]]]:
        yield ("steps",), self.steps

    @property
    def size(self) -> int:
        return self.times * sum(step.size for step in self.steps)


class AnswerAs(ScriptStep):
    """Answer as a person, an answering machine or a fax machine does."""

    keyword: ClassVar[str] = "answer_as"
    stands_for: ClassVar[str] = "who"
    is_talk: ClassVar[bool] = True

    who: Literal["human", "machine", "machine-without-beep", "fax"]
    """A human says hello; a machine says its greeting, which a beep ends; a fax whistles."""
    text: Text | None = None
    """What is said instead."""

    def troubles(self) -> Iterator[Misfit]:
        if self.who == "fax" and self.text is not None:
            yield ("text",), "expected none of a fax, which says no words"

    def blocks(self) -> Iterator[tuple[Location, Many[Step]]]:
        yield (), self.steps

    @property
    def steps(self) -> tuple[ScriptStep, ...]:
        """The steps that it stands for."""
        if self.who == "fax":
            return (Tone(hz=(2100.0,), for_=Duration.of("3s")),)
        if self.who == "human":
            return (Say(text=self.text or "Hello?"),)
        greeting = Say(text=self.text or _GREETING)
        if self.who == "machine-without-beep":
            return (greeting,)
        pause = Pause(for_=Duration.of("400ms"))
        return greeting, pause, Tone(hz=(1000.0,), for_=Duration.of("400ms"))


_GREETING: Final = (
    "Hello, nobody is at home right now. Please leave a message after the tone, and we will call"
    " you back."
)


class Together(ScriptStep):
    """Several lines of talk at once by one party. Goes on when the longest has ended."""

    keyword: ClassVar[str] = "together"
    after_ringing: ClassVar[bool] = True
    stands_for: ClassVar[str] = "lines"

    lines: Many[Many[Step]]
    """Lists of say, play, tone, noise, dtmf, pause and repeat."""

    def blocks(self) -> Iterator[tuple[Location, Many[Step]]]:
        for number, line in enumerate(self.lines):
            yield ("lines", number), line

    @property
    def size(self) -> int:
        return sum(step.size for line in self.lines for step in line)

    def troubles(self) -> Iterator[Misfit]:
        talk = [keyword for keyword, step in STEPS.items() if step.is_talk]
        for lead, line in self.blocks():
            for location, step in walk(line):
                if not step.is_talk:
                    message = f"cannot run beside other talk; expected one of {', '.join(talk)}"
                    yield (*lead, *location), message


STEPS: Final[dict[str, type[ScriptStep]]] = {
    step.keyword: step
    for step in (
        *(Say, Play, Tone, Noise, Dtmf, Pause, WaitFor),
        *(Mute, Unmute, Hold, Resume, Hangup, Emit, Message, TakePayment),
        *(Repeat, Together, AnswerAs),
    )
}
"""The class of every step by its keyword."""
Step = Annotated[ScriptStep, Keyed("step", STEPS)]
"""One step of a script."""


def walk(steps: Many[Step]) -> Iterator[tuple[Location, ScriptStep]]:
    """Yield every step, those inside others too, with the keys and indexes that lead to it."""
    for number, step in enumerate(steps):
        here = (number, step.keyword)
        yield here, step
        for lead, inner in step.blocks():
            for at, found in walk(inner):
                yield (*here, *lead, *at), found


def listens(script: Many[Step]) -> bool:
    """Return whether a script waits for something that the party hears."""
    return any(step.listens for _, step in walk(script))
