"""Speech synthesis: text in, a clip of speech out, whichever engines are installed.

Every clip is offline, deterministic, 8 kHz, at the requested level, and starts with its first
sound, so that speech starts when the clip is played; it pauses for 400 ms at most, so that a longer
silence is its end. If the voice's own engine fails, the other speech engine takes over, then
babble; a missing engine ends no run, but `Speaker.warnings` says what happened.

``MEDIASIM_SPEECH`` set to ``hibari``, ``espeak`` or ``babble`` puts that engine first for every
voice: ``babble`` makes runs quick and independent of what is installed. The voice ``babble`` is
babble under any setting.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.parties.voices.catalogue import Voice, unreadable, voice_named
from mediasim.parties.voices.clip import SpeechClip, Utterance, UtteranceCache, clips_folder
from mediasim.parties.voices.engine import (
    BabbleEngine,
    EngineError,
    EngineUnavailable,
    SpeechEngine,
    TimedEngine,
)
from mediasim.parties.voices.espeak import EspeakEngine
from mediasim.parties.voices.hibari import HibariEngine
from mediasim.parties.voices.level import DEFAULT_LEVEL_DBFS, at_speech_level, kept_samples
from mediasim.parties.voices.word_times import (
    WordTime,
    times_by_alignment,
    times_by_letters,
    times_from_events,
)

__all__ = [
    "DEFAULT_LEVEL_DBFS",
    "LONGEST_PIECE",
    "Speaker",
    "UnspeakableText",
    "pieces",
    "run",
    "speakable",
]

STORED_LEVEL_DBFS: Final = -26.0
"""Level of cached utterances: low enough that no peak of speech is clipped."""
KEPT_IN_MEMORY: Final = 256
"""Number of clips kept in memory, some 80 kB each."""
_COMMON_SAMPLES: Final = 40_000
"""Samples of a common clip, which bound the memory of all."""
LONGEST_PIECE: Final = 300
"""Most characters that are synthesised at once: some 20 seconds of speech."""
_BREATH_SAMPLES: Final = 2000
"""Pause between two pieces, in samples: 250 ms."""
PROCESSING: Final = "5"
"""Version of the processing, to be changed whenever its samples or word times would change."""

SPEECH_ENGINES: Final = ("hibari", "espeak")
BABBLE: Final = "babble"
SYNTHETIC: Final = "espeak"
"""The engine for languages and accents that no other engine has."""
_TIMING: Final = "espeak"
"""The engine whose word times are mapped to the speech of other engines."""


@cache
def _installed_engines() -> Mapping[str, SpeechEngine]:
    """Return the engines of this process, shared by all speakers: one model, one worker."""
    return {"hibari": HibariEngine(), "espeak": EspeakEngine(), BABBLE: BabbleEngine()}


class Speaker:
    """A source of clips for the parties of a run; use one per run, from one thread."""

    def __init__(
        self,
        *,
        engines: Mapping[str, SpeechEngine] | None = None,
        cache: UtteranceCache | None = None,
    ) -> None:
        """Create a speaker with engines by name, ``babble`` among them.

        Raises ValueError if ``MEDIASIM_SPEECH`` is not an engine.
        """
        self.warnings: list[str] = []
        """Warnings, each once: engines replaced by others, and voices that are synthetic."""
        self._engines = _installed_engines() if engines is None else engines
        self._cache = UtteranceCache() if cache is None else cache
        self._kept_clips = clips_folder()
        self._clips: OrderedDict[tuple[str, str, float], SpeechClip] = OrderedDict()
        self._unavailable: set[str] = set()
        self._causes: set[str] = set()
        self._forced = os.environ.get("MEDIASIM_SPEECH", "")
        if self._forced not in ("", *SPEECH_ENGINES, BABBLE):
            raise ValueError(
                f"MEDIASIM_SPEECH is {self._forced!r}; it can be hibari, espeak, babble or unset"
            )

    def say(
        self, text: str, voice: str | Voice, *, level_dbfs: float = DEFAULT_LEVEL_DBFS
    ) -> SpeechClip:
        """Return a text in a voice of the catalogue, at an active-speech level.

        Raises UnspeakableText if the voice cannot say the text, ValueError if there is no voice of
        that name.
        """
        return run(self.saying(text, voice, level_dbfs=level_dbfs))

    def saying(
        self, text: str, voice: str | Voice, *, level_dbfs: float = DEFAULT_LEVEL_DBFS
    ) -> Generator[None, None, SpeechClip]:
        """Make the clip of :meth:`say` in steps of `LONGEST_PIECE` characters at most.

        Other texts may be said between two steps, and the generator be closed after any.
        """
        person = voice_named(voice) if isinstance(voice, str) else voice
        words = speakable(text, person)
        key = (text, person.name, level_dbfs)
        clip = self._clips.get(key)
        if clip is None:
            engine, made = "", list[Utterance]()
            for number, piece in enumerate(pieces(words)):
                if number:
                    yield
                spoke, utterance = self._spoken(person, piece)
                engine = engine or spoke
                made.append(utterance)
            whole = _joined(made)
            pcm = at_speech_level(whole.pcm / 32768, level_dbfs)
            clip = self._clips[key] = SpeechClip(pcm, text, person.name, engine, whole.words)
        self._clips.move_to_end(key)
        self._forget_oldest()
        return clip

    def _forget_oldest(self) -> None:
        """Remove the oldest clips beyond `KEPT_IN_MEMORY`, or beyond the samples of as many."""
        total = sum(len(clip.pcm) for clip in self._clips.values())
        while len(self._clips) > 1 and (
            len(self._clips) > KEPT_IN_MEMORY or total > KEPT_IN_MEMORY * _COMMON_SAMPLES
        ):
            _, oldest = self._clips.popitem(last=False)
            total -= len(oldest.pcm)

    def _spoken(self, voice: Voice, words: str) -> tuple[str, Utterance]:
        """Return the engine that has spoken, and its utterance at the stored level."""
        *candidates, last = self._order(voice)
        failures = {}
        for engine in candidates:
            if engine not in self._unavailable:
                try:
                    utterance = self._utterance(engine, voice, words)
                except EngineError as failure:
                    failures[engine] = failure
                else:
                    break
        else:
            engine, utterance = last, self._utterance(last, voice, words)
        for failed, reason in failures.items():
            self._warn_of_fallback(failed, reason, engine)
        if engine == voice.engine == SYNTHETIC and not self._forced:
            self._warn_once(
                f"the voice {voice.name} is synthetic (espeak) and hard to understand "
                "on a telephone"
            )
        return engine, utterance

    def _order(self, voice: Voice) -> tuple[str, ...]:
        first = voice.engine if voice.engine == BABBLE else self._forced or voice.engine
        if first == BABBLE:
            return (BABBLE,)
        return (first, *(name for name in SPEECH_ENGINES if name != first), BABBLE)

    def _utterance(self, engine: str, voice: Voice, words: str) -> Utterance:
        if engine == BABBLE or self._kept_clips is None:
            return self._cached(engine, voice, words)
        key = ("clip", PROCESSING, engine, voice.recipe(engine), words)
        utterance = self._kept_clips.load(*key)
        if utterance is None:
            utterance = self._cached(engine, voice, words)
            self._kept_clips.store(utterance, *key)
        return utterance

    def _cached(self, engine: str, voice: Voice, words: str) -> Utterance:
        identity = self._engines[engine].identity(voice)
        if identity is None:
            return self._synthesised(engine, voice, words)
        key = (PROCESSING, engine, identity, words)
        utterance = self._cache.load(*key)
        if utterance is None:
            utterance = self._synthesised(engine, voice, words)
            self._cache.store(utterance, *key)
        return utterance

    def _synthesised(self, engine: str, voice: Voice, words: str) -> Utterance:
        sound, times = self._sound(engine, voice, words)
        if times is None:
            times = (
                times_by_letters(words, sound)
                if engine == BABBLE
                else self._aligned(voice, words, sound)
            )
        return Utterance(at_speech_level(sound, STORED_LEVEL_DBFS), times)

    def _sound(
        self, engine: str, voice: Voice, words: str
    ) -> tuple[NDArray[np.floating], tuple[WordTime, ...] | None]:
        """Return an engine's sound of a text, trimmed, and its word times if reported."""
        speaking = self._engines[engine]
        events: list[tuple[int, int]] | None = None
        if isinstance(speaking, TimedEngine):
            sound, events = speaking.speak_timed(voice, words)
        else:
            sound = speaking.speak(voice, words)
        kept = kept_samples(sound)
        if not kept.any():
            raise EngineError("it made no sound of a text")
        if events is None:
            return sound[kept], None
        before = np.concatenate(([0], np.cumsum(kept)))
        moved = [(at, int(before[min(sample, kept.size)])) for at, sample in events]
        return sound[kept], times_from_events(words, moved, sound[kept])

    def _aligned(
        self, voice: Voice, words: str, sound: NDArray[np.floating]
    ) -> tuple[WordTime, ...]:
        """Return the word times of a sound whose engine does not report them."""
        timing = self._engines.get(_TIMING)
        if _TIMING in self._unavailable or not isinstance(timing, TimedEngine):
            return times_by_letters(words, sound)
        try:
            other, times = self._sound(_TIMING, voice, words)
        except EngineError:
            times = None
        if times is None:
            return times_by_letters(words, sound)
        return times_by_alignment(words, sound, other, times)

    def _warn_of_fallback(self, engine: str, reason: EngineError, instead: str) -> None:
        if isinstance(reason, EngineUnavailable):
            self._unavailable.add(engine)
        cause = f"{engine} cannot speak ({reason})"
        if cause not in self._causes:
            self._causes.add(cause)
            wordless = " (noise without words)" if instead == BABBLE else ""
            self.warnings.append(f"{cause}: {instead}{wordless} speaks in its place")

    def _warn_once(self, words: str) -> None:
        if words not in self.warnings:
            self.warnings.append(words)


T = TypeVar("T")


def run(steps: Generator[None, None, T]) -> T:
    """Run a generator to its end and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def pieces(words: str) -> list[str]:
    """Return the words of one line in pieces of `LONGEST_PIECE` characters at most.

    A piece ends with a sentence if possible, else with a clause, else with a word; each has a
    letter or digit.
    """
    found: list[str] = []
    rest = words
    while len(rest) > LONGEST_PIECE:
        part = rest[: LONGEST_PIECE + 1]
        ends = (part.rfind(mark) + len(mark) for mark in (". ", "! ", "? ", "; ", ", ", " "))
        cut = next((end for end in ends if end > LONGEST_PIECE // 4), LONGEST_PIECE)
        found.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    found.append(rest)
    return [piece for piece in found if any(c.isalnum() for c in piece)]


def _joined(made: Sequence[Utterance]) -> Utterance:
    """Return pieces one after the other, with a pause between them."""
    sounds, words, at = list[NDArray[np.int16]](), list[WordTime](), 0
    for number, utterance in enumerate(made):
        if number:
            sounds.append(np.zeros(_BREATH_SAMPLES, np.int16))
            at += _BREATH_SAMPLES
        sounds.append(utterance.pcm)
        words += [replace(it, start=it.start + at, end=it.end + at) for it in utterance.words]
        at += len(utterance.pcm)
    return Utterance(np.concatenate(sounds), tuple(words))


class UnspeakableText(ValueError):
    """A text without words, or with letters that the voice's language does not have."""


def speakable(text: str, voice: Voice) -> str:
    """Return a text on one line, without control characters.

    Raises UnspeakableText if the voice cannot say it.
    """
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not any(c.isalnum() for c in words):
        raise UnspeakableText(
            f"there is nothing to say in {text!r}: a text needs at least one letter or digit"
        )
    if voice.language and (letters := unreadable(words, voice.language)):
        raise UnspeakableText(
            f"{voice.name} speaks {voice.language!r} and cannot say {_some(letters)} in {text!r}: "
            "a text must be in letters of the voice's language, or be played from a file"
        )
    return words


def _some(letters: str) -> str:
    named = ", ".join(repr(char) for char in letters[:3])
    return named if len(letters) <= 3 else f"{named} and {len(letters) - 3} more letters"
