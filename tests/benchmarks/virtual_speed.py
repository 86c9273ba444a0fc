"""Recorded two-party call-seconds per CPU-second in virtual time, beside the floor.

Scenarios are run by ``mediasim.simulate``, from the script to WAV, truth and report: calls whose
parties say and play what is written down, with seeded loss and jitter on both legs, and
conversations in which each waits for the other. The floor is what the samples alone cost: mu-law
tables, interleaving and the same writes, with no packets, network, exchange or truth. Commands, and
tests with the fixtures, are whole processes: their CPU time, children included, as a reader's shell
would show it. Figures are medians; the ratios are what to compare, for machines differ and are
shared.

    python tests/benchmarks/virtual_speed.py [--short]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mediasim
from mediasim.audio.g711 import ULAW_DECODE
from mediasim.audio.wav import write_wav

NETWORK = {"up": {"delay": "20ms", "jitter": "30ms", "loss": "1%"}}
TURN = 4
"""Seconds from one party's turn to its next."""


def scripted(calls: int, seconds: int, word: Path) -> dict[str, Any]:
    """Calls side by side whose parties take turns by the clock."""
    plays: Any = {"play": str(word)}
    turns = {"times": seconds // TURN, "steps": [plays, {"pause": "2500ms"}]}
    first: list[Any] = [{"repeat": turns}]
    second: list[Any] = [{"pause": "2s"}, {"repeat": turns}]
    parties, placed = {}, []
    for call in range(calls):
        parties[f"a{call}"] = {"network": NETWORK, "script": first}
        parties[f"b{call}"] = {"network": NETWORK, "script": second}
        ends = {"from": f"a{call}", "to": f"b{call}", "answer": "0s"}
        placed.append({**ends, "recordings": [{"name": f"call{call}", "channels": "dual"}]})
    return {"name": "scripted", "parties": parties, "calls": placed}


def conversation(seconds: int, word: Path, codec: str = "PCMU") -> dict[str, Any]:
    """One call whose parties wait for each other."""
    line: dict[str, Any] = {"codec": codec, "network": NETWORK}
    plays: Any = {"play": str(word)}
    waits: Any = {"wait_for": "other-stops"}
    turns = seconds // TURN
    return {
        "name": "conversation",
        "parties": {
            "a": {**line, "script": [{"repeat": {"times": turns, "steps": [plays, waits]}}]},
            "b": {
                **line,
                "script": [{"repeat": {"times": turns, "steps": [waits, plays]}}, "hangup"],
            },
        },
        "call": {"from": "a", "to": "b", "answer": "0s", "recording": "dual"},
    }


def product_speed(scenario: dict[str, Any], directory: Path) -> float:
    """Call-seconds per CPU-second of a whole run, its recordings published with their truth."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        started = time.process_time()
        result = mediasim.simulate(scenario, directory=folder)
        spent = time.process_time() - started
        samples: int = sum(recording.pcm.shape[1] for recording in result.recordings)
    return samples / 8000 / spent


def floor_speed(calls: int, seconds: int, directory: Path) -> float:
    """The same samples: tables, interleaving, writes."""
    block = 5 * 8000
    codes = np.random.default_rng(1).integers(0, 256, (2, block)).astype(np.uint8)
    files = [open(directory / f"floor{call}", "wb", buffering=0) for call in range(calls)]  # noqa: SIM115
    blocks = seconds * 8000 // block
    started = time.process_time()
    for _ in range(blocks):
        for file in files:
            pcm = np.empty((block, 2), np.int16)
            for channel in range(2):
                pcm[:, channel] = ULAW_DECODE.take(codes[channel])
            file.write(pcm.data)
    spent = time.process_time() - started
    for call, file in enumerate(files):
        file.close()
        (directory / f"floor{call}").unlink()
    return calls * blocks * block / 8000 / spent


def median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def command_seconds(runs: int, *words: str) -> float:
    """CPU seconds of a whole command, ``mediasim`` or another module."""

    def once() -> float:
        started = os.times()
        command = [sys.executable, "-m", *words]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
        ended = os.times()
        spent = ended.children_user + ended.children_system
        return spent - started.children_user - started.children_system

    once()  # bytecode and clips are cached from here on
    return median(once, runs)


def test_milliseconds(directory: Path, body: str) -> float:
    """CPU milliseconds of a test: of 40 of them, less those of one alone; the median of three."""
    spent = []
    for tests in (1, 40):
        file = directory / f"test_{tests}.py"
        file.write_text(TESTS.format(tests=tests) + body, "utf-8")
        spent.append(command_seconds(3, "pytest", "-q", "-p", "no:cacheprovider", str(file)))
    return (spent[1] - spent[0]) / 39 * 1000


def command_megabytes(*words: str) -> float:
    """The most memory a whole command takes."""
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_maxrss / 1024


ROOT = Path(__file__).parents[2]
TESTS = """
import pytest
APP = {{
    "/voice": "<Response><Say>Leave a message.</Say><Record timeout='3' action='/bye'/></Response>",
    "/bye": "<Response><Hangup/></Response>",
}}
@pytest.mark.parametrize("number", range({tests}))
"""
SIMULATED = """
def test_a_saying(mediasim, number):
    run = mediasim.simulate(
        parties={"alice": {"script": [{"say": "Hello Bob."}, "hangup"]}, "bob": {"script": []}},
        call={"from": "alice", "to": "bob", "recording": "dual"},
    )
    run.recording().assert_heard("alice", channel=1)
"""
VOICEMAIL = """
def test_a_message(mediasim_sandbox, number):
    mediasim_sandbox.app(APP)
    call = mediasim_sandbox.call(script=[{"wait_for": {"quiet": "1s"}}, {"say": "Call me back."}])
    mediasim_sandbox.run_until_idle()
    call.recordings[0].assert_heard("caller", channel=1)
"""
MINUTE = """
parties:
  a: {network: {up: {jitter: 20ms, loss: 1%}}, script: [{repeat: {times: 8, steps: [{say: One minute of call.}, {pause: 6s}]}}]}
  b: {network: {up: {jitter: 20ms, loss: 1%}}, script: [{pause: 3s}, {repeat: {times: 8, steps: [{say: And so it goes.}, {pause: 6s}]}}]}
call: {from: a, to: b, recording: dual}
"""  # noqa: E501
HOUR = MINUTE.replace("times: 8", "times: 480")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a quick look, for CI")
    short = parser.parse_args().short
    runs = 3 if short else 5
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        scenario = directory / "minute.yaml"
        out = ("--out", str(directory / "out"))
        most = 0.0
        if not short:
            # First of all: a process counts the memory of the one that started it as its own.
            scenario.write_text(HOUR, "utf-8")
            command_seconds(1, "mediasim", "run", str(scenario), *out)
            most = command_megabytes("mediasim", "run", str(scenario), *out)
        word = directory / "word.wav"
        clip = np.random.default_rng(1).normal(0, 3000, (1, 12_000)).astype(np.int16)
        write_wav(word, clip)
        print("call-seconds per CPU-second        mediasim      floor   of floor  of target")
        long, wide, talk = (300, 12, 40) if short else (3600, 60, 240)
        for name, scenario_run, calls, seconds, aim in (
            ("one call, scripted", scripted(1, long, word), 1, long, 12_000),
            ("one hundred calls, scripted", scripted(100, wide, word), 100, wide, 8_000),
            ("a conversation that listens", conversation(talk, word), 1, talk, 4_000),
            ("the same in G.722", conversation(talk, word, "G722"), 1, talk, 400),
            ("the same in Opus", conversation(talk, word, "OPUS"), 1, talk, 250),
        ):
            speed = median(lambda s=scenario_run: product_speed(s, directory), runs)  # type: ignore[misc]
            floor = median(lambda c=calls, s=seconds: floor_speed(c, s, directory), runs)  # type: ignore[misc]
            print(
                f"{name:<32} {speed:>10,.0f} {floor:>10,.0f} {speed / floor:>10.3f} "
                f"{speed / aim:>10.2f}"
            )
        scenario.write_text(MINUTE, "utf-8")
        shipped = sorted(str(path) for path in (ROOT / "scenarios").glob("*.yaml"))
        one = [path for path in shipped if path.endswith("one-side.yaml")]
        print("CPU of a whole command               median     target      ratio")
        run = partial(command_seconds, runs, "mediasim", "run")
        commands: list[tuple[str, Callable[[], float], float]] = [
            ("mediasim --help", partial(command_seconds, runs, "mediasim", "--help"), 0.3),
            ("run of a minute", partial(run, str(scenario), *out), 0.5),
            ("run of a shipped scenario", partial(run, *one, *out), 0.35),
        ]
        if not short:
            test = partial(test_milliseconds, directory)
            commands += [
                ("run of all that are shipped", partial(run, *shipped, *out), 5.0),
                ("a test, mediasim (ms)", partial(test, SIMULATED), 15),
                ("a test, mediasim_sandbox (ms)", partial(test, VOICEMAIL), 40),
            ]
        for name, measure, target in commands:
            spent = measure()
            print(f"{name:<32} {spent:>10.2f} {target:>10.2f} {spent / target:>10.2f}")
        if not short:
            print(f"memory of an hour's run: {most:.0f} MB, target 200 MB, ratio {most / 200:.2f}")


if __name__ == "__main__":
    main()
