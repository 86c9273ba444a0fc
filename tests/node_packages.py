"""Packages of npm's registry, each installed once into a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

__all__ = ["node_packages"]

_SECONDS_TO_INSTALL = 90


@cache
def node_packages(*packages: str) -> Path:
    """Where packages are, such as ``twilio@6``; skips the test where they cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    name = "-".join(packages).replace("@", "-").replace("/", "-")
    home = Path(tempfile.gettempdir()) / f"mediasim-node-{name}-{os.getuid()}"
    first = packages[0].rpartition("@")[0] or packages[0]
    if not (home / "node_modules" / first / "package.json").is_file():
        _install(packages, home)
    return home / "node_modules"


def _install(packages: tuple[str, ...], home: Path) -> None:
    """Beside the cache, then moved there at once: another test may be doing the same."""
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        package = Path(folder) / "package"
        package.mkdir()
        (package / "package.json").write_text('{"private": true}')
        command = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--fetch-retries=0",
        ]
        try:
            subprocess.run(
                [*command, *packages],
                cwd=package,
                capture_output=True,
                check=True,
                timeout=_SECONDS_TO_INSTALL,
            )
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm cannot install {' '.join(packages)}: {error}")
        try:
            package.rename(home)
        except OSError:
            if not (home / "node_modules").is_dir():
                raise
