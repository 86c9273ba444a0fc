"""Voices, words and files of scenarios, checked before anything runs: can all of it be heard?

No speech is made here; files are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from mediasim.documents.diagnostics import Problem, ScenarioError
from mediasim.documents.model import Location, Trouble
from mediasim.parties.voices.catalogue import voice_named
from mediasim.parties.voices.speech import Speaker, speakable
from mediasim.scenario.model.party import Party
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Play
from mediasim.scenario.running.sounds import Sound, greetings_of, script_sounds, voices_of

__all__ = ["check_sounds", "party_sound_troubles"]

_WrongFile = Callable[[Path], str | None]


def check_sounds(scenarios: Iterable[Scenario]) -> None:
    """Raises ScenarioError with every voice that nobody has and all that cannot be said or played.

    Also for a MEDIASIM_SPEECH that names no engine.
    """
    problems: dict[Problem, None] = {}  # variants of a matrix share theirs
    files = cache(_wrong_file)  # each is read once
    for scenario in scenarios:
        for location, message in _troubles(scenario, files):
            problems[scenario.problem(location, message)] = None
    try:
        Speaker()
    except ValueError as error:
        problems[Problem(str(error))] = None
    if problems:
        raise ScenarioError(sorted(problems, key=_place))


def _place(problem: Problem) -> tuple[str, int, int]:
    return str(problem.file or ""), problem.line or 0, problem.column or 0


def _troubles(scenario: Scenario, files: _WrongFile) -> Iterator[Trouble]:
    voices = voices_of(scenario)
    for name, party in scenario.parties.items():
        where = ("parties", name)
        yield from party_sound_troubles(party, voices[name], scenario.base, where, files)
    yield from _sound_troubles(greetings_of(scenario), scenario.base, files)


def _sound_troubles(sounds: Iterable[Sound], base: Path, files: _WrongFile) -> Iterator[Trouble]:
    for sound in sounds:
        step = sound.step
        if isinstance(step, Play):
            if wrong := files(base / step.file):
                yield (*sound.location, "file"), wrong
            continue
        voice = step.voice or sound.voice
        if wrong := _wrong_voice(voice):
            if step.voice is not None:
                yield (*sound.location, "voice"), wrong
            continue
        try:
            speakable(step.text, voice_named(voice))
        except ValueError as error:
            yield (*sound.location, "text"), str(error)


def _wrong_voice(voice: str) -> str | None:
    try:
        voice_named(voice)
    except ValueError as error:
        return str(error)
    return None


def _wrong_file(path: Path) -> str | None:
    from mediasim.audio.files import load_clip

    try:
        load_clip(path)
    except ValueError as error:
        return str(error)
    return None


def party_sound_troubles(
    party: Party, voice: str, base: Path, where: Location, files: _WrongFile = _wrong_file
) -> Iterator[Trouble]:
    """What a party cannot say or play: unknown voices, unspeakable texts, files that are no audio.

    ``voice`` speaks where a step names none, ``base`` is the folder that files are relative to,
    ``where`` the party is written; ``files`` says what is wrong with a file.
    """
    if party.voice is not None and (wrong := _wrong_voice(party.voice)):
        yield (*where, "voice"), wrong
    yield from _sound_troubles(script_sounds(party, voice, where), base, files)
