"""The report page of what a test left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediasim import __version__
from mediasim.scenario.report.html import write_report
from mediasim.scenario.running.campaign import write_report_json

__all__ = ["write_page"]


def write_page(run: dict[str, Any], folder: Path, repeat: str) -> Path:
    """``report.json`` and ``report.html`` for one run, whose recordings are in the folder."""
    expectations = [{**each, "repeat": repeat} for each in run["expectations"]]
    warnings = run.pop("warnings", [])
    report = {
        "mediasim": __version__,
        "ok": run["ok"],
        "seed_note": f"The same again: {repeat}",
        "warnings": warnings,
        "wall_seconds": run["speed"]["wall_seconds"],
        "runs": [{**run, "expectations": expectations, "repeat": repeat}],
    }
    write_report_json(report, folder)
    return write_report(report, folder)
