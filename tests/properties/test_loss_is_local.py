"""Invariant 3: a packet lost or late changes its own samples of its own channel, nothing else."""

from __future__ import annotations

from typing import Any

import drawn_scenarios as drawn
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from playing import Played, after_codec, examples, first_sample, path_samples, play

LOSSES = st.sampled_from(
    [0.01, 0.2, 0.8, {"gilbert_elliott": {"enter": 0.1, "leave": 0.3, "loss_good": 0.02}}]
)


REFUSED_BEFORE_A_MOVE = {
    "name": "drawn",
    "seed": 6,
    "parties": {
        "ann": {
            "codec": "PCMU",
            "dtx": "off",
            "network": {
                "up": {
                    "delay": "0ms",
                    "reorder": 0.02,
                    "duplicate": 0.02,
                    "skew": 0,
                    "stalls": [{"at": "0ms", "for": "20ms", "kind": "gap"}],
                },
                "down": {
                    "delay": "0ms",
                    "reorder": 0.02,
                    "duplicate": 0.02,
                    "skew": 0,
                    "stalls": [{"at": "0ms", "for": "20ms", "kind": "gap"}],
                },
                "conceal": "silence",
                "jitter_buffer": "20ms",
            },
            "script": [{"noise": {"kind": "white", "for": "20ms", "level": -12}}],
            "ptime": 10,
        },
        "bob": {
            "codec": "PCMU",
            "dtx": "off",
            "network": {
                "up": {
                    "delay": "0ms",
                    "reorder": 0.1,
                    "duplicate": 0.02,
                    "stalls": [{"at": "200ms", "for": "30ms", "kind": "pause"}],
                },
                "down": {"delay": "0ms"},
                "conceal": "silence",
                "jitter_buffer": "20ms",
            },
            "script": [{"noise": {"kind": "white", "for": "232ms", "level": -12}}],
            "ptime": 50,
        },
    },
    "call": {
        "from": "ann",
        "to": "bob",
        "answer": "19ms",
        "dial_after": "700ms",
        "time_limit": "12s",
    },
}
"""A packet comes too late for where it was due, and those beside it are then moved."""


def talk(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A call in which nobody reacts to anybody, so that a network changes sounds and no plans."""
    return drawn.calls(
        clean=True,
        acting=False,
        pausing=False,
        pressing=False,
        background=False,
        dtx=("off", "silence"),
        **more,
    )


def lost_samples(played: Played, party: str, settings: dict[str, Any]) -> NDArray[np.bool_]:
    """Which samples of the file were in packets that the network lost, by their send order."""
    lost = np.zeros(played.pcm().shape[1], np.bool_)
    line = played.leg(party).line
    assert line is not None
    network, step = settings["network"], 8 * settings["ptime"]
    path = path_samples(
        ptime=settings["ptime"],
        delay=int(network["delay"][:-2]),
        buffer=int(network["jitter_buffer"][:-2]),
    )
    begins = line.clock.start_ns // 125_000 + path - first_sample(played.truth())
    for fate in line.phone.fates:
        if fate.kind == "lost":
            for media in fate.media.tolist():
                at = begins + media
                lost[max(0, at) : max(0, at + step)] = True
    return lost


@examples(6)
@given(talk(), LOSSES, LOSSES, st.booleans())
def test_a_lost_packet_takes_its_own_samples_of_its_own_channel(
    scenario: dict[str, Any], of_ann: Any, of_bob: Any, conceal: bool
) -> None:
    scenario["call"]["recordings"] = [{"channels": "dual"}]
    for party in scenario["parties"].values():
        # Where silence is not sent, nobody can tell it from a loss, and it is concealed too.
        concealed = conceal and party["dtx"] == "off"
        party["network"]["conceal"] = "repeat" if concealed else "silence"
    clean = play(scenario)
    for party, loss in (("ann", of_ann), ("bob", of_bob)):
        scenario["parties"][party]["network"]["loss"] = loss
    lossy = play(scenario)
    assert lossy.pcm().shape == clean.pcm().shape
    for heard, whole, party in zip(lossy.pcm(), clean.pcm(), ("ann", "bob"), strict=True):
        settings = scenario["parties"][party]
        lost = lost_samples(lossy, party, settings)
        assert np.array_equal(heard[~lost], whole[~lost])
        if settings["network"]["conceal"] == "silence":
            assert not heard[lost].any()


@examples(12)
@given(
    drawn.calls(
        acting=False,
        pausing=False,
        pressing=False,
        background=False,
        dtx=("off", "silence"),
    )
)
@example(REFUSED_BEFORE_A_MOVE)
def test_on_any_network_each_sample_is_what_was_said_or_is_listed_as_missing(
    scenario: dict[str, Any],
) -> None:
    scenario["call"]["recordings"] = [{"channels": "dual"}]
    for party in scenario["parties"].values():
        party["network"]["conceal"] = "silence"
    played = play(scenario)
    for channel, heard in zip(played.truth().channels, played.pcm(), strict=True):
        there = np.ones(len(heard), np.bool_)
        for gap in channel.missing:
            there[gap.start : gap.end] = False
        for interval in channel.intervals:
            span = slice(interval.start, interval.end)
            said = after_codec(interval.pcm, interval.codec)
            assert np.array_equal(heard[span][there[span]], said[there[span]])


@examples(5)
@given(talk(), drawn.links())
def test_what_happens_to_one_party_s_packets_leaves_the_other_s_channel_alone(
    scenario: dict[str, Any], bad: dict[str, Any]
) -> None:
    scenario["call"]["recordings"] = [{"channels": "dual"}]
    clean = play(scenario).pcm()
    network = scenario["parties"]["ann"]["network"]
    # The same way, so that the call ends at the same time; a clock that is off talks longer.
    bad["delay"] = network.pop("delay")
    network["up"] = bad
    impaired = play(scenario).pcm()
    both = min(clean.shape[1], impaired.shape[1])
    assert np.array_equal(impaired[1, :both], clean[1, :both])
    if "skew" not in bad and "stalls" not in bad:
        assert impaired.shape == clean.shape
