"""Calls for the tests of captures: run, captured, and imported again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from mediasim.audio.wav import read_wav
from mediasim.cli import app
from mediasim.exchange.dates import Dates
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runner import Run, run_scenario

ANN, BOB = "10.1.0.1", "10.1.0.2"
"""Where a run's first and second leg have their telephones in its capture."""

Pcm = NDArray[np.int16]


def call(ann: Mapping[str, Any], bob: Mapping[str, Any], seconds: float = 2.0) -> Scenario:
    """Two parties who make noise at the same time, recorded in two channels."""

    def party(kind: str, more: Mapping[str, Any]) -> dict[str, Any]:
        return {"script": [{"noise": {"kind": kind, "for": f"{seconds}s", "level": -20}}], **more}

    return parse_scenario(
        {
            "name": "captured",
            "parties": {"ann": party("white", ann), "bob": party("pink", bob)},
            "call": {"from": "ann", "to": "bob", "recording": "dual"},
        }
    )


def captured(scenario: Scenario, directory: Path, **how: Any) -> tuple[Run, Path]:
    """A run with its capture."""
    run = run_scenario(scenario, directory, pcap=True, **how)
    assert run.pcap is not None
    return run, directory / run.pcap


def mediasim(*words: str | Path) -> Result:
    """The command line, as somebody gives it."""
    return CliRunner().invoke(app, [str(word) for word in words])


def imported(capture: Path, out: Path, *words: str) -> dict[str, Any]:
    """What ``mediasim import --json`` says of a capture that can be imported."""
    result = mediasim("import", capture, "--out", out, "--json", *words)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def pcm_of(told: Mapping[str, Any], out: Path) -> Pcm:
    return read_wav(out / told["recording"]["file"]).pcm


def both_recordings(run: Run, told: Mapping[str, Any], out: Path) -> tuple[Pcm, Pcm]:
    """The run's recording and the imported one, of the time that both have: (channels, samples)."""
    live = run.exchange.recordings[0]
    own = read_wav(run.exchange.store.wav_path(live.sid)).pcm
    other = pcm_of(told, out)
    since_start_ns = told["recording"]["begins_unix_ns"] - Dates().unix_ns(0)
    later = live.recorder.first_frame * 160 - since_start_ns * 8 // 1_000_000
    if later > 0:
        other = other[:, later:]
    else:
        own = own[:, -later:]
    length = min(own.shape[1], other.shape[1])
    return own[:, :length], other[:, :length]
