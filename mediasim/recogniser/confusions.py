"""Words that recognisers take for each other.

English words that sound alike or nearly so; a word that is not in the list is taken for another
that begins alike, and a number for its neighbour on the keypad of sounds ("five", "nine").
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["FILLERS", "mistaken_for"]

FILLERS: Final = ("uh", "um", "a", "the", "and", "so", "oh", "it")
"""Words that are heard where none was said."""

_ALIKE: Final = """
a the, an and in, and an end, are our or, ask asked, at that it, be me we, been being bin,
bill build, book look, buy by bye, call car cold, can can't, cancel council, card cart guard,
cent sent scent, change chain, check cheque jack, code cold coat, cost caused, could good, day they,
dear deer, delivery deliver, dinner diner, do to due, eight ate date, fair fare, fifteen fifty,
find fined fine, five nine fire, for four from, forty fourteen, friday fry day, get got, go no goal,
good could, great grate, had head have, hear here, hello hollow yellow, help held, her hair,
hi high,
him them, his is, hour our are, how who, i eye hi, in and an, is his it's, it is at, just adjust,
know no now, late let, leave live, left lift, letter later, like light, mail male, main mane, make
made, mean mine, meet meat, message massage, minute minutes, monday sunday, money many, morning
mourning, my by mine, name main aim, need knee, new knew, nine five line, no know now, not knot,
number lumber, of off have, off of, on and own, one won, open often, or are, order older, our are
hour, pay pain, people pupil, phone foam, place please plays, please place police, price prize,
problem program, right write light, road rode, say said same, sea see, seven eleven, she he, ship
sheep, six sick sex, sixteen sixty, some sum, sorry story, speak speech, stop shop, take tape, ten
then tan, thank tank, thanks tanks, that at what, the a, their there they, then than den, there
their, they day, thirteen thirty, this these, three free tree, time dime, to two do, today to day,
tomorrow tomorrows, two to too, wait weight, want won't went, was is, way weigh, we he, week weak,
well will, what that, when went, where were wear, which witch, will well, with width, won't want,
would wood, yes yet, you your, your you're you
"""
_WORD: Final = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)


def _lists() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for entry in _ALIKE.replace("\n", " ").split(","):
        first, *others = entry.split()
        found[first] = tuple(dict.fromkeys((*found.get(first, ()), *others)))
        for other in others:
            found.setdefault(other, (first,))
    return found


_CONFUSED: Final = _lists()
_SOUNDS: Final = (
    ("ph", "b"), ("th", "d"), ("sh", "ch"), ("ch", "sh"), ("p", "b"), ("b", "p"), ("t", "d"),
    ("d", "t"), ("k", "g"), ("g", "k"), ("c", "g"), ("f", "v"), ("v", "f"), ("s", "z"), ("z", "s"),
    ("m", "n"), ("n", "m"), ("l", "r"), ("r", "l"), ("w", "h"), ("h", "w"), ("j", "ch"), ("y", "w"),
    ("q", "g"), ("x", "s"),
)  # fmt: skip
"""Beginnings of words that are taken for each other."""
_DIGITS: Final = str.maketrans("0123456789", "8763595210")
"""Digits and what they are taken for."""


def mistaken_for(word: str, draw: float) -> str:
    """Return another word that one is taken for; ``draw``, from 0 to below 1, decides which.

    Capital letter and punctuation stay.
    """
    found = _WORD.fullmatch(word)
    before, core, after = found.groups() if found is not None else ("", word, "")
    plain = core.lower()
    alike = tuple(each for each in _CONFUSED.get(plain, ()) if each != plain)
    other = alike[int(draw * len(alike))] if alike else _near(plain)
    capital = core[:1].isupper() and core != "I"
    return before + (other.capitalize() if capital else other) + after


def _near(word: str) -> str:
    """Return a word that begins otherwise, or has other digits."""
    digits = word.translate(_DIGITS)
    if digits != word:
        return digits
    for sound, other in _SOUNDS:
        if word.startswith(sound):
            return other + word[len(sound) :]
    return f"h{word}" if word[:1] != "h" else word[1:] or "a"
