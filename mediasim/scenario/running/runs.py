"""Many runs, in this process or several, gathered into one report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from traceback import format_exc
from typing import TYPE_CHECKING, Any, Final

from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.processes import WorkerDied, in_lanes
from mediasim.scenario.running.run_folders import recover_in

if TYPE_CHECKING:
    from mediasim.scenario.report.model import Report, RunReport

__all__ = ["run_all", "run_one"]

SEED_NOTE: Final = (
    "Same scenario, same seed, same version: the same SIDs, events, JSON and WAV bytes."
)


def run_one(
    scenario: Scenario, directory: Path, seed: int | None, *, realtime: bool, **how: Any
) -> RunReport:
    """Carry out one scenario and return its report; that of a run that breaks has an ``error``.

    ``how`` are more arguments of :func:`mediasim.scenario.running.runner.run_scenario`.
    """
    from mediasim.scenario.expectations.checks import check
    from mediasim.scenario.report.build import run_report
    from mediasim.scenario.running.runner import RunFailed, run_scenario

    try:
        run = run_scenario(scenario, directory, seed=seed, realtime=realtime, **how)
        # Of a call that was cut nothing of what was expected can be said.
        expected = scenario.expect if run.cut_ns is None else ()
        return run_report(run, [check(run, wanted) for wanted in expected])
    except KeyboardInterrupt:
        words = "was interrupted before there was anything to show"
        return _broken(scenario, seed, realtime, words, cut=True)
    except (RunFailed, OSError) as error:
        return _broken(scenario, seed, realtime, str(error))
    except Exception as error:
        words = f"a fault of mediasim itself, {type(error).__name__}: {error}"
        return _broken(scenario, seed, realtime, words, traceback=format_exc())


def _broken(
    scenario: Scenario, seed: int | None, realtime: bool, words: str, **more: Any
) -> RunReport:
    """Return the report of a run that broke before it had any results."""
    from mediasim.scenario.report.build import broken_run

    used = scenario.seed if seed is None else seed
    return broken_run(scenario, used, "real" if realtime else "virtual", words, **more)


def run_all(
    scenarios: Sequence[Scenario],
    directory: Path,
    *,
    seed: int | None = None,
    realtime: bool = False,
    jobs: int = 1,
    progress: Callable[[RunReport], None] | None = None,
    warnings: Sequence[str] = (),
    **how: Any,
) -> Report:
    """Run all scenarios, ``jobs`` at a time, and return the report of them in the order given.

    After Ctrl-C the report is of the scenarios that have run, the last of them cut, and its
    ``interrupted`` is true. ``warnings`` come before those of the runs.
    """
    from mediasim import __version__
    from mediasim.scenario.report.model import Report

    started = time.perf_counter()
    directory.mkdir(parents=True, exist_ok=True)
    all_warnings = [*warnings, *recover_in(directory)]
    work = partial(run_one, directory=directory, seed=seed, realtime=realtime, **how)
    runs: list[RunReport] = []
    interrupted = False
    try:
        for scenario, run in _each(work, scenarios, jobs):
            if isinstance(run, WorkerDied):
                run = _broken(scenario, seed, realtime, str(run))
            runs.append(run)
            if progress is not None:
                progress(run)
    except KeyboardInterrupt:
        interrupted = True
    cut = sum(run.cut for run in runs)
    if interrupted or cut:
        wanted, ran = len(scenarios), len(runs)
        all_warnings.append(
            f"interrupted: {ran - cut} of {wanted} runs are done, {cut} cut, "
            f"{wanted - ran} not begun"
        )
    all_warnings += list(dict.fromkeys(text for run in runs for text in run.warnings or ()))
    return Report(
        mediasim=__version__,
        ok=not interrupted and all(run.ok for run in runs),
        interrupted=interrupted or cut > 0,
        seed_note=SEED_NOTE,
        warnings=all_warnings,
        wall_seconds=round(time.perf_counter() - started, 3),
        runs=[replace(run, warnings=None) for run in runs],
    )


def _each(
    work: Callable[[Scenario], RunReport], scenarios: Sequence[Scenario], jobs: int
) -> Iterator[tuple[Scenario, RunReport | WorkerDied]]:
    """Yield the runs in order, until one is cut."""
    if jobs > 1 and len(scenarios) > 1:
        yield from in_lanes(work, scenarios, min(jobs, len(scenarios)))
        return
    for scenario in scenarios:
        run = work(scenario)
        yield scenario, run
        if run.cut:
            return
