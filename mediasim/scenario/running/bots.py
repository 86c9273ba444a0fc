"""Apps under test that a scenario starts: processes of their own, each with a port of its own."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final

__all__ = ["Bot", "BotFailed", "running_bots"]

_SECONDS_TO_START: Final = 20.0
_SECONDS_TO_END: Final = 2.0
_SECONDS_TO_FALL: Final = 0.3
"""For a process to be gone after its connections are."""
_LAST_WORDS: Final = 300


class BotFailed(RuntimeError):
    """A bot could not be started, or did not begin to listen; says why in words."""


@contextmanager
def running_bots(
    commands: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[dict[str, Bot]]:
    """Start each command once; gives the bots by command when all listen.

    Raises BotFailed. All have ended when it is left.
    """
    with ExitStack() as stack:
        bots = {
            command: stack.enter_context(Bot(command, folder, environment))
            for command in dict.fromkeys(commands)
        }
        for bot in bots.values():
            bot.wait()
        yield bots


class Bot:
    """One process."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._port = _free_port()
        self._process: subprocess.Popen[bytes]
        self._said: IO[bytes]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/"

    def __enter__(self) -> Bot:
        words = shlex.split(self._command)
        if words[0].endswith(".py"):
            words = [sys.executable, *words]
        self._said = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                words,
                cwd=self._folder,
                env={**os.environ, **self._environment, "PORT": str(self._port)},
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            self._said.close()
            raise BotFailed(f"cannot start the bot {self._command!r}: {error.strerror}") from None
        return self

    def wait(self) -> None:
        """Until it listens. Raises BotFailed."""
        deadline = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < deadline:
            if (code := self._process.poll()) is not None:
                raise BotFailed(
                    f"the bot {self._command!r} ended with exit code {code} before it listened on "
                    f"port {self._port} (the environment's PORT){self._last_words()}"
                )
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.01)
        raise BotFailed(
            f"the bot {self._command!r} did not listen on 127.0.0.1 port {self._port} (the "
            f"environment's PORT) within {_SECONDS_TO_START:g} seconds{self._last_words()}"
        )

    def fault(self) -> str | None:
        """What became of it, and what it said last, after its connection broke; None: nothing."""
        try:
            code = self._process.wait(_SECONDS_TO_FALL)
        except subprocess.TimeoutExpired:
            words = self._last_words()
            return f"the bot {self._command!r} said{words}" if words else None
        return f"the bot {self._command!r} ended with exit code {code}{self._last_words()}"

    def _last_words(self) -> str:
        said = self._said.fileno()  # not sought in: the bot writes where that leads
        text = os.pread(said, os.fstat(said).st_size, 0).decode(errors="replace").strip()
        if len(text) > _LAST_WORDS:
            text = "… " + text[-_LAST_WORDS:]
        return f": {text}" if text else ""

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()


def _free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port: int = trying.getsockname()[1]
        return port
