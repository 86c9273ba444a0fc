"""Scripts of the parties of a planned call: what each says, and at which time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.campaign.clip import Clip
from mediasim.campaign.timing import Planned
from mediasim.documents.durations import Duration
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Hangup, Pause, Play, Step, WaitFor
from mediasim.scenario.running.compile import parties_of

__all__ = ["SAMPLE_NS", "ClipName", "planned_scenario", "play", "with_scripts"]

SAMPLE_NS: Final = NS_PER_SECOND // SAMPLE_RATE


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


def play(said: Planned, level: float | None, at: Duration | None = None) -> Play:
    """Return the step that says an utterance, no sooner than at a time of the call."""
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


def with_scripts(
    scenario: Scenario, scripts: Mapping[str, Sequence[Step]], **more: object
) -> Scenario:
    """Return a scenario whose parties have these scripts, and other parts of which are replaced."""
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
        at = connected + (each.start + late - path[each.party]) * SAMPLE_NS
        step = play(each, levels.get(each.party), Duration(at))
        scripts.setdefault(each.party, []).append(step)
    if scenario.conferences:
        end = Duration(connected + (length + late) * SAMPLE_NS)
        rooms = [scenario.conferences[0].model_copy(update={"end": end})]
        return with_scripts(scenario, scripts, conferences=(*rooms, *scenario.conferences[1:]))
    caller = scenario.calls[0].from_
    if scenario.calls[0].voicemail is not None:
        scripts[caller] = _message(said, path[caller], late, length, levels)
        return with_scripts(scenario, scripts)
    # Hanging up is heard as late as speech: the recording ends with the frame.
    over = length + late - path[caller]
    wait = WaitFor.model_construct(time=Duration(max(0, connected + over * SAMPLE_NS)))
    scripts.setdefault(caller, []).extend((wait, Hangup.model_construct()))
    return with_scripts(scenario, scripts)


def _connected(scenario: Scenario) -> int:
    """Return when all are connected, counted from dialling, in whole frames of nanoseconds."""
    if not scenario.calls:
        return 0
    call = scenario.calls[0]
    answered = int(call.dial_after) + int(call.answer.after) if call.to is not None else 0
    return answered // FRAME_NS * FRAME_NS


def _message(
    said: Sequence[Planned], path: int, late: int, length: int, levels: Mapping[str, float]
) -> list[Step]:
    """Return the script of who leaves a message: it begins when the recording does."""
    script: list[Step] = []
    cursor = 0
    for each in said:
        start = each.start + late - path
        script.append(Pause.model_construct(for_=Duration((start - cursor) * SAMPLE_NS)))
        script.append(play(each, levels.get(each.party)))
        cursor = start + each.samples
    rest = max(0, length + late - path - cursor)
    script.append(Pause.model_construct(for_=Duration(rest * SAMPLE_NS)))
    return [*script, Hangup.model_construct()]
