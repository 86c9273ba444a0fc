"""Invariant 4: what only one of them says is in nobody's channel but its own, and in mixes."""

from __future__ import annotations

from typing import Any

import drawn_scenarios as drawn
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from playing import QUIET, Samples, examples, play


def hushed(scenario: dict[str, Any], name: str) -> dict[str, Any]:
    """The same scenario, in which a party keeps quiet for as long as it would have made noise."""
    script = [
        {"pause": step["noise"]["for"]} if "noise" in step else step
        for step in scenario["parties"][name]["script"]
    ]
    parties = {**scenario["parties"], name: {**scenario["parties"][name], "script": script}}
    return {**scenario, "parties": parties}


def only_noise(scenario: dict[str, Any]) -> dict[str, Any]:
    """With everything said replaced by noise, whose length is known."""
    for party in scenario["parties"].values():
        party["script"] = [
            step if "pause" in step else {"noise": {"kind": "babble", "for": "700ms", "level": -15}}
            for step in party["script"]
            if "dtmf" not in step
        ]
    return scenario


def alike(one: Samples, other: Samples) -> bool:
    """Whether two channels are the same, but for the end.

    By a clock that is off or stalls a noise takes longer than a pause, and the call ends later.
    """
    both = min(len(one), len(other))
    return abs(len(one) - len(other)) <= 8000 and np.array_equal(one[:both], other[:both])


CALLS = drawn.calls(acting=False, pausing=False, background=False).map(only_noise)
# Everybody's own words are theirs in every profile but that of conferences in two channels.
CONFERENCES = drawn.conferences(acting=False, background=False).map(only_noise)


@examples(6)
@given(CALLS, st.sampled_from(["ann", "bob"]))
def test_a_call_s_channel_does_not_depend_on_what_the_other_says(
    scenario: dict[str, Any], speaker: str
) -> None:
    scenario["call"]["recordings"] = [{"channels": "dual"}]
    spoken, quiet = play(scenario).pcm(), play(hushed(scenario, speaker)).pcm()
    own = ["ann", "bob"].index(speaker)
    assert alike(spoken[1 - own], quiet[1 - own])
    if scenario["parties"][speaker]["dtx"] != "comfort-noise":
        assert np.abs(quiet[own]).max(initial=0) <= QUIET


@examples(4)
@given(CONFERENCES, st.sampled_from(["ann", "bob", "eve"]))
def test_a_conference_s_first_channel_holds_who_joined_first_and_nobody_else(
    scenario: dict[str, Any], speaker: str
) -> None:
    scenario["profile"] = "2025-09"
    scenario["conference"]["recording"] = {"channels": "dual", "trim": "do-not-trim"}
    first = min(scenario["conference"]["participants"], key=lambda it: int(it["join"][:-2]))
    own = 0 if speaker == first["party"] else 1
    spoken, quiet = play(scenario).pcm(), play(hushed(scenario, speaker)).pcm()
    assert alike(spoken[1 - own], quiet[1 - own])


@examples(4)
@given(CONFERENCES, st.sampled_from(["ann", "bob", "eve"]))
def test_who_is_muted_is_in_no_mix(scenario: dict[str, Any], muted: str) -> None:
    scenario["profile"] = "2022-05"
    scenario["conference"]["recording"] = {"trim": "do-not-trim"}
    for participant in scenario["conference"]["participants"]:
        if participant["party"] == muted:
            participant["muted"] = True
    # A stall makes a sound last longer, but not the pause that stands for it when hushed.
    network = scenario["parties"][muted].get("network", {})
    for link in (network, network.get("up", {}), network.get("down", {})):
        link.pop("stalls", None)
    assert alike(play(scenario).pcm()[0], play(hushed(scenario, muted)).pcm()[0])
