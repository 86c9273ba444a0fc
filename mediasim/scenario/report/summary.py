"""The report as a few lines for a person at a terminal.

With few runs each has its block; with many only those that failed. Texts of a scenario are printed
as they are, without rich's markup and without control characters, which could otherwise write
anywhere on the screen. Long lines are left to the terminal to fold, so that a command can be
copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mediasim.documents.diagnostics import counted, fault_words
from mediasim.scenario.report import model

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MOST_BLOCKS", "print_summary"]

MOST_BLOCKS: Final = 10
"""Number of runs above which those that went well are only counted."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")

Line = tuple[str, str]
"""A printed text, and rich's style for it."""


def print_summary(report: model.Report, console: Console, *, report_path: Path) -> None:
    """Print a report; ``report_path`` is the path of its page."""
    from rich.text import Text

    plain = console.options.ascii_only
    for pieces in _lines(report, report_path):
        text = Text()
        for words, style in pieces:
            text.append(_printable(words, plain), style)
        console.print(text, soft_wrap=True, highlight=False)


def _printable(words: str, ascii_only: bool) -> str:
    """Return a text without control characters, and in ASCII where the terminal has no more."""
    words = _CONTROL.sub(" ", words)
    if ascii_only:
        words = words.replace("✓", "ok").replace("✗", "FAILED").encode("ascii", "replace").decode()
    return words


def _lines(report: model.Report, report_path: Path) -> Iterator[list[Line]]:
    runs = report.runs
    compact = len(runs) > MOST_BLOCKS
    for run in runs:
        if not compact or not run.ok:
            yield from _block(run)
            yield []
    for warning in report.warnings:
        yield [("Note: ", "yellow"), (warning, "")]
    totals = model.Totals.of(*report.runs)
    style = "bold green" if report.ok else "bold red"
    good = totals.runs - totals.failed_runs
    of = "" if totals.runs == 1 else f", {good:,} of {counted(totals.runs, 'run')} went well"
    yield [(totals.verdict(), style), (of, "")]
    yield [(totals.speed(), "")]
    yield [("Report: ", ""), (str(report_path), "cyan")]


def _block(run: model.RunReport) -> Iterator[list[Line]]:
    mark: Line = ("✓ ", "green") if run.ok else ("✗ ", "red")
    length = f"  {run.call_seconds:.1f} s, seed {run.seed}, {run.clock} time"
    yield [mark, (run.label, "bold"), (length, "dim")]
    for first, call in _first(run.calls):
        yield [*_name("calls", first), *_call(call)]
    for first, recording in _first(run.recordings):
        yield [*_name("recordings", first), *_recording(recording)]
        for fault in recording.faults:
            yield [*_name("", False), (f"  broken on purpose: {fault_words(fault)}", "yellow")]
    if run.pcap is not None:
        yield [*_name("packets", True), (run.pcap, "cyan")]
    if run.error is not None:
        yield [*_name("broke", True), (run.error, "red")]
        yield [*_name("repeat", True), (run.repeat, "")]
    if run.expectations:
        met = len(run.expectations) - len(run.failed)
        words = f"{met} of {counted(len(run.expectations), 'expectation')} met"
        yield [*_name("expected", True), (words, "red" if run.failed else "")]
    for expectation in run.failed:
        yield from _failure(run, expectation)


def _call(call: model.CallReport) -> list[Line]:
    who = call.party or call.name
    if call.answered is None or call.ended is None:
        return [(f"{who}  {call.status}", "")]
    return [(f"{who}  {call.status}, {call.ended - call.answered:.1f} s", "")]


def _recording(recording: model.RecordingReport) -> list[Line]:
    if recording.status != "completed":
        return [(f"{recording.name}  {recording.status}", "")]
    parties = " | ".join(
        entry.party or ("mixed" if entry.leg == "mix" else entry.words.split(": ")[-1])
        for entry in recording.channel_map
    )
    channels = counted(recording.stored_channels, "channel")
    words = f"{recording.name}  {channels} ({parties}), {recording.duration:.1f} s"
    words += " (cut)" if recording.cut else ""
    return [(words, ""), (f"  {recording.file}", "dim")]


def _failure(run: model.RunReport, expectation: model.ExpectationReport) -> Iterator[list[Line]]:
    yield [("    ✗ ", "red"), (f"{expectation.check}: {expectation.found}", "red")]
    yield [("      wanted  ", "dim"), (expectation.wanted, "")]
    if expectation.where is not None:
        yield [("      listen  ", "dim"), (str(expectation.where), "")]
    yield [("      seed    ", "dim"), (str(run.seed), "")]
    yield [("      repeat  ", "dim"), (expectation.repeat, "")]


def _first(items: Sequence[Any]) -> Iterator[tuple[bool, Any]]:
    """Yield each item with whether it is the first."""
    return ((index == 0, item) for index, item in enumerate(items))


def _name(name: str, visible: bool) -> list[Line]:
    return [(f"  {name if visible else '':<12}", "dim")]
