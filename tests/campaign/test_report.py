"""The report of a campaign, what was asked against what the recordings have, and its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_campaign import CALLS, write_tiny_campaign
from typer.testing import CliRunner

from mediasim.campaign import (
    Campaign,
    FolderStorage,
    begin_campaign,
    make_shards,
    parse_campaign,
    spoken_clips,
)
from mediasim.campaign.formats.data import CampaignData
from mediasim.campaign.report import write_outcome
from mediasim.campaign.report.asked import Asked
from mediasim.campaign.report.report import report_of
from mediasim.campaign.report.tally import Numbers
from mediasim.cli import app


def opened(folder: Path) -> CampaignData:
    return CampaignData(FolderStorage(folder), str(folder))


def made(folder: Path, **spec: Any) -> tuple[CampaignData, Campaign]:
    """A campaign that is made now, of voices without words."""
    found = parse_campaign({"calls": 6, "shard": 3, **spec})
    campaign = Campaign(found, found.seed, spoken_clips(found))
    storage = FolderStorage(folder)
    begin_campaign(campaign, storage)
    list(make_shards(campaign, storage, range(found.shards)))
    return opened(folder), campaign


def by_key(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in rows}


def test_the_figures_of_three_calls_by_hand(tmp_path: Path) -> None:
    document = report_of(opened(write_tiny_campaign(tmp_path / "tiny"))).document
    assert (document["calls"], document["utterances"], document["cut_short"]) == (3, 8, 1)
    assert document["words"] == 6 + 1 + 4 + 3 + 5 + 0 + 2 + 1 + 1  # "Hello," is one of seven
    assert document["hours"]["recorded"] == round(9 / 3600, 6)
    assert document["hours"]["channels"] == round((4 + 4 + 3 + 3 + 2) / 3600, 6)
    # 4000-12001 and 14000-30000; 800-14000 and 15000-16000; 0-9000: each sample once.
    speech = (8001 + 16000 + 13200 + 1000 + 9000) / 8000
    assert document["hours"]["speech"] == round(speech / 3600, 6)
    assert sorted(document["speakers"]) == ["000000002_agent", "Zoë B", "amy", "amy-2", "bob"]
    assert document["codecs"] == ["PCMU", "G722"]
    measured = by_key(document["measured"])
    assert measured["kind"]["got"]["shares"] == {
        "turn": 0.75,
        "backchannel": 0.125,
        "interruption": 0.125,
    }
    overlap = (1000 / 24001, 2800 / 14200, 1000 / 9000)
    assert measured["overlap"]["got"]["mean"] == pytest.approx(sum(overlap) / 3, abs=1e-6)
    # caller to agent 0.249875 s; 6000 - 8800, 15000 - 14000; 7000 - 8000
    gaps = (1999, -2800, 1000, -1000)
    assert measured["gap"]["got"]["mean"] == pytest.approx(sum(gaps) / 4 / 8000, abs=1e-6)
    assert measured["loss"]["got"]["mean"] == pytest.approx(160 / 24000 / 5, abs=1e-6)


def test_what_was_asked_is_what_the_recordings_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a planned campaign, to the sample; and the page and the card say so."""
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")
    data, campaign = made(
        tmp_path / "campaign",
        conversation={
            "texts": [f"This is the sentence of the number {n}." for n in range(9)],
            "turns": {"whole": [3, 5]},
            "gaps": {"normal": {"mean": "100ms", "sd": "300ms", "min": "-1s"}},
        },
        scenario={
            "parties": {
                "caller": {"codec": {"draw": {"one_of": {"PCMU": "70%", "PCMA": "30%"}}}},
                "agent": {},
            },
            "call": {"from": "caller", "to": "agent", "answer": "1s", "recording": "dual"},
        },
    )
    report = write_outcome(data, campaign)
    found = by_key(report.document["asked_and_got"])
    gap = found["turn/#/gap"]
    assert gap["measured"]
    assert gap["asked"]["distribution"].startswith("normal: ")
    assert gap["asked"]["mean"] == pytest.approx(0.1, abs=0.01)
    assert gap["got"]["count"] == gap["drawn"]["count"] > 10
    assert gap["largest_error"] <= 1 / 8000  # drawn in nanoseconds, said in samples
    assert gap["by_chance"]
    assert sum(gap["histogram"]["got"]) == gap["got"]["count"]
    assert sum(gap["histogram"]["asked"]) == pytest.approx(1)
    assert found["turns"]["largest_error"] == 0
    codec = found["parties.caller.codec"]
    assert codec["asked"]["shares"] == {"PCMU": 0.7, "PCMA": 0.3}
    assert codec["got"] == codec["drawn"]

    folder = tmp_path / "campaign"
    assert json.loads((folder / "report.json").read_text("utf-8")) == report.document
    page = (folder / "report.html").read_text("utf-8")
    assert page.count("<svg") == len(report.compared) + len(report.figures.others())
    assert "<script" not in page
    card = (folder / "README.md").read_text("utf-8")
    assert "| Codec (parties.caller.codec) | one of: PCMU 70%, PCMA 30% |" in card
    assert write_outcome(data, campaign).json == report.json


def test_parts_that_ask_for_different_things_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")
    talk = {"texts": ["One.", "Two.", "Three."], "turns": 3}
    fast = {**talk, "gaps": {"uniform": ["100ms", "200ms"]}}
    slow = {**talk, "gaps": {"uniform": ["1s", "2s"]}}
    data, campaign = made(
        tmp_path,
        parts={
            "fast": {"share": 1, "conversation": fast},
            "slow": {"share": 1, "conversation": slow},
        },
    )
    found = by_key(write_outcome(data, campaign).document["asked_and_got"])
    assert found["fast: turn/#/gap"]["got"]["p95"] < 0.3
    assert found["slow: turn/#/gap"]["got"]["p5"] > 0.9
    assert found["part"]["asked"]["shares"] == {"fast": 0.5, "slow": 0.5}


def test_what_is_not_as_asked_is_seen() -> None:
    quantiles = [(step + 0.5) / 1000 for step in range(1000)]
    same = Numbers((7919 * n % 1000) / 1000 for n in range(1000))
    assert same.distance(quantiles) < 0.002
    assert Numbers(number / 2000 for number in range(1000)).distance(quantiles) > 0.49
    always = [1.0] * 1000  # a value that has all the probability
    assert Numbers([1.0] * 50).distance(always) == 0
    assert Numbers([1.0] * 25 + [2.0] * 25).distance(always) == pytest.approx(0.5, abs=0.001)
    assert Asked("", quantiles=quantiles).at(0.5) == pytest.approx(0.5, abs=0.001)


def test_memory_does_not_grow_with_the_calls() -> None:
    tally = Numbers(number * 1.000001 for number in range(40_000))
    assert len(tally._counts) <= 20_000
    assert tally.count == 40_000
    assert tally.quantiles((0.5,))[0] == pytest.approx(20_000, rel=0.001)
    assert tally.mean == pytest.approx(19_999.5 * 1.000001)


def test_shards_that_were_given_up_are_named(tmp_path: Path) -> None:
    folder = write_tiny_campaign(tmp_path / "tiny")
    (folder / "shards/calls-000001.tar").unlink()
    (folder / "failed.jsonl").write_text('{"shard": 1, "seed": 7, "first": 2, "last": 2}\n')
    document = report_of(opened(folder)).document
    assert document["shards"] == {"asked": 2, "whole": 1, "failed": [1]}
    assert (document["calls"], document["calls_asked"]) == (2, 3)
    done = CliRunner().invoke(app, ["export", str(folder), "--format", "rttm"])
    assert done.exit_code == 0, done.output
    assert "1 of them given up as failed.jsonl says: they are not in the export" in done.stderr
    card = (folder / "exports/rttm/README.md").read_text("utf-8")
    assert "**Not whole:** 1 shard of 2 not whole" in card
    assert "1 shard could not be made: failed.jsonl names them." in card


def test_the_card_of_an_export(tmp_path: Path) -> None:
    """Its head is YAML that the hub reads; names are text, whatever is in them."""
    calls = (*CALLS, CALLS[0]._replace(speakers={"caller": "<b>|x", "agent": "bob"}))
    folder = write_tiny_campaign(tmp_path / "tiny", calls)
    (folder / "clips").mkdir()
    (folder / "clips/index.jsonl").write_text(
        '{"digest": "c00", "source": "librispeech:84/a", "licence": "CC-BY-4.0"}\n' * 2
        + '{"digest": "c02", "source": "voice:amy/Hi", "voice": "amy", "engine": "hibari"}\n'
        + '{"digest": "c01", "source": "calls.jsonl"}\n'
    )
    done = CliRunner().invoke(app, ["export", str(folder), "--format", "webdataset"])
    assert done.exit_code == 0, done.output
    card = (folder / "exports/webdataset/README.md").read_text("utf-8")
    _, head, body = card.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "pretty_name": "tiny",
        "language": ["en", "pt"],
        "license": "other",
        "task_categories": ["automatic-speech-recognition", "voice-activity-detection"],
        "tags": ["telephony", "speaker-diarization", "conversational", "synthetic", "mediasim"],
        "size_categories": ["n<1K"],
    }
    assert "| librispeech | CC-BY-4.0 | 2 |" in body
    assert "| synthetic voices (hibari) | made by the engine, no recording | 1 |" in body
    assert "| calls.jsonl | no licence stated | 1 |" in body
    assert "calls-{000000..000001}.tar" in body
    assert "&lt;b>\\|x" in body
    done = CliRunner().invoke(app, ["export", str(folder), "--format", "huggingface"])
    head = (folder / "exports/huggingface/README.md").read_text("utf-8").split("---\n", 2)[1]
    assert yaml.safe_load(head)["configs"][0]["data_files"][0]["split"] == "train"


def test_a_campaign_that_is_made_has_report_card_and_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")
    spec = tmp_path / "spec.yaml"
    spec.write_text("calls: 2\nconversation: {texts: [One., Two., Three.], turns: 2}\n")
    out = tmp_path / "out"
    arguments = ["campaign", str(spec), "--out", str(out), "--jobs", "1", "--format"]
    done = CliRunner().invoke(app, [*arguments, "uemm"])
    assert done.exit_code == 2
    assert "there is no format 'uemm'" in done.stderr
    assert not out.exists()
    done = CliRunner().invoke(app, [*arguments, "uem", "--format", "rttm"])
    assert done.exit_code == 0, done.output
    assert json.loads((out / "report.json").read_text("utf-8"))["calls"] == 2
    assert (out / "report.html").is_file()
    assert (out / "README.md").is_file()
    assert len((out / "exports/uem/calls.uem").read_text().splitlines()) == 4
    assert (out / "exports/rttm/calls.rttm").is_file()
