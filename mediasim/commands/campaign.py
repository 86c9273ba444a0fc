"""The command ``campaign``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediasim.commands.campaign_clips import made_clips
from mediasim.commands.campaign_engines import (
    chosen_engine,
    command_line,
    ended_alike,
    part_of,
    repeating,
    run_making,
    show_status,
)
from mediasim.commands.campaign_outcome import finish_campaign, format_option, formats_of
from mediasim.commands.ending import ExitCode, refusing, seed_option, stop
from mediasim.commands.loading import loading

__all__ = ["campaign"]


def campaign(
    spec: Annotated[str | None, typer.Argument(help="The campaign's file.")] = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="Where the data set goes: a folder, or s3://bucket/prefix; one begun there goes "
            "on.",
            metavar="DIR|URL",
        ),
    ] = None,
    seed: Annotated[int | None, seed_option("Instead of the spec's own.")] = None,
    format: Annotated[list[str] | None, format_option()] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes of this machine, instead of one per processor.", min=1),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="On a cluster of Ray: that at the address (auto, HOST:6379, ray://HOST:10001), "
            "at RAY_ADDRESS, or started on this machine.",
            metavar="[ADDRESS]",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Only the i-th of n parts, for jobs of an array that write to one --out.",
            metavar="i/n",
        ),
    ] = None,
    begin: Annotated[
        bool,
        typer.Option("--begin", help="Make the clips and no calls: before the jobs of an array."),
    ] = False,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only say how far the campaign in a folder or bucket is.", metavar="DIR|URL"
        ),
    ] = None,
) -> None:
    """Make a data set of calls, with the truth of every sample.

    Calls are made in shards, and a shard is there whole or not at all: the command can be ended at
    any time, and given again to go on, by the same or another engine. Exit code 0: all shards are
    there; 2: the spec, the command line or the folder is wrong; 3: a shard could not be made, or no
    more can be; 130: Ctrl-C.
    """
    if status is not None:
        show_status(status)
        return
    if spec is None:
        stop("name the campaign's file: mediasim campaign SPEC --out DIR")
    if out is None:
        stop(f"say where the data set goes: mediasim campaign {spec} --out DIR")
    with ended_alike():
        _make(spec, out, seed, jobs, ray, only, begin, formats_of(format, out))


def _make(
    spec: str,
    out: str,
    seed: int | None,
    jobs: int | None,
    ray: str | None,
    only: str | None,
    begin: bool,
    formats: list[str],
) -> None:
    """Make what is missing of a campaign, and its report, card and exports once all is there."""
    part, engine = part_of(only), chosen_engine(jobs, ray)
    with loading():
        from mediasim.campaign import (
            Campaign,
            CampaignMismatch,
            begin_campaign,
            check_campaign,
            load_campaign,
        )
        from mediasim.campaign.clips.stored import ClipsError
        from mediasim.campaign.engines.layout import Layout
        from mediasim.campaign.engines.making import Making
        from mediasim.campaign.engines.worker import CampaignPlace
        from mediasim.campaign.storage import open_storage
        from mediasim.documents.diagnostics import ScenarioError
        from mediasim.scenario.running.failures import RunFailed

    with refusing(ScenarioError):
        found = load_campaign(spec)
    drawn_by = found.seed if seed is None else seed
    where = out if "://" in out else str(Path(out).absolute())
    words = ["mediasim", "campaign", spec, "--out", out]
    words += ["--seed", str(seed)] if seed is not None else []
    try:
        storage = open_storage(where)
        with refusing(CampaignMismatch, ClipsError, ScenarioError):
            check_campaign(found, drawn_by, storage)
            made = Campaign(found, drawn_by, made_clips(found, drawn_by, storage, jobs))
            document = begin_campaign(made, storage)
        making = Making(storage, Layout.of(document), made.seed, repeating(words), part)
    except RunFailed as error:
        stop(f"call 0 cannot be made: {error}", ExitCode.BROKE)
    except OSError as error:
        stop(f"cannot write to {error.filename or out}: {error.strerror or error}")
    if not begin:
        place = CampaignPlace(where, str(found.base.absolute()), document["first_call"])
        resume = command_line(words, jobs=jobs, ray=ray, only=only)
        try:
            run_making(making, lambda: engine(place), resume, out)
        except typer.Exit:
            if making.failed:  # the report is of what there is, and says what there is not
                finish_campaign(made, storage, out)
            raise
    if making.pace.done == found.calls:
        finish_campaign(made, storage, out, formats)
    print(f"{making.pace.done:,} of {found.calls:,} calls are in {out}")
