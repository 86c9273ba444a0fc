"""WebDataset: the shards of a campaign are that already, a FLAC and a JSON file for each call."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mediasim.campaign.formats.format import Call, Places
from mediasim.campaign.formats.packing import TarFile

__all__ = ["count_samples", "write_webdataset"]

_SIZES: Final = "sizes.json"


def write_webdataset(calls: Iterable[Call], places: Places, folder: Path) -> None:
    """Write a shard's tar."""
    with TarFile(folder / f"calls-{places.shard:06d}.tar") as tar:
        for call in calls:
            tar.add(f"{call.row.id}.flac", call.flac)
            tar.add(f"{call.row.id}.json", call.json.encode())


def count_samples(folder: Path) -> None:
    """Write how many calls each tar has, as loaders that need an epoch's length read it."""
    import tarfile

    sizes = {}
    for path in sorted(folder.glob("calls-*.tar")):
        with tarfile.open(path) as tar:
            sizes[path.name] = sum(member.name.endswith(".json") for member in tar)
    (folder / _SIZES).write_text(json.dumps(sizes, indent=1) + "\n", "utf-8")
