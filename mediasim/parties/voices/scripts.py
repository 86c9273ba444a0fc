"""In which scripts a voice can read: a letter of any other it would name or leave out, not speak.

By the names that Unicode gives to letters, and by what espeak-ng's languages really read aloud
(its Japanese reads kana and no kanji, its Korean no hanja). Latin letters every voice can read.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["unreadable"]

_OF_LANGUAGES: Final[dict[str, frozenset[str]]] = {
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
_ANYBODY: Final = frozenset(
    (
        *("LATIN", "FULLWIDTH", "MODIFIER", "FEMININE", "MASCULINE", "MICRO", "OHM", "KELVIN"),
        *("ANGSTROM", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER", "MATHEMATICAL", "EULER"),
    )
)
"""Latin letters and signs that stand for one."""


def unreadable(text: str, language: str) -> str:
    """The letters of a text, each once, that a voice of this language (BCP 47) cannot read."""
    readable = _ANYBODY | _OF_LANGUAGES.get(language, frozenset())
    return "".join(
        dict.fromkeys(char for char in text if char.isalpha() and _script(char) not in readable)
    )


def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]
