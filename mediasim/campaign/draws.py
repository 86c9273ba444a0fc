"""The random draws of one call of a campaign, each under a label of its own.

A draw is one number from 0 to 1 that the campaign's seed, the call's index and the label alone
decide. So nothing that is drawn besides, before or after it, moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from mediasim.seeds import Seeds

__all__ = ["CallDraws", "Distribution"]

T = TypeVar("T")
_STEPS: Final = 1 << 53
"""Number of different draws: what a float holds exactly."""


class Distribution(Protocol):
    """What a value is drawn from."""

    @property
    def varies(self) -> bool:
        """Whether there is anything to draw."""

    def at(self, share: float) -> Any:
        """Return the value below which this share of all values lies."""


class CallDraws:
    """The draws of one call, and what they gave."""

    def __init__(self, seed: int, index: int) -> None:
        self._seeds = Seeds(seed).fork(f"campaign/call/{index}")
        self.drawn: dict[str, Any] = {}
        """What was drawn so far, by label."""
        self.asked: dict[str, Distribution | float] = {}
        """What each label was drawn from: a distribution, or the probability of a chance."""

    @property
    def seed(self) -> int:
        """The seed of the call's run, from 0 to 2**63 - 1."""
        return self._seeds.key("run") >> 1

    def share(self, label: str) -> float:
        """Return the number of a label, between 0 and 1, both excluded."""
        return ((self._seeds.key(label) >> 11) + 0.5) / _STEPS

    def draw(self, label: str, distribution: Distribution) -> Any:
        """Draw from a distribution, and note under the label what was drawn."""
        if not distribution.varies:
            return distribution.at(0.5)
        self.asked[label] = distribution
        value = self.drawn[label] = distribution.at(self.share(label))
        return value

    def pick(self, label: str, choices: Sequence[T]) -> T:
        """Return one of some choices, each as likely as the others; nothing is noted."""
        return choices[int(self.share(label) * len(choices))]

    def chance(self, label: str, probability: float) -> bool:
        """Return True with a probability; nothing is noted."""
        self.asked[label] = probability
        return self.share(label) < probability
