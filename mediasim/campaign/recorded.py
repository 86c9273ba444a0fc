"""Recorded people as the parties of a campaign's calls: who is drawn, and what they say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.campaign.clip import Clips
from mediasim.campaign.clips.speakers import SpeakerPools
from mediasim.campaign.clips.stored import ClipsError, StoredClips
from mediasim.campaign.spec.parts import Part

__all__ = ["Recorded"]

_LONGEST_ASIDE: Final = SAMPLE_RATE
"""Samples of the longest clip that is said as a backchannel, if the speaker has one."""
_MEMBER: Final = "member"
"""Stands for every participant of a conference, who have no names."""


class Recorded:
    """The recorded people of a campaign, found for each of its parts when it is first needed."""

    def __init__(self, clips: Clips) -> None:
        self._clips = clips
        self._pools: dict[str, SpeakerPools] = {}

    def speaker(self, part: Part, party: str, share: float, taken: Collection[str]) -> str:
        """Draw who is a party. Raises ClipsError if there is nobody."""
        return self._pool(part).speaker(_name(part, party), share, taken)

    def clip(
        self,
        part: Part,
        party: str,
        speaker: str,
        share: float,
        used: Collection[str],
        *,
        aside: bool,
    ) -> str:
        """Draw what a party says, by its digest: short if it is an ``aside``."""
        longest = _LONGEST_ASIDE if aside else None
        return self._pool(part).clip(_name(part, party), speaker, share, used, longest=longest)

    def _pool(self, part: Part) -> SpeakerPools:
        pools = self._pools.get(part.name)
        if pools is None:
            if not isinstance(self._clips, StoredClips):
                raise ClipsError("recorded speakers need the clips that stage one has stored")
            wanted = {
                name: found
                for name in _talking(part)
                if (found := part.speakers.recorded_for(name)) is not None
            }
            apart = part.speakers.apart and part.room is None
            pools = self._pools[part.name] = SpeakerPools(self._clips, wanted, apart=apart)
        return pools


def _talking(part: Part) -> Iterator[str]:
    """Yield who may take part in a part's conversations."""
    if part.room is not None:
        yield _MEMBER
    elif part.conversation is not None and part.conversation.parties:
        yield from part.conversation.parties
    else:
        every = (node.child("parties") for node in part.template.variants())
        yield from dict.fromkeys(name for each in every if each for name in each.plain())


def _name(part: Part, party: str) -> str:
    return party if part.room is None else _MEMBER
