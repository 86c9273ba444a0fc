"""The figures of a campaign, gathered call by call, and held against what was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mediasim.campaign.formats.rows import CallRow
from mediasim.campaign.report.asked import QUANTILES, Asked, is_number
from mediasim.campaign.report.measures import ANSWERS, CHANCES, MEASURES, Answer, family
from mediasim.campaign.report.tally import Numbers, Shares
from mediasim.conversation.spans import total, union

__all__ = ["Comparison", "Figures"]

_MOST_NAMES: Final = 200
"""Different names that are told apart; more are of no distribution that a reader can compare."""
_SHOWN: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS: Final = 32
_CHANCE: Final = 1.95
"""Kolmogorov-Smirnov distance times the root of the count that chance exceeds once in a thousand
times."""
_DEVIATIONS: Final = 3.5
"""Standard deviations beyond which the share of a name is not by chance."""


@dataclass
class Drawn:
    """What was drawn under the labels of one family, and what the calls have of it."""

    answer: Answer | None
    asked: Asked | None
    drawn: Numbers | Shares | None = None
    got: Numbers | Shares | None = None
    many: bool = False
    """Whether there are too many different names to tell apart."""
    worst: float | None = None
    """Largest distance of what a call has from what was drawn for it."""

    def add(self, call: CallRow, label: str, value: Any) -> None:
        """Count what was drawn under a label."""
        number = is_number(value)
        if self.drawn is None:
            named = not number if self.asked is None else self.asked.quantiles is None
            self.drawn = Shares() if named else Numbers()
            self.got = None if self.answer is None else type(self.drawn)()
        if isinstance(self.drawn, Numbers) and number:
            self.drawn.add(float(value))
        elif isinstance(self.drawn, Shares):
            _count(self.drawn, _name(value))
            self.many = len(self.drawn.counts) >= _MOST_NAMES
        found = None if self.answer is None else self.answer.of(call, label)
        if isinstance(self.got, Numbers) and isinstance(found, float):
            self.got.add(found)
            if number and self.answer is not None and self.answer.exact:
                self.worst = max(self.worst or 0.0, abs(found - float(value)))
        elif isinstance(self.got, Shares) and found is not None:
            _count(self.got, _name(found))


@dataclass(frozen=True)
class Comparison:
    """A figure as the report shows it: what was asked, and what there is."""

    key: str
    title: str
    unit: str
    asked: Asked | None
    drawn: Numbers | Shares | None
    got: Numbers | Shares
    """What the recordings have; what was drawn where recordings do not show it."""
    measured: bool
    """Whether ``got`` is measured in the recordings."""
    worst: float | None = None
    """Largest difference of a call's value from its own draw."""
    sample: Numbers | Shares | None = None
    """What the recordings have of a probability that was drawn."""

    @property
    def distance(self) -> float | None:
        """How far what there is lies from what was asked: of names the largest difference of a
        share, of numbers the Kolmogorov-Smirnov distance. None if there is nothing to compare."""
        if self.asked is None or not self.got.count:
            return None
        if isinstance(self.got, Shares):
            if self.asked.shares is None:
                return None
            names = {*self.asked.shares, *self.got.counts}
            return max(abs(self._off(name, self.asked.shares, self.got)) for name in names)
        quantiles = self.asked.quantiles
        return None if quantiles is None else self.got.distance(quantiles)

    @property
    def by_chance(self) -> bool | None:
        """Whether so many draws are often as far from what was asked."""
        if (distance := self.distance) is None or self.asked is None:
            return None
        count = self.got.count
        if isinstance(self.got, Numbers):
            return distance <= _CHANCE / math.sqrt(count) + 1 / QUANTILES
        shares = self.asked.shares or {}
        return all(
            abs(self._off(name, shares, self.got))
            <= _DEVIATIONS * math.sqrt((p := shares.get(name, 0.0)) * (1 - p) / count)
            + (1 / count if name in shares else 0)
            for name in {*shares, *self.got.counts}
        )

    @property
    def edges(self) -> list[float]:
        """The edges of the bins that a histogram of numbers has."""
        assert isinstance(self.got, Numbers)
        ends = self.got.quantiles((0.002, 0.998)) if self.got.count else [0.0, 1.0]
        if self.asked is not None and self.asked.quantiles is not None:
            ends += [self.asked.quantiles[0], self.asked.quantiles[-1]]
        low, high = min(ends), max(ends)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        whole = self.unit == "" and all(float(end).is_integer() for end in ends)
        if whole and high - low < _BINS:
            return [low - 0.5 + step for step in range(int(high - low) + 2)]
        return [low + (high - low) * step / _BINS for step in range(_BINS + 1)]

    def to_json(self) -> dict[str, Any]:
        """Return it as report.json has it."""
        found: dict[str, Any] = {"key": self.key, "title": self.title, "unit": self.unit}
        found["measured"] = self.measured
        found["asked"] = None if self.asked is None else _asked_json(self.asked)
        for name, tally in (("drawn", self.drawn), ("got", self.got), ("sample", self.sample)):
            found[name] = None if tally is None else _tally_json(tally)
        if isinstance(self.got, Numbers) and self.got.count:
            edges = self.edges
            found["histogram"] = {
                "edges": [round(edge, 6) for edge in edges],
                "got": self.got.histogram(edges),
                "asked": None if self.asked is None else self.asked.histogram(edges),
            }
        distance = self.distance
        found["distance"] = None if distance is None else round(distance, 6)
        found["by_chance"] = self.by_chance
        found["largest_error"] = None if self.worst is None else round(self.worst, 6)
        return found

    @staticmethod
    def _off(name: str, asked: Mapping[str, float], got: Shares) -> float:
        return got.counts[name] / got.count - asked.get(name, 0.0)


@dataclass
class Figures:
    """The figures of the calls that were added."""

    asked: Mapping[str, Asked] = field(default_factory=dict)
    """What was asked for, by the family of the draws' labels."""
    calls: int = 0
    seconds: float = 0.0
    channel_seconds: float = 0.0
    speech_seconds: float = 0.0
    utterances: int = 0
    words: int = 0
    cut: int = 0
    clips: set[str] = field(default_factory=set)
    measured: dict[str, Numbers | Shares] = field(
        default_factory=lambda: {
            it.key: Shares() if it.unit == "name" else Numbers() for it in MEASURES
        }
    )
    draws: dict[str, Drawn] = field(default_factory=dict)
    chances: dict[str, Shares] = field(default_factory=dict)

    def add(self, call: CallRow) -> None:
        """Count a call."""
        self.calls += 1
        self.seconds += call.seconds
        self.channel_seconds += call.seconds * call.audio.channels
        for it in call.spoken:
            self.utterances += 1
            self.words += len(it.said.split())
            self.cut += it.cut
            if it.clip:
                self.clips.add(it.clip.partition("@")[0])
        self.speech_seconds += call.time(
            total(union((it.start_sample, it.end_sample) for it in call.spoken))
        )
        for measure in MEASURES:
            tally = self.measured[measure.key]
            for value in measure.of(call):
                if isinstance(tally, Numbers):
                    tally.add(float(value))
                else:
                    _count(tally, _name(value))
        for label, value in call.draws.items():
            if family(label) in _CHANCES:
                continue
            name = self._key(call, family(label))
            if name not in self.draws:
                self.draws[name] = Drawn(_answer(family(label)), self.asked.get(name))
            self.draws[name].add(call, label, value)
        for chance in CHANCES:
            if (name := self._key(call, chance.family)) in self.asked:
                tally = self.chances.setdefault(name, Shares())
                for happened in chance.of(call):
                    tally.add("yes" if happened else "no")

    def _key(self, call: CallRow, name: str) -> str:
        """Return a family, with the call's part before it if the parts ask for different things."""
        of_part = f"{call.draws.get('part', '')}: {name}"
        return of_part if of_part in self.asked else name

    def names(self, key: str) -> list[str]:
        """Return the names that a figure has, the most frequent first."""
        tally = self.measured[key]
        assert isinstance(tally, Shares)
        return list(tally.shares) if tally.count else []

    def asked_and_got(self) -> list[Comparison]:
        """Return each distribution that was drawn from, with what was asked and what there is."""
        found = [
            Comparison(name, _chance_title(name), "", self.asked[name], None, tally, measured=True)
            for name, tally in self.chances.items()
            if tally.count
        ]
        for name in sorted(self.draws, key=lambda it: (self.draws[it].answer is None, it)):
            it = self.draws[name]
            if it.drawn is None or it.many:
                continue
            seen = it.got if it.got is not None and it.got.count else None
            exact = it.answer is None or it.answer.exact
            measured = seen is not None and exact
            got = seen if seen is not None and exact else it.drawn
            title = name if it.answer is None else it.answer.title
            wanted = it.asked
            unit = "" if wanted is None else wanted.unit
            sample = None if exact else seen
            found.append(
                Comparison(name, title, unit, wanted, it.drawn, got, measured, it.worst, sample)
            )
        return found

    def others(self) -> list[Comparison]:
        """Return what else was measured."""
        return [
            Comparison(
                it.key, it.title, "" if it.named else it.unit, None, None, tally, measured=True
            )
            for it in MEASURES
            if (tally := self.measured[it.key]).count
        ]


_CHANCES: Final = frozenset(it.family for it in CHANCES)


def _chance_title(name: str) -> str:
    return next(it.title for it in CHANCES if name.endswith(it.family))


def _answer(name: str) -> Answer | None:
    return next((it for it in ANSWERS if it.family.fullmatch(name)), None)


def _name(value: Any) -> str:
    """Return a value as a name; whole numbers without a point."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def _count(tally: Shares, value: str) -> None:
    tally.add(value if value in tally.counts or len(tally.counts) < _MOST_NAMES else "others")


def _asked_json(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {"distribution": asked.words}
    if asked.shares is not None:
        if asked.labels:
            found["labels"] = dict(asked.labels)
        found["shares"] = {name: round(share, 6) for name, share in asked.shares.items()}
    if asked.quantiles is not None:
        found["mean"] = round(asked.mean, 6)
        found |= dict(zip(_NAMES, (round(asked.at(it), 6) for it in _SHOWN), strict=True))
    return found


def _tally_json(tally: Numbers | Shares) -> dict[str, Any]:
    if not tally.count:
        return {"count": 0}
    if isinstance(tally, Shares):
        shares = {name: round(share, 6) for name, share in tally.shares.items()}
        return {"count": tally.count, "shares": shares}
    return {
        "count": tally.count,
        "mean": round(tally.mean, 6),
        "deviation": round(tally.deviation, 6),
        **dict(zip(_NAMES, tally.quantiles(_SHOWN), strict=True)),
    }


_NAMES: Final[Sequence[str]] = ("p5", "p25", "p50", "p75", "p95")
