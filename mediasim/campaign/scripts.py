"""Scripts of the parties of a call: what each says, at its time or when it has heard the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.campaign.clip import Clip
from mediasim.campaign.draws import CallDraws
from mediasim.campaign.spec.conversation import ConversationSpec
from mediasim.campaign.timing import ClipOf, Kind, Planned
from mediasim.campaign.words import Turn, nanoseconds
from mediasim.documents.durations import Duration
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Hangup, Pause, Play, Step, WaitFor
from mediasim.scenario.running.compile import parties_of

__all__ = ["ClipName", "planned_scenario", "reactive_scenario"]

_SAMPLE_NS: Final = NS_PER_SECOND // SAMPLE_RATE
_PATIENCE: Final = Duration.of("20s")
"""How long a party waits for another that says nothing more."""
_QUIET: Final = 40_000_000
"""Nanoseconds of silence that a party at least waits for before it speaks."""


class ClipName:
    """How a step names a clip, or the beginning of one: ``digest`` or ``digest~samples``."""

    @staticmethod
    def of(clip: Clip, samples: int) -> Path:
        return Path(clip.digest if samples >= clip.samples else f"{clip.digest}~{samples}")

    @staticmethod
    def read(name: Path) -> tuple[str, int | None]:
        """Return the digest, and how many samples of it are said; None for all."""
        digest, tilde, samples = str(name).partition("~")
        return digest, int(samples) if tilde else None


def _play(said: Planned, level: float | None, at: Duration | None) -> Play:
    file = ClipName.of(said.clip, said.samples)
    clip = said.clip
    return Play.model_construct(
        file=file,
        level=level,
        at=at,
        text=clip.text,
        speaker=clip.speaker,
        language=clip.language,
    )


def _with_scripts(
    scenario: Scenario, scripts: Mapping[str, Sequence[Step]], **more: object
) -> Scenario:
    parties = {
        name: party.model_copy(update={"script": tuple(scripts.get(name, ()))})
        for name, party in scenario.parties.items()
    }
    return scenario.model_copy(update={"parties": parties, **more})


def planned_scenario(
    scenario: Scenario, said: Sequence[Planned], *, levels: Mapping[str, float], length: int
) -> Scenario:
    """Return a scenario in which all is said when it is planned, and that ends after ``length``.

    A planned sample is one of the recording, if that starts when all are connected.
    """
    path = {name: party.path_samples for name, party in parties_of(scenario).items()}
    connected = _connected(scenario)
    # Nobody can be heard sooner than the way to the server takes: all begins later then.
    late = max((path[each.party] - each.start for each in said), default=0)
    late = max(0, -(-late // FRAME_SAMPLES) * FRAME_SAMPLES)
    scripts: dict[str, list[Step]] = {}
    for each in sorted(said, key=lambda it: it.start):
        at = connected + (each.start + late - path[each.party]) * _SAMPLE_NS
        step = _play(each, levels.get(each.party), Duration(at))
        scripts.setdefault(each.party, []).append(step)
    if scenario.conferences:
        end = Duration(connected + (length + late) * _SAMPLE_NS)
        rooms = [scenario.conferences[0].model_copy(update={"end": end})]
        return _with_scripts(scenario, scripts, conferences=(*rooms, *scenario.conferences[1:]))
    caller = scenario.calls[0].from_
    # Hanging up is heard as late as speech: the recording ends with the frame.
    over = length + late - path[caller]
    wait = WaitFor.model_construct(time=Duration(max(0, connected + over * _SAMPLE_NS)))
    scripts.setdefault(caller, []).extend((wait, Hangup.model_construct()))
    return _with_scripts(scenario, scripts)


def _connected(scenario: Scenario) -> int:
    """Return when all are connected, counted from dialling, in whole frames of nanoseconds."""
    if not scenario.calls:
        return 0
    call = scenario.calls[0]
    answered = int(call.dial_after) + int(call.answer.after) if call.to is not None else 0
    return answered // FRAME_NS * FRAME_NS


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
    """Return a scenario in which parties speak when they have heard the others, and what they say.

    With one party alone, the other is an app: it is waited for before each turn but the first, and
    before that too unless the party begins.
    """
    scripts: dict[str, list[Step]] = {turn.party: [] for turn in turns}
    said: list[Planned] = []
    alone = len(scripts) < 2
    for turn in turns:
        script, label = scripts[turn.party], f"turn/{turn.number}"
        if turn.number == 0 and not alone:
            script.append(Pause.model_construct(for_=_time(draws.draw("starts", talk.starts))))
        elif turn.interrupts is not None and not alone:
            script += _interrupting(draws, label)
        else:
            script.append(_waiting(nanoseconds(draws.draw(f"{label}/gap", talk.gaps))))
        for number, text in enumerate(turn.texts):
            if number:
                pause = draws.draw(f"{label}/pause/{number}", talk.pauses)
                script.append(Pause.model_construct(for_=_time(pause)))
            clip = clip_of(turn.party, text, f"{label}/text/{number}")
            kind: Kind = "turn" if turn.interrupts is None or alone else "interruption"
            each = Planned(turn.party, kind, clip, 0, clip.samples, turn.number)
            script.append(_play(each, levels.get(turn.party), None))
            said.append(each)
        if turn.aside is not None and turn.aside.party in scripts:
            said.append(_aside(draws, talk, turn, scripts[turn.aside.party], clip_of, levels))
    caller = scenario.calls[0].from_ if scenario.calls else turns[-1].party
    ends = _time(draws.draw("ends", talk.ends))
    last = turns[-1].party if turns else caller
    if last != caller and not alone:
        scripts.setdefault(caller, []).append(_waiting(int(ends)))
    else:
        scripts.setdefault(caller, []).append(Pause.model_construct(for_=ends))
    scripts[caller].append(Hangup.model_construct())
    more: dict[str, object] = {}
    if length is not None and scenario.calls:
        limit = Duration(length * _SAMPLE_NS)
        first = scenario.calls[0].model_copy(update={"time_limit": limit})
        more["calls"] = (first, *scenario.calls[1:])
    return _with_scripts(scenario, scripts, **more), said


def _waiting(gap: int) -> WaitFor:
    """Return a wait for the other to have been silent as long as a gap."""
    quiet = Duration(max(_QUIET, gap))
    return WaitFor.model_construct(quiet=quiet, timeout=_PATIENCE)


def _interrupting(draws: CallDraws, label: str) -> list[Step]:
    """Return steps that wait until the other has begun to speak, and for a while after that."""
    after = Duration(round(draws.share(f"{label}/after") * NS_PER_SECOND))
    return [
        WaitFor.model_construct(speech=True, timeout=_PATIENCE),
        Pause.model_construct(for_=after),
    ]


def _aside(
    draws: CallDraws,
    talk: ConversationSpec,
    turn: Turn,
    script: list[Step],
    clip_of: ClipOf,
    levels: Mapping[str, float],
) -> Planned:
    """Add a backchannel to a script: said some time after the other has begun to speak."""
    aside, label = turn.aside, f"turn/{turn.number}/backchannel"
    assert aside is not None
    clip = clip_of(aside.party, aside.text, f"{label}/text")
    each = Planned(aside.party, "backchannel", clip, 0, clip.samples, turn.number)
    script += _interrupting(draws, label)
    script.append(_play(each, levels.get(aside.party), None))
    draws.drawn[label] = True
    return each


def _time(value: object) -> Duration:
    return Duration(max(0, nanoseconds(value)))
