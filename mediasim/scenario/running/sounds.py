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
from mediasim.parties.voices.word_times import WordTime, times_by_letters
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
    "given_words",
    "party_scripts",
    "party_sound_troubles",
    "script_sounds",
    "sounds_of",
    "voices_of",
]

_Checked = Callable[[Path], int | str]
"""Returns the samples of an audio file at 8 kHz, or what is wrong with it."""
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
    """When each word is said; empty for a file of which nothing is known."""


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
    files = cache(_checked_file)  # each is read once
    for scenario in scenarios:
        for location, message in _troubles(scenario, files):
            problems[scenario.problem(location, message)] = None
    try:
        Speaker()
    except ValueError as error:
        problems[Diagnostic(str(error))] = None
    if problems:
        raise ScenarioError(sorted(problems, key=lambda each: each.position))


def _troubles(scenario: Scenario, files: _Checked) -> Iterator[Misfit]:
    """Yield each text and file of a scenario that cannot be used."""
    voices = voices_of(scenario)
    for name, party in scenario.parties.items():
        for location, wrong in party_sound_troubles(party, voices[name], scenario.base, files):
            yield ("parties", name, *location), wrong
    for sound in _greetings(scenario):
        yield from _sound_troubles(sound, scenario.base, files)


def _checked_file(path: Path) -> int | str:
    """Return the samples of an audio file at 8 kHz, or what is wrong with it."""
    from mediasim.audio.files import load_clip

    try:
        return len(load_clip(path))
    except ValueError as error:
        return str(error)


def party_sound_troubles(
    party: PartySpec, voice: str, base: Path, files: _Checked = _checked_file
) -> Iterator[Misfit]:
    """Yield what a party cannot say in a voice, or play, by the location in the party.

    ``base`` is the folder that files are relative to; ``files`` returns the samples of a file, or
    what is wrong with it.
    """
    if party.voice is not None and (wrong := _wrong_voice(party.voice)):
        yield ("voice",), wrong
    for location, script in party_scripts(party):
        for sound in script_sounds(script, voice, (location,)):
            yield from _sound_troubles(sound, base, files)


def _sound_troubles(sound: Sound, base: Path, files: _Checked) -> Iterator[Misfit]:
    step = sound.step
    if isinstance(step, Play):
        samples = files(base / step.file)
        if isinstance(samples, str):
            yield (*sound.location, "file"), samples
        elif wrong := _wrong_words(step, base, samples):
            yield (*sound.location, "words"), wrong
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


def _wrong_words(step: Play, base: Path, samples: int) -> str | None:
    """Return what is wrong with the words of a file that has so many samples; None if nothing."""
    try:
        words = given_words(step, base)
    except ValueError as error:
        return str(error)
    late = next((each for each in words if each.end > samples + SAMPLE_RATE // 10), None)
    if late is None:
        return None
    return (
        f"{late.text!r} ends at {late.end / SAMPLE_RATE:.3f} s, after the end of {step.file} at "
        f"{samples / SAMPLE_RATE:.3f} s"
    )


def given_words(step: Play, base: Path) -> tuple[WordTime, ...]:
    """Return the words whose times a step gives, itself or in a file; () if it gives none.

    ``base`` is the folder that files are relative to. Raises ValueError for a file that cannot be
    read.
    """
    if step.words is None:
        return ()
    if not isinstance(step.words, Path):
        return tuple(each.time for each in step.words)
    from mediasim.audio.word_files import read_word_times

    return read_word_times(base / step.words, recording=step.file.stem)


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
        self._words: dict[Play, tuple[WordTime, ...]] = {}

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
            return self._recorded(step)
        level = DEFAULT_LEVEL_DBFS if step.level is None else step.level
        spoken = yield from self._speaker.saying(step.text, step.voice or voice, level_dbfs=level)
        return SoundClip(spoken.pcm, spoken.digest, spoken.words)

    def _recorded(self, step: Play) -> SoundClip:
        """Return the sound of a file, with its words where those are known."""
        pcm, digest = self._file(step)
        words = self._words.get(step)
        if words is None:
            words = given_words(step, self._base)
            if not words and step.text is not None:
                words = times_by_letters(step.text, pcm / 32768)
            self._words[step] = words
        return SoundClip(pcm, digest, words)

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
