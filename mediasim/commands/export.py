"""The command ``export``: campaigns in the formats that speech toolkits read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mediasim.commands.ending import ExitCode, refusing, stop
from mediasim.commands.loading import loading
from mediasim.commands.progress import Tell, progress
from mediasim.documents.diagnostics import counted

if TYPE_CHECKING:
    from mediasim.campaign.formats.data import CampaignData

__all__ = ["EXPORTS", "check_formats", "export", "export_all"]

EXPORTS: Final = "exports"
"""The folder of a campaign that its exports are in, unless another is named."""


def export(
    campaign: Annotated[
        str | None,
        typer.Argument(help="What `mediasim campaign` filled: a folder, or s3://bucket/prefix."),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", help="The format; may be given several times."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The folder to be made, instead of exports/FORMAT in the campaign's; of several "
            "formats each has a folder in it.",
        ),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(help="What paths of audio in manifests begin with, instead of the folder."),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Of a campaign that is not whole, export what is."),
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="Name the formats there are.")] = False,
) -> None:
    """Write a campaign's calls in a format that speech toolkits read.

    The folder appears when it is whole; one that was interrupted goes on where it was. Exit code 0:
    it is there; 2: the campaign, the format or the folder is wrong; 130: Ctrl-C.
    """
    with loading():
        from mediasim.campaign.formats.data import CampaignData, CampaignDataError
        from mediasim.campaign.formats.table import FORMATS
        from mediasim.campaign.storage import open_storage

    if show:
        width = max(map(len, FORMATS))
        print("\n".join(f"{it.name:{width}}  {it.what}" for it in FORMATS.values()))
        return
    if campaign is None or not format:
        stop("expected CAMPAIGN and --format; mediasim export --list names the formats")
    names = check_formats(format)
    if out is None and "://" in campaign:
        stop(f"{campaign} is a bucket, and exports are folders: say where, with --out DIR")
    with refusing(CampaignDataError, OSError):
        data = CampaignData(open_storage(campaign), campaign)
        absent = data.missing()
        if absent and not partial and data.given_up != set(data.wanted) - set(data.shards):
            stop(
                f"{campaign}: {absent}: the same mediasim campaign command makes the "
                "rest, --partial exports what is there"
            )
    if absent:
        typer.echo(f"{campaign}: {absent}: they are not in the export", err=True)
    home = Path(campaign) / EXPORTS if out is None else out
    alone = out is not None and len(names) == 1
    export_all(data, {name: home if alone else home / name for name in names}, root)


def check_formats(names: Sequence[str]) -> list[str]:
    """Return the names of formats, each once; ends the command if one is unknown."""
    from mediasim.campaign.formats.table import FORMATS
    from mediasim.documents.diagnostics import expected_among

    for name in names:
        if name not in FORMATS:
            stop(f"there is no format {name!r}: {expected_among(name, list(FORMATS), 'formats')}")
    return list(dict.fromkeys(names))


def export_all(data: CampaignData, folders: dict[str, Path], root: str | None = None) -> None:
    """Export a campaign in each format to a folder, and print what was made."""
    from mediasim.campaign.formats.data import CampaignDataError
    from mediasim.campaign.formats.export import ExportError
    from mediasim.campaign.formats.export import export as export_campaign
    from mediasim.campaign.formats.table import format_named
    from mediasim.campaign.report import export_card

    for name, folder in folders.items():
        format = format_named(name)
        shards = len(data.shards)
        try:
            with (
                refusing(ExportError, CampaignDataError),
                progress(shards, "shards", name, log=True) as show,
            ):
                done = export_campaign(
                    data,
                    format,
                    folder,
                    root=root,
                    card=export_card(data, format),
                    progress=partial(_tell, show, name),
                )
        except KeyboardInterrupt:
            stop(f"{folder} is not whole: the same command goes on", ExitCode.INTERRUPTED)
        except OSError as error:
            stop(f"cannot write to {error.filename or folder}: {error.strerror}")
        there = "" if done.made else ", there already"
        print(f"{folder}: {counted(done.calls, 'call')} as {name}{there}")
        if done.left_out:
            words = counted(done.left_out, "utterance")
            typer.echo(f"{folder}: {words} without a text left out", err=True)


def _tell(show: Tell, name: str, done: int, shards: int) -> None:
    """Show how far the export in a format is."""
    show(done, f"{name}: {done:,} of {counted(shards, 'shard')}")
