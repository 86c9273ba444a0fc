"""The plain engine: one shard after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mediasim.campaign.campaign import Campaign
from mediasim.campaign.shards import ShardDone, is_done, write_shard
from mediasim.campaign.storage import Storage

__all__ = ["ShardFailed", "make_shards"]


@dataclass(frozen=True, slots=True)
class ShardFailed:
    """A shard that could not be made."""

    shard: int
    error: str


def make_shards(
    campaign: Campaign, out: Storage, shards: Sequence[int]
) -> Iterator[ShardDone | ShardFailed]:
    """Make the shards that are not whole yet, and yield each when it is done."""
    for shard in shards:
        if is_done(out, shard):
            continue
        try:
            yield write_shard(campaign, shard, out)
        except Exception as error:
            yield ShardFailed(shard, f"{type(error).__name__}: {error}")
