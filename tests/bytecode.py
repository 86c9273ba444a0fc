"""Bytecode of the package and its tests: compiled once, by all workers together.

Compiling takes longer than anything else before the first test. Workers collect the same files at
the same time, so that without a plan each of them would compile every one.
"""

from __future__ import annotations

import os
import sys
from compileall import compile_file
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

__all__ = ["compile_share", "write_bytecode"]

_TESTS: Final = Path(__file__).parent


def write_bytecode() -> None:
    """Let bytecode be written, also by the commands that tests start.

    Where the environment forbids it, each worker and each of hundreds of commands would compile the
    whole package.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def compile_share(config: pytest.Config) -> None:
    """Compile this worker's share of the modules: the others' it finds compiled, or soon will."""
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return
    number, workers = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    for module in sorted((_TESTS.parent / "mediasim").rglob("*.py"))[number::workers]:
        compile_file(module, quiet=2)
    tests = [path for path in _TESTS.rglob("test_*.py") if path.parent.name != "examples"]
    for test in sorted(tests)[number::workers]:
        # As pytest will import it. What it misses before the conftest of its folder is loaded does
        # not matter: it is compiled by then.
        sys.path.insert(0, str(test.parent))
        with suppress(Exception, pytest.skip.Exception):
            import_module(test.stem)
        sys.path.remove(str(test.parent))
