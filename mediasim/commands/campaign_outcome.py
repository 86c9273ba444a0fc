"""What ``campaign`` does when all shards are there: the report, the data card, and the formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mediasim.commands.ending import refusing, stop
from mediasim.commands.export import EXPORTS, check_formats, export_all

if TYPE_CHECKING:
    from mediasim.campaign import Campaign, Storage

__all__ = ["finish_campaign", "format_option", "formats_of"]


def format_option() -> Any:
    """Return the option ``--format`` of ``campaign``."""
    return typer.Option(
        "--format",
        "-f",
        help="Also export it, when all shards are there, to exports/FORMAT in its folder; may be "
        "given several times. mediasim export --list names the formats.",
    )


def formats_of(given: Sequence[str] | None, out: str) -> list[str]:
    """Return the formats asked for; ends the command if one is unknown, or ``out`` is no folder."""
    names = check_formats(given or ())
    if names and "://" in out:
        stop(
            f"--format makes folders, and {out} is a bucket: afterwards, mediasim export {out} "
            f"--format {names[0]} --out DIR"
        )
    return names


def finish_campaign(
    campaign: Campaign, storage: Storage, out: str, formats: Sequence[str] = ()
) -> None:
    """Write the report and the card of a campaign whose shards are made, and export it.

    Ends the command if nothing can be written.
    """
    from mediasim.campaign.formats.data import CampaignData, CampaignDataError
    from mediasim.campaign.report import write_outcome

    data = CampaignData(storage, out)
    try:
        with refusing(CampaignDataError):
            report = write_outcome(data, campaign)
    except OSError as error:
        stop(f"cannot write to {error.filename or out}: {error.strerror or error}")
    for it in report.compared:
        if it.by_chance is False:
            apart = f"{100 * (it.distance or 0):.1f}%"
            typer.echo(f"{it.key}: not as asked, {apart} apart: report.html shows it", err=True)
    export_all(data, {name: Path(out) / EXPORTS / name for name in formats})
