"""Shards: the calls of a campaign as they are stored, 200 or so in each.

    campaign.json                 the spec, the seed, and the digest of call 0
    shards/calls-000000.jsonl     the row of each call, a line each
    shards/calls-000000.tar       NNNNNNNNN.flac and NNNNNNNNN.json of each call, in order

A shard is whole when its tar has its name: it is written last.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import Any, Final

from mediasim.campaign.campaign import Campaign
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.storage import Storage

__all__ = [
    "CAMPAIGN",
    "CampaignMismatch",
    "ShardDone",
    "begin_campaign",
    "check_campaign",
    "is_done",
    "shard_name",
    "shard_of",
    "write_shard",
]

CAMPAIGN: Final = "campaign.json"
_TAR: Final = re.compile(r"shards/calls-(\d{6,})\.tar")


_DIFFERS: Final = {
    "schema": "its rows are of schema {there}, here they are of {here}",
    "seed": "it was begun with seed {there}, here it is {here}",
    "shard": "its shards have {there} calls, here they have {here}",
    "spec_digest": "its spec says something else than the one given here",
    "first_call": "with the same spec and seed its call 0 has other bytes than the one made here, "
    "as another version of mediasim, of numpy or of a codec's library makes them",
}
"""What must be as it was when a campaign was begun, and how it is told that it is not."""


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


def shard_of(name: str) -> int | None:
    """Return the shard whose tar has a name; None for a name of anything else."""
    found = _TAR.fullmatch(name)
    return None if found is None else int(found[1])


def is_done(out: Storage, shard: int) -> bool:
    """Return whether a shard is whole."""
    return out.exists(shard_name(shard))


def begin_campaign(campaign: Campaign, out: Storage) -> dict[str, Any]:
    """Write ``campaign.json`` if there is none, and return it.

    Raises CampaignMismatch if the folder holds calls of another spec, seed or version.
    """
    spec = campaign.spec
    document = {**_document(spec, campaign.seed), "first_call": campaign.first_call()}
    text = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    # Of several jobs that begin at once one writes it, and all others compare theirs with it.
    if out.put_new(CAMPAIGN, text):
        return document
    found: dict[str, Any] = json.loads(out.read(CAMPAIGN))
    _check_same(found, document, out.where)
    if found["calls"] < spec.calls:
        last, rest = divmod(found["calls"], spec.shard_size)
        if rest:  # it is to have more calls than it has
            out.delete(shard_name(last))
        out.put(CAMPAIGN, text)
        return document
    return found


def check_campaign(spec: CampaignSpec, seed: int, out: Storage) -> None:
    """Check that a campaign may be begun or gone on with, before anything is made for it.

    Raises CampaignMismatch if the folder holds calls of another spec, seed or version.
    """
    if out.exists(CAMPAIGN):
        found: dict[str, Any] = json.loads(out.read(CAMPAIGN))
        known = {**_document(spec, seed), "first_call": found.get("first_call")}
        _check_same(found, known, out.where)


def _document(spec: CampaignSpec, seed: int) -> dict[str, Any]:
    """Return what is stored of a campaign, but for the digest of its first call."""
    from mediasim import __version__

    return {
        "schema": 1,
        "mediasim": __version__,
        "name": spec.name,
        "spec": spec.document,
        "spec_digest": spec.digest,
        "seed": seed,
        "calls": spec.calls,
        "shard": spec.shard_size,
    }


def _check_same(found: dict[str, Any], document: dict[str, Any], where: str) -> None:
    """Raise CampaignMismatch unless a campaign that was begun can be gone on with."""
    for key, words in _DIFFERS.items():
        if found.get(key) != document[key]:
            there, here = found.get(key), document[key]
            raise CampaignMismatch(
                f"{where} has another campaign: {words.format(there=there, here=here)}; name "
                f"another --out, or make {where} empty"
            )
    if found["calls"] > document["calls"]:
        raise CampaignMismatch(
            f"{where} was begun with {found['calls']:,} calls, here there are to be "
            f"{document['calls']:,}: a campaign can be made longer, but not shorter"
        )


def write_shard(campaign: Campaign, shard: int, out: Storage) -> ShardDone:
    """Make the calls of a shard and store them, whole or not at all.

    Raises OSError if the storage refuses, RunFailed for a call that cannot end.
    """
    seconds, count = 0.0, 0
    lines = io.BytesIO()
    with out.writing(shard_name(shard)) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for call in campaign.calls(shard):
                row = call.json
                _add(tar, f"{call.row['id']}.flac", call.flac)
                _add(tar, f"{call.row['id']}.json", row)
                lines.write(row + b"\n")
                seconds += call.row["audio"]["duration"]
                count += 1
        size = file.tell()
        out.put(shard_name(shard, ".jsonl"), lines.getvalue())
    return ShardDone(shard, count, seconds, size)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a member whose header is always the same: no time, no owner."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))
