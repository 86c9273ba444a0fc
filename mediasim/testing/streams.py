"""A media stream between a call and the app under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mediasim.testing.conversation import Conversation
from mediasim.twilio.streams import Figures, Stream
from mediasim.twilio.streams.measure import DEAD_AIR_MS

__all__ = ["CallStream"]

Do = Callable[[Callable[[], Any]], Any]
"""Does work where the stream lives, and returns what it returns."""


class CallStream:
    """A stream of a sandbox or of a simulated run, under way or over."""

    def __init__(self, name: str, stream: Stream, do: Do) -> None:
        self.name = name
        """The stream's own; of a simulated run, its call's."""
        self._stream = stream
        self._do = do

    def __repr__(self) -> str:
        return f"<stream {self.name} {self.sid}: {self.status}>"

    @property
    def sid(self) -> str:
        return self._stream.record.sid

    @property
    def status(self) -> str:
        """in-progress, stopped."""
        return self._stream.record.status

    @property
    def started(self) -> bool:
        """Whether it ever reached the app."""
        return self._stream.started_frame is not None

    @property
    def error(self) -> tuple[int, str] | None:
        """Twilio's code and words, if it broke or never began."""
        return self._stream.error

    @property
    def log(self) -> list[dict[str, Any]]:
        """Marks, clears, keys and wrong messages: ``at`` (seconds), ``kind``, ``text``."""
        found: list[dict[str, Any]] = self._do(self._stream.to_json)["log"]
        return found

    def figures(self) -> Figures:
        """How the app converses so far."""
        return self.conversation.figures

    @property
    def conversation(self) -> Conversation:
        """What may be asserted of it. AssertionError for a stream that never reached its app."""
        if not self.started:
            code, words = self.error or (0, "the call ended before")
            raise AssertionError(f"stream {self.name} never reached its app: {code} {words}")
        return Conversation(f"stream {self.name} {self.sid}", self._figures)

    def _figures(self, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        found: Figures = self._do(lambda: self._stream.figures(dead_air_ms=dead_air_ms))
        return found
