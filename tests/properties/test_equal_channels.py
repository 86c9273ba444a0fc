"""Invariant 1: all channels of a recording have the same length, to the sample."""

from __future__ import annotations

from typing import Any

import drawn_scenarios as drawn
from hypothesis import given
from hypothesis import strategies as st
from playing import Played, examples, play


def lengths_agree(played: Played) -> None:
    """The file, its header, its record and its truth tell of the same number of samples."""
    for recording in played.result.recordings:
        if recording.record.status != "completed":
            continue
        pcm, truth = played.pcm(recording.name), played.truth(recording.name)
        data = played.files[f"recordings/{recording.sid}.wav"]
        assert len(data) == 44 + 2 * pcm.size  # nothing is left over beside whole samples
        assert pcm.shape == (recording.record.layout.stored_channels, recording.record.samples)
        assert truth.samples == pcm.shape[1]
        for channel in truth.channels:
            ends = [it.end for it in channel.intervals] + [it.end for it in channel.missing]
            assert max(ends, default=0) <= truth.samples


def two_channels(played: Played) -> None:
    lengths_agree(played)
    for name in played.published:
        assert len(played.pcm(name)) == 2  # since May 2022, whatever was asked for


@examples(8)
@given(drawn.calls())
def test_calls(scenario: dict[str, Any]) -> None:
    two_channels(play(scenario))


@examples(2)
@given(drawn.calls(codecs=("PCMU", "G722", "OPUS"), dtx=("off", "silence")))
def test_calls_of_other_codecs(scenario: dict[str, Any]) -> None:
    two_channels(play(scenario))


@examples(6)
@given(drawn.conferences() | drawn.voicemails())
def test_conferences_and_voicemails(scenario: dict[str, Any]) -> None:
    lengths_agree(play(scenario))


@examples(4)
@given(drawn.calls(acting=False, pausing=False), st.integers(0, 3000))
def test_a_recording_is_as_long_as_what_it_recorded(scenario: dict[str, Any], stop: int) -> None:
    """From its start to its end, in whole frames: nothing is put in, nothing lost."""
    scenario["call"]["recordings"] = [{"channels": "dual", "stop": f"{stop + 2000}ms"}]
    played = play(scenario)
    times = {kind: at_ns for at_ns, kind, _ in played.went_through()}
    frames = times["recording.stopped"] // 20_000_000 - times["recording.started"] // 20_000_000
    assert played.pcm().shape[1] == frames * 160
