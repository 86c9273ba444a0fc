"""Reads the SSML of a Say into pieces: words in one manner, silences, beeps.

Elements and values are those of https://www.twilio.com/docs/voice/twiml/say/text-speech#ssml, which
go to the voices of Amazon and Google. How much ``slow`` or ``soft`` is, and how long the pause of
a sentence, are our choice. Pauses that nothing asks for stand between words said in two manners,
as a speaker makes them; next to a ``break`` there are none, so that its silence is exact.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.twilio.ssml.say_as import BLEEPED, said_as
from mediasim.twilio.twiml import SCHEMA, Verb

__all__ = ["Bleep", "Manner", "Passage", "Piece", "Silence", "Trouble", "pieces_of"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How words are said."""

    rate: float = 1.0
    """How many times as fast as the voice usually speaks."""
    pitch: float = 1.0
    """How many times as high."""
    volume_db: float = 0.0
    """How much louder, in decibels; minus infinity is silence."""
    language: str = ""
    """Language (BCP 47); "" for the Say's own."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that are said in one manner."""

    text: str
    manner: Manner


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause of so many samples."""

    samples: int


@dataclass(frozen=True, slots=True)
class Bleep:
    """A beep in place of words, of so many samples."""

    samples: int


Piece = Passage | Silence | Bleep


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in the markup that is not acted on, at a line of the document."""

    words: str
    line: int
    code: int = SCHEMA
    """Code of Twilio's error dictionary."""


_INVALID_RATE: Final = 13513
_MS: Final = SAMPLE_RATE // 1000
_STRENGTHS_MS: Final = {
    "none": 0,
    "x-weak": 0,
    "weak": 150,
    "medium": 150,
    "strong": 400,
    "x-strong": 800,
}
_SENTENCE_MS, _PARAGRAPH_MS = 400, 800
_LONGEST_BREAK_MS: Final = 10_000
"""Longest break in milliseconds, as Amazon's and Google's voices have it."""
_JOINS_MS: Final = (("!", 250), ("?", 250), (".", 250), (",", 150), (";", 150), (":", 150))
"""The pause after a passage by the last character of it."""
_JOIN_MS: Final = 50
_BLEEP_MS: Final = 70
"""Length of a beep for each character that it stands for."""
_RATES: Final = {
    "x-slow": 0.5,
    "slow": 0.75,
    "medium": 1.0,
    "default": 1.0,
    "fast": 1.25,
    "x-fast": 1.5,
}
_PITCHES: Final = {
    "x-low": 0.7,
    "low": 0.85,
    "medium": 1.0,
    "default": 1.0,
    "high": 1.2,
    "x-high": 1.4,
}
_VOLUMES: Final = {
    "silent": -math.inf,
    "x-soft": -12.0,
    "soft": -6.0,
    "medium": 0.0,
    "default": 0.0,
    "loud": 4.0,
    "x-loud": 8.0,
}
_EMPHASES: Final = {
    "none": Manner(),
    "reduced": Manner(rate=1.1, volume_db=-3.0),
    "moderate": Manner(rate=0.92, volume_db=1.5),
    "strong": Manner(rate=0.82, volume_db=3.0),
}
_SLOWEST, _FASTEST = 0.2, 2.0
_LOWEST, _HIGHEST = 0.5, 2.0
_QUIETEST_DB, _LOUDEST_DB = -60.0, 10.0


def pieces_of(say: Verb, most: int) -> tuple[list[Piece], list[Trouble]]:
    """Return the pieces of a Say, of ``most`` characters at the most, and what is not acted on."""
    reader = _Reader(most)
    reader.read(say, Manner())
    return reader.finish(), reader.troubles


class _Reader:
    def __init__(self, most: int) -> None:
        self.troubles: list[Trouble] = []
        self._left = most
        self._pieces: list[Piece] = []
        self._texts: list[str] = []
        self._manner = Manner()
        """The manner of the texts."""
        self._gap = 0
        """Samples of the pause that a sentence or a paragraph asks for before the next words."""

    def read(self, verb: Verb, manner: Manner) -> None:
        """Read what is inside an element."""
        for part in verb.content:
            if isinstance(part, str):
                self._say(part, manner)
            else:
                self._element(part, manner)

    def finish(self) -> list[Piece]:
        """Return the pieces, now that everything was read."""
        self._flush()
        return self._pieces

    # -- elements ---------------------------------------------------------------------------

    def _element(self, verb: Verb, manner: Manner) -> None:
        if verb.name == "break":
            self._break(verb)
        elif verb.name in ("p", "s"):
            gap = _PARAGRAPH_MS if verb.name == "p" else _SENTENCE_MS
            self._pause(gap * _MS)
            self.read(verb, manner)
            self._pause(gap * _MS)
        elif verb.name == "sub":
            if not verb.attribute("alias"):
                self._note(verb, "alias is missing: the text is said as it is written")
            self._say(verb.attribute("alias") or verb.text, manner)
        elif verb.name == "say-as":
            self._say_as(verb, manner)
        elif verb.name == "emphasis":
            self.read(verb, self._emphasized(verb, manner))
        elif verb.name == "prosody":
            self.read(verb, self._prosody(verb, manner))
        elif verb.name == "lang":
            if "xml:lang" not in verb.attributes:
                self._note(verb, "xml:lang is missing: the text is said in the Say's language")
            self.read(verb, replace(manner, language=verb.attribute("xml:lang", manner.language)))
        else:  # phoneme and w
            named = ", ".join(f"{name}={value!r}" for name, value in verb.attributes.items())
            self._note(verb, f"{named or 'it'} is not acted on: the text is said as it is written")
            self.read(verb, manner)

    def _break(self, verb: Verb) -> None:
        written = verb.attribute("time")
        strength = verb.attribute("strength", "medium").strip().lower()
        milliseconds = _milliseconds(written) if written else None
        if written and milliseconds is None:
            self._note(verb, f"time {written!r} is not valid: it is a time such as 500ms or 2s")
        if strength not in _STRENGTHS_MS:
            known = ", ".join(_STRENGTHS_MS)
            self._note(verb, f"strength {strength!r} is not valid: {known} are; medium is taken")
        if milliseconds is None:
            milliseconds = _STRENGTHS_MS.get(strength, _STRENGTHS_MS["medium"])
        elif milliseconds > _LONGEST_BREAK_MS:
            self._note(verb, f"time {written!r} is longer than ten seconds, which are taken")
            milliseconds = _LONGEST_BREAK_MS
        self._flush()
        self._gap = 0
        self._pieces.append(Silence(round(milliseconds * _MS)))

    def _say_as(self, verb: Verb, manner: Manner) -> None:
        how = verb.attribute("interpret-as").strip().lower()
        if how in BLEEPED:
            self._flush()
            self._join()
            self._pieces.append(Bleep(max(1, len(verb.text)) * _BLEEP_MS * _MS))
            return
        said = said_as(verb.text, how, verb.attribute("format").strip().lower())
        if said is None:
            self._note(verb, f"{verb.text!r} as {how!r} is not acted on: it is said as written")
        self._say(verb.text if said is None else said, manner)

    def _emphasized(self, verb: Verb, manner: Manner) -> Manner:
        level = verb.attribute("level", "moderate").strip().lower()
        more = _EMPHASES.get(level)
        if more is None:
            words = f"level {level!r} is not valid: {', '.join(_EMPHASES)} are; moderate is taken"
            self._note(verb, words)
            more = _EMPHASES["moderate"]
        return replace(
            manner, rate=manner.rate * more.rate, volume_db=manner.volume_db + more.volume_db
        )

    def _prosody(self, verb: Verb, manner: Manner) -> Manner:
        found = {"rate": manner.rate, "pitch": manner.pitch, "volume": manner.volume_db}
        for name, value in verb.attributes.items():
            read = _READERS[name](value.strip().lower())
            if read is None:
                words = f"{name} {value!r} is not acted on: {_WANTED[name]} is"
                self._note(verb, words, *([_INVALID_RATE] if name == "rate" else []))
            elif name == "volume":
                found[name] += read
            else:
                found[name] *= read
        rate = min(max(found["rate"], _SLOWEST), _FASTEST)
        pitch = min(max(found["pitch"], _LOWEST), _HIGHEST)
        if (rate, pitch) != (found["rate"], found["pitch"]):
            words = "is from a fifth to twice the usual rate, and from half to twice the pitch"
            self._note(verb, f"what is asked for {words}: the nearest is taken")
        volume = found["volume"]
        if math.isfinite(volume):
            volume = min(max(volume, _QUIETEST_DB), _LOUDEST_DB)
        return replace(manner, rate=rate, pitch=pitch, volume_db=volume)

    def _note(self, verb: Verb, words: str, *code: int) -> None:
        self.troubles.append(Trouble(f"<{verb.name}>: {words}", verb.line, *code))

    # -- words and pauses -------------------------------------------------------------------

    def _say(self, text: str, manner: Manner) -> None:
        text = text[: self._left]
        self._left -= len(text)
        if manner != self._manner and text.strip():
            self._flush()
            self._manner = manner
        self._texts.append(text)

    def _pause(self, samples: int) -> None:
        self._flush()
        self._gap = max(self._gap, samples)

    def _flush(self) -> None:
        """Make a passage of the texts since the last piece, if there are words in them."""
        text, self._texts = " ".join("".join(self._texts).split()), []
        if not any(char.isalnum() for char in text):
            return
        self._join()
        self._pieces.append(Passage(text, self._manner))

    def _join(self) -> None:
        """Make the pause before the next piece, unless a break has made it."""
        gap, self._gap = self._gap, 0
        last = self._pieces[-1] if self._pieces else None
        if last is None or isinstance(last, Silence):
            return
        ends = last.text if isinstance(last, Passage) else ""
        usual = next((ms for mark, ms in _JOINS_MS if ends.endswith(mark)), _JOIN_MS)
        self._pieces.append(Silence(gap or usual * _MS))


# -- values ---------------------------------------------------------------------------------


def _milliseconds(text: str) -> float | None:
    found = re.fullmatch(r"\s*\+?([0-9]*\.?[0-9]+)\s*(ms|s)\s*", text.lower())
    if found is None or len(text) > 20:
        return None
    return float(found[1]) * (1000 if found[2] == "s" else 1)


def _number(text: str, unit: str) -> tuple[str, float] | None:
    """Return the sign and the number of a text in a unit: ``+``, 10 of ``+10%``."""
    found = re.fullmatch(rf"([+-]?)([0-9]{{0,6}}\.?[0-9]{{1,6}}){unit}", text)
    return None if found is None else (found[1], float(found[2]))


def _factor(text: str) -> float | None:
    """Return the factor of a percentage: 0.8 of ``80%``, 1.1 of ``+10%``, 0.9 of ``-10%``."""
    found = _number(text, "%")
    if found is None:
        return None
    sign, number = found
    return {"": number, "+": 100 + number, "-": 100 - number}[sign] / 100


def _rate(text: str) -> float | None:
    return _RATES.get(text, _factor(text)) or None


def _pitch(text: str) -> float | None:
    semitones = _number(text, "st")
    if semitones is not None:
        sign, number = semitones
        return float(2 ** (min(number, 24) / 12 * (-1 if sign == "-" else 1)))
    found = _number(text, "%")
    if found is not None and not found[0]:  # a pitch of its own is relative to the usual one
        return found[1] / 100 or None
    return _PITCHES.get(text, _factor(text)) or None


def _volume(text: str) -> float | None:
    if text in _VOLUMES:
        return _VOLUMES[text]
    found = _number(text, "db")
    if found is not None:
        return -found[1] if found[0] == "-" else found[1]
    factor = _factor(text)
    return 20 * math.log10(factor) if factor else None


_READERS: Final = {"rate": _rate, "pitch": _pitch, "volume": _volume}
_WANTED: Final = {
    "rate": f"one of {', '.join(_RATES)}, or a percentage such as 80%",
    "pitch": f"one of {', '.join(_PITCHES)}, or a change such as +10% or -2st",
    "volume": f"one of {', '.join(_VOLUMES)}, or a change such as +6dB",
}
