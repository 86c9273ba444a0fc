"""Writing the log to a stream: as lines for people, coloured or not, or as lines of JSON.

A thread writes, so that a terminal or a pipe that is not read never holds up a call. Entries that
come faster than they can be written are left out, and counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import zlib
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Literal, Self, TextIO

from mediasim.documents.diagnostics import printable
from mediasim.sandbox.log.entries import Entry

__all__ = ["LogFormat", "LogWriter", "wants_colour"]

LogFormat = Literal["text", "json"]
_MOST_WAITING: Final = 20_000
"""Entries that may wait to be written."""
_END_SECONDS: Final = 1.0
"""Seconds that the last entries have to be written at the end."""
_SHORT_SID: Final = 8
"""Characters of a call's SID at the beginning of its lines."""
_CALL_COLOURS: Final = ("cyan", "magenta", "blue", "bright_cyan", "bright_magenta", "bright_blue")
"""Colours that tell calls apart; red, yellow and green mean something."""
_LEVEL_COLOURS: Final = {"warning": "yellow", "error": "red"}


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether lines to a stream are coloured: on a terminal, unless NO_COLOR is set."""
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return bool(environment.get("FORCE_COLOR")) or stream.isatty()


class LogWriter:
    """Writes entries to a stream on a thread of its own, from :meth:`__enter__` on."""

    def __init__(self, stream: TextIO, format: LogFormat = "text") -> None:
        self._stream = stream
        self._format = format
        self._coloured = wants_colour(stream, os.environ)
        self._queue: queue.Queue[Entry | None] = queue.Queue(_MOST_WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="mediasim-log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what waits; a stream that takes nothing is not waited for."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=_END_SECONDS)
        self._thread.join(_END_SECONDS)

    def put(self, entry: Entry) -> None:
        """Write an entry soon; never blocks."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self._left_out += 1

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            left_out, self._left_out = self._left_out, 0
            try:
                self._stream.write(self.line(entry) + "\n")
                if left_out:
                    words = f"{left_out} lines are left out: they came faster than they are read"
                    self._stream.write(
                        self.line({**entry, "level": "warning", "event": "sandbox", "call": None,
                                   "message": words}) + "\n"
                    )  # fmt: skip
                if self._queue.empty():
                    self._stream.flush()
            except (BrokenPipeError, ValueError):
                return  # its reader has gone
            except OSError:  # a full disk, for one, which may have room again
                self._left_out += left_out + 1

    def line(self, entry: Entry) -> str:
        """Return an entry as a line."""
        if self._format == "json":
            return json.dumps(entry, ensure_ascii=False)
        clock, call, words = entry["time"][11:23], entry["call"], _words(entry)
        tag = (call or "")[:_SHORT_SID].ljust(_SHORT_SID)
        if not self._coloured:
            return f"{clock}  {tag}  {words}"
        import click

        if call is not None:
            number = zlib.crc32(call.encode()) % len(_CALL_COLOURS)
            tag = click.style(tag, fg=_CALL_COLOURS[number])
        colour = _LEVEL_COLOURS.get(entry["level"])
        if entry["event"] == "call" and entry.get("status") == "completed":
            colour = "green"
        words = click.style(words, fg=colour) if colour is not None else words
        return f"{click.style(clock, dim=True)}  {tag}  {words}"


def _words(entry: Entry) -> str:
    """Return an entry's message for people, on one line; a call's first has its whole SID."""
    words = " ".join(printable(line.strip()) for line in str(entry["message"]).splitlines())
    if entry["event"] == "call" and entry.get("status") in ("queued", "ringing"):
        words += f" ({entry['call']})"
    return words
