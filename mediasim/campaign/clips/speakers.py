"""Who speaks in the calls of a campaign: speakers of the index, drawn for each party.

A speaker is one party's in all calls of the campaign, so that no data set has a person as a caller
here and as an agent there, and keeps to that party within a call. Which party gets whom is decided
by the speakers' names alone: no draw is spent on it, and no seed changes it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.campaign.clips.spec import SpeakerFilter
from mediasim.campaign.clips.stored import ClipsError, KnownClip, StoredClips

__all__ = ["SpeakerPools"]


def _takes(wanted: SpeakerFilter, clip: KnownClip) -> bool:
    """Return whether a clip is one of those that are meant."""
    length = clip.samples * (NS_PER_SECOND // SAMPLE_RATE)
    return (
        clip.voice is None
        and (not wanted.splits or clip.split in wanted.splits)
        and (wanted.gender is None or clip.gender == wanted.gender)
        and (not wanted.speakers or clip.speaker in wanted.speakers)
        and (not wanted.languages or _is_of(clip.language, wanted.languages))
        and wanted.shortest <= length
        and (wanted.longest is None or length <= wanted.longest)
    )


def _is_of(language: str | None, wanted: Collection[str]) -> bool:
    """Return whether a language is one of those wanted, or a country's of them."""
    tag = (language or "").lower()
    return any(tag == each.lower() or tag.startswith(f"{each.lower()}-") for each in wanted)


class SpeakerPools:
    """The people that each party may be, and their clips."""

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
        alike: dict[str, dict[str, list[KnownClip]]] = {}
        self._clips: dict[str, dict[str, list[KnownClip]]] = {}
        for party, each in wanted.items():
            if str(each) not in alike:
                alike[str(each)] = _found(clips, each)
            self._clips[party] = alike[str(each)]
        if apart:
            self._part()
        for party, each in wanted.items():
            if not self._clips[party]:
                taken = " who is not another party's in all calls" if apart else ""
                raise ClipsError(
                    f"there is no speaker{taken} for {party}: of {len(clips)} clips none is of "
                    f"{each}"
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

    def speaker(self, party: str, share: float, taken: Collection[str] = ()) -> str:
        """Draw a party's speaker, who is none of those ``taken`` by other parties of the call.

        ``share`` is the number from 0 to 1 that was drawn. Raises ClipsError if none is left.
        """
        names = [name for name in self._clips[party] if name not in taken]
        if not names:
            raise ClipsError(f"no speaker is left for {party}: the others have all of them")
        return names[int(share * len(names))]

    def clip(
        self,
        party: str,
        speaker: str,
        share: float,
        used: Collection[str] = (),
        *,
        longest: int | None = None,
    ) -> str:
        """Draw one of a speaker's clips, by its digest; ``share`` is the number that was drawn.

        One that was ``used`` is drawn again only if all were. With ``longest``, in samples, it is
        no longer, or the speaker's shortest.
        """
        theirs: Sequence[KnownClip] = self._clips[party][speaker]
        if longest is not None:
            end = bisect_right(theirs, longest, key=lambda clip: clip.samples)
            theirs = theirs[: max(1, end)]
        fresh = [each for each in theirs if each.digest not in used] if used else theirs
        choices = fresh or theirs
        return choices[int(share * len(choices))].digest


def _found(clips: StoredClips, wanted: SpeakerFilter) -> dict[str, list[KnownClip]]:
    """Return the clips that are meant by their speakers, sorted, the shortest first."""
    found: dict[str, list[KnownClip]] = {}
    for clip in clips.known:
        if _takes(wanted, clip):
            found.setdefault(clip.speaker, []).append(clip)
    return {
        name: sorted(theirs, key=lambda clip: (clip.samples, clip.digest))
        for name, theirs in sorted(found.items())
        if len(theirs) >= wanted.clips
    }
