"""The log of one sandbox: its news as entries, and the messages of the process itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mediasim.sandbox.log.entries import Entry, entries_of, entry
from mediasim.sandbox.news import News
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["SandboxLog"]


class SandboxLog:
    """Hands on an entry for each piece of news of a sandbox."""

    def __init__(self, write: Callable[[Entry], None]) -> None:
        """``write`` takes an entry; it may be called on any thread, and must not block."""
        self._write = write
        self._sandbox: Sandbox
        self._noted = ""
        """Text of the newest notification, which the process may say in its own log as well."""

    @contextmanager
    def following(self, sandbox: Sandbox) -> Iterator[None]:
        """Log a sandbox's news, and the warnings of its process, while the context is entered."""
        self._sandbox, sandbox.log = sandbox, self._write
        sandbox.listeners.append(self._on_news)
        handler = _ProcessHandler(self)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            sandbox.listeners.remove(self._on_news)

    def _on_news(self, news: News) -> None:
        for each in entries_of(news, self._sandbox.service):
            if each["event"] == "notification":
                self._noted = each["message"].partition(": ")[2]
            self._write(each)

    def say(self, level: str, text: str) -> None:
        """Log a message of the process itself, unless it was said as a notification just now."""
        if text == self._noted:
            return
        dates, at_ns = self._sandbox.dates, self._sandbox.clock.now_ns
        self._write(entry(dates, at_ns, "sandbox", text, level=level))


class _ProcessHandler(logging.Handler):
    """Logs what the process says by Python's logging."""

    def __init__(self, log: SandboxLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        try:
            self._log.say(level, self.format(record))
        except Exception:  # a message must not break what it is about
            self.handleError(record)
