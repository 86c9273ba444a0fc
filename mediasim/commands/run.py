"""The command ``run``."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediasim.commands.ending import ExitCode, Format, refusing, seed_option, show_page, stop
from mediasim.commands.loading import loading
from mediasim.commands.progress import progress
from mediasim.commands.scenarios import load

__all__ = ["run"]

if TYPE_CHECKING:
    from mediasim.scenario.model.scenario import Scenario
    from mediasim.scenario.report.model import Report, RunReport

    _Work = Callable[[Callable[[RunReport], None] | None], Report]


def run(
    scenarios: Annotated[
        list[str], typer.Argument(help="Scenario files; * and ** stand for several.")
    ],
    realtime: Annotated[
        bool, typer.Option("--realtime", help="On the wall clock, over UDP on loopback.")
    ] = False,
    shared_socket: Annotated[
        bool,
        typer.Option("--shared-socket", help="With --realtime: one socket, not a port per leg."),
    ] = False,
    pcap: Annotated[
        bool, typer.Option("--pcap", help="Also leave all packets as captures/NAME.pcap in --out.")
    ] = False,
    seed: Annotated[int | None, seed_option("Instead of the scenario's own.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Where recordings and reports go, instead of a new folder in mediasim-out; what "
            "an earlier run left there is removed.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Runs at a time.", min=1)] = 1,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the summary is printed.")
    ] = "text",
    junit: Annotated[Path | None, typer.Option(help="Also write the results as JUnit XML.")] = None,
    variant: Annotated[
        str | None, typer.Option(help="Only this run of a matrix, as reports name it.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Also open the report in the browser.")
    ] = False,
) -> None:
    """Run scenarios and leave recordings, their truth and a report.

    Exit code 0: every expectation holds; 1: one failed; 2: a scenario or the command line is
    wrong; 3: a run broke; 130: Ctrl-C, and the report is of what had run.
    """
    with loading():
        from mediasim.documents.diagnostics import ScenarioError
        from mediasim.scenario.report.html import write_report
        from mediasim.scenario.running.run_folders import FolderInUse, run_folder
        from mediasim.scenario.running.runs import run_all

    if shared_socket and not realtime:
        stop("--shared-socket says how packets travel with --realtime: give both")
    found = load(scenarios)
    if not realtime:
        from mediasim.scenario.running.failures import refuse_without_real_time

        with refusing(ScenarioError):
            refuse_without_real_time(found)
    if variant is not None:
        labels = [scenario.label for scenario in found]
        found = [scenario for scenario in found if scenario.label == variant]
        if not found:
            known = ", ".join(label for label in labels if label) or "none"
            stop(f"no run is called {variant!r}; there are: {known}")
    try:
        with run_folder(out) as folder:
            report = _with_progress(
                found,
                realtime,
                lambda progress: run_all(
                    found,
                    folder.path,
                    seed=seed,
                    realtime=realtime,
                    shared_socket=shared_socket,
                    pcap=pcap,
                    jobs=jobs,
                    progress=progress,
                    warnings=folder.warnings,
                ),
            )
            report.write(folder.path)
            page = write_report(report, folder.path)
        if junit is not None:
            from mediasim.scenario.report.junit import write_junit

            write_junit(report, junit)
    except FolderInUse as error:
        stop(str(error))
    except OSError as error:
        where = error.filename or out or "mediasim-out"
        stop(f"cannot write to {where}: {error.strerror}")
    if format == "json":
        from mediasim.scenario.report.model import report_json

        print(json.dumps(report_json(report), ensure_ascii=False))
    else:
        from rich.console import Console

        from mediasim.scenario.report.summary import print_summary

        print_summary(report, Console(highlight=False), report_path=page)
    if open_page:
        show_page(page.resolve().as_uri())
    if report.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if any(run.error for run in report.runs):
        raise typer.Exit(ExitCode.BROKE)
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.FAILED)


def _with_progress(scenarios: list[Scenario], realtime: bool, work: _Work) -> Report:
    """Run, and show progress on the error channel where that is a terminal: the runs that are done,
    and the time since the start, which in real time is that of the calls."""
    of = "of call time" if realtime else ""
    with progress(len(scenarios), "runs", scenarios[0].name, time_of=of) as show:
        done = count(1)
        return work(lambda finished: show(next(done), finished.label))
