"""The log of one sandbox: its news as entries, and the messages of the process itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.stillness import is_still
from mediasim.sandbox.inspector.waits import who_waits
from mediasim.sandbox.log.entries import Entry, entries_of, entry
from mediasim.sandbox.news import News
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["SandboxLog"]

_SOON_NS: Final = 60 * NS_PER_SECOND
"""Nanoseconds of virtual time within which something that happens is no deadlock."""


class SandboxLog:
    """Hands on an entry for each piece of news of a sandbox."""

    def __init__(self, write: Callable[[Entry], None]) -> None:
        """``write`` takes an entry; it may be called on any thread, and must not block."""
        self._write = write
        self._sandbox: Sandbox
        self._waits: dict[str, list[str]] = {}
        """Who waits for what, as it was logged last."""
        self._noted = ""
        """Text of the newest notification, which the process may say in its own log as well."""

    @contextmanager
    def following(self, sandbox: Sandbox) -> Iterator[None]:
        """Log a sandbox's news, and the warnings of its process, while the context is entered."""
        self._sandbox, sandbox.log = sandbox, self._write
        sandbox.clock.before_jumps(self._look)
        sandbox.listeners.append(self._on_news)
        handler = _ProcessHandler(self)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            sandbox.listeners.remove(self._on_news)
            sandbox.clock.before_jumps(None)

    def _on_news(self, news: News) -> None:
        for each in entries_of(news, self._sandbox.service):
            if each["event"] == "notification":
                self._noted = each["message"].partition(": ")[2]
            self._write(each)

    def _look(self) -> None:
        """Log once where nothing more can happen, who waits for what; on the engine's loop."""
        sandbox = self._sandbox
        service, now_ns = sandbox.service, sandbox.clock.now_ns
        if not service.sessions or not is_still(service.exchange, now_ns + _SOON_NS):
            return
        waits = who_waits(sandbox)
        if waits == self._waits:
            return
        self._waits = waits
        for sid, words in waits.items():
            message = f"nothing more happens by itself: {'; '.join(words)}"
            status = service.call_record(sid).status
            self._write(
                entry(
                    sandbox.dates, now_ns, "call", message, level="warning", call=sid, status=status
                )
            )

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
