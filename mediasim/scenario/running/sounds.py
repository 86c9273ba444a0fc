"""What a scenario's parties say and play: as written, and as samples."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.documents.model import Location
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.parties.voices.speech import DEFAULT_LEVEL_DBFS, Speaker, run
from mediasim.parties.voices.word_times import WordTime
from mediasim.scenario.model.party import Party
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Noise, Play, Say, walk
from mediasim.seeds import Seeds

__all__ = [
    "GREETER",
    "ScenarioSounds",
    "Sound",
    "SoundClip",
    "greetings_of",
    "script_sounds",
    "sounds_of",
    "voices_of",
]

GREETER: Final = DEFAULT_VOICES[-1]
"""The voice that says greetings."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Something a scenario will have said or played."""

    step: Say | Play
    voice: str
    """Who says it, unless the step names somebody."""
    location: Location
    """Where it is written."""


class SoundClip(NamedTuple):
    """What a step sounds like."""

    pcm: NDArray[np.int16]
    digest: str
    """Fingerprint of the samples."""
    words: tuple[WordTime, ...] = ()
    """When each word is said; of a file nothing is known."""


def voices_of(scenario: Scenario) -> dict[str, str]:
    """Each party's voice: its own, or that of its place in the file."""
    return {
        name: party.voice or DEFAULT_VOICES[number % len(DEFAULT_VOICES)]
        for number, (name, party) in enumerate(scenario.parties.items())
    }


def sounds_of(scenario: Scenario) -> Iterator[Sound]:
    """Everything that may be said or played, in the order of the file."""
    voices = voices_of(scenario)
    for name, party in scenario.parties.items():
        yield from script_sounds(party, voices[name], ("parties", name))
    yield from greetings_of(scenario)


def script_sounds(party: Party, voice: str, where: Location) -> Iterator[Sound]:
    """What a party's script says and plays; ``where`` the party is written."""
    for at, step in walk(party.script):
        if isinstance(step, Say | Play):
            yield Sound(step, voice, (*where, "script", *at))


def greetings_of(scenario: Scenario) -> Iterator[Sound]:
    """What voicemail says before its beep."""
    for number, call in enumerate(scenario.calls):
        greeting = call.voicemail.greeting if call.voicemail is not None else None
        if greeting is not None:
            location = ("calls", number, "voicemail", "greeting", greeting.sound.keyword)
            yield Sound(greeting.sound, GREETER, location)


class ScenarioSounds:
    """Speech, files and noise of one run; each thing is made once."""

    def __init__(self, seeds: Seeds, speaker: Speaker, base: Path) -> None:
        """``base`` is the folder that files are relative to."""
        self._base = base
        self._seeds = seeds
        self._speaker = speaker
        self._played: dict[tuple[str, float | None], tuple[NDArray[np.int16], str]] = {}

    def prepare(self, scenario: Scenario) -> None:
        """Make everything beforehand: in real time nobody may wait for a voice."""
        for sound in sounds_of(scenario):
            self.clip(sound.step, sound.voice)

    def clip(self, step: Say | Play, voice: str) -> SoundClip:
        """A step's sound; ``voice`` speaks where the step names nobody.

        Raises AudioFileError for a file that cannot be played.
        """
        return run(self.making(step, voice))

    def making(self, step: Say | Play, voice: str) -> Generator[None, None, SoundClip]:
        """The same in steps, between which other sounds may be made."""
        if isinstance(step, Play):
            return SoundClip(*self._file(step))
        level = DEFAULT_LEVEL_DBFS if step.level is None else step.level
        spoken = yield from self._speaker.saying(step.text, step.voice or voice, level_dbfs=level)
        return SoundClip(spoken.pcm, spoken.digest, spoken.words)

    def _file(self, step: Play) -> tuple[NDArray[np.int16], str]:
        from mediasim.audio.files import read_clip
        from mediasim.audio.levels import set_level

        key = (str(step.file), step.level)
        if key not in self._played:
            pcm, damaged = read_clip(self._base / step.file)
            if damaged:
                words = f"{step.file}: damaged packets of the file were passed over: {damaged}"
                self._speaker.warnings.append(words)
            if step.level is not None:
                pcm = set_level(pcm, step.level)
            digest = blake2b(pcm.astype("<i2").tobytes(), digest_size=16).hexdigest()
            self._played[key] = (pcm, digest)
        return self._played[key]

    def noise(self, step: Noise, label: str) -> NDArray[np.int16]:
        """Noise of the run's seed."""
        from mediasim.audio.tones import noise

        samples = round(step.for_ * SAMPLE_RATE / NS_PER_SECOND)
        return noise(step.kind, samples, step.level, self._seeds.generator(f"noise/{label}"))
