"""What is said in the calls of a campaign, by whom, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from mediasim.campaign.clips.spec import SpeakerFilter
from mediasim.campaign.spec.distributions import Constant, Drawn, OneOf
from mediasim.campaign.spec.shapes import Uniform
from mediasim.campaign.spec.texts import DialoguesSpec, TextsSpec
from mediasim.documents.model import Many, Misfit, Model
from mediasim.documents.values import Flag, Name, Ratio
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, VOICES, in_language

__all__ = [
    "BackchannelsSpec",
    "ConversationSpec",
    "InterruptionsSpec",
    "OverlapsSpec",
    "SpeakersSpec",
]


class SpeakersSpec(Model):
    """Who speaks: one is drawn for each party, and no two parties of a call have the same. A bare
    list is its ``voices``."""

    stands_for: ClassVar[str] = "voices"

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"voices": {"one_of": value} if isinstance(value, list | tuple) else value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]

    voices: Drawn = OneOf.model_validate({"choices": list(DEFAULT_VOICES)})
    """Voices of the catalogue, for parties that have no voice of their own in the scenario."""
    recorded: SpeakerFilter | None = None
    """People of the campaign's corpora, instead of voices: they say what they were recorded with,
    and no texts."""
    recorded_of: Mapping[Name, SpeakerFilter] = {}
    """The same by party, for parties that are other people, or the only ones that are recorded."""
    apart: Flag = True
    """Whether a recorded speaker is one party's in all calls; if not, in each call."""

    def recorded_for(self, party: str) -> SpeakerFilter | None:
        """Return which recorded people may be a party; None for one that a voice speaks for."""
        return self.recorded_of.get(party, self.recorded)


def _within(low: float, high: float) -> Uniform:
    return Uniform.model_validate({"between": [low, high]})


class OverlapsSpec(Model):
    """Turns that begin before the one before them has ended, instead of after a gap."""

    share: Ratio
    """The share of turns that do."""
    length: Drawn
    """For how long both speak, at most the whole turn before."""


class BackchannelsSpec(Model):
    """Short words of who listens, which take no turn: "mhm", "right"."""

    share: Ratio
    """The share of turns in which there is one."""
    texts: TextsSpec = TextsSpec.model_validate({"lines": ["Mhm.", "Yes.", "Right.", "Okay."]})
    """What is said."""
    texts_in: Mapping[Name, TextsSpec] = {}
    """What is said instead in a language, where the language of a call is drawn."""
    at: Drawn = _within(0.3, 0.9)
    """When it begins, as a share of the turn that it stands in."""


class InterruptionsSpec(Model):
    """Turns that begin while another speaks, who stops then."""

    share: Ratio
    """The share of turns that interrupt the one before."""
    at: Drawn = _within(0.3, 0.8)
    """When it begins, as a share of the turn that is interrupted."""
    yields: Drawn = Uniform.model_validate({"between": ["200ms", "700ms"]})
    """How long after that the one who is interrupted stops, in the middle of a word perhaps."""
    holds: Ratio = 0.0
    """The share of interruptions after which the other says all the same to its end."""


class ConversationSpec(Model):
    """A conversation, whose words and times are drawn for each call."""

    kind: Literal["planned", "reactive"] = "planned"
    """planned: the time of every turn is drawn beforehand, and the recording has it to the sample.
    reactive: parties speak when they hear that the other has stopped; so they do with an app."""
    parties: Many[Name] = ()
    """Who takes part, in the order of their turns; of three or more the next is drawn. All
    simulated parties of the scenario where absent."""
    first: Drawn | None = None
    """Who has the first turn: a party's name; the first of parties where absent."""
    texts: TextsSpec | None = None
    """What turns say, whoever has them."""
    texts_of: Mapping[Name, TextsSpec] = {}
    """What turns say, by party, instead of texts."""
    language: Drawn | None = None
    """The language of a call (BCP 47), which its voices speak; English where absent."""
    texts_in: Mapping[Name, TextsSpec] = {}
    """What turns say, by language, instead of texts."""
    dialogues: DialoguesSpec | None = None
    """Whole conversations, instead of texts: who says what, in order."""
    turns: Drawn | None = None
    """How many turns there are at most; 8 where absent, as many as fit with a duration, and all of
    a dialogue."""
    utterances: Drawn = Constant(value=1)
    """How many texts a turn says."""
    pauses: Drawn = Constant(value="500ms")
    """Silence between two utterances of one party in a row."""
    gaps: Drawn = Constant(value="200ms")
    """From the end of a turn to the start of the next; below 0 the two overlap."""
    overlaps: OverlapsSpec | None = None
    """Turns that overlap the one before instead."""
    backchannels: BackchannelsSpec | None = None
    """Short words of who listens."""
    interruptions: InterruptionsSpec | None = None
    """Turns that cut the one before short."""
    level: Drawn | None = None
    """Level of what a party says in dBFS, drawn for each party; as the clips have it where
    absent."""
    starts: Drawn = Constant(value="500ms")
    """When the first turn begins, counted from when all are connected."""
    ends: Drawn = Constant(value="500ms")
    """Silence after the last turn, if there is no duration."""
    duration: Drawn | None = None
    """How long the connection lasts. Turns that do not fit are not said."""

    def troubles(self) -> Iterator[Misfit]:
        given = [
            key for key in ("texts", "texts_of", "texts_in", "dialogues") if getattr(self, key)
        ]
        if len(given) > 1:
            yield (given[1],), f"expected {given[0]} or {given[1]}, found both"
        if self.texts_in and self.language is None:
            yield ("texts_in",), "expected a language, of which one is drawn for each call"
        for language in map(str, self.language.examples() if self.language is not None else ()):
            try:
                in_language(VOICES[DEFAULT_VOICES[0]], language)
            except ValueError as error:
                yield ("language",), str(error)
            else:
                if self.texts_in and language not in self.texts_in:
                    yield ("texts_in",), f"has no texts in {language}"
        if self.dialogues is not None and self.turns is not None:
            yield ("turns",), "expected none beside dialogues, whose turns are given"
        if self.parties and len(set(self.parties)) != len(self.parties):
            yield ("parties",), "names a party twice"
        if self.kind == "reactive":
            for key in ("overlaps", "duration"):
                if getattr(self, key) is not None:
                    words = "of a reactive conversation, where parties wait for each other"
                    yield (key,), f"expected none {words}"
