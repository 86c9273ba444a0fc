"""Labelled random streams of one run's seed.

Every random draw of a run comes from a stream forked from the seed by a label
(``link/caller/uplink``, ``sid/recording``). A new draw under one label changes no draw under
another, so that "same seed, same bytes" survives changes elsewhere.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

__all__ = ["Seeds"]


class Seeds:
    """A run's seed, or a fork of it under a label prefix."""

    def __init__(self, seed: int, prefix: str = "") -> None:
        self.seed = seed
        self.prefix = prefix

    def __repr__(self) -> str:
        return f"Seeds({self.seed}, {self.prefix!r})"

    def fork(self, label: str) -> Seeds:
        """Return the same seed with ``label/`` put before every label."""
        return Seeds(self.seed, f"{self.prefix}{label}/")

    def digest(self, label: str, size: int = 16) -> bytes:
        """Return ``size`` bytes (at most 64) that only the seed and the label decide."""
        text = f"{self.seed}:{self.prefix}{label}".encode()
        return blake2b(text, digest_size=size).digest()

    def key(self, label: str) -> int:
        """Return a 64-bit key of a label, for counter-based draws."""
        return int.from_bytes(self.digest(label, 8), "little")

    def generator(self, label: str) -> np.random.Generator:
        """Return a new numpy generator of a label, at the start of the label's stream."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self.digest(label), "little")))
