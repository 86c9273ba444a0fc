"""Many runs: in this process or several, gathered into one report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from traceback import format_exc
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.recovery import recover_recordings
from mediasim.scenario.model import Scenario
from mediasim.twilio.representations import recording_document

__all__ = ["run_all", "run_one", "write_report_json"]

SEED_NOTE: Final = (
    "Same scenario, same seed, same version: the same SIDs, events, JSON and WAV bytes."
)


def run_one(
    scenario: Scenario,
    directory: Path,
    seed: int | None,
    *,
    realtime: bool,
    shared_socket: bool = False,
    pcap: bool = False,
) -> dict[str, Any]:
    """One run and its verdicts as data; a run that breaks says so in ``error``."""
    from mediasim.scenario.checks import check
    from mediasim.scenario.result import run_report
    from mediasim.scenario.runner import RunFailed, run_scenario

    try:
        run = run_scenario(
            scenario,
            directory,
            seed=seed,
            realtime=realtime,
            shared_socket=shared_socket,
            pcap=pcap,
        )
        return run_report(run, [check(run, wanted) for wanted in scenario.expect])
    except (RunFailed, OSError) as error:
        return _broken(scenario, seed, realtime, str(error))
    except Exception as error:
        words = f"a fault of mediasim itself, {type(error).__name__}: {error}"
        return _broken(scenario, seed, realtime, words, format_exc())


def _broken(
    scenario: Scenario, seed: int | None, realtime: bool, words: str, traceback: str | None = None
) -> dict[str, Any]:
    from mediasim.scenario.result import failed_run

    used = scenario.seed if seed is None else seed
    run = failed_run(scenario, used, "real" if realtime else "virtual", words)
    return {**run, "traceback": traceback}


def run_all(
    scenarios: Sequence[Scenario],
    directory: Path,
    *,
    seed: int | None = None,
    realtime: bool = False,
    shared_socket: bool = False,
    pcap: bool = False,
    jobs: int = 1,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run all, ``jobs`` at a time, and return the report of them in the order given."""
    from mediasim import __version__

    started = time.perf_counter()
    directory.mkdir(parents=True, exist_ok=True)
    recovered = recover_recordings(MediaStore(directory), Dates(), recording_document)
    runs: list[dict[str, Any]] = []
    how = {"realtime": realtime, "shared_socket": shared_socket, "pcap": pcap}

    def done(run: dict[str, Any]) -> None:
        runs.append(run)
        if progress is not None:
            progress(run)

    if jobs == 1 or len(scenarios) == 1:
        for scenario in scenarios:
            done(run_one(scenario, directory, seed, **how))
    else:
        import multiprocessing
        from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

        # Spawned, not forked: a voice engine's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(jobs, len(scenarios)), mp_context=context) as pool:
            waiting = [
                pool.submit(run_one, scenario, directory, seed, **how) for scenario in scenarios
            ]
            for scenario, future in zip(scenarios, waiting, strict=True):
                try:
                    done(future.result())
                except BrokenProcessPool:
                    done(_broken(scenario, seed, realtime, "its process was killed"))
    warnings = [
        f"{record.sid}, left by a run that was killed, was recovered: {record.samples or 0} samples"
        for record in recovered
    ]
    warnings += list(dict.fromkeys(text for run in runs for text in run.pop("warnings", ())))
    return {
        "mediasim": __version__,
        "ok": all(run["ok"] for run in runs),
        "seed_note": SEED_NOTE,
        "warnings": warnings,
        "wall_seconds": round(time.perf_counter() - started, 3),
        "runs": runs,
    }


def write_report_json(report: dict[str, Any], directory: Path) -> Path:
    """Leave ``report.json`` in the directory."""
    path = directory / "report.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path
