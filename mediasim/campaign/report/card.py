"""The data card of a campaign, in the manner of the Hugging Face hub: what is in it, and from what.

Its head is YAML that the hub reads. All of it is said of the calls that are there, not of those
that were asked for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mediasim.campaign.formats.data import CampaignData
from mediasim.campaign.formats.format import Format
from mediasim.documents.diagnostics import counted

__all__ = ["ClipSources", "card_text", "clip_sources"]

_INDEX: Final = "clips/index.jsonl"
_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_SHOWN: Final = 20
"""Speakers whose names are listed."""
_UNSAID: Final = "no licence stated"
_VOICES: Final = "synthetic voices"
_SYNTHESISED: Final = "made by the engine, no recording"

ClipSources = Mapping[tuple[str, str], int]
"""How many clips there are by (where they are from, licence)."""


def clip_sources(data: CampaignData) -> ClipSources:
    """Count a campaign's stored clips by source and licence; empty where none are stored."""
    found: Counter[tuple[str, str]] = Counter()
    if data.storage.exists(_INDEX):
        for line in data.storage.read(_INDEX).split(b"\n"):
            try:
                row = json.loads(line)
                source = str(row.get("source") or "")
            except (ValueError, AttributeError):
                continue
            if row.get("voice"):
                engine = f" ({row['engine']})" if row.get("engine") else ""
                origin, unsaid = f"{_VOICES}{engine}", _SYNTHESISED
            else:
                origin, unsaid = re.split("[:/]", source)[0] or "recorded speech", _UNSAID
            found[origin, str(row.get("licence") or unsaid)] += 1
    return dict(found)


def card_text(report: Mapping[str, Any], sources: ClipSources, format: Format | None = None) -> str:
    """Return the card as Markdown; ``report`` is report.json, ``format`` that of an export."""
    return "\n".join([*_head(report, sources, format), *_body(report, sources, format)]) + "\n"


def _head(report: Mapping[str, Any], sources: ClipSources, format: Format | None) -> Iterator[str]:
    """Yield the YAML that the hub reads."""
    yield "---"
    yield f"pretty_name: {json.dumps(report['name'], ensure_ascii=False)}"
    languages = sorted({each.split("-")[0] for each in report["languages"]} - {"und"})
    if languages:
        yield "language:"
        yield from (f"- {each}" for each in languages)
    stated = {licence for _, licence in sources}
    yield f"license: {_licence(stated)}"
    yield "task_categories:"
    yield from ("- automatic-speech-recognition", "- voice-activity-detection")
    yield "tags:"
    for tag in ("telephony", "speaker-diarization", "conversational", "synthetic", "mediasim"):
        yield f"- {tag}"
    yield "size_categories:"
    calls = report["calls"]
    yield f"- {next((name for most, name in _SIZES if calls < most), 'n>10M')}"
    if format is not None and format.configs:
        yield format.configs.rstrip("\n")
    yield "---"


def _licence(stated: set[str]) -> str:
    """Return the licence for the head: that of all clips, if they have one; else ``other``."""
    if len(stated) != 1 or stated & {_UNSAID, _SYNTHESISED}:
        return "other"
    return json.dumps(next(iter(stated)).lower())


def _body(report: Mapping[str, Any], sources: ClipSources, format: Format | None) -> Iterator[str]:
    hours = report["hours"]
    yield f"\n# {report['name']}\n"
    if report["description"]:
        yield f"{report['description']}\n"
    yield (
        "Simulated telephone calls, recorded as a telephone exchange records them, with the truth "
        "of every sample: who speaks, from which sample to which, in which words, and what the "
        "network lost. Nothing here was labelled by ear or by a model."
    )
    for note in report["notes"]:
        yield f"\n**Not whole:** {note}."
    yield "\n## What is in it\n"
    yield "| | |\n|---|---|"
    for name, value in (
        ("calls", f"{report['calls']:,}"),
        ("recorded", f"{hours['recorded']:.2f} h ({hours['channels']:.2f} h of channels)"),
        ("with speech", f"{hours['speech']:.2f} h"),
        ("utterances", f"{report['utterances']:,}, {report['cut_short']:,} of them cut short"),
        ("words", f"{report['words']:,}"),
        ("speakers", f"{len(report['speakers']):,}: {_listed(report['speakers'])}"),
        ("languages", _listed(report["languages"])),
        ("codecs", _listed(report["codecs"])),
        ("audio", "FLAC of 16 bits at 8 kHz, a channel for each side unless a recording is mixed"),
        ("seed", str(report["seed"])),
        ("spec", f"{report['spec_digest']} (whole in campaign.json)"),
        ("made by", f"mediasim {report['mediasim']}"),
    ):
        yield f"| {name} | {value} |"
    if format is not None:
        yield f"\n## How it is loaded\n\n{format.what}.\n"
        last = f"{max(report['shards']['asked'] - 1, 0):06d}"
        yield f"```\n{format.loads.replace('LAST', last)}\n```"
    yield "\n## Distributions\n"
    yield from _distributions(report)
    yield "\n## Where the speech is from\n"
    yield from _sources(sources)
    yield "\n## Known limits\n"
    yield from (f"- {limit}" for limit in _limits(report))


def _listed(names: list[str]) -> str:
    shown = ", ".join(_cell(name) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{shown}{more}" if names else "unknown"


def _cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _distributions(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of what was asked for against what there is."""
    rows = [it for it in report["asked_and_got"] if it["asked"] is not None]
    if not rows:
        yield "report.html shows what was measured."
        return
    yield "What was asked for against what the recordings have; report.html has pictures.\n"
    yield "| what | asked | got | apart at most |\n|---|---|---|---|"
    for it in rows:
        got = it["got"]
        if "mean" in got:
            text = f"mean {got['mean']:g}, 5% {got['p5']:g}, 95% {got['p95']:g}"
        else:
            labels = it["asked"].get("labels", {})
            most = list(got.get("shares", {}).items())[:6]
            text = ", ".join(f"{labels.get(name, name)} {100 * share:.1f}%" for name, share in most)
        apart = "" if it["distance"] is None else f"{100 * it['distance']:.1f}%"
        apart += "" if it["by_chance"] in (None, True) else ", more than by chance"
        title = it["title"] if it["title"] == it["key"] else f"{it['title']} ({it['key']})"
        cells = (_cell(title), _cell(it["asked"]["distribution"]), _cell(text), apart)
        yield f"| {' | '.join(cells)} |"


def _sources(sources: ClipSources) -> Iterator[str]:
    if not sources:
        yield (
            "The voices of mediasim speak its texts; their licences are those of the voices' own "
            "packages."
        )
        return
    yield "| from | licence | clips |\n|---|---|---|"
    for (origin, licence), count in sorted(sources.items()):
        yield f"| {_cell(origin)} | {_cell(licence)} | {count:,} |"


def _limits(report: Mapping[str, Any]) -> Iterator[str]:
    if failed := report["shards"]["failed"]:
        yield f"{counted(len(failed), 'shard')} could not be made: failed.jsonl names them."
    yield "People in these calls react to plans and to each other's sound, not to meaning."
    yield "Telephone lines, noise and networks are models; no call was carried by a real network."
    yield (
        "Times of words that a voice does not tell are found by alignment: in the truth they are "
        "marked as estimated."
    )
    if "und" in report["languages"]:
        yield "The language of some utterances is not stated (und)."
    yield "All of it is one split. Split by speaker, or speakers are in several."
