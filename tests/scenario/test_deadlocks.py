"""A run in which nothing more can happen is given up at once; one that can go on never is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasim.audio.dtmf import DtmfDetector
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import hold_music, ringback
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.runner import RunFailed, run_scenario
from mediasim.seeds import Seeds

SPEECH = {"wait_for": {"speech": True}}
KEY = {"wait_for": {"digit": "1"}}
BUSY = {"wait_for": {"event": "call.busy"}}
EVENT = {"wait_for": {"event": "go"}}


def run(folder: Path, alice: list[Any], bob: list[Any], **more: Any) -> float:
    """Run a call of two scripts; returns its length in seconds."""
    parties = {"alice": {"script": alice}, "bob": {"script": bob}}
    for name in parties:
        parties[name].update(more.pop(f"{name}_is", {}))
    call = {"from": "alice", "to": "bob", "recording": "dual", **more}
    scenario = parse_scenario({"parties": parties, "call": call}, name="stuck", base=folder)
    return run_scenario(scenario, folder, seed=1).end_ns / 1e9


@pytest.mark.parametrize(
    ("alice", "bob", "told"),
    [
        ([SPEECH], [SPEECH], ["alice has waited for speech True since 0.0s", "bob has waited"]),
        ([{"say": "Hello."}, SPEECH], [KEY], ["bob has waited for digit 1 since 1.0s"]),
        ([SPEECH], ["hold", SPEECH], ["alice has waited for speech True", "bob has waited"]),
        ([KEY], ["hold", SPEECH], ["alice has waited for digit 1", "bob has waited"]),
        ([BUSY], [{"say": "Hello."}, BUSY], ["alice has waited for event call.busy since 0.0s"]),
        (
            [{"wait_for": "other-stops"}],
            [{"pause": "20s"}],
            [
                "alice has waited for quiet 600ms since 0.0s",
                "bob has nothing left to do since 21.",
            ],
        ),
    ],
)
def test_a_deadlock_is_seen_at_once(
    tmp_path: Path, alice: list[Any], bob: list[Any], told: list[str]
) -> None:
    with pytest.raises(RunFailed, match="nothing more can happen: ") as failed:
        run(tmp_path, alice, bob)
    words = str(failed.value)
    assert [each for each in told if each not in words] == []
    since = max(float(each) for each in re.findall(r"since ([\d.]+)s", words))
    seen = re.search(r"\(seen at ([\d.]+)s\)", words)
    assert seen is not None
    assert since < float(seen[1]) < since + 10


LATE = [{"pause": "20s"}]


@pytest.mark.parametrize(
    ("alice", "bob", "more"),
    [
        ([SPEECH, "hangup"], [*LATE, {"say": "Here."}], {}),
        ([KEY, "hangup"], [*LATE, {"dtmf": "1"}], {}),
        ([KEY, "hangup"], [*LATE, {"dtmf": {"digits": "1", "in_band": True}}], {}),
        ([EVENT, "hangup"], [*LATE, {"emit": "go"}], {}),
        ([{"wait_for": {"speech": True, "timeout": "20s"}}, "hangup"], [SPEECH], {}),
        ([{"wait_for": {"quiet": "20s"}}, "hangup"], [{"say": "Here."}, SPEECH], {}),
        ([{"wait_for": {"time": "20s"}}, "hangup"], [SPEECH], {}),
        ([SPEECH, "hangup"], ["hold", {"pause": "20s"}, "resume", {"say": "Back."}], {}),
        (
            [
                {"wait_for": {"quiet": "2s", "hears": "anything"}},
                {"wait_for": {"speech": True, "hears": "anything"}},
                "hangup",
            ],
            [{"pause": "20s"}, "hold", {"pause": "9s"}],
            {},
        ),
        ([SPEECH, "hangup"], [SPEECH], {"time_limit": "20s"}),
        (
            [SPEECH, "hangup"],
            [*LATE, {"say": "Here."}],
            {"alice_is": {"network": {"delay": "9s"}}, "bob_is": {"network": {"delay": "9s"}}},
        ),
    ],
)
def test_a_run_that_can_go_on_goes_on(
    tmp_path: Path, alice: list[Any], bob: list[Any], more: dict[str, Any]
) -> None:
    assert run(tmp_path, alice, bob, **more) > 19.9


def test_no_key_is_in_what_the_exchange_plays_in_a_loop() -> None:
    """So a party that waits for a key while it is on hold waits in vain."""
    music = hold_music(16 * 8000, Seeds(1).generator("hold-music"))
    for pcm in (music, ringback(6 * 8000)):
        assert DtmfDetector().feed(ulaw_decode(ulaw_encode(np.tile(pcm, 2)))) == []
