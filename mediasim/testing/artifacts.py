"""Artifacts of a test: recordings, report page, and the command that runs the test again.

Files are below pytest's temporary folder, or below ``--mediasim-keep``. Those of a test that failed
stay and are named in its output; those of others are kept only with that option.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediasim.scenario.report.model import RunReport
    from mediasim.scenario.report.page_part import PagePart

__all__ = ["Artifacts", "Options", "write_page"]

_UNSAFE_CHARACTERS = re.compile(r"[^\w.\[\]-]+")


@dataclass(frozen=True, slots=True)
class Options:
    """The plugin's command line options."""

    seed: int | None = None
    realtime: bool = False
    keep: Path | None = None
    """Folder of all artifacts, of passed tests too; None for pytest's temporary folder."""


@dataclass
class Artifacts:
    """The artifacts of one test."""

    test: str
    """The test's node id."""
    options: Options
    temporary: Callable[[str], Path]
    """Makes a new temporary folder, whose name begins with the argument."""
    _folder: Path | None = None
    _writers: list[Callable[[], list[str]]] = field(default_factory=list)
    _tellers: list[tuple[str, Callable[[], str]]] = field(default_factory=list)
    _completed: bool = False

    @property
    def name(self) -> str:
        """The test's name without file and class."""
        return self.test.rpartition("::")[2]

    @property
    def folder(self) -> Path:
        """The test's folder, made at the first use."""
        if self._folder is None:
            if self.options.keep is None:
                short = _UNSAFE_CHARACTERS.sub("-", self.name)[:60]
                self._folder = self.temporary(f"mediasim-{short}-")
            else:
                self._folder = self.options.keep / _UNSAFE_CHARACTERS.sub("-", self.test)
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(parents=True)
        return self._folder

    @property
    def repeat(self) -> str:
        """The command that runs the test again with the same options."""
        words = ["pytest", self.test]
        if self.options.seed is not None:
            words += ["--mediasim-seed", str(self.options.seed)]
        if self.options.realtime:
            words.append("--mediasim-realtime")
        return shlex.join(words)

    def at_end(self, write: Callable[[], list[str]]) -> None:
        """Call ``write`` at the end to complete the artifacts; it returns lines that name them."""
        self._writers.append(write)

    def at_failure(self, title: str, tell: Callable[[], str]) -> None:
        """Call ``tell`` if the test fails, for a section of its report; "" makes none."""
        self._tellers.append((title, tell))

    def told(self) -> Iterator[tuple[str, str]]:
        """Yield the sections of a failed test's report, each once: title and text."""
        tellers, self._tellers = self._tellers, []
        for title, tell in tellers:
            try:
                text = tell()
            except Exception as error:  # a test's own failure is not to be hidden by ours
                text = f"cannot be told: {type(error).__name__}: {error}"
            if text:
                yield title, text

    def complete(self) -> str | None:
        """Complete the artifacts and return the lines that name them.

        None where the test has none, or they were completed before.
        """
        if self._completed or not self._writers:
            return None
        self._completed = True
        lines: list[str] = []
        for write in self._writers:
            try:
                lines += write()
            except Exception as error:  # a test's own failure is not to be hidden by ours
                lines.append(f"could not be kept: {type(error).__name__}: {error}")
        return "\n".join([*lines, f"repeat: {self.repeat}"])

    def complete_if_kept(self) -> None:
        """Complete the artifacts where those of all tests are kept."""
        if self.options.keep is not None:
            self.complete()

    def close(self) -> None:
        """Complete the artifacts that are kept, and delete the others."""
        self.complete_if_kept()
        if self.options.keep is None and self._folder is not None and not self._completed:
            shutil.rmtree(self._folder, ignore_errors=True)


def write_page(run: RunReport, folder: Path, repeat: str, parts: Sequence[PagePart] = ()) -> Path:
    """Write ``report.json`` and ``report.html`` of one run, whose recordings are in the folder.

    ``repeat`` is the command that runs the test again; ``parts`` are added to the page. Returns
    the page's path.
    """
    from mediasim import __version__
    from mediasim.scenario.report.html import write_report
    from mediasim.scenario.report.model import Report

    expectations = [replace(each, repeat=repeat) for each in run.expectations]
    report = Report(
        mediasim=__version__,
        ok=run.ok,
        interrupted=run.cut,
        seed_note=f"The same again: {repeat}",
        warnings=run.warnings or (),
        wall_seconds=run.speed.wall_seconds,
        runs=[replace(run, expectations=expectations, repeat=repeat, warnings=None)],
    )
    report.write(folder)
    return write_report(report, folder, parts)
