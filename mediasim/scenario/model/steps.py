"""The steps of a party's script: what it says, plays, waits for and does to its call.

A step is a mapping of one key, ``say: hello``, or a bare word, ``hangup``. Steps run one after
the other. ``at`` holds a step back until that time of the call, counted from when it was dialled;
a step that is reached later than that runs at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from mediasim.documents.durations import Duration, at_least, positive
from mediasim.documents.model import Keyed, Many, Model, OneOrMany, Trouble
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

__all__ = [
    "Dtmf",
    "Emit",
    "Hangup",
    "Hold",
    "Mute",
    "Noise",
    "Pause",
    "Play",
    "Repeat",
    "Resume",
    "Say",
    "Step",
    "Together",
    "Tone",
    "Unmute",
    "WaitFor",
    "existing_file",
    "walk",
]

OTHER_STOPS: Final = "other-stops"
_TALK: Final = ("say", "play", "tone", "noise", "dtmf", "pause", "repeat")
"""What may run beside other steps."""


def existing_file(path: Path, info: ValidationInfo) -> Path:
    """The file as it is written; it must be there, seen from the scenario's own folder.

    Parts built in Python outside a scenario have no folder yet and are not checked.
    """
    if info.context is not None:
        found: Path = info.context.base / path
        if not found.is_file():
            raise ValueError(f"there is no file {str(found)!r}")
    return path


AudioFile = Annotated[Path, AfterValidator(existing_file)]


class Say(Model):
    """Speak a text."""

    keyword: ClassVar[str] = "say"
    stands_for: ClassVar[str] = "text"

    text: Text
    """The words."""
    voice: Text | None = None
    """A voice for these words alone; the party's own where absent."""
    level: Level | None = None
    """dBFS; as the voice gives it where absent."""
    at: Duration | None = None
    """Not before this time of the call."""


class Play(Model):
    """Play a WAV or MP3 file of any rate."""

    keyword: ClassVar[str] = "play"
    stands_for: ClassVar[str] = "file"

    file: AudioFile
    """Relative to the scenario file."""
    level: Level | None = None
    """dBFS; as it is in the file where absent."""
    at: Duration | None = None
    """Not before this time of the call."""


class Tone(Model):
    """One sine, or several added up."""

    keyword: ClassVar[str] = "tone"

    hz: OneOrMany[Frequency]
    """A frequency or a list of them."""
    for_: Annotated[Duration, positive()] = Field(validation_alias="for", serialization_alias="for")
    """How long."""
    level: Level = -12.0
    """dBFS of the whole."""
    at: Duration | None = None
    """Not before this time of the call."""

    def troubles(self) -> Iterator[Trouble]:
        if not self.frequencies:
            yield ("hz",), "expected a frequency or a list of them"

    @property
    def frequencies(self) -> tuple[float, ...]:
        """What ``hz`` holds, always as a tuple."""
        return self.hz if isinstance(self.hz, tuple) else ()


class Noise(Model):
    """Seeded noise."""

    keyword: ClassVar[str] = "noise"

    kind: Literal["white", "pink", "babble"] = "white"
    """white, pink, or babble: noise with the spectrum and the syllables of speech."""
    for_: Annotated[Duration, positive()] = Field(validation_alias="for", serialization_alias="for")
    """How long."""
    level: Level = -40.0
    """dBFS."""
    at: Duration | None = None
    """Not before this time of the call."""
    label: Name | None = None
    """What it is drawn under, with its number among the party's noises, in place of the call's and
    the party's names: the same noise is made in other calls and scenarios of this name."""


class Dtmf(Model):
    """Press keys: as telephone-events (RFC 4733), or as tones in the audio."""

    keyword: ClassVar[str] = "dtmf"
    stands_for: ClassVar[str] = "digits"

    digits: Digits
    """Keys among 0-9, *, #, A-D, pressed one after the other."""
    in_band: Flag = False
    """As tones in the audio instead of events."""
    tone: Annotated[Duration, at_least("40ms")] = Duration.of("100ms")
    """How long each key is down."""
    gap: Annotated[Duration, at_least("40ms")] = Duration.of("100ms")
    """The silence after each key."""
    at: Duration | None = None
    """Not before this time of the call."""


class Pause(Model):
    """Say nothing for a while."""

    keyword: ClassVar[str] = "pause"
    stands_for: ClassVar[str] = "for"

    for_: Duration = Field(validation_alias="for", serialization_alias="for")
    """How long."""


class WaitFor(Model):
    """Wait for something to happen; ``other-stops`` is short for ``quiet: 600ms``."""

    keyword: ClassVar[str] = "wait_for"
    exactly_one: ClassVar[tuple[str, ...]] = ("quiet", "speech", "digit", "event", "time")

    quiet: Annotated[Duration, positive()] | None = None
    """Until the other has spoken and then been silent this long."""
    speech: Flag | None = None
    """Until the other starts to speak."""
    digit: Digits | None = None
    """Until this key is heard; with several keys, until any of them is."""
    event: EventName | None = None
    """Until this event: one that a script emits, or one of the exchange's (call.answered)."""
    time: Duration | None = None
    """Until this time of the call."""
    timeout: Annotated[Duration, positive()] | None = None
    """Go on after this long in any case."""
    hears: Literal["parties", "anything"] = "parties"
    """What is speech: parties and apps, or anything, ringing and hold music too."""

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

    def troubles(self) -> Iterator[Trouble]:
        if self.speech is False:
            yield ("speech",), "expected true: a wait for no speech is a wait for quiet"
        if self.hears == "anything" and self.quiet is None and self.speech is None:
            yield ("hears",), "expected nothing where neither quiet nor speech is waited for"


class Mute(Model):
    """Send silence, and keep counting through it, until unmute."""

    keyword: ClassVar[str] = "mute"


class Unmute(Model):
    """Be heard again."""

    keyword: ClassVar[str] = "unmute"


class Hold(Model):
    """Put the other party on hold."""

    keyword: ClassVar[str] = "hold"


class Resume(Model):
    """Take the other party off hold."""

    keyword: ClassVar[str] = "resume"


class Hangup(Model):
    """End this party's leg."""

    keyword: ClassVar[str] = "hangup"


class Emit(Model):
    """Raise an event that scripts, transfers and recordings can wait for."""

    keyword: ClassVar[str] = "emit"
    stands_for: ClassVar[str] = "name"

    name: Name
    """Without a dot: names with a dot are the exchange's own."""


class Repeat(Model):
    """Run steps several times."""

    keyword: ClassVar[str] = "repeat"

    times: Annotated[int, count(1, 100_000)]
    """How often."""
    steps: Many[Step]
    """What."""


class Together(Model):
    """Several lines of talk at once by one party. Goes on when the longest has ended."""

    keyword: ClassVar[str] = "together"
    stands_for: ClassVar[str] = "lines"

    lines: Many[Many[Step]]
    """Lists of say, play, tone, noise, dtmf, pause and repeat."""

    def troubles(self) -> Iterator[Trouble]:
        for number, line in enumerate(self.lines):
            for location, step in walk(line):
                if step.keyword not in _TALK:
                    message = f"cannot run beside other talk; expected one of {', '.join(_TALK)}"
                    yield ("lines", number, *location), message


Step = Annotated[
    Say
    | Play
    | Tone
    | Noise
    | Dtmf
    | Pause
    | WaitFor
    | Mute
    | Unmute
    | Hold
    | Resume
    | Hangup
    | Emit
    | Repeat
    | Together,
    Keyed("step"),
]
"""One step of a script."""


def walk(steps: Many[Step]) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    """Every step, those inside others too, with the keys and indexes that lead to it."""
    for number, step in enumerate(steps):
        here = (number, step.keyword)
        yield here, step
        inner: Iterator[tuple[tuple[str | int, ...], Step]] = iter(())
        if isinstance(step, Repeat):
            inner = ((("steps", *at), found) for at, found in walk(step.steps))
        elif isinstance(step, Together):
            inner = (
                (("lines", line, *at), found)
                for line, steps_at_once in enumerate(step.lines)
                for at, found in walk(steps_at_once)
            )
        for at, found in inner:
            yield (*here, *at), found
