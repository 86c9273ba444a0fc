"""The command ``campaign``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediasim.commands.ending import ExitCode, refusing, seed_option, stop
from mediasim.commands.loading import loading

__all__ = ["campaign"]


def campaign(
    spec: Annotated[str, typer.Argument(help="The campaign's file.")],
    out: Annotated[Path, typer.Option(help="Where the data set goes; one begun there goes on.")],
    seed: Annotated[int | None, seed_option("Instead of the spec's own.")] = None,
) -> None:
    """Make a data set of calls, with the truth of every sample.

    Calls are made in shards, and a shard is there whole or not at all: the command can be ended at
    any time, and given again to go on. Exit code 0: all shards are there; 2: the spec, the command
    line or the folder is wrong; 3: a shard could not be made; 130: Ctrl-C.
    """
    with loading():
        from mediasim.campaign import (
            Campaign,
            CampaignMismatch,
            FolderStorage,
            ShardDone,
            begin_campaign,
            load_campaign,
            make_shards,
            spoken_clips,
        )
        from mediasim.documents.diagnostics import ScenarioError

    with refusing(ScenarioError):
        found = load_campaign(spec)
        made = Campaign(found, found.seed if seed is None else seed, spoken_clips(found))
    storage = FolderStorage(out)
    failed = 0
    try:
        with refusing(CampaignMismatch):
            begin_campaign(made, storage)
        for shard in make_shards(made, storage, range(found.shards)):
            if isinstance(shard, ShardDone):
                print(f"shard {shard.shard}: {shard.calls} calls, {shard.seconds / 3600:.2f} h")
            else:
                failed += 1
                print(f"shard {shard.shard} failed: {shard.error}")
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except OSError as error:
        stop(f"cannot write to {error.filename or out}: {error.strerror}")
    if failed:
        stop(f"{failed} of {found.shards} shards could not be made", ExitCode.BROKE)
    print(f"{found.calls} calls are in {out}")
