"""How busy a real-time loop is, and when that is too much.

A loop that has no time left to wait cannot carry more. What tells is the share of the last two
seconds that it did not spend waiting: a stall, after which there is time again, is no overload,
and neither is a single frame that took long. Once overloaded it stays so until there is time to
spare, so that calls are not taken and refused by turns.
"""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["OVER", "UNDER", "WINDOW_NS", "Load"]

WINDOW_NS: Final = 2_000_000_000
OVER: Final = 0.95
"""From this share of busy time on it is overloaded,"""
UNDER: Final = 0.85
"""until it is below this one."""


class Load:
    """Told of the loop's waiting and of the wall clock; keeps no clock itself."""

    def __init__(self) -> None:
        self.busy = 0.0
        """Share of the last two seconds, 0..1; 0 until there have been two."""
        self.overloaded = False
        self._idle_ns = 0
        self._marks: deque[tuple[int, int]] = deque()
        """The wall clock, and how long had been waited by then."""

    def waited(self, for_ns: int) -> None:
        """Time was left."""
        self._idle_ns += for_ns

    def mark(self, wall_ns: int) -> None:
        """A frame begins at this time."""
        marks = self._marks
        marks.append((wall_ns, self._idle_ns))
        while len(marks) > 2 and marks[1][0] <= wall_ns - WINDOW_NS:
            marks.popleft()
        began, idle = marks[0]
        if wall_ns - began < WINDOW_NS:
            return
        self.busy = 1 - (self._idle_ns - idle) / (wall_ns - began)
        self.overloaded = self.busy >= (UNDER if self.overloaded else OVER)
