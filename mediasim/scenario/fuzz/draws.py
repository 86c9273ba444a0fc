"""Random choices of the fuzzer, each under a label of its own.

What is drawn under one label moves nothing under another, so that a new thing to draw changes few
of the calls that a seed gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mediasim.seeds import Seeds

__all__ = ["Draws"]

T = TypeVar("T")


class Draws:
    """The choices under one label."""

    def __init__(self, seeds: Seeds, label: str) -> None:
        self._seeds = seeds.fork(label)
        self._generator = seeds.generator(label)

    def of(self, label: str) -> Draws:
        """Choices that those made here do not move."""
        return Draws(self._seeds, label)

    def chance(self, share: float) -> bool:
        return bool(self._generator.random() < share)

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return int(self._generator.integers(low, high + 1))

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.whole(0, len(choices) - 1)]

    def ms(self, low: int, high: int) -> str:
        """A time as scenarios write it; every third one in whole frames."""
        time = self.whole(low, high)
        return f"{time // 20 * 20 if self.chance(1 / 3) and time >= 20 else time}ms"
