"""Which calls are in which shard, and which shards are whose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Layout", "Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """One job of an array: the i-th of n, which makes each n-th shard."""

    number: int
    """From 1 on."""
    of: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read ``i/n``. Raises ValueError."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if found is None or not 1 <= (number := int(found[1])) <= (of := int(found[2])):
            raise ValueError(f"expected i/n, with i from 1 to n, such as 3/16, found {text!r}")
        return cls(number, of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The shards of a campaign."""

    calls: int
    """How many calls the campaign has."""
    size: int
    """How many calls a shard has; the last may have fewer."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Layout:
        """Return the layout that ``campaign.json`` tells."""
        return cls(document["calls"], document["shard"])

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.calls // self.size)

    def indexes(self, shard: int) -> range:
        """Return the indexes of a shard's calls."""
        return range(shard * self.size, min((shard + 1) * self.size, self.calls))

    def part(self, part: Part | None) -> range:
        """Return the shards of one job; all without one."""
        return range(self.shards) if part is None else range(part.number - 1, self.shards, part.of)

    def alone(self, shard: int) -> Part:
        """Return the job that makes one shard and no other."""
        return Part(shard + 1, self.shards)
