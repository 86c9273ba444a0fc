"""The invariants that one run is judged by, each with a name and words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mediasim.scenario.fuzz.judge_audio import (
    channels_are_equal,
    clips_in_place,
    nothing_invented,
    said_or_missing,
)
from mediasim.scenario.fuzz.judge_map import map_leads_both_ways, recordings_agree
from mediasim.scenario.fuzz.judge_states import (
    conferences_empty,
    lives_are_legal,
    media_as_the_status_says,
)
from mediasim.scenario.fuzz.play import Played
from mediasim.scenario.report.build import run_report
from mediasim.scenario.report.model import report_json

__all__ = ["GOES_THROUGH", "INVARIANTS", "Broken", "Invariant", "broken_by"]


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that holds for every run."""

    name: str
    words: str
    """What it says."""
    problems: Callable[[Played], Iterator[str]]
    """Where a run breaks it, in words; nothing where it does not."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that a run broke."""

    name: str
    words: str
    where: str
    """The first place, in words."""


def _report_is_made(played: Played) -> Iterator[str]:
    try:
        json.dumps(report_json(run_report(played.run, [])), allow_nan=False)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield f"{type(error).__name__}: {error}"


GOES_THROUGH: Final = ("goes-through", "every scenario goes through to its end")

INVARIANTS: Final = (
    Invariant(
        "equal-channels",
        "all channels of a recording have the same length, to the sample",
        channels_are_equal,
    ),
    Invariant(
        "said-or-missing",
        "each sample is what was said at that moment, or is listed as missing",
        said_or_missing,
    ),
    Invariant(
        "nothing-invented",
        "where nobody is heard there is silence: no crosstalk, nothing made up",
        nothing_invented,
    ),
    Invariant(
        "in-place",
        "a clip stands where it was said; with a clock that is off, within the stated bound",
        clips_in_place,
    ),
    Invariant(
        "legal-states",
        "calls, recordings and conferences move as Twilio documents, and each start has one end",
        lives_are_legal,
    ),
    Invariant(
        "media",
        "a completed recording has media, an absent one none and a reason; nothing is left over",
        media_as_the_status_says,
    ),
    Invariant(
        "everybody-leaves",
        "who joins a conference leaves it once",
        conferences_empty,
    ),
    Invariant(
        "pause-map",
        "file time and call time convert both ways for any pauses, skips and trims",
        map_leads_both_ways,
    ),
    Invariant(
        "recordings-agree",
        "recordings of the same thing hold the same wherever both record",
        recordings_agree,
    ),
    Invariant("report", "every run can be reported", _report_is_made),
)


def broken_by(played: Played) -> Iterator[Broken]:
    """Every invariant that a run breaks, with its first place."""
    for invariant in INVARIANTS:
        where = next(invariant.problems(played), None)
        if where is not None:
            yield Broken(invariant.name, invariant.words, where)
