"""Who says what in a call: its turns with their texts, before anything is known of times.

It needs no clips, so that all texts of a campaign can be listed and spoken beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.campaign.draws import CallDraws
from mediasim.campaign.spec.conversation import ConversationSpec
from mediasim.campaign.spec.quantity import Quantity
from mediasim.campaign.spec.texts import Dialogue, TextsSpec, filled

__all__ = ["Aside", "Turn", "language_of", "nanoseconds", "turns_of"]

_USUAL_TURNS: Final = 8
_SHORTEST_TURN_NS: Final = 3 * NS_PER_SECOND // 2
"""Nanoseconds that a turn with its gap takes, of which as many are drawn as fit a duration."""
_MOST_TURNS: Final = 2000


@dataclass(frozen=True, slots=True)
class Aside:
    """A backchannel in a turn."""

    party: str
    text: str
    at: float
    """When it begins, as a share of the turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn before it has a time."""

    number: int
    party: str
    texts: tuple[str | None, ...]
    """What is said; None for any clip of the speaker."""
    interrupts: float | None = None
    """At which share of the turn before it begins, cutting it short; None: after it."""
    holds: bool = False
    """Whether the one who is interrupted says all the same to its end."""
    aside: Aside | None = None


def nanoseconds(value: object) -> int:
    """Return a drawn time in nanoseconds; a plain number is of seconds."""
    quantity = Quantity.of(value)
    return round(quantity.number * (1 if quantity.is_time else NS_PER_SECOND))


def turns_of(draws: CallDraws, talk: ConversationSpec, parties: Sequence[str]) -> list[Turn]:
    """Return the turns of a conversation between some parties, in order."""
    values = _values(draws, talk)
    language = language_of(draws, talk)
    pool = _Pool(draws, values)
    dialogue = _dialogue(draws, talk)
    turns: list[Turn] = []
    for number in range(_count(draws, talk, dialogue)):
        label = f"turn/{number}"
        party = _party(draws, talk, parties, turns, dialogue)
        if dialogue is not None:
            texts: tuple[str | None, ...] = (filled(dialogue[number][1], values),)
        else:
            of_party = talk.texts_in.get(language) or talk.texts or talk.texts_of.get(party)
            count = int(draws.draw(f"{label}/utterances", talk.utterances))
            texts = tuple(pool.text(f"{label}/text/{n}", of_party) for n in range(max(1, count)))
        before = turns[-1] if turns else None
        other = before is not None and before.party != party
        turns.append(
            Turn(
                number,
                party,
                texts,
                *(_interrupts(draws, talk, label) if other else (None, False)),
                aside=_aside(draws, talk, label, party, parties, pool, language),
            )
        )
    return turns


def language_of(draws: CallDraws, talk: ConversationSpec) -> str:
    """Return the language of a call."""
    return "en" if talk.language is None else str(draws.draw("language", talk.language))


def _count(draws: CallDraws, talk: ConversationSpec, dialogue: Dialogue | None) -> int:
    """Return how many turns there are at most."""
    if dialogue is not None:
        return len(dialogue)
    if talk.turns is not None:
        return min(_MOST_TURNS, int(Quantity.of(draws.draw("turns", talk.turns)).number))
    if talk.duration is None:
        return _USUAL_TURNS
    length = nanoseconds(talk.duration.at(draws.share("duration")))
    return min(_MOST_TURNS, length // _SHORTEST_TURN_NS + 1)


def _values(draws: CallDraws, talk: ConversationSpec) -> dict[str, object]:
    """Return what stands for the names in texts, drawn once for the call."""
    found: dict[str, object] = {}
    for source in (talk.texts, *talk.texts_of.values(), *talk.texts_in.values(), talk.dialogues):
        for name, distribution in source.values.items() if source is not None else ():
            if name not in found:
                found[name] = draws.draw(f"value/{name}", distribution)
    return found


def _dialogue(draws: CallDraws, talk: ConversationSpec) -> Dialogue | None:
    if talk.dialogues is None:
        return None
    known = talk.dialogues.all
    number = int(draws.share("dialogue") * len(known))
    draws.drawn["dialogue"] = number
    return known[number]


def _party(
    draws: CallDraws,
    talk: ConversationSpec,
    parties: Sequence[str],
    turns: Sequence[Turn],
    dialogue: Dialogue | None,
) -> str:
    """Return who has the next turn."""
    number = len(turns)
    if dialogue is not None:
        named = list(dict.fromkeys(name for name, _ in dialogue))
        name = dialogue[number][0]
        # In a conference, whose participants have no names, each role is one of them.
        return name if name in parties else parties[named.index(name) % len(parties)]
    if not turns:
        if talk.first is not None:
            return str(draws.draw("first", talk.first))
        return parties[0]
    others = [party for party in parties if party != turns[-1].party] or list(parties)
    return draws.pick(f"turn/{number}/party", others)


def _interrupts(draws: CallDraws, talk: ConversationSpec, label: str) -> tuple[float | None, bool]:
    """Return at which share of the turn before a turn interrupts it, and whether that goes on."""
    spec = talk.interruptions
    if spec is None or not draws.chance(f"{label}/interrupts", spec.share):
        return None, False
    at = float(Quantity.of(draws.draw(f"{label}/interrupts/at", spec.at)).number)
    holds = draws.chance(f"{label}/holds", spec.holds)
    draws.drawn[f"{label}/holds"] = holds
    return min(max(at, 0.0), 1.0), holds


def _aside(
    draws: CallDraws,
    talk: ConversationSpec,
    label: str,
    party: str,
    parties: Sequence[str],
    pool: _Pool,
    language: str,
) -> Aside | None:
    """Return the backchannel in a turn; None if there is none."""
    spec = talk.backchannels
    listening = [each for each in parties if each != party]
    if spec is None or not listening or not draws.chance(f"{label}/backchannel", spec.share):
        return None
    who = draws.pick(f"{label}/backchannel/party", listening)
    at = float(Quantity.of(draws.draw(f"{label}/backchannel/at", spec.at)).number)
    texts = spec.texts_in.get(language, spec.texts)
    text = pool.any_of(f"{label}/backchannel/text", texts)
    return Aside(who, text, min(max(at, 0.0), 1.0))


class _Pool:
    """The texts of a call, none of which is taken twice while there are others."""

    def __init__(self, draws: CallDraws, values: Mapping[str, object]) -> None:
        self._draws = draws
        self._values = values
        self._used: dict[int, set[int]] = {}

    def text(self, label: str, source: TextsSpec | None) -> str | None:
        """Return a text that has not been taken; None where there are none to take."""
        if source is None:
            return None
        lines, used = source.all_lines, self._used.setdefault(id(source), set())
        number = int(self._draws.share(label) * len(lines))
        if len(used) < len(lines):
            while number in used:
                number = (number + 1) % len(lines)
        used.add(number)
        return filled(lines[number], self._values)

    def any_of(self, label: str, source: TextsSpec) -> str:
        """Return any text of a source."""
        return filled(self._draws.pick(label, source.all_lines), self._values)
