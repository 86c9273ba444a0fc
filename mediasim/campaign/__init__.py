"""Campaigns: data sets of calls, drawn from distributions, with the truth of every sample.

``spec`` is what a campaign's file may say, ``draws`` draws under labels, ``compose`` makes a
scenario of a call's draws, ``record`` runs it and returns its row and its audio, ``shards`` and
``storage`` lay the calls down, ``engines`` make shards: here, in processes, on many machines.

    spec = load_campaign("campaign.yaml")
    campaign = Campaign(spec, spec.seed, spoken_clips(spec))
    campaign.call(0).row, campaign.call(0).flac
"""

from typing import TYPE_CHECKING, Any

__all__ = [
    "Campaign",
    "CampaignMismatch",
    "CampaignSpec",
    "Clip",
    "Clips",
    "FolderStorage",
    "RecordedCall",
    "ShardDone",
    "ShardFailed",
    "Storage",
    "StoredClips",
    "begin_campaign",
    "campaign_schema",
    "check_campaign",
    "clips",
    "clips_of",
    "engines",
    "formats",
    "load_campaign",
    "make_clips",
    "make_shards",
    "parse_campaign",
    "report",
    "spoken_clips",
    "storage",
    "write_shard",
]

if TYPE_CHECKING:
    from mediasim.campaign.campaign import Campaign
    from mediasim.campaign.clip import Clip, Clips
    from mediasim.campaign.clips.stage import make_clips
    from mediasim.campaign.clips.stored import StoredClips
    from mediasim.campaign.engines.engine import ShardFailed
    from mediasim.campaign.engines.inline import make_shards
    from mediasim.campaign.prepare import clips_of
    from mediasim.campaign.record import RecordedCall
    from mediasim.campaign.shards import (
        CampaignMismatch,
        ShardDone,
        begin_campaign,
        check_campaign,
        write_shard,
    )
    from mediasim.campaign.spec.load import campaign_schema, load_campaign, parse_campaign
    from mediasim.campaign.spec.model import CampaignSpec
    from mediasim.campaign.spoken import spoken_clips
    from mediasim.campaign.storage import FolderStorage, Storage

_HOME = {
    "Campaign": "campaign",
    "CampaignMismatch": "shards",
    "CampaignSpec": "spec.model",
    "Clip": "clip",
    "Clips": "clip",
    "FolderStorage": "storage",
    "RecordedCall": "record",
    "ShardDone": "shards",
    "ShardFailed": "engines.engine",
    "Storage": "storage",
    "StoredClips": "clips.stored",
    "begin_campaign": "shards",
    "campaign_schema": "spec.load",
    "check_campaign": "shards",
    "clips_of": "prepare",
    "load_campaign": "spec.load",
    "make_shards": "engines.inline",
    "make_clips": "clips.stage",
    "parse_campaign": "spec.load",
    "spoken_clips": "spoken",
    "write_shard": "shards",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: the schema and the command line need no audio.
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"mediasim.campaign.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mediasim.campaign' has no attribute {name!r}")
