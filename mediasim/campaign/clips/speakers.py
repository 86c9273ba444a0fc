"""Who speaks in the calls of a campaign: speakers of the index, drawn for each party.

A speaker is one party's in all calls of the campaign, so that no data set has a person as a caller
here and as an agent there, and keeps to that party within a call. Which party gets whom is decided
by the speakers' names alone: no draw is spent on it, and no seed changes it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Annotated, Literal

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.campaign.clips.stored import ClipsError, KnownClip, StoredClips
from mediasim.documents.durations import Duration, positive
from mediasim.documents.model import Model, OneOrMany
from mediasim.documents.values import Text, count

__all__ = ["SpeakerFilter", "SpeakerPools"]


class SpeakerFilter(Model):
    """Which speakers of the index may be a party, and which of their clips are said."""

    splits: OneOrMany[Text] = None
    """The splits their clips are of; all where absent."""
    gender: Literal["female", "male", "other"] | None = None
    """Their gender; any where absent, unknown ones too."""
    languages: OneOrMany[Text] = None
    """The languages of their clips (BCP 47); en is every English. All where absent."""
    speakers: OneOrMany[Text] = None
    """Their names; all where absent."""
    shortest: Duration = Duration.of("0s")
    """The least length of a clip."""
    longest: Annotated[Duration, positive()] | None = None
    """The greatest length of a clip."""
    clips: Annotated[int, count(1, 1_000_000)] = 1
    """How many such clips a speaker has at least."""

    def takes(self, clip: KnownClip) -> bool:
        """Return whether a clip is one of those that are meant."""
        length = clip.samples * (NS_PER_SECOND // SAMPLE_RATE)
        return (
            (not self.splits or clip.split in self.splits)
            and (self.gender is None or clip.gender == self.gender)
            and (not self.speakers or clip.speaker in self.speakers)
            and (not self.languages or _is_of(clip.language, self.languages))
            and self.shortest <= length
            and (self.longest is None or length <= self.longest)
        )

    def __str__(self) -> str:
        written = self.model_dump(mode="json", exclude_defaults=True)
        return ", ".join(f"{key} {value}" for key, value in written.items()) or "any"


def _is_of(language: str | None, wanted: Collection[str]) -> bool:
    """Return whether a language is one of those wanted, or a country's of them."""
    tag = (language or "").lower()
    return any(tag == each.lower() or tag.startswith(f"{each.lower()}-") for each in wanted)


class SpeakerPools:
    """The speakers that each party may have, and their clips."""

    def __init__(
        self,
        clips: StoredClips,
        wanted: Mapping[str, SpeakerFilter],
        *,
        apart: bool = True,
    ) -> None:
        """Take the filter of each party. With ``apart`` a speaker is one party's in all calls.

        Raises ClipsError for a party that no speaker is left for.
        """
        self._clips: dict[str, dict[str, list[KnownClip]]] = {}
        for party, each in wanted.items():
            found: dict[str, list[KnownClip]] = {}
            for clip in clips.known:
                if each.takes(clip):
                    found.setdefault(clip.speaker, []).append(clip)
            self._clips[party] = {
                name: sorted(theirs, key=lambda clip: (clip.samples, clip.digest))
                for name, theirs in sorted(found.items())
                if len(theirs) >= each.clips
            }
        if apart:
            self._part()
        for party, each in wanted.items():
            if not self._clips[party]:
                taken = ", and is not another party's in all calls" if apart else ""
                raise ClipsError(
                    f"no speaker for {party}: none of {len(clips)} clips is of {each}{taken}"
                )

    def _part(self) -> None:
        """Give each speaker to one of its parties, that which has the fewest so far."""
        held: dict[str, set[str]] = {party: set() for party in self._clips}
        names = {name for theirs in self._clips.values() for name in theirs}
        for name in sorted(names, key=lambda each: blake2b(each.encode()).digest()):
            parties = [party for party, theirs in self._clips.items() if name in theirs]
            held[min(parties, key=lambda party: len(held[party]))].add(name)
        self._clips = {
            party: {name: clips for name, clips in theirs.items() if name in held[party]}
            for party, theirs in self._clips.items()
        }

    def speakers(self, party: str) -> tuple[str, ...]:
        """Return the speakers that a party may have, sorted."""
        return tuple(self._clips[party])

    def draw(self, share: Callable[[str], float]) -> dict[str, str]:
        """Draw a speaker for each party; no two parties of a call have the same.

        ``share`` returns the number from 0 to 1 that is drawn under a label. Raises ClipsError if
        there are fewer speakers than parties.
        """
        found: dict[str, str] = {}
        for party, theirs in self._clips.items():
            names = [name for name in theirs if name not in found.values()]
            if not names:
                raise ClipsError(f"no speaker is left for {party}: the others have all of them")
            found[party] = names[int(share(f"speaker/{party}") * len(names))]
        return found

    def clip(
        self,
        party: str,
        speaker: str,
        share: float,
        used: Collection[str] = (),
        *,
        longest: int | None = None,
    ) -> str | None:
        """Draw one of a speaker's clips, by its digest; ``share`` is the number that was drawn.

        None that was ``used`` is drawn again while there are others. With ``longest``, in samples,
        only those that are no longer; None if there is none.
        """
        theirs: Sequence[KnownClip] = self._clips[party][speaker]
        if longest is not None:
            theirs = theirs[: bisect_right(theirs, longest, key=lambda clip: clip.samples)]
        fresh = [each for each in theirs if each.digest not in used] if used else theirs
        choices = fresh or theirs
        return choices[int(share * len(choices))].digest if choices else None
