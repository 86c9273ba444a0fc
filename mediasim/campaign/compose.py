"""Makes a scenario of a call's draws: who speaks, which clips, and when each of them begins.

Times are whole samples at 8 kHz, and parties speak as much earlier as their way to the server is
long, so that what was asked is what the recording has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from mediasim.audio.frames import FRAME_SAMPLES, NS_PER_SECOND
from mediasim.campaign.clip import Clip, Clips
from mediasim.campaign.draws import CallDraws, Distribution
from mediasim.campaign.reactive import reactive_scenario
from mediasim.campaign.recorded import Recorded
from mediasim.campaign.scripts import planned_scenario
from mediasim.campaign.spec.conversation import ConversationSpec
from mediasim.campaign.spec.distributions import OneOf
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.spec.part import ROOM
from mediasim.campaign.spec.parts import Part, parts_of
from mediasim.campaign.spec.quantity import Quantity
from mediasim.campaign.spec.template import Draw
from mediasim.campaign.timing import Planned, planned, samples_of
from mediasim.campaign.words import Turn, language_of, nanoseconds, turns_of
from mediasim.documents.durations import Duration
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Say
from mediasim.scenario.running.compile import parties_of
from mediasim.scenario.running.sounds import sounds_of

__all__ = ["ComposedCall", "Composer", "Said"]

_TRIES: Final = 50
"""How often a speaker is drawn anew who speaks already."""
_ASIDE: Final = "/backchannel/text"
"""How the label of a backchannel's text ends."""
_STAYING: Final = 2
"""Participants of a conference who are there from start to end."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a call needs a clip of."""

    text: str
    speaker: str


@dataclass(frozen=True, slots=True)
class ComposedCall:
    """A call of a campaign before it is made."""

    index: int
    scenario: Scenario
    seed: int
    conversation: str
    """planned, reactive or app."""
    planned: tuple[Planned, ...]
    """What the parties say, each party's in order; of a reactive call without times."""
    speakers: Mapping[str, str]
    """Who speaks for each party."""
    drawn: Mapping[str, Any]
    """What was drawn, by label."""
    asked: Mapping[str, Distribution | float]
    """What it was drawn from, by label: a distribution, or the probability of a chance."""


class _Call:
    """A call while it is composed: its part, its parties and its speakers."""

    def __init__(
        self, parts: list[Part], spec: CampaignSpec, draws: CallDraws, recorded: Recorded | None
    ) -> None:
        """``recorded`` are the people of the corpora; None where only texts are asked for."""
        self.draws = draws
        self.recorded = recorded
        self._spec = spec
        self.used: set[str] = set()
        """Clips of recorded people that are said in it."""
        self.people: set[str] = set()
        """The parties that are recorded people, once its speakers are known."""
        self.part = parts[0]
        if self.part.name:
            ends = OneOf.model_validate(
                {"choices": [{"value": each.name, "weight": each.share} for each in parts]}
            )
            self.part = parts[ends.index(draws.share("part"))]
            draws.drawn["part"] = self.part.name
            draws.asked["part"] = ends

    @cached_property
    def document(self) -> dict[str, Any]:
        """The scenario as a document, without what the conversation adds."""
        part = self.part
        if part.room is None:
            found: dict[str, Any] = part.template.drawn(self._draw)
            return found
        size = max(2, int(Quantity.of(self.draws.draw("size", part.room.size)).number))
        names = [f"member-{number + 1}" for number in range(size)]
        parties = {name: part.template.drawn(self._draw, f"parties.{name}.") for name in names}
        assert part.recording is not None
        recording = part.recording.drawn(self._draw, "recording.")
        members = [self._member(number, name) for number, name in enumerate(names)]
        room = {"name": ROOM, "participants": members, "recording": recording}
        return {"parties": parties, "conference": room}

    @cached_property
    def base(self) -> Scenario:
        """The scenario without what the conversation adds."""
        return parse_scenario(self.document, name="call", base=self._spec.base)

    @cached_property
    def parties(self) -> list[str]:
        """Who takes part in the conversation."""
        talk = self.part.conversation
        if talk is not None and talk.parties:
            return list(talk.parties)
        parties: Mapping[str, Any] = self.document["parties"]
        return [name for name, each in parties.items() if not (each and "app" in each)]

    @cached_property
    def speakers(self) -> dict[str, str]:
        """Who speaks for each of them."""
        return dict(self._speakers())

    def _member(self, number: int, name: str) -> dict[str, Any]:
        """Return a participant; the first two are there from start to end."""
        room, member = self.part.room, dict[str, Any](party=name)
        assert room is not None
        join = 0
        if room.join is not None and number >= _STAYING:
            join = max(0, nanoseconds(self.draws.draw(f"parties.{name}.join", room.join)))
            member["join"] = Duration(join)
        if room.stay is not None and number >= _STAYING:
            stay = nanoseconds(self.draws.draw(f"parties.{name}.stay", room.stay))
            member["leave"] = Duration(join + max(NS_PER_SECOND, stay))
        return member

    def _draw(self, label: str, draw: Draw) -> Any:
        """Make a draw of a template, and note it."""
        distribution = draw.distribution
        if not isinstance(distribution, OneOf):
            return self.draws.draw(label, distribution)
        self.draws.asked[label] = distribution
        number = distribution.index(self.draws.share(label))
        self.draws.drawn[label] = distribution.choices[number].value if draw.plain else number
        return number

    def _speakers(self) -> Iterator[tuple[str, str]]:
        parties: Mapping[str, Any] = self.document["parties"]
        own = {name: each["voice"] for name, each in parties.items() if each and "voice" in each}
        taken = set(map(str, own.values()))
        voices, talk = self.part.speakers.voices, self.part.conversation
        language = "en" if talk is None else language_of(self.draws, talk)
        accent = "" if language.split("-")[0] == "en" else f"-{language}"
        for party in self.parties:
            if party in own:
                yield party, str(own[party])
                continue
            label = f"speaker/{party}"
            if self.part.speakers.recorded_for(party) is not None:
                if self.recorded is not None:
                    share = self.draws.share(label)
                    found = self.recorded.speaker(self.part, party, share, taken)
                    taken.add(found)
                    self.draws.drawn[label] = found
                    self.people.add(party)
                    yield party, found
                continue
            self.draws.asked[label] = voices
            found = str(voices.at(self.draws.share(label)))
            for number in range(1, _TRIES):
                if found not in taken:
                    break
                found = str(voices.at(self.draws.share(f"{label}/{number}")))
            taken.add(found)
            self.draws.drawn[label] = found + accent
            yield party, found + accent


class Composer:
    """Composes the calls of a campaign."""

    def __init__(self, spec: CampaignSpec, seed: int, clips: Clips | None = None) -> None:
        """Take a spec and a seed; without clips it says what is needed, and composes nothing."""
        self._spec = spec
        self._seed = seed
        self._clips = clips
        self._parts = parts_of(spec)
        self._recorded = None if clips is None else Recorded(clips)

    def needed(self, index: int) -> list[Said]:
        """Return what call ``index`` may say, so that all of it can be spoken beforehand."""
        call = self._call(index)
        talk, found = call.part.conversation, list[Said]()
        if call.part.template.speaks:
            found += [
                Said(sound.step.text, sound.step.voice or sound.voice)
                for sound in sounds_of(call.base)
                if isinstance(sound.step, Say)
            ]
        if talk is None:
            return found
        for turn in turns_of(call.draws, talk, call.parties):
            said = [(turn.party, text) for text in turn.texts if text is not None]
            if turn.aside is not None:
                said.append((turn.aside.party, turn.aside.text))
            # Recorded people need nothing: they say what they were recorded with.
            found += [Said(text, call.speakers[it]) for it, text in said if it in call.speakers]
        return found

    def compose(self, index: int) -> ComposedCall:
        """Return call ``index``, which only the spec, the seed, the clips and the index decide."""
        call = self._call(index)
        base, talk = call.base, call.part.conversation
        kind = "reactive" if talk is None else talk.kind
        with_app = any(each.app for each in base.parties.values()) or any(
            each.app for each in base.calls
        )
        said: list[Planned] = []
        scenario = base
        if talk is not None:
            scenario, said = self._talk(call, talk)
        return ComposedCall(
            index=index,
            scenario=scenario,
            seed=call.draws.seed,
            conversation="app" if with_app else kind,
            planned=tuple(said),
            speakers=call.speakers if talk is not None else {},
            drawn=call.draws.drawn,
            asked=call.draws.asked,
        )

    def _call(self, index: int) -> _Call:
        return _Call(self._parts, self._spec, CallDraws(self._seed, index), self._recorded)

    def _talk(self, call: _Call, talk: ConversationSpec) -> tuple[Scenario, list[Planned]]:
        """Return the scenario with its conversation, and what is said in it."""
        turns: list[Turn] = turns_of(call.draws, talk, call.parties)
        levels = {}
        if talk.level is not None:
            for party in call.parties:
                level = call.draws.draw(f"level/{party}", talk.level)
                levels[party] = float(Quantity.of(level).number)

        def clip_of(party: str, text: str | None, label: str) -> Clip:
            return self._clip(call, party, text, label)

        length = None
        if talk.duration is not None:
            length = samples_of(call.draws.draw("duration", talk.duration))
        if talk.kind == "reactive":
            return reactive_scenario(
                call.draws, talk, call.base, turns, clip_of, levels=levels, length=length
            )
        path = {name: each.path_samples for name, each in parties_of(call.base).items()}
        there = {
            member.party: (
                # Nobody is heard before the way to the server has been gone.
                samples_of(member.join) + (path[member.party] + FRAME_SAMPLES) * bool(member.join),
                None if member.leave is None else samples_of(member.leave),
            )
            for room in call.base.conferences
            for member in room.participants
        }
        said = planned(call.draws, talk, turns, clip_of, there=there, limit=length)
        if length is None:
            ends = samples_of(call.draws.draw("ends", talk.ends))
            length = max((each.end for each in said), default=0) + ends
        return planned_scenario(call.base, said, levels=levels, length=length), said

    def _clip(self, call: _Call, party: str, text: str | None, label: str) -> Clip:
        """Return the clip of a text, or of any other of its speaker's, that a party says."""
        assert self._clips is not None
        speaker = call.speakers[party]
        if self._recorded is not None and party in call.people:
            share = call.draws.share(label)
            digest = self._recorded.clip(
                call.part, party, speaker, share, call.used, aside=label.endswith(_ASIDE)
            )
            call.used.add(digest)
            call.draws.drawn[label] = digest
            return self._clips.clip(digest)
        if text is not None:
            return self._clips.said(text, speaker)
        known = self._clips.of(speaker)
        if not known:
            raise LookupError(f"there is no clip of the speaker {speaker}")
        clip = call.draws.pick(label, known)
        call.draws.drawn[label] = clip.digest
        return clip
