"""The face of the voices: text in, a clip of speech out, whatever is installed.

Every clip is offline, deterministic, 8 kHz, at the level asked for, and starts with its first
sound, so that the moment it is played is the moment somebody speaks; it pauses for 400 ms at
most, so that a longer silence is the end of it. Where the voice's own engine fails, the other
speech engine takes over, then babble; a run never ends for want of a voice, but
`Speaker.warnings` says what happened.

``MEDIASIM_SPEECH`` set to ``hibari``, ``espeak`` or ``babble`` puts that engine first for every
voice: ``babble`` makes runs quick and independent of what is installed. The voice ``babble`` is
babble under any setting.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.parties.voices.babble import BabbleEngine
from mediasim.parties.voices.cache import UtteranceCache
from mediasim.parties.voices.catalogue import Voice, voice_named
from mediasim.parties.voices.clip import Clip
from mediasim.parties.voices.engine import Engine, EngineError, EngineUnavailable
from mediasim.parties.voices.espeak import EspeakEngine
from mediasim.parties.voices.hibari import HibariEngine
from mediasim.parties.voices.level import at_speech_level, paced, trimmed

__all__ = ["DEFAULT_LEVEL_DBFS", "Speaker", "speakable"]

DEFAULT_LEVEL_DBFS: Final = -20.0
STORED_LEVEL_DBFS: Final = -26.0
"""Level of cached utterances: low enough that no peak of speech is clipped."""
KEPT_IN_MEMORY: Final = 256
"""Clips, some 80 kB each."""
PROCESSING: Final = "3"
"""To be changed whenever the same engine output would become other samples."""

SPEECH_ENGINES: Final = ("hibari", "espeak")
BABBLE: Final = "babble"


@cache
def _installed_engines() -> Mapping[str, Engine]:
    """The engines of this process: one model, one worker, however many speakers."""
    return {"hibari": HibariEngine(), "espeak": EspeakEngine(), BABBLE: BabbleEngine()}


class Speaker:
    """Says texts for the parties of a run; use one per run, from one thread."""

    def __init__(
        self,
        *,
        engines: Mapping[str, Engine] | None = None,
        cache: UtteranceCache | None = None,
    ) -> None:
        """``engines`` by name, babble among them; `ValueError` for a bad ``MEDIASIM_SPEECH``."""
        self.warnings: list[str] = []
        """What took over from what and why, in plain words, once for each cause."""
        self._engines = _installed_engines() if engines is None else engines
        self._cache = UtteranceCache() if cache is None else cache
        self._clips: OrderedDict[tuple[str, str, float], Clip] = OrderedDict()
        self._unavailable: set[str] = set()
        self._causes: set[str] = set()
        self._forced = os.environ.get("MEDIASIM_SPEECH", "")
        if self._forced not in ("", *SPEECH_ENGINES, BABBLE):
            raise ValueError(
                f"MEDIASIM_SPEECH is {self._forced!r}; it can be hibari, espeak, babble or unset"
            )

    def say(self, text: str, voice: str | Voice, *, level_dbfs: float = DEFAULT_LEVEL_DBFS) -> Clip:
        """The text in a voice of the catalogue, at that active-speech level.

        `ValueError` if there is nothing to say or nobody of that name.
        """
        person = voice_named(voice) if isinstance(voice, str) else voice
        words = speakable(text)
        key = (text, person.name, level_dbfs)
        clip = self._clips.get(key)
        if clip is None:
            engine, stored = self._spoken(person, words)
            pcm = at_speech_level(stored / 32768, level_dbfs)
            clip = self._clips[key] = Clip(pcm, text, person.name, engine)
        self._clips.move_to_end(key)
        if len(self._clips) > KEPT_IN_MEMORY:
            self._clips.popitem(last=False)
        return clip

    def _spoken(self, voice: Voice, words: str) -> tuple[str, NDArray[np.int16]]:
        """The engine that spoke, and its samples at the stored level."""
        *candidates, last = self._order(voice)
        failures = {}
        for engine in candidates:
            if engine not in self._unavailable:
                try:
                    pcm = self._utterance(engine, voice, words)
                except EngineError as failure:
                    failures[engine] = failure
                else:
                    break
        else:
            engine, pcm = last, self._utterance(last, voice, words)
        for failed, reason in failures.items():
            self._note(failed, reason, engine)
        return engine, pcm

    def _order(self, voice: Voice) -> tuple[str, ...]:
        first = voice.engine if voice.engine == BABBLE else self._forced or voice.engine
        if first == BABBLE:
            return (BABBLE,)
        return (first, *(name for name in SPEECH_ENGINES if name != first), BABBLE)

    def _utterance(self, engine: str, voice: Voice, words: str) -> NDArray[np.int16]:
        identity = self._engines[engine].identity(voice)
        if identity is None:
            return self._synthesised(engine, voice, words)
        key = (PROCESSING, engine, identity, words)
        pcm = self._cache.load(*key)
        if pcm is None:
            pcm = self._synthesised(engine, voice, words)
            self._cache.store(pcm, *key)
        return pcm

    def _synthesised(self, engine: str, voice: Voice, words: str) -> NDArray[np.int16]:
        sound = paced(trimmed(self._engines[engine].speak(voice, words)))
        if not sound.size:
            raise EngineError("it made no sound of a text")
        return at_speech_level(sound, STORED_LEVEL_DBFS)

    def _note(self, engine: str, reason: EngineError, instead: str) -> None:
        if isinstance(reason, EngineUnavailable):
            self._unavailable.add(engine)
        cause = f"{engine} cannot speak ({reason})"
        if cause not in self._causes:
            self._causes.add(cause)
            wordless = " (noise without words)" if instead == BABBLE else ""
            self.warnings.append(f"{cause}: {instead}{wordless} speaks in its place")


def speakable(text: str) -> str:
    """The text on one line, without control characters; `ValueError` if nothing can be said."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not any(c.isalnum() for c in words):
        raise ValueError(
            f"there is nothing to say in {text!r}: a text needs at least one letter or digit"
        )
    return words
