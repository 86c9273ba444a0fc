"""Labelled random streams of one run's seed.

Every random draw of a run comes from a stream forked from the seed by a label
(``link/caller/uplink``, ``sid/recording``). A new draw under one label moves nothing under
another, which is what makes "same seed, same bytes" survive changes elsewhere.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

__all__ = ["Seeds"]


class Seeds:
    """The run's seed, or a fork of it under a label prefix."""

    def __init__(self, seed: int, prefix: str = "") -> None:
        self.seed = seed
        self.prefix = prefix

    def __repr__(self) -> str:
        return f"Seeds({self.seed}, {self.prefix!r})"

    def fork(self, label: str) -> Seeds:
        """The same seed with ``label/`` put before every label asked for."""
        return Seeds(self.seed, f"{self.prefix}{label}/")

    def digest(self, label: str, size: int = 16) -> bytes:
        """``size`` bytes (at most 64) that only the seed and the label decide."""
        text = f"{self.seed}:{self.prefix}{label}".encode()
        return blake2b(text, digest_size=size).digest()

    def key(self, label: str) -> int:
        """A 64-bit key for counter-based draws."""
        return int.from_bytes(self.digest(label, 8), "little")

    def generator(self, label: str) -> np.random.Generator:
        """A numpy generator of its own for the label; asking again starts it over."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self.digest(label), "little")))
