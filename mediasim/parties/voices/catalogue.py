"""The named voices: how each engine makes them, and which letters they can read.

A voice belongs to one engine, but has a recipe for both speech engines, so that a voice whose
engine is missing is spoken by the other one and still differs from all others in the call. The rule
of this file: no two voices share a recipe, and `DEFAULT_VOICES` puts voices that are easy to
distinguish next to each other.

A voice would spell out or omit a letter of another script than its language's. Scripts are found by
the Unicode names of letters, and by what espeak-ng's languages really read aloud (its Japanese
reads kana and no kanji, its Korean no hanja). Every voice reads Latin letters.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import Final

__all__ = [
    "DEFAULT_VOICES",
    "LANGUAGES",
    "VOICES",
    "UnknownVoiceError",
    "Voice",
    "in_language",
    "in_manner",
    "unreadable",
    "voice_named",
]


class UnknownVoiceError(ValueError):
    """The catalogue has no voice of that name."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice, with its recipes for the speech engines."""

    name: str
    engine: str
    """The voice's own engine: ``hibari``, ``espeak`` or ``babble``."""
    description: str
    formants: float = 1.0
    """hibari: the formants relative to those of its one bundled voice, a woman's."""
    fundamental: float = 1.0
    """hibari: the fundamental frequency relative to that voice's, whose median is 195 Hz."""
    tempo: float = 1.0
    """hibari: the tempo relative to that voice's."""
    variant: str = "en-us"
    """espeak: the accent, and after ``+`` the speaker variant."""
    pitch: int = 50
    """espeak: 0 to 100, 50 is the variant's own pitch."""
    words_per_minute: int = 175
    """espeak: the tempo."""
    language: str = "en"
    """The language (BCP 47, without a country) that it speaks; "" for sounds without words."""
    rate: float = 1.0
    """How much faster it speaks than it usually does, on any engine."""
    raised: float = 1.0
    """By what factor its fundamental frequency is raised, on the engines that have a pitch."""

    @property
    def british(self) -> bool:
        """Whether English is pronounced as in southern England instead of America."""
        return self.variant.startswith("en") and not self.variant.startswith("en-us")

    def recipe(self, engine: str) -> str:
        """Return the voice's parameters for an engine: equal recipes, equal sound."""
        manner = "" if (self.rate, self.raised) == (1.0, 1.0) else f" {self.rate} {self.raised}"
        if engine == "hibari":
            accent = "British" if self.british else "American"
            return f"{self.formants} {self.fundamental} {self.tempo} {accent}{manner}"
        return f"{self.variant} {self.pitch} {self.words_per_minute}{manner}"


# A woman's formants made lower by an eighth and her pitch by two fifths are a man's (Peterson and
# Barney, 1952: formants of men are 0.87 of women's on average, their pitch 0.6).
_PEOPLE: Final = (
    Voice("amy", "hibari", "woman, American", 1.0, 1.0, 1.0, "en-us+f1", 50, 175),
    Voice("ben", "hibari", "man, American", 0.87, 0.57, 1.0, "en-us+m4", 55, 180),
    Voice("emma", "hibari", "woman, American, high", 1.12, 1.22, 1.0, "en-us+f5", 55, 175),
    Voice("daniel", "hibari", "man, American, deep", 0.83, 0.5, 0.96, "en-us+m3", 50, 175),
    Voice("chloe", "hibari", "woman, British", 1.05, 1.1, 1.04, "en+f2", 50, 170),
    Voice("jack", "hibari", "man, British", 0.89, 0.65, 1.0, "en-gb-x-rp+m7", 50, 175),
    Voice("grace", "hibari", "woman, British, low", 0.97, 0.85, 0.94, "en-gb-x-rp+f3", 60, 175),
    Voice("liam", "hibari", "man, American, light", 0.92, 0.73, 1.06, "en-us+m1", 60, 185),
    Voice("fergus", "espeak", "man, Scottish", 0.85, 0.54, 0.98, "en-gb-scotland+m1", 40, 170),
    Voice("henry", "espeak", "man, Lancashire", 0.9, 0.61, 1.08, "en-gb-x-gbclan+m2", 72, 185),
    Voice("isla", "espeak", "woman, Scottish", 1.02, 0.93, 1.0, "en-gb-scotland+f4", 36, 180),
)
_BABBLE: Final = Voice("babble", "babble", "speech-shaped noise without words", language="")

VOICES: Final = {voice.name: voice for voice in (*_PEOPLE, _BABBLE)}
"""The voices by name."""

DEFAULT_VOICES: Final = tuple(voice.name for voice in _PEOPLE if voice.engine == "hibari")
"""The voices of parties without a voice of their own, in order of the parties and then again.

Women and men by turns, all easily understood on a telephone. Americans first: the British
rules take a process half a second to load and 110 MB.
"""


def voice_named(name: str) -> Voice:
    """Return the voice with a name, or with a name and a language: ``amy``, ``amy-de``.

    Raises UnknownVoiceError, which lists the known names.
    """
    if name in VOICES:
        return VOICES[name]
    person, _, tag = name.partition("-")
    if tag and person in VOICES and VOICES[person].language:
        try:
            return in_language(VOICES[person], tag)
        except ValueError as error:
            raise UnknownVoiceError(str(error)) from None
    raise UnknownVoiceError(f"there is no voice {name!r}; the voices are {', '.join(VOICES)}")


LANGUAGES: Final = frozenset(
    (
        *("af", "ar", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu"),
        *("fi", "fr", "ga", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kn"),
        *("ko", "lt", "lv", "mk", "ml", "mr", "ms", "nb", "ne", "nl", "no", "pa", "pl", "pt", "ro"),
        *("ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz"),
        *("vi", "yue", "zh"),
    )
)
"""The languages (BCP 47, without a country) that every voice can speak, by espeak."""
_OF_COUNTRIES: Final = {"es-mx": "es-419", "es-us": "es-419", "pt-br": "pt-br", "zh-hk": "yue"}
_NAMED_OTHERWISE: Final = {"no": "nb", "zh": "cmn"}


def in_language(person: Voice, tag: str) -> Voice:
    """Return a voice speaking another language than English, which is each voice's own.

    ``tag`` is of BCP 47: ``es``, ``pt-BR``. Raises ValueError for a language that no voice speaks.
    """
    whole = tag.lower().replace("_", "-")
    language = whole.split("-")[0]
    if language not in LANGUAGES:
        raise ValueError(f"nobody here speaks {tag!r}; there are {', '.join(sorted(LANGUAGES))}")
    if language == "en":
        return person
    accent = _OF_COUNTRIES.get(whole) or _NAMED_OTHERWISE.get(language, language)
    _, plus, speaker = person.variant.partition("+")
    return replace(
        person,
        name=f"{person.name}-{accent}",
        engine="espeak",
        variant=f"{accent}{plus}{speaker}",
        language=language,
    )


def in_manner(person: Voice, rate: float, raised: float) -> Voice:
    """Return a voice speaking ``rate`` times as fast, at a pitch ``raised`` by a factor."""
    if (rate, raised) == (1.0, 1.0):
        return person
    name = f"{person.name} ({rate:g} as fast, {raised:g} as high)"
    return replace(person, name=name, rate=person.rate * rate, raised=person.raised * raised)


# -- scripts --------------------------------------------------------------------------------


_SCRIPTS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(scripts.split())
    for scripts, languages in (
        ("ARABIC", "ar fa ur"),
        ("CYRILLIC", "bg bs mk ru sr uk"),
        ("BENGALI", "bn"),
        ("GREEK", "el"),
        ("GUJARATI", "gu"),
        ("HEBREW", "he"),
        ("DEVANAGARI", "hi mr ne"),
        ("ARMENIAN", "hy"),
        ("HIRAGANA KATAKANA KATAKANA-HIRAGANA HALFWIDTH", "ja"),
        ("GEORGIAN", "ka"),
        ("KANNADA", "kn"),
        ("HANGUL", "ko"),
        ("MALAYALAM", "ml"),
        ("GURMUKHI", "pa"),
        ("SINHALA", "si"),
        ("TAMIL", "ta"),
        ("TELUGU", "te"),
        ("THAI", "th"),
        ("CJK IDEOGRAPHIC", "yue zh"),
    )
    for language in languages.split()
}
_ALWAYS_READ: Final = frozenset(
    (
        *("LATIN", "FULLWIDTH", "MODIFIER", "FEMININE", "MASCULINE", "MICRO", "OHM", "KELVIN"),
        *("ANGSTROM", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER", "MATHEMATICAL", "EULER"),
    )
)
"""First words of the Unicode names of Latin letters, and of signs that stand for one."""


def unreadable(text: str, language: str) -> str:
    """Return the letters of a text, each once, that a voice of a language (BCP 47) cannot read."""
    readable = _ALWAYS_READ | _SCRIPTS.get(language, frozenset())
    return "".join(
        dict.fromkeys(char for char in text if char.isalpha() and _script(char) not in readable)
    )


def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]
