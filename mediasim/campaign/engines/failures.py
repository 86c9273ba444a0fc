"""Shards that were given up, listed in ``failed.jsonl`` with the command that repeats each.

Each has a file of its own in ``failed/``, so that several runs can write to one place; the list is
gathered from these, and is written anew until it is of all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from mediasim.campaign.engines.engine import ShardFailed
from mediasim.campaign.storage import Storage

__all__ = ["FAILED", "failed_shards", "forget_failure", "gather_failures", "note_failure"]

FAILED: Final = "failed.jsonl"
_FOLDER: Final = "failed/"


def note_failure(
    out: Storage, failed: ShardFailed, indexes: range, seed: int, command: str
) -> None:
    """Write down a shard that was given up, with the command that tries it again."""
    document = {
        "shard": failed.shard,
        "seed": seed,
        "first": indexes[0],
        "last": indexes[-1],
        "error": failed.error,
        "tries": failed.tries,
        "command": command,
    }
    if failed.traceback is not None:
        document["traceback"] = failed.traceback
    out.put(_name(failed.shard), json.dumps(document, ensure_ascii=False).encode())


def forget_failure(out: Storage, shard: int) -> None:
    """Forget that a shard was given up once: it is whole now."""
    out.delete(_name(shard))


def failed_shards(out: Storage) -> set[int]:
    """Return the shards that were given up and not made since."""
    return {_shard(name) for name in out.names(_FOLDER)}


def gather_failures(out: Storage) -> list[dict[str, Any]]:
    """Write ``failed.jsonl`` from what was written down, and return it; without any, delete it."""
    written: list[str] | None = None
    while written != (names := list(out.names(_FOLDER))):
        # What another run wrote down meanwhile is found the next time.
        found = list(_documents(out, names))
        if found:
            lines = (json.dumps(document, ensure_ascii=False) for document in found)
            out.put(FAILED, "".join(f"{line}\n" for line in lines).encode())
        elif out.exists(FAILED):
            out.delete(FAILED)
        written = names
    return found


def _documents(out: Storage, names: Iterable[str]) -> Iterable[dict[str, Any]]:
    for name in names:
        try:
            yield json.loads(out.read(name))
        except FileNotFoundError:  # made since by another run
            continue


def _name(shard: int) -> str:
    return f"{_FOLDER}{shard:06d}.json"


def _shard(name: str) -> int:
    return int(name.removeprefix(_FOLDER).removesuffix(".json"))
