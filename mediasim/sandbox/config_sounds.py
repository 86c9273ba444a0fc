"""Can everything that a config's parties say and play be said and played?

No speech is made here; files are read.
"""

from __future__ import annotations

from collections.abc import Iterable

from mediasim.documents.diagnostics import Problem
from mediasim.documents.document import Origin
from mediasim.documents.model import Location
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.sandbox.config import Callee
from mediasim.scenario.running.sounds import AudioFiles, party_sound_troubles

__all__ = ["sound_problems"]


def sound_problems(callees: Iterable[tuple[Location, Callee]], origin: Origin) -> list[Problem]:
    """Voices that nobody has, texts that a voice cannot say, files that are no audio.

    Parties come with the place where they are written.
    """
    files = AudioFiles()
    return [
        origin.problem((*where, *location), message)
        for where, callee in callees
        for location, message in party_sound_troubles(
            callee, callee.voice or DEFAULT_VOICES[0], origin.base, files
        )
    ]
