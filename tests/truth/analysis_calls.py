"""Calls for the tests of the analysis: really simulated, with seeded babble for voices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mediasim
from mediasim.truth.analysis.analysis import Analysis, analyse
from mediasim.truth.analysis.recording import find_recording, read_recording

Plan = Sequence[tuple[float, float, int]]
"""(second, how long, who) of all that is said."""

TAKING_TURNS: Plan = [(1, 3, 0), (4.5, 2, 1), (7.2, 4, 0), (12, 3, 1)]
TALKING_OVER: Plan = [(1, 4, 0), (3, 4, 1), (8, 5, 0), (9.5, 0.6, 1), (15, 4, 1), (16, 1.5, 0)]
"""Successfully cut in, a backchannel, unsuccessfully cut in."""


def scenario(plan: Plan, call: dict[str, Any], noise: float | None = None) -> dict[str, Any]:
    """Ana calls bo; at these seconds of the call they babble."""
    parties: dict[str, Any] = {}
    for number, name in enumerate(("ana", "bo")):
        steps: list[Any] = [
            {"noise": {"kind": "babble", "for": f"{length}s", "at": f"{at}s", "level": -22}}
            for at, length, who in plan
            if who == number
        ]
        parties[name] = {"script": [*steps, {"pause": "1s"}]}
        if noise is not None:
            parties[name]["noise"] = noise
    return {"parties": parties, "call": {"from": "ana", "to": "bo", **call}}


def recorded(folder: Path, plan: Plan, seed: int = 1, **call: Any) -> Path:
    """The WAV of such a call."""
    noise = call.pop("noise", None)
    given = scenario(plan, {"recording": "dual", **call}, noise)
    return mediasim.simulate(given, seed=seed, directory=folder).recording().path


def analysed(folder: Path, plan: Plan, seed: int = 1, **call: Any) -> Analysis:
    """Such a call, analysed."""
    return analyse(read_recording(find_recording(recorded(folder, plan, seed, **call))))
