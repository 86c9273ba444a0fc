"""How commands end: the exit codes, and the error channel."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Literal, NoReturn

import typer

from mediasim.documents.diagnostics import ScenarioError, printable

__all__ = [
    "ExitCode",
    "Format",
    "error_text",
    "json_text",
    "refusing",
    "seed_option",
    "show_page",
    "stop",
]


class ExitCode(IntEnum):
    """The exit code of a command; those of ``verify`` from 10 on are the kind of a failure."""

    OK = 0
    """All went well, and every expectation holds."""
    FAILED = 1
    """An expectation failed, the fuzzer found something, or the sandbox is not well."""
    WRONG = 2
    """A file or the command line is wrong: nothing was done."""
    BROKE = 3
    """A run or the sandbox broke."""
    INTERRUPTED = 130
    """Ctrl-C ended it, as shells count: 128 and the number of SIGINT."""


Format = Literal["text", "json"]
"""The format in which a result is printed."""


def seed_option(help: str) -> Any:
    """Return an option for a seed, with the numbers that every part of mediasim accepts as one."""
    return typer.Option("--seed", "-s", help=help, min=0, max=2**63 - 1)


def stop(message: str, code: ExitCode = ExitCode.WRONG) -> NoReturn:
    """Print a message on the error channel, each of its lines printable, and end the command."""
    for line in message.split("\n"):
        print(printable(line), file=sys.stderr)
    raise typer.Exit(code)


def show_page(url: str) -> None:
    """Open a page in the user's browser, and say where it is if there is no browser."""
    import webbrowser

    if not webbrowser.open(url):
        print(f"there is no browser to open {url}", file=sys.stderr)


@contextmanager
def refusing(*errors: type[Exception]) -> Iterator[None]:
    """End the command with exit code 2 and an error's own message if one of these is raised; under
    a mistake in a file stands its line."""
    try:
        yield
    except errors as error:
        stop(error_text(error))


def error_text(error: Exception) -> str:
    """Return what a command prints of an error that its user can mend."""
    return error.for_terminal() if isinstance(error, ScenarioError) else str(error)


def json_text(document: object, indent: int = 2) -> str:
    """Return JSON for a person to read: indented, with letters of any script as they are."""
    return json.dumps(document, indent=indent, ensure_ascii=False)
