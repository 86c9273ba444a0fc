"""What the calls of a campaign, or of a part of it, are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from mediasim.campaign.spec.conversation import ConversationSpec, SpeakersSpec
from mediasim.campaign.spec.distributions import Drawn
from mediasim.campaign.spec.quantity import Weight
from mediasim.documents.model import Misfit, Model

__all__ = ["MIXED", "ROOM", "TWO_PARTIES", "PartSpec", "RoomSpec", "Whats"]

ROOM: Final = "room"
"""Name of the conference of a part."""
TWO_PARTIES: Final[dict[str, Any]] = {
    "parties": {"caller": {}, "agent": {}},
    "call": {"from": "caller", "to": "agent", "answer": "500ms", "recording": "dual"},
}
"""The scenario of a part that has none."""
MIXED: Final[dict[str, Any]] = {"channels": "mono", "trim": "do-not-trim"}
"""The recording of a conference that has none."""


def _mapping(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping with keys of a scenario, such as parties and call")
    return value


ScenarioPart = Annotated[
    Any, BeforeValidator(_mapping), WithJsonSchema({"type": "object", "x-template": "scenario"})
]
"""A scenario in which values are drawn; ``template`` reads it."""
PartyPart = Annotated[
    Any, BeforeValidator(_mapping), WithJsonSchema({"type": "object", "x-template": "party"})
]
"""A party in which values are drawn."""
RecordingPart = Annotated[Any, WithJsonSchema({"x-template": "recording"})]
"""A conference's recording in which values are drawn."""


class RoomSpec(Model):
    """A conference instead of a call: its size is drawn, and all participants are alike."""

    size: Drawn
    """How many take part: member-1, member-2 ..."""
    party: PartyPart = None
    """A party as scenarios have it, in which any value may be drawn; each participant draws its
    own."""
    join: Drawn | None = None
    """When a participant joins; the first two are there from the start, and all where absent."""
    stay: Drawn | None = None
    """How long a participant stays; the first two stay to the end, and all where absent."""
    recording: RecordingPart = None
    """The recording as scenarios have it, in which any value may be drawn. Default: one in which
    all are mixed, from start to end."""


class Whats(Model):
    """What calls are made of."""

    speakers: SpeakersSpec | None = None
    """Who speaks."""
    conversation: ConversationSpec | None = None
    """What is said, and when; the scenario's own scripts where absent."""
    scenario: ScenarioPart = None
    """A scenario as scenario files have it, in which any value may be drawn for each call:
    {draw: {one_of: [PCMU, PCMA]}}. Default: a caller, an agent and a call in two channels."""
    conference: RoomSpec | None = None
    """A conference, instead of a scenario."""

    def troubles(self) -> Iterator[Misfit]:
        if self.scenario is not None and self.conference is not None:
            yield ("conference",), "expected scenario or conference, found both"


class PartSpec(Whats):
    """A part of the calls, which has what is given here instead of what all calls have."""

    share: Weight = 1.0
    """How often a call is of this part, beside the shares of the other parts."""
