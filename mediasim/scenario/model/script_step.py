"""What every step of a script tells of itself, and the steps that say and play things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from mediasim.documents.durations import Duration
from mediasim.documents.model import Location, Many, Misfit, Model
from mediasim.documents.values import Level, Text, existing_file
from mediasim.scenario.model.played_words import PlayedWords

__all__ = ["Play", "Say", "ScriptStep", "Talk"]

AudioFile = Annotated[Path, AfterValidator(existing_file)]


class ScriptStep(Model):
    """A step of a script, with the properties that other modules read."""

    is_talk: ClassVar[bool] = False
    """Whether the step may run beside other steps."""
    after_ringing: ClassVar[bool] = False
    """Whether the step waits while its call is being connected, so that no caller speaks into the
    ringing."""
    hangs_up: ClassVar[bool] = False
    """Whether the step ends its party's leg."""

    def blocks(self) -> Iterator[tuple[Location, Many[ScriptStep]]]:
        """Yield the lists of steps inside the step, each with the keys that lead to it."""
        yield from ()

    def sounds(self) -> Iterator[tuple[Location, Say | Play]]:
        """Yield the speech and the files that the step needs, each with the keys that lead to
        it."""
        yield from ()

    @property
    def listens(self) -> bool:
        """Whether the step waits for something that the party hears."""
        return False

    @property
    def hears_anything(self) -> bool:
        """Whether sound that is not speech, such as ringing, may be what the step waits for."""
        return False

    @property
    def quiet_ns(self) -> int:
        """Nanoseconds of silence that the step waits for, during which nothing happens."""
        return 0

    @property
    def emits(self) -> str | None:
        """The event that the step raises; None if it raises none."""
        return None

    @property
    def awaits(self) -> str | None:
        """The event that the step's key ``event`` waits for; None without that key."""
        return None

    @property
    def drawn_by_leg(self) -> bool:
        """Whether the step's samples are drawn at random under the name of its leg."""
        return False

    @property
    def size(self) -> int:
        """Number of steps that the step is once repeats are unrolled."""
        return 1


class Talk(ScriptStep):
    """A step that places something on the party's timeline."""

    is_talk: ClassVar[bool] = True
    after_ringing: ClassVar[bool] = True


class Say(Talk):
    """Speak a text."""

    keyword: ClassVar[str] = "say"
    stands_for: ClassVar[str] = "text"

    text: Text
    """The words."""
    voice: Text | None = None
    """A voice for these words alone; the party's own where absent."""
    level: Level | None = None
    """Level in dBFS; as the voice gives it where absent."""
    at: Duration | None = None
    """Not before this time of the call."""

    def sounds(self) -> Iterator[tuple[Location, Say | Play]]:
        yield (), self


class Play(Talk):
    """Play a WAV, FLAC or MP3 file of any rate.

    With ``text`` the file is speech that somebody recorded: the truth says the words instead of the
    file's name, and everything that reads the truth takes them as words of ``say``.
    """

    keyword: ClassVar[str] = "play"
    stands_for: ClassVar[str] = "file"

    file: AudioFile
    """Relative to the scenario file."""
    level: Level | None = None
    """Level in dBFS; as it is in the file where absent."""
    at: Duration | None = None
    """Not before this time of the call."""
    text: Text | None = None
    """What is said in the file, in words; where absent that of ``words``."""
    speaker: Text | None = None
    """Who speaks in the file."""
    language: Text | None = None
    """The language spoken in the file, as BCP 47 writes it, such as en-US."""
    words: PlayedWords = None
    """When each word is said: a list of {word, start, end}, or a file of word times (.json, .ctm,
    .TextGrid) relative to the scenario file. Estimated where absent."""

    def settle(self, context: Any) -> None:
        if self.text is None and self.words and not isinstance(self.words, Path):
            self._fill(text=" ".join(each.word for each in self.words))

    def troubles(self) -> Iterator[Misfit]:
        if self.words is None or isinstance(self.words, Path):
            return
        if not self.words:
            yield ("words",), "expected words, each {word, start, end}"
        before = 0
        for number, word in enumerate(self.words):
            if word.start < before:
                yield ("words", number, "start"), "begins before the word above it"
            before = word.start

    def sounds(self) -> Iterator[tuple[Location, Say | Play]]:
        yield (), self

    @property
    def is_speech(self) -> bool:
        """Whether it is known what is said in the file."""
        return self.text is not None or self.words is not None
