"""Running Node programs that use Twilio's SDK."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from node_packages import node_packages
from sandbox_process import Sandbox

__all__ = ["SDK_VERSIONS", "run_node"]

SDK_VERSIONS = ("5", "6")


def run_node(
    sandbox: Sandbox,
    program: Path,
    folder: Path,
    *arguments: str,
    version: str = SDK_VERSIONS[-1],
) -> str:
    """What a program prints; an error of its own fails the test, with its words."""
    (folder / "node_modules").symlink_to(node_packages(f"twilio@{version}"))
    copy = folder / program.name
    copy.write_bytes(program.read_bytes())
    environment = {**os.environ, **sandbox.env}
    ended = subprocess.run(
        ["node", str(copy), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout
