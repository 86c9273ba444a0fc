"""Twilio's voices: which of ours speaks for each, by its published gender and language.

Names are as Twilio lists them for Say: ``man``, ``woman``, ``alice``, Amazon's ``Polly.Joanna`` or
``Polly.Joanna-Neural``, Google's ``Google.en-US-Wavenet-A`` or ``Google.en-US-Chirp3-HD-Kore``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple
from zlib import crc32

from mediasim.parties.voices.catalogue import DEFAULT_VOICES, VOICES

__all__ = ["TwilioVoice", "twilio_voice"]


class TwilioVoice(NamedTuple):
    """Who speaks for one of Twilio's voices."""

    name: str
    """Name of our voice; always the same for the same name of Twilio's."""
    language: str
    """Language (BCP 47) of Twilio's voice; "en" if its name does not tell."""


_POLLY: Final = """
ar-AE: Hala / Zayd
arb: Zeina /
ca-ES: Arlet /
cmn-CN: Zhiyu /
cs-CZ: Jitka /
cy-GB: Gwyneth /
da-DK: Naja Sofie / Mads
de-AT: Hannah /
de-CH: Sabrina /
de-DE: Marlene Vicki / Daniel Hans
en-AU: Nicole Olivia / Russell
en-GB: Amy Emma / Arthur Brian
en-GB-WLS: / Geraint
en-IE: Niamh /
en-IN: Aditi Kajal Raveena /
en-NZ: Aria /
en-SG: Jasmine /
en-US: Danielle Ivy Joanna Kendra Kimberly Ruth Salli / Gregory Joey Justin Kevin Matthew Stephen
en-ZA: Ayanda /
es-ES: Conchita Lucia / Enrique Sergio
es-MX: Mia / Andres
es-US: Lupe Penelope / Miguel Pedro
fi-FI: Suvi /
fr-BE: Isabelle /
fr-CA: Chantal Gabrielle / Liam
fr-FR: Celine Lea / Mathieu Remi
is-IS: Dora / Karl
it-IT: Bianca Carla / Adriano Giorgio
ja-JP: Kazuha Mizuki Tomoko / Takumi
ko-KR: Jihye Seoyeon /
nb-NO: Ida Liv /
nl-BE: Lisa /
nl-NL: Laura Lotte / Ruben
pl-PL: Ewa Maja Ola / Jacek Jan
pt-BR: Camila Vitoria / Ricardo Thiago
pt-PT: Ines / Cristiano
ro-RO: Carmen /
ru-RU: Tatyana / Maxim
sv-SE: Astrid Elin /
tr-TR: Burcu Filiz /
yue-CN: Hiujin /
"""
"""Amazon's voices by language, women / men; children are counted with them."""

_GOOGLE_MEN: Final = """
ar-XA BC, cmn-CN BC, cmn-TW BC, da-DK C, de-DE BDEH, en-AU BD, en-GB BDO, en-IN BCF, en-US ABDIJ,
es-ES BFG, es-US BC, fil-PH CD, fr-CA BD, fr-FR BDG, he-IL BD, hi-IN BCF, id-ID BC, it-IT CDF,
ja-JP CD, ko-KR CD, lt-LT AB, lv-LV AB, ml-IN BD, mr-IN B, ms-MY BD, nb-NO BD, nl-BE B, nl-NL BCG,
pa-IN BD, pl-PL BC, pt-BR BE, pt-PT BC, ru-RU BD, sv-SE E, ta-IN BD, te-IN B, tr-TR BE, vi-VN BD,
yue-HK BD
"""
"""The letters of Google's men in each language; all others are women."""
_GOOGLE_MEN_ELSEWHERE: Final = frozenset(
    (
        *("Casual-K", "Chirp-HD-D", "Journey-D", "News-G", "News-J", "News-M", "News-N"),
        *("Polyglot-1", "Studio-B", "Studio-M", "Studio-Q", "sv-SE-Standard-D", "sv-SE-Wavenet-C"),
    )
)
"""Men of families, or of a language, that have letters of their own."""
_CHIRP_MEN: Final = frozenset(
    (
        *("Achird", "Algenib", "Algieba", "Alnilam", "Charon", "Enceladus", "Fenrir", "Iapetus"),
        *("Orus", "Puck", "Rasalgethi", "Sadachbia", "Sadaltager", "Schedar", "Umbriel"),
        "Zubenelgenubi",
    )
)
"""Men of Google's Chirp 3."""
_LETTERED: Final = ("Standard", "Wavenet", "Neural2")
_GOOGLE_NAME: Final = re.compile(r"Google\.([a-z]{2,3}-[A-Z]{2})-(.+)")
_SAME_LANGUAGE: Final = {"arb": "ar", "cmn": "zh"}
"""Languages by which Twilio names a voice, and their names elsewhere."""
_AMERICAN: Final = ("en", "en-US")


def twilio_voice(voice: str) -> TwilioVoice:
    """Return who speaks for a voice of Twilio's.

    One of the same gender, and in English of the same side of the Atlantic. A name that is not
    known has any of our voices, always the same one.
    """
    if voice.lower() == "man":
        return TwilioVoice(DEFAULT_VOICES[1], "en")
    if voice.lower() in ("", "alice", "woman"):
        return TwilioVoice(DEFAULT_VOICES[0], "en")
    published = _polly(voice) or _google(voice)
    if published is None:
        return TwilioVoice(_one_of(DEFAULT_VOICES, voice), "en")
    locale, gender = published
    people = [VOICES[name] for name in DEFAULT_VOICES]
    of_gender = [each for each in people if each.description.startswith(gender)]
    british = locale.startswith("en") and locale not in _AMERICAN
    fitting = [each.name for each in of_gender if each.british == british]
    language, _, country = locale.partition("-")
    language = _SAME_LANGUAGE.get(language, language)
    # The engine of a voice is part of its name, but not of whose voice it is.
    person = re.sub(r"-.*", "", voice) if voice.startswith("Polly.") else voice
    return TwilioVoice(_one_of(fitting, person), f"{language}-{country}" if country else language)


def _one_of(names: tuple[str, ...] | list[str], voice: str) -> str:
    return names[crc32(voice.encode()) % len(names)]


def _polly(voice: str) -> tuple[str, str] | None:
    """Return the language and the gender of a voice of Amazon's; None if it is none of these."""
    provider, _, rest = voice.partition(".")
    letters = unicodedata.normalize("NFKD", rest.split("-")[0])
    plain = letters.encode("ascii", "ignore").decode()
    return _POLLY_PEOPLE.get(plain) if provider == "Polly" else None


def _google(voice: str) -> tuple[str, str] | None:
    named = _GOOGLE_NAME.fullmatch(voice)
    if named is None:
        return None
    locale, rest = named.groups()
    family, _, letter = rest.rpartition("-")
    elsewhere = {rest, f"{locale}-{rest}"} & _GOOGLE_MEN_ELSEWHERE
    lettered = family in _LETTERED and letter in _GOOGLE_LETTERS.get(locale, "")
    return locale, "man" if lettered or elsewhere or letter in _CHIRP_MEN else "woman"


def _polly_people() -> dict[str, tuple[str, str]]:
    people = {}
    for line in _POLLY.strip().splitlines():
        locale, names = line.split(":")
        for gender, some in zip(("woman", "man"), names.split("/"), strict=True):
            people.update(dict.fromkeys(some.split(), (locale, gender)))
    return people


_POLLY_PEOPLE: Final = _polly_people()
_GOOGLE_LETTERS: Final = dict(re.findall(r"([\w-]+) ([A-Z]+)", _GOOGLE_MEN))
