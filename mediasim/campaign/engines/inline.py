"""The plain engine: one shard after the other, in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mediasim.campaign.engines.engine import Result
from mediasim.campaign.engines.worker import CampaignPlace, make_shard

__all__ = ["Inline"]


class Inline:
    """Makes shards in this process."""

    room = 1

    def __init__(self, place: CampaignPlace) -> None:
        self._place = place
        self._waiting: deque[int] = deque()

    def submit(self, shard: int) -> None:
        self._waiting.append(shard)

    def next(self, seconds: float) -> Result | None:
        shard = self._waiting.popleft()
        return shard, make_shard(self._place, shard)

    def interrupt(self) -> Iterator[Result]:
        return iter(())

    def close(self) -> None:
        self._waiting.clear()
