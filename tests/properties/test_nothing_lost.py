"""Invariant 11: a recording under way when the process is killed is there on the next start.

The process is a real one, and really killed: it has no chance to close anything.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from playing import Played, Samples, play, show

from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.model import Report
from mediasim.scenario.running.runs import run_all

STARTED: list[subprocess.Popen[bytes]] = []
NOISE = {"noise": {"kind": "white", "for": "900ms", "level": -15}}
LONG: dict[str, Any] = {
    "name": "drawn",
    "parties": {
        # A deep buffer: however busy the machine, every packet is there in time.
        "ann": {"network": {"jitter_buffer": "300ms"}, "script": [NOISE]},
        "bob": {"codec": "PCMA", "network": {"jitter_buffer": "300ms"}, "script": [NOISE]},
    },
    "call": {
        "from": "ann",
        "to": "bob",
        "answer": "0s",
        "recordings": [{"name": "both", "channels": "dual"}, {"name": "ann", "track": "inbound"}],
    },
}
ENDLESS = 600  # rounds: nine minutes and more of call
SHORT = {
    "name": "another",
    "parties": {"cleo": {}, "dan": {"script": [{"tone": {"hz": 440, "for": "100ms"}}]}},
    "call": {"from": "cleo", "to": "dan", "recording": "dual"},
}


def talk_for(rounds: int) -> dict[str, Any]:
    steps = [{"repeat": {"times": rounds, "steps": [NOISE, {"pause": "70ms"}]}}]
    parties = {name: {**party, "script": steps} for name, party in LONG["parties"].items()}
    return {**LONG, "parties": parties}


def start(scenario: dict[str, Any], folder: Path, *options: str) -> subprocess.Popen[bytes]:
    file = folder / "drawn.yaml"
    file.write_text(yaml.safe_dump(scenario), "utf-8")
    command = [sys.executable, "-m", "mediasim", "run", str(file), "--out", str(folder / "out")]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def nobody_survives() -> Iterator[None]:
    """Whatever a test that fails has started ends with it."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()


def kill_when(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Kill the process at a moment it does not choose."""
    deadline = time.monotonic() + 30
    while not ready():
        assert process.poll() is None, process.communicate()[0].decode()
        assert time.monotonic() < deadline, "it never came to record that much"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def spooled(folder: Path) -> list[int]:
    """Bytes of each recording under way."""
    return [path.stat().st_size for path in (folder / "out" / "spool").glob("*.part")]


def next_start(folder: Path) -> Report:
    """The report of a run of another scenario into the same folder."""
    return run_all([parse_scenario(SHORT)], folder / "out")


def recovered(folder: Path) -> dict[str, Samples]:
    """The recordings by SID, after the next start in the folder."""
    left = {path.stem for path in (folder / "out" / "spool").glob("*.journal")}
    assert left
    warnings = " ".join(next_start(folder).warnings)
    assert all(f"{sid}, left by a run that was killed, was recovered" in warnings for sid in left)
    assert not list((folder / "out" / "spool").iterdir())
    found = {}
    for sid in sorted(left):
        path = folder / "out" / "recordings" / f"{sid}.wav"
        with wave.open(str(path)) as wav:
            data = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
            found[sid] = data.reshape(-1, wav.getnchannels()).T
            assert path.stat().st_size == 44 + 2 * found[sid].size
        document = json.loads((path.with_suffix(".json")).read_text("utf-8"))
        assert (document["status"], document["sid"]) == ("completed", sid)
        assert int(document["duration"]) == (2 * found[sid].shape[1] + 8000) // 16000
    return found


def is_the_beginning_of(found: dict[str, Samples], undisturbed: Played) -> None:
    """Every channel to the sample, under the SID that the recording had."""
    assert found.keys() == {recording.sid for recording in undisturbed.result.recordings}
    for recording in undisturbed.result.recordings:
        whole, part = undisturbed.pcm(recording.name), found[recording.sid]
        assert len(part) == len(whole)
        assert np.array_equal(part, whole[:, : part.shape[1]])
        assert part.any()


@pytest.mark.realtime
def test_killed_in_real_time_it_is_recovered_to_its_last_second(tmp_path: Path) -> None:
    scenario = talk_for(30)
    show(scenario, seed=None, realtime=True)
    process = start(scenario, tmp_path, "--realtime")
    kill_when(process, lambda: any(size > 44 + 2 * 2 * 12000 for size in spooled(tmp_path)))
    killed = time.time()
    journals = (tmp_path / "out" / "spool").glob("*.journal")
    begun = {path.stem: path.stat().st_mtime for path in journals}
    found = recovered(tmp_path)
    is_the_beginning_of(found, play(talk_for(5)))
    for sid, pcm in found.items():
        # A frame clock that the machine held up is behind the wall clock: half a second for that.
        assert killed - begun[sid] - pcm.shape[1] / 8000 < 1.5


def test_killed_in_virtual_time_what_was_written_is_recovered_once(tmp_path: Path) -> None:
    process = start(talk_for(ENDLESS), tmp_path)
    kill_when(process, lambda: any(size > 44 + 4 * 8000 * 5 for size in spooled(tmp_path)))
    found = recovered(tmp_path)
    longest = max(pcm.shape[1] for pcm in found.values())
    is_the_beginning_of(found, play(talk_for(longest // 7760 + 1)))

    assert not next_start(tmp_path).warnings
