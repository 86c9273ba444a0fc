"""One scenario judged by all that there is, or by what a run of the fuzzer picks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.fuzz.again import AGAIN, SINGLE, Again
from mediasim.scenario.fuzz.draws import Draws
from mediasim.scenario.fuzz.judge import GOES_THROUGH, Broken, broken_by
from mediasim.scenario.fuzz.killed import KILLED
from mediasim.scenario.fuzz.play import Played, play
from mediasim.seeds import Seeds

__all__ = ["SECOND_RUNS", "Trial", "second_run_of", "trial", "try_out"]

SECOND_RUNS: Final[tuple[Again, ...]] = (*AGAIN, *SINGLE, *KILLED)
_SLOW_SHARE: Final = 0.05
"""Runs played a second time in a way that takes long: in a process of its own, frame by frame."""

Trial = Callable[[Mapping[str, Any]], Broken | None]
"""Says how a scenario's document breaks one invariant; None where it does not."""


def second_run_of(seed: int, number: int) -> Again:
    """What a run is played a second time for: one thing, for it takes as long as the first."""
    draws = Draws(Seeds(seed).fork("fuzz"), f"second/{number}")
    if draws.chance(_SLOW_SHARE):
        return draws.pick((*KILLED, *SINGLE))
    return draws.pick(AGAIN)


def try_out(
    document: Mapping[str, Any], again: Sequence[Again], base: Path | None = None
) -> Iterator[Broken]:
    """Play a scenario, and again for each of ``again``; what it breaks, as it is found.

    Raises ScenarioError for a document that is wrong.
    """
    played = _play(document, base)
    if isinstance(played, Broken):
        yield played
        return
    yield from broken_by(played)
    for each in again:
        broken = _judged_again(each, document, played, base)
        if broken is not None:
            yield broken


def _play(document: Mapping[str, Any], base: Path | None) -> Played | Broken:
    try:
        return play(document, base=base)
    except ScenarioError:
        raise
    except Exception as error:
        return _fell(error)


def _judged_again(
    each: Again, document: Mapping[str, Any], played: Played, base: Path | None
) -> Broken | None:
    try:
        where = next(each.problems(document, played, base), None)
    except Exception as error:
        where = _words(error)
    return None if where is None else Broken(each.name, each.words, where)


def _fell(error: Exception) -> Broken:
    return Broken(*GOES_THROUGH, _words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def trial(name: str, base: Path | None = None) -> Trial:
    """Whether a document breaks the invariant of that name; for it alone it is played."""
    again = [each for each in SECOND_RUNS if each.name == name]

    def broken(document: Mapping[str, Any]) -> Broken | None:
        return next((it for it in try_out(document, again, base) if it.name == name), None)

    return broken
