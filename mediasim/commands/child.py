"""A command that is run as a child process: its exit code, and signals passed on to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mediasim.documents.diagnostics import printable

__all__ = ["Child"]

_NO_SUCH_COMMAND: Final = 127
_NOT_EXECUTABLE: Final = 126
_SIGNALLED: Final = 128
"""What shells add to the number of the signal that ended a command."""
_SECONDS_TO_END: Final = 5.0
_PASSED_ON: Final = ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_OF_TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT)
"""Signals that a terminal sends to all processes in its foreground."""


class Child:
    """One command, run to its end."""

    def __init__(self, command: Sequence[str], umask: int) -> None:
        self._command = command
        self._umask = umask
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: list[signal.Signals] = []
        """Signals that arrived before the command was started."""
        self._ended = False
        self.told_to_end = asyncio.Event()
        """Set when SIGTERM was passed on to the command."""
        self.exit_code = 0
        """Its exit code, as shells have it, once it has ended."""

    async def run(self, environment: Mapping[str, str]) -> None:
        """Run the command with an environment, until it ends."""
        with self._passing_signals_on():
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=dict(environment), umask=self._umask
                )
            except OSError as error:
                missing = isinstance(error, FileNotFoundError)
                self.exit_code = _NO_SUCH_COMMAND if missing else _NOT_EXECUTABLE
                why = "there is no such command" if missing else error.strerror
                words = f"mediasim: cannot run {self._command[0]!r}: {why}"
                print(printable(words), file=sys.stderr, flush=True)
                return
            for number in self._waiting:
                self._send(number)
            code = await self._process.wait()
            self._ended = True
            self.exit_code = code if code >= 0 else _SIGNALLED - code

    async def end(self) -> None:
        """End the command, if it still runs: by SIGTERM, and by SIGKILL some seconds later.

        One that was told to end already has the time that it needs.
        """
        if self._process is None or self._ended:
            return
        if self.told_to_end.is_set():
            await self._process.wait()
            return
        self._send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _SECONDS_TO_END)
        except TimeoutError:
            self._send(signal.SIGKILL)

    @contextlib.contextmanager
    def _passing_signals_on(self) -> Iterator[None]:
        """Pass signals that arrive at this process on to the command."""
        loop = asyncio.get_running_loop()
        numbers = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
        for number in numbers:
            loop.add_signal_handler(number, self._pass_on, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _pass_on(self, number: signal.Signals) -> None:
        # A terminal has sent it to the command itself, which would take a second one for more.
        if number in _OF_TERMINAL and _in_foreground():
            return
        if number == signal.SIGTERM:
            self.told_to_end.set()
        if self._process is None:
            self._waiting.append(number)
        else:
            self._send(number)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None:
                self._process.send_signal(number)


def _in_foreground() -> bool:
    """Return whether this process is in the foreground of a terminal."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
