"""The shipped scenarios: each holds what it expects, and together they show all there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from mediasim.scenario.campaign import run_one
from mediasim.scenario.load import load_scenarios
from mediasim.scenario.model import Scenario
from mediasim.scenario.model_expect import Expectation
from mediasim.scenario.model_network import Link, Network
from mediasim.scenario.model_steps import Step, WaitFor, walk

FOLDER = Path(__file__).parents[2] / "scenarios"
SCENARIOS = load_scenarios([FOLDER / "*.yaml"])


@pytest.fixture(autouse=True)
def _real_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASIM_SPEECH", raising=False)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: f"{it.name}[{it.label}]")
def test_every_expectation_holds(scenario: Scenario, tmp_path: Path) -> None:
    report = run_one(scenario, tmp_path, None, realtime=False)
    assert report["error"] is None, f"{report['error']}; repeat: {report['repeat']}"
    failed = [
        f"{it['check']}: wanted {it['wanted']}, found {it['found']}, at {it['where']}"
        for it in report["expectations"]
        if not it["ok"]
    ]
    assert not failed, "\n".join([*failed, report["repeat"]])
    assert report["expectations"]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda it: it.stem)
def test_each_opens_with_what_it_teaches(file: Path) -> None:
    assert file.read_text("utf-8").startswith("# ")


def _models(union: Any) -> set[str]:
    """The keywords of the members of an annotated union."""
    return {member.keyword for member in get_args(get_args(union)[0])}


def test_together_they_show_every_step_and_expectation() -> None:
    steps = [
        step
        for scenario in SCENARIOS
        for party in scenario.parties.values()
        for _, step in walk(party.script)
    ]
    assert {step.keyword for step in steps} == _models(Step)
    waited = {name for step in steps if isinstance(step, WaitFor) for name in step.model_fields_set}
    assert waited >= {"quiet", "speech", "digit", "event", "time", "timeout"}
    expected = {wanted.keyword for scenario in SCENARIOS for wanted in scenario.expect}
    assert expected == _models(Expectation)


def test_together_they_show_every_network_and_codec() -> None:
    parties = [party for scenario in SCENARIOS for party in scenario.parties.values()]
    networks = [party.network for party in parties]
    used = {name for network in networks for name in network.model_fields_set}
    for network in networks:
        for link in (network, network.up, network.down):
            used |= link.model_fields_set if link is not None else set()
    assert used >= set(Link.model_fields) | {"up", "down", "jitter_buffer", "conceal"}
    assert used <= set(Network.model_fields)
    assert {party.codec for party in parties} == {"PCMU", "PCMA", "G722", "OPUS"}
    assert {party.dtx for party in parties} == {"off", "silence", "comfort-noise"}
    links = [
        link for network in networks for link in (network.towards_server, network.towards_party)
    ]
    assert {link.jitter.kind for link in links if link.jitter} == {
        "uniform",
        "normal",
        "exponential",
    }
    assert {stall.kind for link in links for stall in link.stalls} == {"gap", "pause"}


def test_together_they_show_every_call_and_recording() -> None:
    calls = [call for scenario in SCENARIOS for call in scenario.calls]
    outcomes = {call.answer.outcome for call in calls}
    assert outcomes == {"answer", "no-answer", "busy", "reject"}
    assert any(call.transfers for call in calls)
    assert any(call.dial_after for call in calls)
    assert any(call.voicemail for call in calls)
    assert any(call.answer_on_bridge for call in calls)
    assert any(len(call.recordings) > 1 for call in calls)
    recordings = [recording for call in calls for recording in call.recordings]
    assert {recording.start.on for recording in recordings} >= {"answer", "ringing", None}
    assert {recording.track for recording in recordings} == {"both", "inbound", "outbound"}
    assert {recording.channels for recording in recordings} == {"mono", "dual"}
    assert {recording.trim for recording in recordings} == {"do-not-trim", "trim-silence"}
    pauses = {pause.behavior for recording in recordings for pause in recording.pauses}
    assert pauses == {"silence", "skip"}
    assert any(recording.stop for recording in recordings)
    assert any(scenario.conferences for scenario in SCENARIOS)
    assert any(scenario.variant for scenario in SCENARIOS)
