"""The command ``watch``, which runs scenarios again whenever a file beside them changes."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import typer

from mediasim.commands.ending import refusing

__all__ = ["watch"]

_LOOK_MS: Final = 300
"""Milliseconds between looks at the folders."""
_KEPT: Final = frozenset({"mediasim-out", "mediasim-data", "node_modules", "__pycache__"})
_CODE = ".yaml .yml .py .js .mjs .ts .rb .php .go .java .cs .xml .env"
_SOURCES: Final = frozenset(f"{_CODE} .wav .mp3 .flac .ogg".split(" "))
"""Endings of files that scenarios are made of: their own, those of apps, and sounds."""


def watch(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO… [OPTION]…", help="Scenario files, and any options of run."
        ),
    ],
) -> None:
    """Run scenarios, and again whenever a file in their folders changes, until Ctrl-C.

    Looked at are scenarios, apps and sounds, not results, nor files whose names begin with a dot.
    """
    from watchfiles import watch as changes_in

    from mediasim.documents.diagnostics import ScenarioError

    with refusing(ScenarioError):
        folders = _folders(arguments)
    command = [sys.executable, "-m", "mediasim", "run", *arguments]
    results = _results(arguments)
    changes = changes_in(
        *folders,
        watch_filter=lambda _, path: _counts(Path(path), results),
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=True,
    )
    try:
        next(changes)  # from here on changes are seen, also those during a run
        subprocess.run(command, check=False)
        for changed in filter(None, changes):
            names = sorted({Path(path).name for _, path in changed})
            print(f"\n{', '.join(names)} changed", file=sys.stderr, flush=True)
            subprocess.run(command, check=False)
    except KeyboardInterrupt:
        print(f"\nwatching has ended; the last results are in {results}", file=sys.stderr)


def _folders(arguments: list[str]) -> list[Path]:
    """Return the folders of the files among the arguments of ``run``. Raises ScenarioError."""
    from mediasim.scenario.model.load import matching_files

    wanted = [each for each in arguments if each.endswith((".yaml", ".yml", "*"))]
    files = [file for each in wanted for file in matching_files(each)]
    return list(dict.fromkeys(file.resolve().parent for file in files)) or [Path.cwd()]


def _results(arguments: list[str]) -> Path:
    """Return the folder in which the arguments of ``run`` leave its results."""
    for option, value in pairwise(arguments):
        if option in ("--out", "-o"):
            return Path(value)
    given = (each.partition("=")[2] for each in arguments if each.startswith("--out="))
    return Path(next(given, "mediasim-out/latest"))


def _counts(path: Path, results: Path) -> bool:
    """Tell whether a change of a file can change a run."""
    hidden = any(part.startswith(".") or part in _KEPT for part in path.parts)
    return (
        path.suffix.lower() in _SOURCES
        and not hidden
        and not path.is_relative_to(results.resolve())
    )
