"""Ctrl-C and killed processes: what had run is reported, what was cut is called cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import mediasim
from mediasim.audio.wav import read_wav
from mediasim.scenario.running.processes import WorkerDied, in_lanes
from mediasim.truth.verify.verify import verify

LONG = """\
matrix: {parties.ann.noise: [-60, -61, -62, -63]}
parties:
  ann:
    script:
      - repeat:
          times: TIMES
          steps: [{noise: {kind: white, for: 2s, level: -30}}, {wait_for: {time: 1s}}]
  bob: {script: [{pause: PAUSE}]}
call: {from: ann, to: bob, recording: dual}
expect: [{channels: 2}]
"""
SHORT = {
    "parties": {"ann": {"script": [{"tone": {"hz": 440, "for": "1s"}}]}, "bob": {}},
    "call": {"from": "ann", "to": "bob", "recording": "dual"},
}


def started(folder: Path, *options: str, times: int = 2000) -> subprocess.Popen[str]:
    text = LONG.replace("TIMES", str(times)).replace("PAUSE", f"{3 * times}s")
    (folder / "long.yaml").write_text(text, "utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "mediasim", "run", "long.yaml", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background has what it starts ignore the signal.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def until_something_is_recorded(folder: Path, count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while sum(size > 1 << 16 for size in _sizes(folder)) < count:
        assert time.monotonic() < deadline, "nothing is recorded"
        time.sleep(0.01)


def _sizes(folder: Path) -> list[int]:
    found = []
    for path in folder.glob("mediasim-out/*/spool/*"):
        with contextlib.suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


def report_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "mediasim-out/latest/report.json").read_text())
    return found


@pytest.fixture
def running(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    process = started(tmp_path, *request.param)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("running", "at_once"), [((), 1), (("--jobs", "2"), 2)], indirect=["running"]
)
def test_ctrl_c_finishes_the_report_of_what_has_run(
    running: subprocess.Popen[str], tmp_path: Path, at_once: int
) -> None:
    until_something_is_recorded(tmp_path, at_once)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    report = report_of(tmp_path)
    assert report["interrupted"]
    assert not report["ok"]
    cut = [run for run in report["runs"] if run["cut"]]
    assert 1 <= len(cut) <= at_once
    assert f"{len(cut)} cut" in said
    for run in cut:
        assert "was interrupted" in run["error"]
        for recording in run["recordings"]:
            wav = tmp_path / "mediasim-out/latest" / recording["file"]
            samples = read_wav(wav).pcm.shape[1]
            assert recording["cut"]
            assert recording["duration"] == pytest.approx(samples / 8000, abs=0.001)
            assert json.loads(wav.with_suffix(".json").read_text())["cut"] is True
            assert verify(wav).ok


def test_a_killed_worker_takes_its_own_run_alone(tmp_path: Path) -> None:
    running = started(tmp_path, "--jobs", "2", times=40)
    until_something_is_recorded(tmp_path, 2)
    os.kill(_children(running.pid)[-1], signal.SIGKILL)
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 3, said
    errors = [run["error"] for run in report_of(tmp_path)["runs"]]
    assert sorted(errors, key=str) == [None, None, None, "its process was killed"]


def _children(pid: int) -> list[int]:
    """The worker processes of a run: those of its children that have spawned to work."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for task in tasks for child in task.read_text().split()]
    return [
        child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _halved(number: int) -> float:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number / 2


def test_lanes_give_results_in_order_and_go_on_after_a_death() -> None:
    results = list(in_lanes(_halved, [4, -1, 6, -1, 8], 2))
    assert [item for item, _ in results] == [4, -1, 6, -1, 8]
    assert [result for _, result in results if not isinstance(result, WorkerDied)] == [2, 3, 4]


def _interrupting(step: Path) -> str:
    """The second piece of work begins, the first has its parent interrupted."""
    if step.name == "second":
        try:
            step.touch()
            time.sleep(60)
        except KeyboardInterrupt:
            return "cut"
    while not step.with_name("second").exists():
        time.sleep(0.01)
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
    return "done"


def test_what_is_interrupted_before_it_shows_anything_hides_no_other_work(tmp_path: Path) -> None:
    steps = [tmp_path / name for name in ("first", "second", "third")]
    found: list[tuple[str, Any]] = []

    def carry_out() -> None:
        found.extend((step.name, result) for step, result in in_lanes(_interrupting, steps, 2))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            carry_out()
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == [("second", "cut")]


def test_inside_a_running_loop_it_says_what_to_write(recwarn: pytest.WarningsRecorder) -> None:
    async def call() -> None:
        mediasim.simulate(SHORT)

    with pytest.raises(RuntimeError, match=r"inside asyncio's: write 'await mediasim\.simulate_as"):
        asyncio.run(call())
    with pytest.raises(RuntimeError, match=r"inside trio's: write 'await mediasim\.simulate_async"):
        trio.run(call)
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


@pytest.mark.parametrize("run", [asyncio.run, lambda main: trio.run(lambda: main)])
def test_coroutines_of_either_library_may_await_a_simulation(run: Any) -> None:
    result = run(mediasim.simulate_async(SHORT))
    assert result.ok
    assert len(result.recordings) == 1
