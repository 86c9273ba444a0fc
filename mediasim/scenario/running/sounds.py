"""What a scenario's parties say and play: listed, checked, and as samples.

The check comes before anything runs: it finds unknown voices, texts that cannot be spoken and files
that cannot be played. It makes no speech, and reads files.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.documents.model import Location, Many, Misfit
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, voice_named
from mediasim.parties.voices.speech import DEFAULT_LEVEL_DBFS, Speaker, run, speakable
from mediasim.parties.voices.word_times import WordTime
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Noise, Play, Say, Step, walk
from mediasim.seeds import Seeds

__all__ = [
    "GREETER",
    "ScenarioSounds",
    "Sound",
    "SoundClip",
    "check_sounds",
    "party_scripts",
    "party_sound_troubles",
    "script_sounds",
    "sounds_of",
    "voices_of",
]

_WrongFile = Callable[[Path], str | None]
GREETER: Final = DEFAULT_VOICES[-1]
"""The voice that says greetings."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A text or a file that a scenario may have said or played."""

    step: Say | Play
    voice: str
    """The voice that speaks, unless the step names another."""
    location: Location
    """Keys and indexes that lead to the step in the scenario."""


class SoundClip(NamedTuple):
    """The samples of a step's sound."""

    pcm: NDArray[np.int16]
    """Samples at 8 kHz, of shape (samples,)."""
    digest: str
    """Fingerprint of the samples."""
    words: tuple[WordTime, ...] = ()
    """When each word is said; empty for a file, of which nothing is known."""


def voices_of(scenario: Scenario) -> dict[str, str]:
    """Return each party's voice: its own, or that of its position in the file."""
    return {
        name: party.voice or DEFAULT_VOICES[number % len(DEFAULT_VOICES)]
        for number, (name, party) in enumerate(scenario.parties.items())
    }


def sounds_of(scenario: Scenario) -> Iterator[Sound]:
    """Yield everything that may be said or played, in the order of the file."""
    voices = voices_of(scenario)
    for name, party in scenario.parties.items():
        for location, script in party_scripts(party):
            yield from script_sounds(script, voices[name], ("parties", name, location))
    yield from _greetings(scenario)


def _greetings(scenario: Scenario) -> Iterator[Sound]:
    """Yield the greetings of voicemails."""
    for number, call in enumerate(scenario.calls):
        greeting = call.voicemail.greeting if call.voicemail is not None else None
        if greeting is not None:
            location = ("calls", number, "voicemail", "greeting", greeting.sound.keyword)
            yield Sound(greeting.sound, GREETER, location)


def party_scripts(party: PartySpec) -> tuple[tuple[str, Many[Step]], ...]:
    """Return all that a party may say, by the keys under which it is written."""
    return ("script", party.script), ("early_media", party.early_media)


def script_sounds(script: Many[Step], voice: str, location: Location = ()) -> Iterator[Sound]:
    """Yield everything that a script, written at a location, may say in a voice, or play."""
    for at, step in walk(script):
        for lead, source in step.sounds():
            yield Sound(source, voice, (*location, *at, *lead))


# -- checked ------------------------------------------------------------------------------------


def check_sounds(scenarios: Iterable[Scenario]) -> None:
    """Check that everything in scenarios can be said and played.

    Raises ScenarioError with every unknown voice, each text and file that cannot be used, and a
    MEDIASIM_SPEECH that names no engine.
    """
    problems: dict[Diagnostic, None] = {}  # variants of a matrix share theirs
    files = cache(_wrong_file)  # each is read once
    for scenario in scenarios:
        for location, message in _troubles(scenario, files):
            problems[scenario.problem(location, message)] = None
    try:
        Speaker()
    except ValueError as error:
        problems[Diagnostic(str(error))] = None
    if problems:
        raise ScenarioError(sorted(problems, key=lambda each: each.position))


def _troubles(scenario: Scenario, files: _WrongFile) -> Iterator[Misfit]:
    """Yield each text and file of a scenario that cannot be used."""
    voices = voices_of(scenario)
    for name, party in scenario.parties.items():
        for location, wrong in party_sound_troubles(party, voices[name], scenario.base, files):
            yield ("parties", name, *location), wrong
    for sound in _greetings(scenario):
        yield from _sound_troubles(sound, scenario.base, files)


def _wrong_file(path: Path) -> str | None:
    """Return what is wrong with an audio file; None if it can be played."""
    from mediasim.audio.files import load_clip

    try:
        load_clip(path)
    except ValueError as error:
        return str(error)
    return None


def party_sound_troubles(
    party: PartySpec, voice: str, base: Path, files: _WrongFile = _wrong_file
) -> Iterator[Misfit]:
    """Yield what a party cannot say in a voice, or play, by the location in the party.

    ``base`` is the folder that files are relative to; ``files`` returns what is wrong with a file.
    """
    if party.voice is not None and (wrong := _wrong_voice(party.voice)):
        yield ("voice",), wrong
    for location, script in party_scripts(party):
        for sound in script_sounds(script, voice, (location,)):
            yield from _sound_troubles(sound, base, files)


def _sound_troubles(sound: Sound, base: Path, files: _WrongFile) -> Iterator[Misfit]:
    step = sound.step
    if isinstance(step, Play):
        if wrong := files(base / step.file):
            yield (*sound.location, "file"), wrong
        return
    voice = step.voice or sound.voice
    if wrong := _wrong_voice(voice):
        if step.voice is not None:
            yield (*sound.location, "voice"), wrong
        return
    try:
        speakable(step.text, voice_named(voice))
    except ValueError as error:
        yield (*sound.location, "text"), str(error)


def _wrong_voice(voice: str) -> str | None:
    """Return what is wrong with the name of a voice; None if there is such a voice."""
    try:
        voice_named(voice)
    except ValueError as error:
        return str(error)
    return None


# -- as samples ---------------------------------------------------------------------------------


class ScenarioSounds:
    """The speech, files and noise of one run; each sound is made once."""

    def __init__(self, seeds: Seeds, speaker: Speaker, base: Path) -> None:
        """Take the seeds of the noise, and the folder ``base`` that files are relative to."""
        self._base = base
        self._seeds = seeds
        self._speaker = speaker
        self._played: dict[tuple[str, float | None], tuple[NDArray[np.int16], str]] = {}

    def prepare(self, scenario: Scenario) -> None:
        """Make all sounds of a scenario beforehand: in real time no step may wait for a voice."""
        for sound in sounds_of(scenario):
            self.clip(sound.step, sound.voice)

    def clip(self, step: Say | Play, voice: str) -> SoundClip:
        """Return a step's sound; ``voice`` speaks if the step names no voice.

        Raises AudioFileError for a file that cannot be played.
        """
        return run(self.clip_steps(step, voice))

    def clip_steps(self, step: Say | Play, voice: str) -> Generator[None, None, SoundClip]:
        """Make a step's sound, and yield between the parts of the work, so that other sounds can be
        made."""
        if isinstance(step, Play):
            return SoundClip(*self._file(step))
        level = DEFAULT_LEVEL_DBFS if step.level is None else step.level
        spoken = yield from self._speaker.saying(step.text, step.voice or voice, level_dbfs=level)
        return SoundClip(spoken.pcm, spoken.digest, spoken.words)

    def _file(self, step: Play) -> tuple[NDArray[np.int16], str]:
        """Return the samples of a file at the step's level, and their fingerprint."""
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
        """Return noise drawn from the run's seed under a label: int16 samples at 8 kHz."""
        from mediasim.audio.tones import noise

        samples = round(step.for_ * SAMPLE_RATE / NS_PER_SECOND)
        return noise(step.kind, samples, step.level, self._seeds.generator(f"noise/{label}"))
