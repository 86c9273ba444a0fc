"""Bots made with published frameworks, each a process of its own.

A framework is taken from where the tests run, or from ``$MEDIASIM_STREAM_FRAMEWORKS/NAME``, a
folder that pip installed it into.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["import_path", "running_bot"]


def import_path(name: str, module: str) -> list[str] | None:
    """The path to import a framework from; None: it is not there."""
    for folder in (None, os.environ.get("MEDIASIM_STREAM_FRAMEWORKS")):
        paths = [] if folder is None else [str(Path(folder) / name)]
        looking = f"import importlib.util as it; assert it.find_spec({module!r})"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-c", looking]
        if not subprocess.run(command, env=environment, stderr=-3, check=False).returncode:
            return paths
    return None


@contextmanager
def running_bot(
    program: Path, paths: Sequence[str], variables: Mapping[str, str], folder: Path
) -> Iterator[int]:
    """The port of a bot that runs, which it prints; what it complains of goes to the folder."""
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(program)]
    complaints = folder / "stderr.txt"
    with (
        complaints.open("w") as stderr,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
        ) as process,
    ):
        try:
            assert process.stdout is not None
            port = next((line for line in process.stdout if line.strip().isdigit()), "")
            assert port, f"the bot ended with {process.wait()}: {complaints.read_text()[-2000:]}"
            yield int(port)
        finally:
            process.kill()
