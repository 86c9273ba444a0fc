"""Scripts of parties who listen: each speaks when it has heard that the other has stopped.

With one party alone, the other is an app, which is waited for before each turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.campaign.draws import CallDraws
from mediasim.campaign.scripts import SAMPLE_NS, play, with_scripts
from mediasim.campaign.spec.conversation import ConversationSpec
from mediasim.campaign.timing import ClipOf, Kind, Planned
from mediasim.campaign.words import Turn, nanoseconds
from mediasim.documents.durations import Duration
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Hangup, Pause, Step, WaitFor

__all__ = ["reactive_scenario"]

_PATIENCE: Final = 20 * NS_PER_SECOND
"""Nanoseconds that a party waits for an app that says nothing."""
_MISSED: Final = 2 * NS_PER_SECOND
"""Nanoseconds that a party waits longer than the other's turn takes: what it waits for may have
been over before."""
_QUIET: Final = NS_PER_SECOND // 25
"""Nanoseconds of silence that a party at least waits for before it speaks."""
_HEARD: Final = 3 * NS_PER_SECOND // 10
"""Nanoseconds until somebody who speaks has heard another begin: both ways, and the reaction."""


def reactive_scenario(
    draws: CallDraws,
    talk: ConversationSpec,
    scenario: Scenario,
    turns: Sequence[Turn],
    clip_of: ClipOf,
    *,
    levels: Mapping[str, float],
    length: int | None,
) -> tuple[Scenario, list[Planned]]:
    """Return a scenario in which two parties wait for each other, and what they say.

    ``length`` is for how many samples they are connected at most.
    """
    scripts = _Scripts(draws, talk, clip_of, {turn.party for turn in turns})
    for turn in turns:
        scripts.add(turn)
    caller = scenario.calls[0].from_ if scenario.calls else turns[-1].party
    steps = scripts.finished(levels, caller)
    more: dict[str, object] = {}
    if length is not None and scenario.calls:
        limit = Duration(length * SAMPLE_NS)
        first = scenario.calls[0].model_copy(update={"time_limit": limit})
        more["calls"] = (first, *scenario.calls[1:])
    return with_scripts(scenario, steps, **more), scripts.said


class _Scripts:
    """The scripts of a conversation being written."""

    def __init__(
        self, draws: CallDraws, talk: ConversationSpec, clip_of: ClipOf, parties: set[str]
    ) -> None:
        self._draws = draws
        self._talk = talk
        self._clip_of = clip_of
        self._alone = len(parties) < 2
        self._scripts: dict[str, list[Step | Planned]] = {party: [] for party in parties}
        self._last: list[Planned] = []
        """What the latest turn says."""

    @property
    def said(self) -> list[Planned]:
        """All that is said, each party's in order."""
        return [
            each for them in self._scripts.values() for each in them if isinstance(each, Planned)
        ]

    def add(self, turn: Turn) -> None:
        script, before = self._scripts[turn.party], self._last
        interrupts = turn.interrupts is not None and bool(before) and not self._alone
        if interrupts:
            script += self._interrupting(turn, before)
        else:
            script.append(self._begin(turn, before))
        kind: Kind = "interruption" if interrupts else "turn"
        self._last = []
        for number, text in enumerate(turn.texts):
            label = f"turn/{turn.number}"
            if number:
                pause = self._draws.draw(f"{label}/pause/{number}", self._talk.pauses)
                script.append(_pause(nanoseconds(pause)))
            clip = self._clip_of(turn.party, text, f"{label}/text/{number}")
            each = Planned(turn.party, kind, clip, 0, clip.samples, turn.number)
            script.append(each)
            self._last.append(each)
        if turn.aside is not None and turn.aside.party in self._scripts:
            self._add_aside(turn)

    def finished(self, levels: Mapping[str, float], caller: str) -> dict[str, list[Step]]:
        """Return the scripts as steps, at the end of which the caller hangs up."""
        ends = nanoseconds(self._draws.draw("ends", self._talk.ends))
        last = self._last[-1].party if self._last else caller
        script = self._scripts.setdefault(caller, [])
        longest = _length(self._last) + _MISSED
        script.append(_pause(ends) if last == caller else _waiting(ends, longest))
        script.append(Hangup.model_construct())
        return {
            party: [
                play(each, levels.get(party)) if isinstance(each, Planned) else each
                for each in them
            ]
            for party, them in self._scripts.items()
        }

    def _begin(self, turn: Turn, before: Sequence[Planned]) -> Step:
        """Return what a turn waits for."""
        label = f"turn/{turn.number}"
        if not before and not self._alone:
            return _pause(nanoseconds(self._draws.draw("starts", self._talk.starts)))
        if before and before[0].party == turn.party and not self._alone:
            return _pause(nanoseconds(self._draws.draw(f"{label}/pause", self._talk.pauses)))
        gap = nanoseconds(self._draws.draw(f"{label}/gap", self._talk.gaps))
        return _waiting(gap, _PATIENCE if self._alone else _length(before) + _MISSED)

    def _interrupting(self, turn: Turn, before: list[Planned]) -> list[Step]:
        """Return steps that wait into the turn before, which is cut short some time later."""
        spec = self._talk.interruptions
        assert spec is not None
        assert turn.interrupts is not None
        whole = _length(before)
        after = round(turn.interrupts * whole)
        if not turn.holds:
            yields = nanoseconds(self._draws.draw(f"turn/{turn.number}/yields", spec.yields))
            self._cut(before, (after + _HEARD + max(0, yields)) // SAMPLE_NS)
        return _into_speech(after)

    def _cut(self, before: list[Planned], samples: int) -> None:
        """Let a turn end after some samples of speech."""
        script = self._scripts[before[0].party]
        for each in before:
            at = next(n for n, step in enumerate(script) if step is each)
            left = each.cut(samples)
            script[at : at + 1] = [] if left is None else [left]
            samples -= each.samples

    def _add_aside(self, turn: Turn) -> None:
        """Add a backchannel, said some time after the other has begun to speak."""
        aside, label = turn.aside, f"turn/{turn.number}/backchannel"
        assert aside is not None
        clip = self._clip_of(aside.party, aside.text, f"{label}/text")
        whole = _length(self._last)
        script = self._scripts[aside.party]
        script += _into_speech(round(aside.at * whole))
        script.append(Planned(aside.party, "backchannel", clip, 0, clip.samples, turn.number))
        self._draws.drawn[label] = True


def _length(said: Sequence[Planned]) -> int:
    """Return how many nanoseconds of speech utterances are."""
    return sum(each.samples for each in said) * SAMPLE_NS


def _waiting(gap: int, longest: int) -> Step:
    """Return a wait for the other to have been silent as long as a gap; it ends when the other has
    not within ``longest`` nanoseconds besides."""
    quiet = max(_QUIET, gap)
    return WaitFor.model_construct(quiet=Duration(quiet), timeout=Duration(quiet + longest))


def _pause(for_ns: int) -> Step:
    return Pause.model_construct(for_=Duration(max(0, for_ns)))


def _into_speech(after: int) -> list[Step]:
    """Return steps that wait until the other has spoken for some nanoseconds."""
    return [WaitFor.model_construct(speech=True, timeout=Duration(_MISSED)), _pause(after)]
