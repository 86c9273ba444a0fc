"""What a campaign leaves beside its shards: the report, and the data card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediasim.campaign.formats.data import CampaignData
from mediasim.campaign.report.asked import asked_of
from mediasim.campaign.report.card import card_text, clip_sources
from mediasim.campaign.report.report import CampaignReport, report_of, stored_report

if TYPE_CHECKING:
    from mediasim.campaign.campaign import Campaign
    from mediasim.campaign.formats.format import Format

__all__ = ["CARD", "PAGE", "REPORT", "export_card", "write_outcome"]

REPORT: Final = "report.json"
PAGE: Final = "report.html"
CARD: Final = "README.md"


def write_outcome(data: CampaignData, campaign: Campaign) -> CampaignReport:
    """Write report.json, report.html and the card of a campaign, of the shards that are whole.

    Raises CampaignDataError, and OSError if nothing can be written.
    """
    report = report_of(data, asked_of(campaign))
    data.storage.put(REPORT, report.json)
    data.storage.put(PAGE, report.html)
    text = card_text(report.document, clip_sources(data))
    data.storage.put(CARD, text.encode("utf-8", "replace"))
    return report


def export_card(data: CampaignData, format: Format) -> Callable[[Path], None]:
    """Return what writes the card of an export, for :func:`~mediasim.campaign.formats.export`.

    The distributions that were asked for are taken from the campaign's own report, if it has one
    of the same shards; without one the card has what was measured.
    """

    def write(path: Path) -> None:
        document = stored_report(data) or report_of(data).document
        path.write_text(card_text(document, clip_sources(data), format), "utf-8", "replace")

    return write
