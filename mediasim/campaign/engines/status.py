"""How far a campaign is, read from its files: also from another machine, and while it is made."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from mediasim.campaign.engines.failures import failed_shards
from mediasim.campaign.engines.layout import Layout
from mediasim.campaign.engines.pace import Pace, pace_of
from mediasim.campaign.shards import CAMPAIGN, shard_of
from mediasim.campaign.storage import Storage

__all__ = ["CampaignStatus", "NoCampaign", "Whole", "read_campaign", "status_of"]


class NoCampaign(LookupError):
    """No campaign was begun there; the message says where."""


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """How far a campaign is."""

    document: dict[str, Any]
    """Its ``campaign.json``."""
    layout: Layout
    whole: int
    """Shards that are whole."""
    failed: frozenset[int]
    """Shards that were given up."""
    pace: Pace


class Whole:
    """The shards that are whole, with when they were finished: as listed, and as this run knows."""

    def __init__(self, out: Storage, layout: Layout) -> None:
        self._out = out
        self._layout = layout
        self.finished: dict[int, tuple[float, int]] = {}
        """By shard: the time in seconds since 1970, and its calls."""
        self.look()

    def look(self) -> None:
        """List the shards anew."""
        self.finished = {
            shard: (file.modified, len(self._layout.indexes(shard)))
            for file in self._out.files("shards/")
            if (shard := shard_of(file.name)) is not None and shard < self._layout.shards
        }

    def add(self, shard: int) -> None:
        """Note a shard that was finished now."""
        self.finished.setdefault(shard, (time.time(), len(self._layout.indexes(shard))))

    def pace(self, began: float | None = None) -> Pace:
        """Return the pace now; ``began`` is when this run began."""
        return pace_of(self.finished, self._layout.calls, time.time(), began)


def read_campaign(out: Storage) -> dict[str, Any]:
    """Return ``campaign.json``. Raises NoCampaign."""
    try:
        found: dict[str, Any] = json.loads(out.read(CAMPAIGN))
    except FileNotFoundError:
        raise NoCampaign(f"there is no {CAMPAIGN} in {out.where}: no campaign was begun") from None
    except ValueError:
        raise NoCampaign(f"{CAMPAIGN} in {out.where} is no JSON") from None
    return found


def status_of(out: Storage) -> CampaignStatus:
    """Return how far a campaign is. Raises NoCampaign."""
    document = read_campaign(out)
    layout = Layout.of(document)
    whole = Whole(out, layout)
    failed = frozenset(failed_shards(out) - whole.finished.keys())
    return CampaignStatus(document, layout, len(whole.finished), failed, whole.pace())
