"""What a worker does, in whatever process of whatever machine: it proves itself, and makes shards.

A worker is given no more than where the campaign is: spec, seed and clips it reads there. Before
its first shard it makes call 0 and compares it with the campaign's own, for another version of a
library may give other bytes.
"""

from __future__ import annotations

import errno
import gc
import json
from dataclasses import dataclass
from functools import lru_cache
from traceback import format_exc
from typing import Any, Final

from mediasim.campaign.campaign import Campaign
from mediasim.campaign.clip import Clips
from mediasim.campaign.clips.stage import INDEX
from mediasim.campaign.clips.stored import ClipsError, StoredClips
from mediasim.campaign.engines.engine import Problem
from mediasim.campaign.shards import CAMPAIGN, ShardDone, is_done, write_shard
from mediasim.campaign.spec.load import parse_campaign
from mediasim.campaign.spoken import spoken_clips
from mediasim.campaign.storage import Storage, open_storage
from mediasim.documents.diagnostics import ScenarioError

__all__ = ["CampaignPlace", "attempt", "make_shard"]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a storage that takes nothing more, whatever the shard."""


class WorkerUnfit(Exception):
    """This process cannot make the campaign's calls; the message says why."""


@dataclass(frozen=True, slots=True)
class CampaignPlace:
    """Where a campaign is, as its workers are told."""

    where: str
    """The folder or URL that it is written to."""
    base: str
    """The folder that paths in its spec are relative to."""
    first_call: str
    """The digest of its call 0."""


def make_shard(place: CampaignPlace, shard: int) -> ShardDone | Problem:
    """Make a shard of the campaign at a place, in a process that has proved itself.

    Raises no error but an interrupt.
    """
    try:
        campaign, out = _proven(place)
    except WorkerUnfit as error:
        return Problem(str(error), fatal=True)
    return attempt(campaign, shard, out)


def attempt(campaign: Campaign, shard: int, out: Storage) -> ShardDone | Problem:
    """Make a shard and store it, unless it is whole already. Raises no error but an interrupt."""
    try:
        if is_done(out, shard):
            return ShardDone(shard, len(campaign.indexes(shard)), 0.0, 0)
        return write_shard(campaign, shard, out)
    except OSError as error:
        words = f"{error.filename or out.where}: {error.strerror or error}"
        return Problem(words, fatal=error.errno in _FULL)
    except Exception as error:
        words = str(error).strip() or "no message"
        return Problem(f"{type(error).__name__}: {words}", format_exc())


@lru_cache(1)
def _proven(place: CampaignPlace) -> tuple[Campaign, Storage]:
    """Open a campaign and make its call 0. Raises WorkerUnfit if that is not the campaign's own."""
    try:
        out = open_storage(place.where)
        document: dict[str, Any] = json.loads(out.read(CAMPAIGN))
        spec = parse_campaign(document["spec"], name=document["name"], base=place.base)
        clips: Clips = StoredClips(out) if out.exists(INDEX) else spoken_clips(spec)
    except ClipsError as error:
        raise WorkerUnfit(f"a worker cannot read the clips in {place.where}: {error}") from None
    except (OSError, ValueError, KeyError, ScenarioError) as error:
        raise WorkerUnfit(f"a worker cannot read {CAMPAIGN} in {place.where}: {error}") from None
    campaign = Campaign(spec, document["seed"], clips)
    if document["first_call"] != place.first_call:
        raise WorkerUnfit(f"{place.where} became that of another campaign meanwhile")
    if campaign.first_call() != place.first_call:
        raise WorkerUnfit(
            f"call 0 as it is made here differs from the one that {place.where} was begun with: "
            "another version of mediasim, of numpy or of a codec's library makes other bytes; "
            "install the same versions, or begin in another --out"
        )
    # What is there now stays: garbage is looked for in what calls make.
    gc.collect()
    gc.freeze()
    return campaign, out
