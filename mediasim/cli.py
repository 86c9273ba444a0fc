"""The command line. Heavy imports stay inside the commands: help must come at once."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mediasim.sandbox import commands
from mediasim.scenario.fuzz import command as fuzz_command
from mediasim.scenario.importing import command as import_command
from mediasim.truth import commands as truth_commands
from mediasim.truth.analysis import command as analysis_command

__all__ = ["main"]

app = typer.Typer(
    name="mediasim",
    help="Telephone calls as RTP, recorded as Twilio records them, with the truth of every sample.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Work = Callable[[Callable[[dict[str, Any]], None] | None], dict[str, Any]]

_MANY = 4
"""Runs from which on progress is shown in virtual time."""
HOLDS, FAILED, WRONG, BROKE, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: all expectations hold, one failed, the input is wrong, a run broke, Ctrl-C."""


class Format(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """How the summary is printed."""

    text = "text"
    json = "json"


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from mediasim import __version__

        print(f"mediasim {__version__}")
        raise typer.Exit


@app.command()
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
    seed: Annotated[
        int | None, typer.Option(help="Instead of the scenario's own.", min=0, max=2**63 - 1)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where recordings and reports go, instead of a new folder in mediasim-out; what "
            "an earlier run left there is removed."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at a time.", min=1)] = 1,
    format: Annotated[Format, typer.Option(help="How the summary is printed.")] = Format.text,
    junit: Annotated[Path | None, typer.Option(help="Also write the results as JUnit XML.")] = None,
    variant: Annotated[
        str | None, typer.Option(help="Only this run of a matrix, as reports name it.")
    ] = None,
) -> None:
    """Run scenarios and leave recordings, their truth and a report.

    Exit code 0: every expectation holds; 1: one failed; 2: a scenario or the command line is
    wrong; 3: a run broke; 130: Ctrl-C, and the report is of what had run.
    """
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.running.campaign import run_all, write_report_json
    from mediasim.scenario.running.run_folders import FolderInUse, run_folder

    if shared_socket and not realtime:
        _stop("--shared-socket says how packets travel with --realtime: give both", WRONG)
    found = _load(scenarios)
    if not realtime:
        from mediasim.scenario.running.endpoints import refuse_without_real_time

        try:
            refuse_without_real_time(found)
        except ScenarioError as error:
            _stop(str(error), WRONG)
    if variant is not None:
        labels = [scenario.label for scenario in found]
        found = [scenario for scenario in found if scenario.label == variant]
        if not found:
            known = ", ".join(label for label in labels if label) or "none"
            _stop(f"no run is called {variant!r}; there are: {known}", WRONG)
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
            write_report_json(report, folder.path)
            from mediasim.scenario.report.html import write_report

            page = write_report(report, folder.path)
        if junit is not None:
            from mediasim.scenario.report.junit import write_junit

            write_junit(report, junit)
    except FolderInUse as error:
        _stop(str(error), WRONG)
    except OSError as error:
        where = error.filename or out or "mediasim-out"
        _stop(f"cannot write to {where}: {error.strerror}", WRONG)
    if format is Format.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        from rich.console import Console

        from mediasim.scenario.report.summary import print_summary

        print_summary(report, Console(highlight=False), report_path=page)
    if report["interrupted"]:
        raise typer.Exit(INTERRUPTED)
    if any(each["error"] for each in report["runs"]):
        raise typer.Exit(BROKE)
    raise typer.Exit(HOLDS if report["ok"] else FAILED)


@app.command()
def new(name: Annotated[str, typer.Argument(help="The scenario's name, or a file.")]) -> None:
    """Write a commented scenario to start from."""
    from mediasim.scenario.model.starter import starter_scenario

    path = Path(name)
    if not path.name:
        _stop(f"expected the name of a scenario, found {name!r}", WRONG)
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(path.name + ".yaml")
    try:
        text = starter_scenario(path.stem)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except ValueError as error:
        _stop(str(error), WRONG)
    except FileExistsError:
        _stop(f"{path} exists already: choose another name", WRONG)
    except OSError as error:
        _stop(f"cannot write {path}: {error.strerror}", WRONG)
    print(f"wrote {path}; run it with: mediasim run {path}")


@app.command()
def schema(
    config: Annotated[
        bool, typer.Option("--config", help="Of the sandbox's config files instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from mediasim.sandbox.config import config_schema
    from mediasim.scenario.model.load import scenario_schema

    found = config_schema() if config else scenario_schema()
    print(json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
def sdp(
    scenario: Annotated[str, typer.Argument(help="A scenario file with an endpoint elsewhere.")],
    party: Annotated[str | None, typer.Option(help="Which; the only one where left out.")] = None,
    of_peer: Annotated[
        bool, typer.Option("--of-peer", help="What the endpoint itself receives, for its player.")
    ] = False,
) -> None:
    """Print the session description of a party elsewhere: where it is to send its RTP, and what."""
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.running.endpoints import described

    found = _load([scenario])[0]
    known = [name for name, each in found.parties.items() if each.endpoint is not None]
    if (party is None and len(known) != 1) or (party is not None and party not in known):
        names = ", ".join(known) or "none"
        _stop(f"expected --party with one that has an endpoint; there are: {names}", WRONG)
    try:
        sys.stdout.write(described(found, party or known[0], of_peer=of_peer).text())
    except ScenarioError as error:
        _stop(str(error), WRONG)


@app.command()
def explain(
    what: Annotated[str, typer.Argument(help="A recording's SID or JSON file, or a run's folder.")],
    out: Annotated[Path, typer.Option(help="Where the recordings are, for a SID.")] = Path(
        "mediasim-out/latest"
    ),
) -> None:
    """Say why recordings have the channels they have."""
    from mediasim.scenario.report.explain import ExplainError, explain_recordings

    try:
        print(explain_recordings(what, out))
    except ExplainError as error:
        _stop(str(error), WRONG)


def _doors() -> Any:
    from mediasim.testing.doors.judge import Doors

    return Doors()


commands.register(app)
analysis_command.register(app)
truth_commands.register(app)
fuzz_command.register(app, _doors)
import_command.register(app)


def _load(paths: list[str]) -> list[Any]:
    """All scenarios, checked before anything runs; ends with exit code 2 if one is wrong."""
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.model.load import load_scenarios
    from mediasim.scenario.running.sounds import check_sounds

    try:
        found = load_scenarios(paths)
        check_sounds(found)
    except ScenarioError as error:
        _stop(str(error), WRONG)
    return found


def _with_progress(scenarios: list[Any], realtime: bool, work: _Work) -> dict[str, Any]:
    """Show progress on the error channel when there is something to wait for."""
    if len(scenarios) < _MANY and not realtime:
        return work(None)
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        return work(None)
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed} of {task.total} runs"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(scenarios[0].name, total=len(scenarios))

        def done(finished: dict[str, Any]) -> None:
            progress.update(task, advance=1, description=finished["label"])

        return work(done)


def _stop(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """The ``mediasim`` command."""
    # Imports make objects by the hundred thousand and no garbage: looking for it is a tenth of
    # the time a short run takes.
    gc.set_threshold(50_000, 20, 20)
    app()
