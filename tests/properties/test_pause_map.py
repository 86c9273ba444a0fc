"""Invariant 10: file time and call time convert both ways for any pauses, skips and trims.

By nothing but the truth sidecar's ``map``, as a user would; checked on samples against a second
recording of the same call, which was never paused.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import drawn_scenarios as drawn
import numpy as np
import pytest
from hypothesis import given
from playing import Played, examples, first_sample, play

from mediasim.scenario.expectations.verdicts import FileClock

Lines = list[dict[str, Any]]


def sidecar(played: Played, name: str) -> dict[str, Any]:
    sid = played.result.recording(name).sid
    document: dict[str, Any] = json.loads(played.files[f"recordings/{sid}.truth.json"])
    return document


def in_file(lines: Lines, call: int) -> int | None:
    """Where a sample of the call is in the file; None where it was skipped."""
    for line in lines:
        if line["kind"] != "skip" and 0 <= call - line["call"] < line["samples"]:
            return int(line["file"] + call - line["call"])
    return None


def in_call(lines: Lines, file: int) -> int | None:
    """When in the call a sample of the file was recorded."""
    for line in lines:
        if line["kind"] != "skip" and 0 <= file - line["file"] < line["samples"]:
            return int(line["call"] + file - line["file"])
    return None


def paused_and_whole(scenario: dict[str, Any]) -> Played:
    """Two recordings of one call: one as drawn, the other of everything."""
    cut = {**scenario["call"]["recordings"][0], "name": "cut"}
    whole = {"name": "whole", "channels": "dual", "start": cut["start"]}
    scenario["call"]["recordings"] = [cut, whole]
    return play(scenario)


@examples(8)
@given(drawn.calls())
def test_the_map_leads_from_the_file_to_the_call_and_back(scenario: dict[str, Any]) -> None:
    played = paused_and_whole(scenario)
    if "cut" not in played.published:  # all of it was paused or silence
        return
    document, cut, whole = sidecar(played, "cut"), played.pcm("cut"), played.pcm("whole")
    lines, begins = document["map"], first_sample(played.truth("whole"))

    # The call's time passes without a gap, the file's too, but for what was skipped.
    for before, after in itertools.pairwise(lines):
        assert after["call"] == before["call"] + before["samples"]
        in_between = 0 if before["kind"] == "skip" else before["samples"]
        assert after["file"] == before["file"] + in_between

    kept = np.zeros(cut.shape[1], np.bool_)
    for line in lines:
        if line["kind"] == "skip":
            continue
        start, end = max(0, line["file"]), min(cut.shape[1], line["file"] + line["samples"])
        if start >= end:
            continue  # trimmed off
        kept[start:end] = True
        at = line["call"] - begins + start - line["file"]
        if line["kind"] == "audio":
            assert np.array_equal(cut[:, start:end], whole[:, at : at + end - start])
        else:
            assert not cut[:, start:end].any()
        for file in (start, (start + end) // 2, end - 1):
            call = in_call(lines, file)
            assert call is not None
            assert in_file(lines, call) == file
    assert kept.all()  # every sample of the file was recorded at some time of the call


@examples(4)
@given(drawn.calls(acting=False))
def test_the_report_s_clock_agrees_with_the_map(scenario: dict[str, Any]) -> None:
    played = paused_and_whole(scenario)
    if "cut" not in played.published:
        return
    lines = sidecar(played, "cut")["map"]
    report = next(it for it in played.result.report["recordings"] if it["name"] == "cut")
    clock = FileClock(report["started"], report["samples"], report["truth_intervals"])
    for file in np.linspace(0, report["samples"] - 1, 23).astype(int).tolist():
        call = in_call(lines, file)
        assert call is not None
        assert clock.call_time(file / 8000) * 8000 == pytest.approx(call, abs=1.0)


@examples(4)
@given(drawn.calls(acting=False, clean=True, background=False))
def test_a_file_s_length_is_the_call_s_less_what_was_skipped(scenario: dict[str, Any]) -> None:
    scenario["call"]["recordings"][0]["trim"] = "do-not-trim"
    scenario["call"]["recordings"][0].pop("stop", None)
    played = paused_and_whole(scenario)
    if "cut" not in played.published:
        return
    skipped = sum(
        line["samples"] for line in sidecar(played, "cut")["map"] if line["kind"] == "skip"
    )
    assert played.pcm("cut").shape[1] == played.pcm("whole").shape[1] - skipped
