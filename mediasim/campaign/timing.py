"""When each turn of a planned call begins, in samples of its recording.

Gaps count from the end of the turn before, and are below 0 where the two overlap. No party begins
before it has ended what it says, and no turn before the one before it began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.campaign.clip import Clip
from mediasim.campaign.draws import CallDraws
from mediasim.campaign.spec.conversation import ConversationSpec
from mediasim.campaign.words import Aside, Turn, nanoseconds

__all__ = ["Kind", "Planned", "planned", "samples_of"]

Kind = Literal["turn", "backchannel", "interruption"]
_SAMPLE_NS: Final = NS_PER_SECOND // SAMPLE_RATE
ClipOf = Callable[[str, str | None, str], Clip]
"""Returns the clip of a party, of a text or any, drawn under a label."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An utterance as it is planned."""

    party: str
    kind: Kind
    clip: Clip
    start: int
    """First sample of the recording."""
    samples: int
    """How much of the clip is said."""
    turn: int
    """Number of the turn that it is of, or stands in."""

    @property
    def end(self) -> int:
        return self.start + self.samples

    def cut(self, at: int) -> Planned | None:
        """Return what is left of it when its speaker stops at a sample; None if nothing is."""
        left = min(self.samples, at - self.start)
        return replace(self, samples=left) if left > 0 else None


def samples_of(value: object) -> int:
    """Return how many samples a drawn time is, rounded."""
    return round(nanoseconds(value) / _SAMPLE_NS)


def planned(
    draws: CallDraws,
    talk: ConversationSpec,
    turns: Sequence[Turn],
    clip_of: ClipOf,
    *,
    there: Mapping[str, tuple[int, int | None]] = {},
    limit: int | None = None,
) -> list[Planned]:
    """Return the utterances of a conversation in the order of their turns.

    ``there`` has from when to when a party is there, for those that are not all the time;
    ``limit`` is the sample at which the connection ends.
    """
    plan = _Plan(draws, talk, clip_of, there, limit)
    for turn in turns:
        if not plan.add(turn):
            break
    return plan.result()


class _Plan:
    """A conversation being planned."""

    def __init__(
        self,
        draws: CallDraws,
        talk: ConversationSpec,
        clip_of: ClipOf,
        there: Mapping[str, tuple[int, int | None]],
        limit: int | None,
    ) -> None:
        self._draws = draws
        self._talk = talk
        self._clip_of = clip_of
        self._there = there
        self._limit = limit
        self._turns: list[list[Planned]] = []
        self._asides: list[tuple[int, Aside]] = []
        self._ends: dict[str, int] = {}
        """Sample at which each party has said all so far."""

    def add(self, turn: Turn) -> bool:
        """Add a turn, unless its party is not there. False: the connection is over before."""
        before = self._turns[-1] if self._turns else None
        start = max(self._start(turn, before), self._ends.get(turn.party, 0))
        kind: Kind = "turn" if turn.interrupts is None else "interruption"
        said = list(self._said(turn, start, kind))
        if self._limit is not None and said[-1].end > self._limit:
            return False
        if not self._is_there(turn.party, start, said[-1].end):
            return True  # the others go on
        if before is not None and turn.interrupts is not None and not turn.holds:
            self._cut(before, start, turn)
        self._turns.append(said)
        self._ends[turn.party] = said[-1].end
        if turn.aside is not None:
            self._asides.append((len(self._turns) - 1, turn.aside))
        return True

    def result(self) -> list[Planned]:
        """Return all utterances, backchannels among them."""
        found = [each for them in self._turns for each in them]
        for number, aside in self._asides:
            found += self._placed(number, aside, found)
        return found

    def _start(self, turn: Turn, before: list[Planned] | None) -> int:
        talk, label = self._talk, f"turn/{turn.number}"
        if before is None:
            return samples_of(self._draws.draw("starts", talk.starts))
        first, end = before[0].start, before[-1].end
        if turn.interrupts is not None:
            return first + max(1, round(turn.interrupts * (end - first)))
        if before[0].party == turn.party:
            gap = samples_of(self._draws.draw(f"{label}/pause", talk.pauses))
            return end + max(0, gap)
        overlaps = talk.overlaps
        if overlaps is not None and self._draws.chance(f"{label}/overlaps", overlaps.share):
            length = samples_of(self._draws.draw(f"{label}/overlap", overlaps.length))
            return max(first + 1, end - max(0, length))
        gap = samples_of(self._draws.draw(f"{label}/gap", talk.gaps))
        return max(first + 1, end + gap)

    def _said(self, turn: Turn, start: int, kind: Kind) -> Iterator[Planned]:
        for number, text in enumerate(turn.texts):
            label = f"turn/{turn.number}"
            if number:
                pause = self._draws.draw(f"{label}/pause/{number}", self._talk.pauses)
                start += max(0, samples_of(pause))
            clip = self._clip_of(turn.party, text, f"{label}/text/{number}")
            yield Planned(turn.party, kind, clip, start, clip.samples, turn.number)
            start += clip.samples

    def _cut(self, before: list[Planned], start: int, turn: Turn) -> None:
        """Cut a turn short that another one, beginning at a sample, interrupts."""
        spec = self._talk.interruptions
        assert spec is not None
        yields = self._draws.draw(f"turn/{turn.number}/yields", spec.yields)
        stop = start + max(0, samples_of(yields))
        left = [cut for each in before if (cut := each.cut(stop)) is not None]
        self._turns[-1] = left or before[:1]
        self._ends[before[0].party] = self._turns[-1][-1].end

    def _is_there(self, party: str, start: int, end: int) -> bool:
        """Return whether a party is there from one sample to another."""
        low, high = self._there.get(party, (0, None))
        ends = [each for each in (high, self._limit) if each is not None]
        return low <= start and all(end <= each for each in ends)

    def _placed(self, number: int, aside: Aside, said: Sequence[Planned]) -> Iterator[Planned]:
        """Yield a backchannel if its speaker says nothing else at that time."""
        within = self._turns[number]
        turn = within[0].turn
        label = f"turn/{turn}/backchannel"
        clip = self._clip_of(aside.party, aside.text, f"{label}/text")
        first, end = within[0].start, within[-1].end
        start = first + round(aside.at * (end - first))
        stop = start + clip.samples
        own = (each for each in said if each.party == aside.party)
        fits = self._is_there(aside.party, start, stop) and not any(
            each.start < stop and start < each.end for each in own
        )
        self._draws.drawn[label] = fits
        if fits:
            yield Planned(aside.party, "backchannel", clip, start, clip.samples, turn)
