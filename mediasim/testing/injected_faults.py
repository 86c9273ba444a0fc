"""Faults that a test injects."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["InjectedFaults"]


class InjectedFaults:
    """Faults that are injected until :meth:`end`, or the end of a ``with`` block."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end: Callable[[], None] | None = end

    def __enter__(self) -> InjectedFaults:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the faults. Does nothing the second time."""
        end, self._end = self._end, None
        if end is not None:
            end()
