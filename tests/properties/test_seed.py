"""Invariant 8: the same seed gives the same bytes, and draws elsewhere do not move them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import drawn_scenarios as drawn
import numpy as np
import yaml
from hypothesis import given
from hypothesis import strategies as st
from playing import examples, play

NOISE = {"noise": {"kind": "babble", "for": "2s", "level": -15}}
LOSSY = {"up": {"delay": "20ms", "loss": 0.1}}
SCENARIO: dict[str, Any] = {
    "parties": {
        "ann": {"network": LOSSY, "script": [NOISE]},
        "bob": {"network": LOSSY, "script": [NOISE]},
    },
    "call": {"from": "ann", "to": "bob", "recording": "dual"},
}


@examples(5)
@given(drawn.calls() | drawn.conferences() | drawn.voicemails(), st.integers(0, 2**63 - 1))
def test_the_same_seed_gives_the_same_bytes(scenario: dict[str, Any], seed: int) -> None:
    one, other = play(scenario, seed=seed), play(scenario, seed=seed)
    assert one.went_through() == other.went_through()
    assert one.files == other.files


def test_in_another_process_with_other_hashes_too(tmp_path: Path) -> None:
    file = tmp_path / "drawn.yaml"
    file.write_text(yaml.safe_dump(SCENARIO), "utf-8")
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "mediasim", "run", str(file), "--out", str(tmp_path / name)],
            env={**os.environ, "PYTHONHASHSEED": name},
            stdout=subprocess.DEVNULL,
        )
        for name in ("1", "2")
    ]
    assert [run.wait(60) for run in runs] == [0, 0]
    here = play(SCENARIO).files
    for name in ("1", "2"):
        found = {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for folder in ("recordings", "references")
            for path in (tmp_path / name / folder).iterdir()
        }
        assert found == here


def test_another_seed_loses_other_packets() -> None:
    assert not np.array_equal(play(SCENARIO, seed=1).pcm(), play(SCENARIO, seed=2).pcm())


def test_every_line_has_draws_of_its_own() -> None:
    lost = []
    for name in ("ann", "bob"):
        line = play(SCENARIO).leg(name).line
        assert line is not None
        media = np.concatenate([it.media for it in line.phone.fates if it.kind == "lost"])
        lost.append(media[media < 16000].tolist())  # both speak, and send, for longer
    assert lost[0] != lost[1]


@examples(4)
@given(drawn.parties(), drawn.parties(), st.integers(0, 2000))
def test_another_call_beside_it_moves_nothing(
    cleo: dict[str, Any], dan: dict[str, Any], at: int
) -> None:
    beside = {"from": "cleo", "to": "dan", "at": f"{at}ms", "recording": "dual"}
    both = play(
        {
            "parties": {**SCENARIO["parties"], "cleo": cleo, "dan": dan},
            "calls": [SCENARIO["call"], beside],
        }
    )
    assert np.array_equal(both.pcm("main"), play(SCENARIO).pcm())


@examples(4)
@given(drawn.networks())
def test_what_one_network_draws_moves_no_other(network: dict[str, Any]) -> None:
    ann = {**SCENARIO["parties"]["ann"], "network": network}
    other = play({**SCENARIO, "parties": {**SCENARIO["parties"], "ann": ann}})
    assert np.array_equal(other.pcm()[1, :15000], play(SCENARIO).pcm()[1, :15000])
