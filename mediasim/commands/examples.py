"""The command ``examples``, and the templates of ``new``: what ships with the package to start
from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import mediasim
from mediasim.commands.ending import stop

__all__ = ["copy_template", "examples", "templates"]


def _folder() -> Path:
    """Return the folder of the examples: the package's own, or a checkout's ``scenarios``."""
    package = Path(mediasim.__file__).parent
    packaged = package / "examples"
    return packaged if packaged.is_dir() else package.parent / "scenarios"


def templates() -> list[str]:
    """Return the names of the templates."""
    return sorted(path.name for path in (_folder() / "templates").iterdir() if path.is_dir())


def copy_template(name: str, to: Path) -> list[Path]:
    """Copy a template into a new folder and return the new files.

    Ends the command if there is no such template, or the folder exists.
    """
    if name not in templates():
        stop(f"there is no template {name!r}; there are: {', '.join(templates())}")
    source = _folder() / "templates"
    _copy(source / name, to)
    shutil.copy(source / "sandbox.yaml", to)
    return sorted(to.iterdir())


def examples(
    to: Annotated[
        Path | None, typer.Option("--to", help="Copy all of them into this new folder.")
    ] = None,
) -> None:
    """List the scenarios, bots, campaigns and templates of the package, or copy them all."""
    if to is not None:
        _copy(_folder(), to)
        print(f"copied to {to}; run one with: mediasim run {to / 'support-call.yaml'}")
        return
    for title, pattern in (
        ("scenarios", "*.yaml"),
        ("bots", "bots/*.yaml"),
        ("campaigns", "campaigns/*.yaml"),
    ):
        print(f"{title}:")
        for path in sorted(_folder().glob(pattern)):
            print(f"  {path.relative_to(_folder())!s:27}{_first_words(path)}")
    print("templates, for mediasim new NAME --template TEMPLATE:")
    for name in templates():
        print(f"  {name:27}{_first_words(_folder() / 'templates' / name / 'app.py')}")
    print("mediasim examples --to FOLDER copies them all.")


def _first_words(path: Path) -> str:
    """Return the first sentence of a file's own description."""
    lines = (line.strip().strip('#"').strip() for line in path.read_text("utf-8").splitlines())
    return _sentence(line for line in lines if not line.startswith("yaml-language-server"))


def _sentence(lines: Iterator[str]) -> str:
    words = ""
    for line in lines:
        if not line:
            break
        words = f"{words} {line}".strip()
        if line.endswith("."):
            break
    first, end, _ = words.partition(". ")
    return first + "." if end else words


def _copy(source: Path, to: Path) -> None:
    """Copy a folder. Ends the command if that cannot be done."""
    try:
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    except FileExistsError:
        stop(f"{to} exists already: choose another name")
    except OSError as error:
        stop(f"cannot write {to}: {error.strerror}")
