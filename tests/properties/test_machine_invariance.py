"""Invariant 8 again, on other machines: no sample hangs on how a processor adds up.

A matrix product sums in an order that the BLAS kernel chooses, and numpy's own loops in one that
depends on the width of the vectors. Both are set by hand here, as other processors would set them.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

DISPATCHED: Final = """
import sys
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print(*(name for name in __cpu_dispatch__ if __cpu_features__[name]))
"""
LOSSY: Final = {"delay": "30ms", "loss": 0.03, "jitter": "8ms"}


def call(codec: str) -> dict[str, Any]:
    """A call in which either side waits for what it hears of the other, in a noisy room, by
    mobile."""
    party = {
        "codec": codec,
        "noise": -58,
        "line": "mobile",
        "network": {"up": LOSSY, "down": LOSSY},
    }
    hello = [{"say": "Hello, it is Ann."}, {"dtmf": {"digits": "5", "in_band": True}}]
    answer = [{"wait_for": {"digit": "5", "timeout": "9s"}}, {"say": "I have heard a five."}]
    thanks = [{"wait_for": {"quiet": "400ms", "timeout": "9s"}}, {"say": "Thank you."}]
    return {
        "parties": {"ann": {**party, "script": hello + thanks}, "bob": {**party, "script": answer}},
        "call": {"from": "ann", "to": "bob", "recording": "dual"},
    }


def digests(folder: Path) -> dict[str, str]:
    """Of all recordings that a run left, their truth and references."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name in ("recordings", "references")
    }


@pytest.fixture(scope="module")
def dispatched() -> str:
    """The processor features beyond the least that numpy makes use of here."""
    found = subprocess.run([sys.executable, "-c", DISPATCHED], capture_output=True, text=True)
    return found.stdout.strip()


def test_other_kernels_and_narrower_vectors_give_the_same_bytes(
    tmp_path: Path, dispatched: str
) -> None:
    files = []
    for codec in ("G722", "OPUS"):
        file = tmp_path / f"{codec}.yaml"
        file.write_text(yaml.safe_dump(call(codec)), "utf-8")
        files.append(str(file))
    machines = {
        "this one": {},
        "no fused sums": {"OPENBLAS_CORETYPE": "Haswell"},
        "old": {"OPENBLAS_CORETYPE": "Sandybridge", "NPY_DISABLE_CPU_FEATURES": dispatched},
    }
    runs = {
        name: subprocess.Popen(
            [sys.executable, "-m", "mediasim", "run", *files, "--out", str(tmp_path / name)],
            env={**os.environ, "MEDIASIM_SPEECH": "babble", **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, settings in machines.items()
    }
    for run in runs.values():
        said, _ = run.communicate(timeout=120)
        assert run.returncode == 0, said
    found = {name: digests(tmp_path / name) for name in machines}
    assert len(found["this one"]) == 8  # WAV, JSON, truth and reference of two
    assert found["no fused sums"] == found["old"] == found["this one"]
