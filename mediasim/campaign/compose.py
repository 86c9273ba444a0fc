"""Makes a scenario of a call's draws: who speaks, which clips, and when each of them begins.

Times are whole samples at 8 kHz, so that what was asked is what the recording has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.campaign.clip import Clip, Clips
from mediasim.campaign.draws import CallDraws
from mediasim.campaign.spec.distributions import OneOf
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.spec.quantity import Quantity
from mediasim.campaign.spec.template import Draw, Template
from mediasim.documents.durations import Duration
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Hangup, Play, Step, WaitFor

__all__ = ["ComposedCall", "Composer", "Planned"]

_SAMPLE_NS: Final = NS_PER_SECOND // SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Planned:
    """An utterance as it was planned, at samples counted from when the callee has answered."""

    party: str
    kind: str
    """turn, backchannel or interruption."""
    clip: Clip
    start: int
    samples: int
    """How much of the clip is said."""

    @property
    def end(self) -> int:
        return self.start + self.samples


@dataclass(frozen=True, slots=True)
class ComposedCall:
    """A call of a campaign before it is made."""

    index: int
    scenario: Scenario
    seed: int
    planned: tuple[Planned, ...]
    speakers: dict[str, str]
    """Who speaks for each party."""
    drawn: dict[str, Any]
    """What was drawn, by label."""


class Composer:
    """Composes the calls of a campaign."""

    def __init__(self, spec: CampaignSpec, seed: int, clips: Clips) -> None:
        self._spec = spec
        self._seed = seed
        self._clips = clips
        self._template = Template(spec.scenario)

    def compose(self, index: int) -> ComposedCall:
        """Return call ``index``, which only the spec, the seed, the clips and the index decide."""
        draws = CallDraws(self._seed, index)

        def draw(place: Draw) -> Any:
            if isinstance(place.distribution, OneOf):
                number = place.distribution.index(draws.share(place.label))
                value = place.distribution.choices[number].value
                plain = isinstance(value, str | int | float | None)
                draws.drawn[place.label] = value if plain else number
                return number
            return draws.draw(place.label, place.distribution)

        base = parse_scenario(self._template.drawn(draw), name="call", base=self._spec.base)
        parties = list(self._spec.conversation.parties or base.parties)
        speakers = dict(self._speakers(draws, parties))
        planned = tuple(self._planned(draws, parties, speakers))
        scripts = self._scripts(draws, base, planned)
        scenario = base.model_copy(
            update={
                "parties": {
                    name: party.model_copy(update={"script": tuple(scripts.get(name, ()))})
                    for name, party in base.parties.items()
                }
            }
        )
        return ComposedCall(index, scenario, draws.seed, planned, speakers, draws.drawn)

    def _speakers(self, draws: CallDraws, parties: list[str]) -> Iterator[tuple[str, str]]:
        taken: set[str] = set()
        voices = self._spec.speakers.voices
        for party in parties:
            label = f"speaker/{party}"
            found = str(voices.at(draws.share(label)))
            turn = 0
            while found in taken and turn < 100:
                turn += 1
                found = str(voices.at(draws.share(f"{label}/{turn}")))
            taken.add(found)
            draws.drawn[label] = found
            yield party, found

    def _planned(
        self, draws: CallDraws, parties: list[str], speakers: dict[str, str]
    ) -> Iterator[Planned]:
        talk = self._spec.conversation
        lines, used = talk.texts.all_lines, set[int]()
        cursor = _samples(draws.draw("starts", talk.starts))
        limit = None if talk.duration is None else _samples(draws.draw("duration", talk.duration))
        for turn in range(int(draws.draw("turns", talk.turns))):
            party = parties[turn % len(parties)]
            number = int(draws.share(f"turn/{turn}/text") * len(lines))
            while number in used and len(used) < len(lines):
                number = (number + 1) % len(lines)
            used.add(number)
            clip = self._clips.said(lines[number], speakers[party])
            if turn:
                gap = _samples(draws.draw(f"turn/{turn}/gap", talk.gaps))
                cursor = max(0, cursor + gap)
            if limit is not None and cursor + clip.samples > limit:
                return
            yield Planned(party, "turn", clip, cursor, clip.samples)
            cursor += clip.samples

    def _scripts(
        self, draws: CallDraws, base: Scenario, planned: tuple[Planned, ...]
    ) -> dict[str, list[Step]]:
        call = base.calls[0]
        answered = int(call.at) + int(call.dial_after) + int(call.answer.after)
        scripts: dict[str, list[Step]] = {call.from_: []}
        end = max((each.end for each in planned), default=0)
        for each in planned:
            at = Duration(answered + each.start * _SAMPLE_NS)
            step = Play.model_construct(file=Path(each.clip.digest), level=None, at=at)
            scripts.setdefault(each.party, []).append(step)
        wanted = draws.drawn.get("duration")
        length = end * _SAMPLE_NS if wanted is None else int(wanted)
        wait = WaitFor.model_construct(time=Duration(answered + length))
        scripts[call.from_] += [wait, Hangup.model_construct()]
        return scripts


def _samples(time: object) -> int:
    """Return how many samples a drawn time is, rounded; a plain number is of seconds."""
    quantity = Quantity.of(time)
    return round(quantity.number * (1 if quantity.is_time else NS_PER_SECOND) / _SAMPLE_NS)
