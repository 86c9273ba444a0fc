"""Campaigns: calls drawn from distributions, each the same whenever it is made."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasim.audio.files import read_audio
from mediasim.campaign import (
    Campaign,
    CampaignMismatch,
    FolderStorage,
    begin_campaign,
    make_shards,
    parse_campaign,
    spoken_clips,
)

LINES = [f"This is the sentence with the number {number}." for number in range(12)]
PLAIN: dict[str, Any] = {
    "calls": 3,
    "shard": 2,
    "conversation": {
        "texts": LINES,
        "turns": 4,
        "gaps": {"normal": {"mean": "100ms", "sd": "400ms"}},
    },
}


@pytest.fixture(autouse=True)
def _babble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")


def campaign(**more: Any) -> Campaign:
    spec = parse_campaign(PLAIN | more)
    return Campaign(spec, spec.seed, spoken_clips(spec))


def test_what_was_asked_of_a_planned_call_is_what_its_recording_has(tmp_path: Path) -> None:
    """Every turn stands at the sample that was drawn, in the channel of who says it."""
    made = campaign()
    call, plan = made.call(1), made.composed(1).planned
    said = call.row["utterances"]
    assert [each["text"] for each in said] == [each.clip.text for each in plan]
    first = said[0]["start_sample"] - plan[0].start
    assert [each["start_sample"] - first for each in said] == [each.start for each in plan]
    assert {each["channel"] for each in said} == {0, 1}
    (tmp_path / "call.flac").write_bytes(call.flac)
    assert np.array_equal(read_audio(tmp_path / "call.flac").pcm, call.pcm)


def test_a_call_is_the_same_whenever_it_is_made() -> None:
    first, again = campaign(), campaign(calls=300)
    for index in (2, 0):
        one, other = first.call(index), again.call(index)
        assert (one.json, one.flac) == (other.json, other.flac)


def test_shards_are_whole_or_not_there_and_are_gone_on_with(tmp_path: Path) -> None:
    made, out = campaign(), FolderStorage(tmp_path)
    begin_campaign(made, out)
    done = list(make_shards(made, out, range(made.spec.shards)))
    assert [each.calls for each in done] == [2, 1]  # type: ignore[union-attr]
    assert sorted(out.names()) == [
        "campaign.json",
        *(f"shards/calls-00000{n}.{end}" for n in (0, 1) for end in ("jsonl", "tar")),
    ]
    tar = out.read("shards/calls-000000.tar")
    with tarfile.open(fileobj=BytesIO(tar)) as found:
        names = found.getnames()
    assert names == ["000000000.flac", "000000000.json", "000000001.flac", "000000001.json"]
    rows = [json.loads(line) for line in out.read("shards/calls-000000.jsonl").splitlines()]
    assert [row["index"] for row in rows] == [0, 1]
    (tmp_path / "shards/calls-000000.tar").unlink()
    assert [each.shard for each in make_shards(campaign(), out, range(2))] == [0]
    assert out.read("shards/calls-000000.tar") == tar
    with pytest.raises(CampaignMismatch, match="another campaign: its spec says"):
        begin_campaign(campaign(conversation=PLAIN["conversation"] | {"turns": 5}), out)
