"""Apps of our own, written as published ones are, run by ``mediasim exec`` with no other help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["APPS", "RunningApp", "environment", "ran", "running"]

APPS = Path(__file__).parent
_SECONDS = 60.0


def _command(plan: str, folder: Path, options: tuple[str, ...], command: list[str]) -> list[str]:
    file = folder / "plan.yaml"
    file.write_text(plan, "utf-8")
    own = ["--in-memory", "--clock", "virtual", "--config", str(file)]
    return [sys.executable, "-m", "mediasim", "exec", *own, *options, "--", *command]


def environment() -> dict[str, str]:
    """Return the environment of the test, for programs that it starts."""
    return {**os.environ, "MEDIASIM_SPEECH": "babble"}


def ran(plan: str, folder: Path, *options: str, command: list[str]) -> tuple[str, str]:
    """Run an app to its end; returns what it and what the sandbox has printed."""
    words = _command(plan, folder, options, command)
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, done.stderr


@dataclass
class RunningApp:
    """An app that runs beside a sandbox."""

    process: subprocess.Popen[str]
    lines: list[str]
    url: str = ""
    """The sandbox's."""
    app_url: str = ""
    """The app's own."""

    def until(self, words: str) -> str:
        """Read what both print until a line with some words, and return that."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if words in line:
                return self.lines[-1]
        raise AssertionError(f"no line says {words!r}:\n" + "\n".join(self.lines))

    def ask_app(self, path: str) -> bytes:
        """Ask the app itself, as a browser of its user would."""
        request = Request(self.app_url + path, b"")
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            found: bytes = answer.read()
        return found

    def control(self, path: str, body: dict[str, Any]) -> Any:
        """Ask the control API of the sandbox."""
        data = json.dumps(body).encode()
        request = Request(f"{self.url}/_mediasim{path}", data)
        request.add_header("Content-Type", "application/json")
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running(plan: str, folder: Path, *options: str, command: list[str]) -> Iterator[RunningApp]:
    """Run an app, and end it by SIGTERM; it must have run until then."""
    with subprocess.Popen(
        _command(plan, folder, options, command),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        patience = Timer(_SECONDS, process.kill)
        patience.start()
        app = RunningApp(process, [])
        try:
            app.url = app.until("sandbox at ").split()[-1]
            if "--public-name" in options:
                app.app_url = app.until(" (PORT)").split()[-2]
            yield app
            assert process.poll() is None, "\n".join(app.lines)
            process.terminate()
            # The app's own exit code: of one that handles SIGTERM, or that it ends.
            assert process.wait(15) in (0, 128 + 15), "\n".join(app.lines)
        finally:
            patience.cancel()
            process.kill()
