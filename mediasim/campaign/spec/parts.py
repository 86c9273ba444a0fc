"""The parts of a campaign, each with what it has of its own and what all calls have."""

from __future__ import annotations

from dataclasses import dataclass

from mediasim.campaign.spec.conversation import ConversationSpec, SpeakersSpec
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.spec.part import MIXED, TWO_PARTIES, RoomSpec, Whats
from mediasim.campaign.spec.template import Template
from mediasim.documents.document import Node, from_python

__all__ = ["Part", "parts_of"]

_SPEAKERS = SpeakersSpec()


@dataclass(frozen=True, slots=True)
class Part:
    """Calls of one kind."""

    name: str
    """Its name; "" for all calls of a campaign without parts."""
    share: float
    speakers: SpeakersSpec
    conversation: ConversationSpec | None
    room: RoomSpec | None
    """The conference, if it is one."""
    template: Template
    """The scenario; of a conference, one participant."""
    recording: Template | None
    """The recording of a conference."""


def parts_of(spec: CampaignSpec) -> list[Part]:
    """Return the parts of a campaign; one without a name if it has none."""
    if not spec.parts:
        return [_part(spec, "", 1.0, spec, ())]
    return [
        _part(spec, name, part.share, part, ("parts", name)) for name, part in spec.parts.items()
    ]


def _part(spec: CampaignSpec, name: str, share: float, own: Whats, place: tuple[str, ...]) -> Part:
    origin = spec.origin
    whole = place if own.scenario is not None or own.conference is not None else ()
    whose = own if whole else spec
    if whose.conference is not None:
        node = _node(spec, (*whole, "conference"), {})
        party = node.child("party") or from_python({})
        recording = node.child("recording") or from_python(MIXED)
        room, template = whose.conference, Template(party, origin)
        of_room = Template(recording, origin)
    else:
        room, of_room = None, None
        template = Template(_node(spec, (*whole, "scenario"), TWO_PARTIES), origin)
    return Part(
        name=name,
        share=share,
        speakers=own.speakers or spec.speakers or _SPEAKERS,
        conversation=own.conversation or spec.conversation,
        room=room,
        template=template,
        recording=of_room,
    )


def _node(spec: CampaignSpec, place: tuple[str, ...], default: object) -> Node:
    """Return the node of a part of the spec; of one that is built in Python, a new one."""
    found = spec.origin.document.at(place)
    if found is not None:
        return found
    value: object = spec
    for key in place:
        value = value.get(key) if isinstance(value, dict) else getattr(value, key)
    if isinstance(value, RoomSpec):
        value = {"party": value.party or {}, "recording": value.recording or MIXED}
    return from_python(default if value is None else value)
