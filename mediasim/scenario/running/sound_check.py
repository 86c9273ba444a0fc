"""Voices, words and files of scenarios, checked before anything runs: can all of it be heard?

No speech is made here; files are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mediasim.documents.diagnostics import Problem, ScenarioError
from mediasim.documents.model import Trouble
from mediasim.parties.voices.catalogue import voice_named
from mediasim.parties.voices.speech import Speaker, speakable
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Play
from mediasim.scenario.running.sounds import sounds_of

__all__ = ["check_sounds"]


def check_sounds(scenarios: Iterable[Scenario]) -> None:
    """Raises ScenarioError with every voice that nobody has and all that cannot be said or played.

    Also for a MEDIASIM_SPEECH that names no engine.
    """
    problems: dict[Problem, None] = {}  # variants of a matrix share theirs
    files = _Files()
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


def _troubles(scenario: Scenario, files: _Files) -> Iterator[Trouble]:
    for name, party in scenario.parties.items():
        if party.voice is not None and (wrong := _wrong_voice(party.voice)):
            yield ("parties", name, "voice"), wrong
    for sound in sounds_of(scenario):
        step = sound.step
        if isinstance(step, Play):
            if wrong := files.wrong(scenario.base / step.file):
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


class _Files:
    """What is wrong with files of audio, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str | None] = {}

    def wrong(self, path: Path) -> str | None:
        if path not in self._known:
            self._known[path] = _wrong_file(path)
        return self._known[path]


def _wrong_file(path: Path) -> str | None:
    from mediasim.audio.files import load_clip

    try:
        load_clip(path)
    except ValueError as error:
        return str(error)
    return None
