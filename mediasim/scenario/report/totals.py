"""What the runs of a report come to, and the words that every face of a report says it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Totals", "counted", "place_words"]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the runs of a report."""

    runs: int
    failed_runs: int
    broken_runs: int
    """Runs that an error ended, whatever was expected of them."""
    expectations: int
    failed_expectations: int
    call_seconds: float
    wall_seconds: float
    worst_lateness_ms: float | None
    """The latest frame of any run in real time; None if all ran in virtual time."""

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Totals:
        """The sums of a report (the content of ``report.json``)."""
        runs = report["runs"]
        expectations = [expectation for run in runs for expectation in run["expectations"]]
        lateness = [run["speed"].get("lateness_ms") for run in runs]
        return cls(
            runs=len(runs),
            failed_runs=sum(not run["ok"] for run in runs),
            broken_runs=sum(run["error"] is not None for run in runs),
            expectations=len(expectations),
            failed_expectations=sum(not expectation["ok"] for expectation in expectations),
            call_seconds=sum(run["call_seconds"] for run in runs),
            wall_seconds=sum(run["speed"]["wall_seconds"] for run in runs),
            worst_lateness_ms=max((each["max"] for each in lateness if each), default=None),
        )

    def verdict(self) -> str:
        """One sentence that says whether all went as expected."""
        faults = []
        if self.failed_expectations:
            of = counted(self.expectations, "expectation")
            faults.append(f"{self.failed_expectations:,} of {of} failed")
        if self.broken_runs:
            faults.append(f"{self.broken_runs:,} of {counted(self.runs, 'run')} broke")
        if faults or self.failed_runs:
            return (
                ", ".join(faults) or f"{self.failed_runs:,} of {counted(self.runs, 'run')} failed"
            )
        if not self.expectations:
            return f"{counted(self.runs, 'run')}, nothing was expected"
        if self.expectations == 1:
            return "The one expectation holds"
        return f"All {self.expectations:,} expectations hold"

    def speed(self) -> str:
        """How fast it ran: ``61 s of call in 0.12 s, 510 times real time``."""
        wall = (
            f"{self.wall_seconds:,.2f}" if self.wall_seconds < 10 else f"{self.wall_seconds:,.0f}"
        )
        words = f"{self.call_seconds:,.0f} s of call in {wall} s"
        if self.wall_seconds > 0:
            factor = self.call_seconds / self.wall_seconds
            words += f", {factor:,.0f} times real time" if factor >= 2 else ""
        if self.worst_lateness_ms is not None:
            words += f", no frame more than {self.worst_lateness_ms:.1f} ms late"
        return words


def counted(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def place_words(where: Mapping[str, Any] | None) -> str:
    """Where to listen: ``recordings/RE1.wav, channel 1, 2.500 s``; empty if there is no place."""
    if where is None:
        return ""
    words = [where["file"]] if where.get("file") else []
    if where.get("channel"):
        words.append(f"channel {where['channel']}")
    if where.get("time") is not None:
        words.append(f"{where['time']:.3f} s")
    return ", ".join(words)
