"""Can everything that a config's parties say and play be said and played?

No speech is made here; files are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from mediasim.documents.diagnostics import Problem
from mediasim.documents.document import Origin
from mediasim.documents.model import Location
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, VOICES, voice_named
from mediasim.parties.voices.speech import speakable
from mediasim.scenario.model.party import Party
from mediasim.scenario.model.steps import Play, Say, walk

__all__ = ["sound_problems"]


def sound_problems(callees: Iterable[tuple[Location, Party]], origin: Origin) -> list[Problem]:
    """Voices that do not exist, texts that a voice cannot say, files that are no audio.

    Parties come with the place where they are written.
    """
    problems = []
    for where, callee in callees:
        for location, check in _checks(callee, origin.base):
            try:
                check()
            except ValueError as error:
                problems.append(origin.problem((*where, *location), str(error)))
    return problems


def _checks(callee: Party, base: Path) -> Iterator[tuple[Location, Callable[[], object]]]:
    if callee.voice is not None:
        yield ("voice",), partial(voice_named, callee.voice)
    for at, step in walk(callee.script):
        place = ("script", *at)
        if isinstance(step, Play):
            yield (*place, "file"), partial(_load, base / step.file)
        elif isinstance(step, Say):
            if step.voice is not None:
                yield (*place, "voice"), partial(voice_named, step.voice)
            voice = VOICES.get(step.voice or callee.voice or DEFAULT_VOICES[0])
            if voice is not None:
                yield (*place, "text"), partial(speakable, step.text, voice)


def _load(path: Path) -> object:
    from mediasim.audio.files import load_clip

    return load_clip(path)
