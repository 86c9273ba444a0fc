"""The report as JUnit XML, as CI servers read it.

A run is a test suite; each of its expectations is a test case, and so is the run itself, which is
an error if the run broke. Texts of a scenario may hold characters that XML 1.0 has no way to write
(section 2.2, production Char): they are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from mediasim.scenario.report.model import ExpectationReport, Report, RunReport, Totals

__all__ = ["write_junit"]

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def write_junit(report: Report, path: Path) -> None:
    """Write a report to ``path``, and create its folder if need be."""
    totals = Totals.of(*report.runs)
    root = ElementTree.Element(
        "testsuites",
        name="mediasim",
        tests=str(totals.expectations + totals.runs),
        failures=str(totals.failed_expectations),
        errors=str(totals.broken_runs),
        time=_seconds(totals.wall_seconds),
    )
    for run in report.runs:
        root.append(_suite(run))
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _suite(run: RunReport) -> ElementTree.Element:
    expectations = run.expectations
    time = _seconds(run.speed.wall_seconds)
    suite = ElementTree.Element(
        "testsuite",
        name=_written(run.label),
        file=_written(run.file),
        tests=str(1 + len(expectations)),
        failures=str(len(run.failed)),
        errors=str(int(run.error is not None)),
        time=time,
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("seed", "clock", "profile", "repeat"):
        ElementTree.SubElement(
            properties, "property", name=name, value=_written(getattr(run, name))
        )
    whole = _case(suite, run, "runs to its end", time)
    if run.error is not None:
        error = ElementTree.SubElement(whole, "error", message=_written(run.error))
        error.text = _written(f"{run.error}\n{_repetition(run, run.repeat)}")
    for number, expectation in enumerate(expectations, 1):
        # The number keeps names apart: a check may be made twice with the same wish.
        name = f"{number} {expectation.check}: {expectation.wanted}"
        case = _case(suite, run, name, "0.000")
        if not expectation.ok:
            message = _written(expectation.found)
            kind = _written(expectation.check)
            failure = ElementTree.SubElement(case, "failure", message=message, type=kind)
            failure.text = _written(_failure_text(run, expectation))
    return suite


def _case(suite: ElementTree.Element, run: RunReport, name: str, time: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_written(run.label), name=_written(name), time=time
    )


def _failure_text(run: RunReport, expectation: ExpectationReport) -> str:
    lines = [f"found:  {expectation.found}", f"wanted: {expectation.wanted}"]
    if expectation.where is not None:
        lines.append(f"listen: {expectation.where}")
    return "\n".join([*lines, _repetition(run, expectation.repeat)])


def _repetition(run: RunReport, command: str) -> str:
    return f"seed:   {run.seed}\nrepeat: {command}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _written(value: object) -> str:
    """Return a value as text without the characters that XML cannot hold."""
    return _UNWRITABLE.sub("", str(value))
