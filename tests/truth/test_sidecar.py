"""The sidecar: what it says of a recording is of what was recorded, not of the call around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediasim import simulate


def truth_of(start: str, directory: Path) -> dict[str, Any]:
    """Of what ann is sent, recorded from ``start`` on; bob is replaced by cleo after 2 s."""
    network = {"delay": "20ms", "conceal": "repeat"}
    scenario = {
        "parties": {
            "ann": {},
            "bob": {"noise": -50, "network": network, "script": [{"pause": "9s"}]},
            "cleo": {"script": [{"tone": {"hz": 440, "for": "500ms"}}, "hangup"]},
        },
        "call": {
            "from": "ann",
            "to": "bob",
            "answer": "100ms",
            "transfer": {"to": "cleo", "at": "2s", "answer": "100ms"},
            "recording": {"track": "outbound", "start": {"at": start}},
        },
    }
    truth = simulate(scenario, directory=directory).recording().truth
    assert truth is not None
    return truth.to_json()


@pytest.mark.parametrize(
    ("start", "background", "lost_audio"),
    [("1s", -50.0, "concealed"), ("2050ms", None, "silence")],
)
def test_who_was_gone_before_it_began_is_not_in_it(
    start: str, background: float | None, lost_audio: str, tmp_path: Path
) -> None:
    truth = truth_of(start, tmp_path)
    (channel,) = truth["channels"]
    assert channel["background_dbfs"] == background
    assert truth["lost_audio"] == lost_audio
