"""The model of a conference: parties that join and leave, and hear each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from mediasim.documents.durations import Duration, positive
from mediasim.documents.model import Many, Misfit, Model, OneOrMany
from mediasim.documents.values import NO, YES, Name
from mediasim.scenario.model.recording import ConferenceRecording

__all__ = ["ConferenceSpec", "Muted", "ParticipantSpec"]


class Muted(Model):
    """A stretch during which a participant is not heard. ``true`` is all of it."""

    at: Duration = Duration(0)
    """When the mute begins, counted from the start of the run."""
    for_: Annotated[Duration, positive()] | None = Field(
        default=None, validation_alias="for", serialization_alias="for"
    )
    """How long the mute lasts; to the end where absent."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        if value is True or value in YES:
            return {}
        raise ValueError("expected true, false or a mapping such as {at: 5s, for: 2s}")

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"enum": [True, *YES]}]


class ParticipantSpec(Model):
    """A party in a conference; a bare name is a party that is there from start to end."""

    stands_for: ClassVar[str] = "party"

    party: Name
    """The party that takes part."""
    join: Duration = Duration(0)
    """When the party joins, counted from the start of the run."""
    leave: Duration | None = None
    """When the party leaves, counted from the start of the run; at the end where absent."""
    muted: OneOrMany[Muted] = None
    """true, or when: {at: 5s, for: 2s}, or a list of those."""

    @property
    def mutes(self) -> tuple[Muted, ...]:
        """The mutes, always as a tuple."""
        return self.muted if isinstance(self.muted, tuple) else ()

    def troubles(self) -> Iterator[Misfit]:
        if self.leave is not None and self.leave <= self.join:
            yield ("leave",), f"expected a time after it joins at {self.join}, found {self.leave}"


def _unless_off(value: object) -> object:
    """Return None for a value that means no recording."""
    return None if value is False or value in NO else value


class ConferenceSpec(Model):
    """A conference. It starts when two participants have joined."""

    name: Name = ""
    """The name by which events refer to the conference. Default: room, then room-2, room-3 ..."""
    participants: Many[ParticipantSpec]
    """The participants, with the times at which they join and leave."""
    recording: Annotated[ConferenceRecording | None, BeforeValidator(_unless_off)] = None
    """The conference's recording; true is short for one, mixed, with silence trimmed."""
    end: Duration | None = None
    """When the conference ends for all, counted from the start of the run; when the last
    participant has left where absent."""

    def troubles(self) -> Iterator[Misfit]:
        if not self.participants:
            yield ("participants",), "expected somebody to take part"
        gone: dict[str, Duration | None] = {}
        order = sorted(enumerate(self.participants), key=lambda item: item[1].join)
        for number, participant in order:
            party = participant.party
            until = gone.get(party, Duration(0))
            if until is None or participant.join < until:
                yield ("participants", number), f"{party} is in the conference already"
            gone[party] = participant.leave
            if self.end is not None and participant.join >= self.end:
                yield ("participants", number), f"joins when the conference has ended at {self.end}"
