"""CPU and memory of ``verify`` and ``analyze`` for a call of an hour, as whole commands.

Two parties answer each other all the time, over clean lines, with loss, and in G.722; the
recording is judged as it is, upside down, with packets zeroed, and in noise.

    python tests/benchmarks/verify_speed.py [--short] [--only NAME]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from verify_accuracy import WORDS

import mediasim
from mediasim.audio.wav import read_wav, write_wav
from mediasim.seeds import Seeds
from mediasim.truth.documents import truth_path

Samples = NDArray[np.int16]

CALLS: dict[str, dict[str, Any]] = {
    "clean": {},
    "1 % lost": {"network": {"loss": "1%", "jitter": "10ms"}},
    "G.722": {"codec": "G722"},
}


def as_it_is(pcm: Samples) -> Samples:
    return pcm


def inverted(pcm: Samples) -> Samples:
    return -np.maximum(pcm, -32767)


def with_holes(pcm: Samples) -> Samples:
    pcm = pcm.copy()
    places = Seeds(1).generator("holes").integers(0, pcm.shape[1] - 160, (2, 1500))
    for channel, row in zip(pcm, places.tolist(), strict=True):
        for at in row:
            channel[at : at + 160] = 0
    return pcm


def noisy(pcm: Samples) -> Samples:
    noise = Seeds(1).generator("noise").standard_normal(pcm.shape) * 100
    return np.clip(np.rint(pcm + noise), -32768, 32767).astype(np.int16)


CHANGES: tuple[Callable[[Samples], Samples], ...] = (as_it_is, inverted, with_holes, noisy)


def scenario(seconds: int, given: dict[str, Any]) -> dict[str, Any]:
    scripts: list[list[dict[str, Any]]] = [[], []]
    for number, text in enumerate(WORDS):
        scripts[number % 2] += [{"say": text}, {"pause": "4s"}]
    scripts[1].insert(0, {"pause": "4s"})
    times = seconds // 30 + 1
    parties = {
        name: {**given, "script": [{"repeat": {"times": times, "steps": steps}}]}
        for name, steps in zip(("ann", "bob"), scripts, strict=True)
    }
    call = {"from": "ann", "to": "bob", "recording": "dual", "time_limit": f"{seconds}s"}
    return {"seed": 7, "parties": parties, "call": call}


def measured(*words: str | Path) -> tuple[float, float, int]:
    """CPU seconds, peak megabytes and exit code of a command."""
    command = [sys.executable, "-m", "mediasim", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, code


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="five minutes, one call")
    parser.add_argument("--only", choices=CALLS, help="one kind of call")
    asked = parser.parse_args()
    names = [asked.only] if asked.only else list(CALLS)[: 1 if asked.short else None]
    print(f"{'':<24}{'verify':>18}{'exit':>6}{'analyze':>18}")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            seconds = 300 if asked.short else 3600
            made = mediasim.simulate(scenario(seconds, CALLS[name]), directory=Path(folder) / name)
            path = made.recording().path
            for change in CHANGES:
                file = Path(folder) / "changed.wav"
                write_wav(file, change(read_wav(path).pcm))
                truth = ("--truth", truth_path(path))
                cpu, memory, code = measured("verify", file, *truth)
                line = f"{name + ', ' + change.__name__.replace('_', ' '):<24}"
                line += f"{cpu:>8.1f} s{memory:>5.0f} MB{code:>6}"
                cpu, memory, _ = measured("analyze", file, *truth)
                print(line + f"{cpu:>8.1f} s{memory:>5.0f} MB", flush=True)


if __name__ == "__main__":
    main()
