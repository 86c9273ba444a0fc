"""Runs: the same again, in words when they break, many at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mediasim
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.report.model import BrokenRun
from mediasim.scenario.running import runner
from mediasim.scenario.running.runner import RunFailed, run_scenario
from mediasim.scenario.running.runs import run_all, run_one

NOISE = {"noise": {"kind": "white", "for": "1s", "level": -20}}


def scenario(ann: Any = (NOISE,), bob: Any = (), **more: Any) -> Scenario:
    return parse_scenario(
        {
            "parties": {"ann": {"script": list(ann)}, "bob": {"script": list(bob)}},
            "call": {"from": "ann", "to": "bob", "recording": "dual"},
            **more,
        }
    )


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "report.json"
    }


# -- determinism ----------------------------------------------------------------------------


def test_the_same_seed_leaves_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        run_scenario(scenario(), tmp_path / name, seed=seed)
    one, same, other = (files(tmp_path / name) for name in ("one", "same", "other"))
    assert len(one) == 4  # the media, its document, its truth and its reference audio
    assert one == same
    assert not set(one) & set(other)


# -- runs that break ------------------------------------------------------------------------


def test_who_waits_for_ever_is_named_with_what_for_and_since_when(tmp_path: Path) -> None:
    stuck = scenario(
        [{"wait_for": {"speech": True}}], [{"pause": "2s"}, {"wait_for": {"digit": "1"}}]
    )
    with pytest.raises(RunFailed) as failed:
        run_scenario(stuck, tmp_path)
    words = str(failed.value)
    assert "ann has waited for speech True since 0.0s" in words
    assert "bob has waited for digit 1 since 3.0s" in words
    assert "give the wait_for a timeout, or let a party hang up" in words


def test_long_patience_is_no_deadlock(tmp_path: Path) -> None:
    quiet = [{"wait_for": {"quiet": "62s"}}, NOISE]
    run = run_scenario(scenario(quiet, [NOISE, {"wait_for": {"speech": True}}]), tmp_path)
    assert run.end_ns > 64 * 10**9


def broken(scenario: Scenario, folder: Path, seed: int | None = None) -> BrokenRun:
    run = run_one(scenario, folder, seed, realtime=False)
    assert isinstance(run, BrokenRun)
    return run


def test_a_run_that_breaks_is_a_report_with_the_reason(tmp_path: Path) -> None:
    stuck = scenario([{"wait_for": {"event": "call.busy"}}])
    report = broken(stuck, tmp_path, 7)
    assert not report.ok
    assert "ann has waited for event call.busy" in str(report.error)
    assert report.traceback is None
    assert report.seed == 7
    assert "--seed 7" in report.repeat


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    report = broken(scenario(), tmp_path / "taken")
    assert "taken" in str(report.error)
    assert report.traceback is None


def test_a_fault_of_our_own_is_called_that_and_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any) -> Any:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(runner, "Actor", fails)
    report = broken(scenario(), tmp_path)
    assert report.error == "a fault of mediasim itself, ZeroDivisionError: oops"
    assert "Traceback" in str(report.traceback)


# -- simulate -------------------------------------------------------------------------------


def test_a_result_has_what_it_is_asked_for() -> None:
    result = mediasim.simulate(scenario(expect=[{"channels": 2}, {"channels": 1}]), seed=3)
    assert [verdict.ok for verdict in result.verdicts] == [True, False]
    assert not result.ok
    assert result.recording().pcm.shape[0] == 2
    assert [call.status for call in result.calls] == ["completed", "completed"]
    with pytest.raises(LookupError, match="there is no recording nope; there are: "):
        result.recording("nope")
    assert result.directory.is_dir()
    shutil.rmtree(result.directory)


async def test_from_a_coroutine_it_runs_in_a_thread_of_its_own(tmp_path: Path) -> None:
    result = await mediasim.simulate_async(scenario(), directory=tmp_path)
    assert result.recording().pcm.any()


# -- many -----------------------------------------------------------------------------------


def test_two_processes_do_what_one_does_in_the_order_given(tmp_path: Path) -> None:
    several = [scenario(name="long", ann=[{"pause": "40s"}, NOISE]), scenario(name="short")]
    several.append(scenario([{"wait_for": {"speech": True}}], name="stuck"))
    order: list[str] = []
    one = run_all(several, tmp_path / "one", jobs=1)
    two = run_all(
        several, tmp_path / "two", jobs=2, progress=lambda run: order.append(run.scenario)
    )
    assert order == ["long", "short", "stuck"]
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert [run.ok for run in two.runs] == [True, True, False]
    assert not two.ok
    assert one.runs[2].error == two.runs[2].error
    assert two.write(tmp_path).read_text().startswith("{")


def test_what_a_killed_run_left_is_published_and_told(tmp_path: Path) -> None:
    first = run_scenario(scenario(), tmp_path / "whole")
    recording = first.exchange.recordings[0]
    spool = tmp_path / "again" / "spool"
    spool.mkdir(parents=True)
    wav = first.exchange.store.wav_path(recording.sid).read_bytes()
    (spool / f"{recording.sid}.part").write_bytes(wav[:1044])
    layout = recording.record.layout.request()
    journal = {
        "channels": 2,
        "sid": recording.sid,
        "account_sid": recording.record.account_sid,
        "call_sid": recording.record.call_sid,
        "conference_sid": None,
        "source": "DialVerb",
        "start_ns": 0,
        "created_ns": 0,
        "layout": layout,
    }
    (spool / f"{recording.sid}.journal").write_text(json.dumps(journal))
    report = run_all([], tmp_path / "again")
    assert report.ok
    (warning,) = report.warnings
    assert recording.sid in warning
    assert "was recovered: 250 samples" in warning
