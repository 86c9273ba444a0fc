"""Shards: the calls of a campaign as they are stored, 200 or so in each.

    campaign.json                 the spec, the seed, and the digest of call 0
    shards/calls-000000.jsonl     the row of each call, a line each
    shards/calls-000000.tar       NNNNNNNNN.flac and NNNNNNNNN.json of each call, in order

A shard is whole when its tar has its name: it is written last.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from mediasim.campaign.campaign import Campaign
from mediasim.campaign.storage import Storage

__all__ = [
    "CampaignMismatch",
    "ShardDone",
    "begin_campaign",
    "is_done",
    "shard_name",
    "write_shard",
]

CAMPAIGN = "campaign.json"


@dataclass(frozen=True, slots=True)
class ShardDone:
    """A shard that is whole."""

    shard: int
    calls: int
    seconds: float
    """Seconds of recordings in it."""
    size: int
    """Bytes of its tar."""


class CampaignMismatch(ValueError):
    """The folder holds another campaign; the message says what differs."""


def shard_name(shard: int, suffix: str = ".tar") -> str:
    """Return the name of a shard's file: ``shards/calls-000000.tar``."""
    return f"shards/calls-{shard:06d}{suffix}"


def is_done(out: Storage, shard: int) -> bool:
    """Return whether a shard is whole."""
    return out.exists(shard_name(shard))


def begin_campaign(campaign: Campaign, out: Storage) -> dict[str, Any]:
    """Write ``campaign.json`` if there is none, and return it.

    Raises CampaignMismatch if the folder holds calls of another spec, seed or version.
    """
    from mediasim import __version__

    spec = campaign.spec
    document = {
        "schema": 1,
        "mediasim": __version__,
        "name": spec.name,
        "spec": spec.document,
        "spec_digest": spec.digest,
        "seed": campaign.seed,
        "calls": spec.calls,
        "shard": spec.shard_size,
        "first_call": campaign.first_call(),
    }
    if out.exists(CAMPAIGN):
        found = json.loads(out.read(CAMPAIGN))
        for key in ("schema", "spec_digest", "seed", "shard", "first_call"):
            if found.get(key) != document[key]:
                raise CampaignMismatch(
                    f"{CAMPAIGN} there is of another campaign: its {key} is {found.get(key)!r}, "
                    f"here it is {document[key]!r}; choose another folder"
                )
        if found.get("calls") == spec.calls:
            return dict(found)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    out.put(CAMPAIGN, text.encode())
    return document


def write_shard(campaign: Campaign, shard: int, out: Storage) -> ShardDone:
    """Make the calls of a shard and store them, whole or not at all.

    Raises OSError if the storage refuses, RunFailed for a call that cannot end.
    """
    seconds, count = 0.0, 0
    lines = io.BytesIO()
    with NamedTemporaryFile(prefix="mediasim-shard-", suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for call in campaign.calls(shard):
                row = call.json
                _add(tar, f"{call.row['id']}.flac", call.flac)
                _add(tar, f"{call.row['id']}.json", row)
                lines.write(row + b"\n")
                seconds += call.row["audio"]["duration"]
                count += 1
        file.flush()
        size = file.tell()
        out.put(shard_name(shard, ".jsonl"), lines.getvalue())
        out.put(shard_name(shard), Path(file.name))
    return ShardDone(shard, count, seconds, size)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a member whose header is always the same: no time, no owner."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))
