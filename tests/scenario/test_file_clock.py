from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.scenario.expectations.verdicts import FileClock


def clock_of(
    started: float, samples: int, pauses: list[dict[str, Any]], trimmed: int = 0
) -> FileClock:
    """The clock of a recording whose truth has these pauses, ``trimmed`` samples cut off first."""
    lines, call, file = [], round(started * 8000), 0

    def line(length: int, kind: str) -> None:
        nonlocal call, file
        lines.append({"call": call, "file": file - trimmed, "samples": length, "kind": kind})
        call += length
        file += 0 if kind == "skip" else length

    for pause in pauses:
        line(pause["start"] - file, "audio")
        line(pause["samples"], pause["kind"])
    line(max(0, samples + trimmed - file), "audio")
    return FileClock(started, samples, {"channels": [], "map": lines})


def test_a_file_without_pauses_runs_with_the_call() -> None:
    clock = clock_of(1.5, 16000, [])

    assert clock.call_time(0.0) == 1.5
    assert clock.call_time(2.0) == 3.5
    assert clock.pieces == [(0.0, 1.5, 2.0)]
    assert clock.end == 3.5


def test_a_silent_pause_takes_its_room_in_the_file() -> None:
    clock = clock_of(1.0, 80000, [{"start": 16000, "samples": 8000, "kind": "silence"}])

    assert clock.call_time(5.0) == 6.0
    assert clock.pauses == [(3.0, 4.0, "silence")]
    assert len(clock.pieces) == 1


def test_the_call_goes_on_over_a_skipped_pause() -> None:
    pauses = [
        {"start": 16000, "samples": 8000, "kind": "skip"},
        {"start": 32000, "samples": 16000, "kind": "skip"},
    ]
    clock = clock_of(1.0, 80000, pauses)

    assert clock.call_time(1.999) == pytest.approx(2.999)
    assert clock.call_time(2.0) == 4.0
    assert clock.call_time(4.0) == 8.0
    assert clock.pauses == [(3.0, 4.0, "skip"), (6.0, 8.0, "skip")]
    assert clock.pieces == [(0.0, 1.0, 2.0), (2.0, 4.0, 2.0), (4.0, 8.0, 6.0)]
    assert clock.end == 14.0


def test_what_was_skipped_before_the_trimmed_beginning_still_counts() -> None:
    pauses = [{"start": 0, "samples": 160, "kind": "skip"}]
    clock = clock_of(0.0, 320, pauses, trimmed=160)

    assert clock.call_time(0.0) == 0.04
    assert clock.pauses == []
    assert clock.end == 0.08


def test_a_recording_without_truth_has_a_clock_too() -> None:
    assert FileClock(2.0, 0, None).end == 2.0


@given(
    pauses=st.lists(
        st.tuples(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from(["skip", "silence"])),
        max_size=6,
    )
)
def test_the_call_is_as_long_as_the_file_and_what_was_skipped(
    pauses: list[tuple[int, int, str]],
) -> None:
    listed, at, skipped = [], 0, 0
    for gap, samples, kind in pauses:
        listed.append({"start": at + gap, "samples": samples, "kind": kind})
        at += gap + (samples if kind == "silence" else 0)
        skipped += samples if kind == "skip" else 0
    clock = clock_of(3.0, at + 100, listed)

    assert clock.end == pytest.approx(3.0 + (at + 100 + skipped) / 8000)
    assert sum(length for _, _, length in clock.pieces) == pytest.approx(clock.seconds)
    times = [clock.call_time(sample / 8000) for sample in range(0, at + 100, 50)]
    assert times == sorted(times)
