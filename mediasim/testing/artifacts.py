"""What is left of a test: recordings, report page, and the command that does the same again.

Files are below pytest's temporary folder, or below ``--mediasim-keep``. Those of a test that
failed stay and are named in its output; those of others are kept only where that was asked for.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediasim.scenario.report.model import RunReport

__all__ = ["Artifacts", "Options", "write_page"]

_NOT_IN_NAMES = re.compile(r"[^\w.\[\]-]+")


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's."""

    seed: int | None = None
    realtime: bool = False
    keep: Path | None = None
    """Where everything is kept, whether tests fail or not."""


@dataclass
class Artifacts:
    """Of one test."""

    test: str
    """Its node id."""
    options: Options
    temporary: Callable[[str], Path]
    """A new folder of a name."""
    _folder: Path | None = None
    _writers: list[Callable[[], list[str]]] = field(default_factory=list)
    _said: bool = False

    @property
    def name(self) -> str:
        """The test's own name."""
        return self.test.rpartition("::")[2]

    @property
    def folder(self) -> Path:
        """The test's own, made when first asked for."""
        if self._folder is None:
            if self.options.keep is None:
                short = _NOT_IN_NAMES.sub("-", self.name)[:60]
                self._folder = self.temporary(f"mediasim-{short}-")
            else:
                self._folder = self.options.keep / _NOT_IN_NAMES.sub("-", self.test)
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(parents=True)
        return self._folder

    @property
    def repeat(self) -> str:
        """The command that does the same again."""
        words = ["pytest", self.test]
        if self.options.seed is not None:
            words += ["--mediasim-seed", str(self.options.seed)]
        if self.options.realtime:
            words.append("--mediasim-realtime")
        return shlex.join(words)

    def at_end(self, write: Callable[[], list[str]]) -> None:
        """``write`` completes what is kept, and returns lines that name it."""
        self._writers.append(write)

    def tell(self) -> str | None:
        """Complete what is kept and name it; None where nothing was done, or it was told."""
        if self._said or not self._writers:
            return None
        self._said = True
        lines: list[str] = []
        for write in self._writers:
            try:
                lines += write()
            except Exception as error:  # a test's own failure is not to be hidden by ours
                lines.append(f"could not be kept: {type(error).__name__}: {error}")
        return "\n".join([*lines, f"repeat: {self.repeat}"])

    def tell_if_asked(self) -> None:
        """The same where everything is kept."""
        if self.options.keep is not None:
            self.tell()

    def close(self) -> None:
        """The test is over."""
        self.tell_if_asked()
        if self.options.keep is None and self._folder is not None and not self._said:
            shutil.rmtree(self._folder, ignore_errors=True)


def write_page(run: RunReport, folder: Path, repeat: str) -> Path:
    """Write ``report.json`` and ``report.html`` of one run, whose recordings are in the folder.

    ``repeat`` is the command that does the same again. Returns the page's path.
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
    return write_report(report, folder)
