"""The report of a campaign: what was asked, what there is, as report.json and report.html."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mediasim.campaign.formats.data import CampaignData
from mediasim.campaign.report.asked import Asked
from mediasim.campaign.report.figures import Comparison, Figures
from mediasim.campaign.report.page import report_page

__all__ = ["CampaignReport", "report_of", "stored_report"]

_SCHEMA: Final = 1
_MOST_LISTED: Final = 1000


@dataclass(frozen=True)
class CampaignReport:
    """The report of a campaign's whole shards."""

    document: dict[str, Any]
    """report.json."""
    figures: Figures
    compared: list[Comparison]

    @property
    def json(self) -> bytes:
        """The bytes of report.json."""
        return (json.dumps(self.document, indent=1, ensure_ascii=False) + "\n").encode()

    @property
    def html(self) -> bytes:
        """The bytes of report.html."""
        return report_page(self.document, self.figures, self.compared).encode("utf-8", "replace")


def report_of(data: CampaignData, asked: Mapping[str, Asked] | None = None) -> CampaignReport:
    """Return the report of the shards that are whole, reading one after the other.

    ``asked`` has the distributions by the family of their labels. Raises CampaignDataError.
    """
    figures = Figures(asked or {})
    for shard in data.shards:
        for call in data.rows(shard):
            figures.add(call)
    compared = figures.asked_and_got()
    return CampaignReport(_document(data, figures, compared), figures, compared)


def _document(data: CampaignData, figures: Figures, compared: list[Comparison]) -> dict[str, Any]:
    campaign = data.document
    spec = campaign.get("spec") or {}
    missing = data.missing()
    return {
        "schema": _SCHEMA,
        "mediasim": campaign.get("mediasim"),
        "name": str(campaign.get("name") or "campaign"),
        "description": str(spec.get("description") or "") if isinstance(spec, dict) else "",
        "seed": campaign.get("seed"),
        "spec_digest": campaign.get("spec_digest"),
        "calls_asked": data.calls,
        "calls": figures.calls,
        "shards": {
            "asked": len(data.wanted),
            "whole": len(data.shards),
            "failed": sorted(data.given_up),
        },
        "notes": [] if missing is None else [f"{missing}: what follows is of the others"],
        "hours": {
            "recorded": round(figures.seconds / 3600, 6),
            "channels": round(figures.channel_seconds / 3600, 6),
            "speech": round(figures.speech_seconds / 3600, 6),
        },
        "utterances": figures.utterances,
        "cut_short": figures.cut,
        "words": figures.words,
        "clips": len(figures.clips),
        "speakers": figures.names("speaker")[:_MOST_LISTED],
        "languages": figures.names("language"),
        "codecs": figures.names("codec"),
        "asked_and_got": [it.to_json() for it in compared],
        "measured": [it.to_json() for it in figures.others()],
    }


def stored_report(data: CampaignData) -> dict[str, Any] | None:
    """Return the report that a campaign has, if it is of the shards that are whole now."""
    try:
        found = json.loads(data.storage.read("report.json"))
        right = found["schema"] == _SCHEMA and found["shards"]["whole"] == len(data.shards)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(found) if right else None
