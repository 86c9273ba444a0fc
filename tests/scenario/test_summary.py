from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

from report_samples import HOSTILE, expectation, failed_run, recording, report, run
from rich.console import Console

from mediasim.scenario.report.model import RunReport, Speed
from mediasim.scenario.report.summary import MOST_BLOCKS, print_summary


def printed(*runs: RunReport, encoding: str = "utf-8", **other: Any) -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as file:
        console = Console(file=file, width=60)
        print_summary(report(*runs, **other), console, report_path=Path("out/report.html"))
        file.flush()
        return raw.getvalue().decode(encoding)


def test_one_run_that_went_well() -> None:
    assert printed(run()).splitlines() == [
        "✓ support-call [codec=PCMU]  10.0 s, seed 7, virtual time",
        "  calls       alice  completed, 9.0 s",
        "              bob  completed, 9.0 s",
        "  recordings  main  2 channels (alice | bob), 9.0 s  recordings/RE1.wav",
        "  expected    1 of 1 expectation met",
        "",
        "The one expectation holds",
        "10 s of call in 0.02 s, 500 times real time",
        "Report: out/report.html",
    ]


def test_a_failure_says_all_that_is_needed_to_hear_and_repeat_it() -> None:
    lines = printed(failed_run()).splitlines()

    at = lines.index("  expected    1 of 2 expectations met")
    assert lines[at + 1 : at + 6] == [
        "    ✗ aligned: alice's first clip stands 160 samples late",
        "      wanted  within 0 samples",
        "      listen  recordings/RE1.wav, channel 1, 2.500 s",
        "      seed    7",
        "      repeat  mediasim run scenarios/support-call.yaml --seed 7",
    ]
    assert "1 of 2 expectations failed" in lines


def test_a_run_that_broke_says_why_and_how_to_repeat_it() -> None:
    text = printed(run(ok=False, error="no voice engine", expectations=[], recordings=[]))

    assert "  broke       no voice engine\n" in text
    assert "  repeat      mediasim run scenarios/support-call.yaml --seed 7\n" in text
    assert "1 of 1 run broke" in text


def test_with_many_runs_only_those_that_failed_are_told_in_full() -> None:
    runs = [run(label=f"good-{number}") for number in range(199)]
    runs.insert(60, failed_run(label="bad"))
    text = printed(*runs)

    assert len(runs) > MOST_BLOCKS
    assert "✗ bad" in text
    assert "good-" not in text
    assert "1 of 201 expectations failed, 199 of 200 runs went well" in text
    assert "2,000 s of call in 4.00 s, 500 times real time" in text


def test_long_commands_are_not_broken_into_lines() -> None:
    command = "mediasim run scenarios/support-call.yaml --seed 7 --only " + 40 * "codec "

    assert f"repeat  {command}" in printed(
        run(ok=False, expectations=[expectation(ok=False, repeat=command)])
    )


def test_hostile_text_is_printed_as_text() -> None:
    text = printed(
        run(ok=False, label=HOSTILE, expectations=[expectation(ok=False, found=HOSTILE)]),
        warnings=("one\nline\ud800",),
    )

    assert "\x1b" not in text
    assert "[31m[red]&amp;" in text
    assert "Note: one line \n" in text


def test_a_terminal_without_these_letters_gets_words() -> None:
    text = printed(failed_run(), run(label="café"), encoding="ascii")

    assert "FAILED support-call" in text
    assert "ok caf?" in text


def test_an_absent_recording_and_a_call_that_nobody_took() -> None:
    unanswered = replace(run().calls[0], answered=None, status="busy")
    absent = recording(status="absent", file=None)
    text = printed(run(calls=[unanswered], recordings=[absent]))

    assert "  calls       alice  busy\n" in text
    assert "  recordings  main  absent\n" in text


def test_runs_in_real_time_say_how_late_they_were() -> None:
    speed = Speed(
        wall_seconds=10.1,
        cpu_seconds=0.4,
        realtime_factor=1.0,
        lateness_ms={"p50": 0.1, "p99": 0.6, "max": 1.94},
    )

    text = printed(run(clock="real", speed=speed))
    assert "10 s of call in 10 s, no frame more than 1.9 ms late" in text
