"""The command ``fuzz``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediasim.commands.ending import ExitCode, refusing, seed_option, stop
from mediasim.commands.loading import loading

if TYPE_CHECKING:
    from mediasim.scenario.fuzz.hunt import Find, Hunt
    from mediasim.scenario.fuzz.properties import Properties

__all__ = ["fuzz"]


_OF_DRAWN = ("runs", "seed", "first", "jobs", "out", "minutes")
"""The options that say nothing of scenarios that are given."""


def fuzz(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(help="Judge these scenarios instead of drawing any.")
    ] = None,
    runs: Annotated[int, typer.Option(help="How many scenarios to draw.", min=1)] = 300,
    seed: Annotated[int, seed_option("Decides all that is drawn.")] = 1,
    first: Annotated[int, typer.Option(help="The number of the first run.", min=0)] = 0,
    jobs: Annotated[int, typer.Option(help="Runs at a time.", min=1)] = 1,
    out: Annotated[Path, typer.Option(help="Where finds are written.")] = Path("mediasim-finds"),
    minutes: Annotated[
        float | None, typer.Option(help="Draw no more after that time.", min=0)
    ] = None,
    through_doors: Annotated[
        bool,
        typer.Option(
            "--doors", help="Run each as a scenario, by TwiML, and by REST: all are the same."
        ),
    ] = False,
) -> None:
    """Try random calls against the invariants, and make what breaks one small.

    Every run is judged by what it left, and played a second time: the same again, in other
    blocks, beside another call, with somebody silent, or killed. With --doors it is run as a
    scenario, by an app's TwiML and by REST instead, and all three leave the same. The same seed
    finds the same. A find is written as a scenario file that repeats it. A few hundred runs are
    for every change; the nightly command, also with --doors, is: mediasim fuzz --runs 10000
    --seed $(date +%Y%m%d) --jobs 2

    Exit code 0: nothing was found; 1: something was; 2: a scenario or the command line is
    wrong.
    """
    with loading():
        from mediasim.scenario.fuzz.hunt import hunt
        from mediasim.scenario.fuzz.properties import Invariants

    given = [name for name in _OF_DRAWN if _is_given(context, name)]
    if files and given:
        stop(f"--{given[0]} is for scenarios that are drawn, {files[0]} is judged: give only one")
    _check_folder(out)
    properties: Properties = Invariants()
    if through_doors:
        from mediasim.testing.doors.judge import Doors

        properties = Doors()
    if files:
        raise typer.Exit(_judge(files, properties))
    try:
        found = hunt(
            seed,
            runs,
            properties=properties,
            first=first,
            jobs=jobs,
            minutes=minutes,
            out=out,
            progress=_progress(),
        )
    except OSError as error:
        stop(f"cannot write to {error.filename or out}: {error.strerror}")
    for find in found.finds:
        _print_find(find, properties)
    print(_summary(found))
    raise typer.Exit(ExitCode.FAILED if found.finds else ExitCode.OK)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _check_folder(out: Path) -> None:
    """End the command if nothing could be written to a folder that may not be there yet."""
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        stop(f"cannot write to {there}: it is no folder")
    if not os.access(there, os.W_OK):
        stop(f"cannot write to {there}: it may not be written to")


def _progress() -> Callable[[Hunt], None] | None:
    """Return a function that prints progress on the error channel; None if that is no terminal."""
    if not sys.stderr.isatty():
        return None

    def print_summary(so_far: Hunt) -> None:
        print(f"\r{_summary(so_far)}", end="", file=sys.stderr, flush=True)

    return print_summary


def _summary(found: Hunt) -> str:
    pace = 60 * found.runs / max(found.seconds, 1e-9)
    finds = f"{len(found.finds)} find{'' if len(found.finds) == 1 else 's'}"
    taken = f"{found.seconds:.0f} s ({pace:.0f} a minute)"
    return f"seed {found.seed}: {found.runs} runs in {taken}, {finds}"


def _print_find(find: Find, properties: Properties) -> None:
    words = " ".join(filter(None, ("mediasim fuzz", properties.option, str(find.file))))
    print(f"run {find.number} breaks {find.broken.name}: {find.broken.words}")
    print(f"  {find.broken.where}")
    print(f"  written to {find.file}; to repeat: {words}")


def _judge(files: list[str], properties: Properties) -> ExitCode:
    """Judge scenario files by every property; return the exit code."""
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.fuzz.properties import judged_file

    code = ExitCode.OK
    with refusing(ScenarioError):
        for file in files:
            broken = list(judged_file(Path(file), properties))
            for each in broken:
                print(f"{file} breaks {each.name}: {each.words}\n  {each.where}")
                code = ExitCode.FAILED
            if not broken:
                print(f"{file}: everything holds")
    return code
