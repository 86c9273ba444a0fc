"""Invariants that take a second run: of the same scenario, or of one whose differences must not
matter."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from mediasim.scenario.fuzz.judge_audio import ChannelParties
from mediasim.scenario.fuzz.play import Played, play
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import STEPS, listens

__all__ = ["FAST", "SLOW", "Beside", "Blocks", "Hushed", "SecondRunInvariant"]

Document = Mapping[str, Any]


class SecondRunInvariant(Protocol):
    """An invariant judged by a second run."""

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> str:
        """The invariant in words."""

    def problems(self, document: Document, played: Played, base: Path | None) -> Iterator[str]:
        """Yield where the second run of a document differs from the one that was played."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Invariants 5 and 8: a second run is the same to the byte, in blocks of other lengths too."""

    frames: int | None
    """Frames of a block; None for the usual number."""

    @property
    def name(self) -> str:
        return "same-seed" if self.frames is None else f"blocks-of-{self.frames}"

    @property
    def words(self) -> str:
        how = "again" if self.frames is None else f"in blocks of {self.frames} frames"
        return f"played {how}, everything is the same, to the byte"

    def problems(self, document: Document, played: Played, base: Path | None) -> Iterator[str]:
        other = play(document, block=self.frames, base=base)
        for one, two in zip(_events(played), _events(other), strict=False):
            if one != two:
                yield f"{one[1]} at {one[0] / 1e9}s became {two[1]} at {two[0] / 1e9}s"
        if len(played.events) != len(other.events):
            yield f"{len(played.events)} events became {len(other.events)}"
        for path in sorted(played.files.keys() | other.files.keys()):
            if played.files.get(path) != other.files.get(path):
                yield f"{path} is another one"


@dataclass(frozen=True, slots=True)
class Beside:
    """Invariant 8: draws under other labels change nothing."""

    name: str = "other-labels"
    words: str = "another call beside it changes nothing"

    def problems(self, document: Document, played: Played, base: Path | None) -> Iterator[str]:
        changed = _copy(document)
        changed["parties"] |= {"by-one": {**_BYSTANDER}, "by-two": {**_BYSTANDER}}
        if "call" in changed:
            calls = changed.pop("call")
            changed["calls"] = calls if isinstance(calls, list) else [calls]
        changed.setdefault("calls", []).append(_BYSTANDERS_CALL)
        other = {it.name: pcm for it, pcm, _ in play(changed, base=base).with_media()}
        for recording, pcm, _ in played.with_media():
            # One that the file does not name may be called otherwise now.
            if recording.name in other and not np.array_equal(pcm, other[recording.name]):
                yield f"recording {recording.name} is another one"


_BYSTANDER: Final = {
    "voice": "babble",
    "network": {"delay": "33ms", "jitter": "30ms", "loss": 0.1},
    "script": [{"noise": {"kind": "pink", "for": "700ms", "level": -20}}, {"dtmf": "7"}],
}
"""A party of a call that has nothing to do with the scenario."""
_BYSTANDERS_CALL: Final = {
    "name": "beside",
    "from": "by-one",
    "to": "by-two",
    "at": "130ms",
    "time_limit": "3s",
    "recordings": [{"name": "beside", "channels": "dual"}],
}


@dataclass(frozen=True, slots=True)
class Hushed:
    """Invariant 4: what a party says is in no channel but its own, and in mixes.

    Everything that the party says is made so quiet that nothing is left of it. Where no script
    listens, everything else is the same as before.
    """

    number: int
    """Number of the party in the order of the file, counted from 1."""

    @property
    def name(self) -> str:
        return f"no-crosstalk-{self.number}"

    @property
    def words(self) -> str:
        return f"where party {self.number} is not heard, nothing depends on what it says"

    def problems(self, document: Document, played: Played, base: Path | None) -> Iterator[str]:
        if self.number > len(document["parties"]) or _listens(played.scenario):
            return
        name = list(document["parties"])[self.number - 1]
        changed = _copy(document)
        if not _turn_down(changed["parties"][name].get("script") or []):
            return
        other = {it.name: pcm for it, pcm, _ in play(changed, base=base).with_media()}
        for recording, pcm, truth in played.with_media():
            # Silence at the ends is cut off by what is heard in any channel.
            if recording.trim != "do-not-trim" or recording.name not in other:
                continue
            quiet = other[recording.name]
            if quiet.shape != pcm.shape:
                yield f"recording {recording.name}: {pcm.shape} samples became {quiet.shape}"
                continue
            for channel in truth.channels:
                number = channel.channel - 1
                if name not in ChannelParties(recording, number).parties and not np.array_equal(
                    pcm[number], quiet[number]
                ):
                    yield f"{recording.name}, channel {channel.channel} depends on {name}"


def _turn_down(value: Any) -> bool:
    """Turn down all that a script says; return whether there was anything."""
    found = False
    if isinstance(value, dict):
        for kind, sound in value.items():
            model = STEPS.get(kind)
            if model is not None and "level" in model.model_fields:
                written = sound if isinstance(sound, dict) else {model.stands_for: sound}
                value[kind] = {**written, "level": -100}
                found = True
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            found = _turn_down(each) or found
    return found


def _listens(scenario: Scenario) -> bool:
    """Return whether what is heard may change what happens."""
    return any(listens(party.script) for party in scenario.parties.values()) or any(
        call.voicemail is not None for call in scenario.calls
    )


def _copy(document: Document) -> dict[str, Any]:
    return copy.deepcopy(dict(document))


def _events(played: Played) -> list[tuple[int, str, str]]:
    return [(event.at_ns, event.kind, event.subject) for event in played.events]


FAST: Final[tuple[SecondRunInvariant, ...]] = (
    Blocks(None),
    *(Blocks(frames) for frames in (7, 50)),
    Beside(),
    *(Hushed(number) for number in (1, 2, 3)),
)
"""The second runs that take as long as the first."""
SLOW: Final[tuple[SecondRunInvariant, ...]] = (Blocks(1),)
"""The second runs that take longer: a frame at a time, as in real time."""
