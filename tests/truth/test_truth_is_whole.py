"""Everything a recording holds or lacks stands in its truth, and by whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim import simulate
from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.running.simulate import Recorded
from mediasim.truth.documents import ChannelTruth
from mediasim.truth.verify.verify import verify

HISS: Final = {"noise": {"kind": "white", "for": "8s", "level": -20}}
BABBLE: Final = {"noise": {"kind": "babble", "for": "1s", "level": -20}}


def recorded(
    folder: Path, ann: dict[str, Any], bob: dict[str, Any] | None = None, *, seed: int = 1
) -> tuple[NDArray[np.int16], ChannelTruth, Recorded]:
    """Ann's channel of a call to bob: its samples, its truth, and the recording."""
    bob = {"script": [{"pause": "9s"}]} if bob is None else bob
    call = {"from": "ann", "to": "bob", "recording": "dual"}
    scenario = {"parties": {"ann": ann, "bob": bob}, "call": call}
    (found,) = simulate(scenario, seed=seed, directory=folder).recordings
    assert found.truth is not None
    return found.pcm[0], found.truth.channels[0], found


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "OPUS"])
def test_of_a_lost_packet_every_sample_is_listed(tmp_path: Path, codec: str) -> None:
    ann = {"codec": codec, "network": {"up": {"loss": 0.05}}, "script": [HISS]}
    pcm, channel, _ = recorded(tmp_path, ann)
    assert len(channel.missing) > 10
    assert {(gap.end - gap.start) % 160 for gap in channel.missing} == {0}
    assert {(gap.why, gap.party) for gap in channel.missing} == {("lost", "ann")}
    (said,) = channel.intervals
    listed = np.zeros(len(pcm), np.bool_)
    for gap in channel.missing:
        assert not (pcm[gap.start : gap.end] > 8).any()  # A-law's silence
        listed[gap.start : gap.end] = True
    silent = np.abs(pcm[said.start : said.end - 200]) <= 8
    edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2)
    gone = edges[edges[:, 1] - edges[:, 0] > 80] + said.start
    assert len(gone) > 10
    for start, end in gone.tolist():  # a codec's filter takes some samples to swing in again
        assert np.count_nonzero(~listed[start:end]) <= 16


@pytest.mark.parametrize("why", ["dtx", "a key is down"])
def test_what_a_concealer_adds_where_nothing_was_sent_is_listed(tmp_path: Path, why: str) -> None:
    ann: dict[str, Any] = {"network": {"conceal": "repeat"}}
    if why == "dtx":
        ann |= {"dtx": "silence", "script": [BABBLE, {"pause": "1s"}, BABBLE, {"pause": "1s"}]}
    else:
        together = [[HISS], [{"pause": "1s"}, {"dtmf": "12"}]]
        ann |= {"script": [{"together": together}]}
    pcm, channel, found = recorded(tmp_path, ann)
    assert {gap.why for gap in channel.missing} == (set() if why == "dtx" else {"key"})
    assert {(it.how, it.party) for it in channel.concealed} == {("repeat", "ann")}
    made_up = np.zeros(len(pcm), np.bool_)
    for it in channel.concealed:
        assert it.end - it.start <= 480
        made_up[it.start : it.end] = True
    assert pcm[made_up].any()
    known = made_up.copy()
    for said in channel.intervals:
        known[said.start : said.end] = True
    assert not pcm[~known].any()
    assert verify(found.path).ok


def test_comfort_noise_is_listed_too(tmp_path: Path) -> None:
    ann = {"dtx": "comfort-noise", "noise": -50, "script": [BABBLE, {"pause": "1s"}, BABBLE]}
    pcm, channel, _ = recorded(tmp_path, ann)
    assert {it.how for it in channel.concealed} == {"comfort-noise"}
    known = np.zeros(len(pcm), np.bool_)
    for said in channel.intervals:
        known[said.start : said.end] = True
    for it in channel.concealed:
        known[it.start : it.end] = True
    assert not pcm[~known].any()


@pytest.mark.parametrize("seed", range(4))
def test_a_gap_in_a_mix_is_its_party_s_alone(tmp_path: Path, seed: int) -> None:
    """Where ann is not heard for a while bob is, and verify says so."""
    states = {"enter": 0.03, "leave": 0.2}
    bursts = {"network": {"up": {"loss": {"gilbert_elliott": states}}}}
    scenario = {
        "parties": {
            "ann": {**bursts, "script": [{"repeat": {"times": 3, "steps": [BABBLE]}}]},
            "bob": {"script": [{"repeat": {"times": 3, "steps": [BABBLE]}}]},
        },
        "conference": {"participants": ["ann", "bob"], "recording": True},
        "profile": "2022-05",
    }
    (found,) = simulate(scenario, seed=seed, directory=tmp_path).recordings
    document = json.loads(found.path.with_suffix(".truth.json").read_text())
    (channel,) = document["channels"]
    assert channel["missing"]
    assert {gap["party"] for gap in channel["missing"]} == {"ann"}
    assert verify(found.path).failures == []


def test_a_clip_that_is_cut_says_where_in_it_a_piece_begins(tmp_path: Path) -> None:
    """By a recording that starts in it, a pause in it, and its end."""
    recording = {
        "channels": "dual",
        "start": {"at": "2s"},
        "pause": {"at": "3s", "until": "4s", "behavior": "skip"},
        "stop": "5s",
    }
    scenario = {
        "parties": {"ann": {"script": [HISS]}, "bob": {}},
        "call": {"from": "ann", "to": "bob", "recording": recording},
    }
    (found,) = simulate(scenario, directory=tmp_path).recordings
    assert found.truth is not None
    before, after = found.truth.channels[0].intervals
    assert after.offset == before.offset + 16000  # a second heard, and one passed over
    assert before.offset == 7200  # a second of ringing, and 100 ms on the way
    assert (before.end - before.start, after.end - after.start) == (8000, 8000)
    assert before.digest == after.digest


def test_words_stand_where_they_are_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, within their saying; those in a pause of the recording are not there."""
    monkeypatch.setenv("MEDIASIM_SPEECH", "espeak")
    text = "One two three four five six seven eight nine ten."
    pause = {"at": "2s", "for": "800ms", "behavior": "skip"}
    call = {"from": "ann", "to": "bob", "recording": {"channels": "dual", "pause": pause}}
    ann = {"voice": "daniel", "script": [{"say": text}]}
    scenario = {"parties": {"ann": ann, "bob": {"script": [{"pause": "6s"}]}}, "call": call}
    (found,) = simulate(scenario, directory=tmp_path).recordings
    assert found.truth is not None
    pcm, intervals = found.pcm[0], found.truth.channels[0].intervals
    assert len(intervals) == 2
    words = [word for interval in intervals for word in interval.words]
    spoken = [word.text for word in words]
    assert spoken == [word for word in text.split() if word in spoken]
    assert 6 <= len(spoken) <= 9
    for interval in intervals:
        for word in interval.words:
            assert interval.start <= word.start < word.end <= interval.end
            assert not word.estimated
            assert np.abs(pcm[word.start : word.end]).max() > 500
    document = json.loads(found.path.with_suffix(".truth.json").read_text())
    told = [it for each in document["channels"][0]["intervals"] for it in each["words"]]
    assert [(it["word"], it["start"]) for it in told] == [(it.text, it.start) for it in words]


def test_a_text_that_its_voice_cannot_say_is_an_error_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "chinese.yaml"
    file.write_text(
        "parties:\n  ann:\n    script:\n      - say: 你好\n  bob: {}\n"
        "call: {from: ann, to: bob, recording: mono}\n",
        "utf-8",
    )
    with pytest.raises(ScenarioError, match=r"yaml:4:\d+: .*amy speaks .en. and cannot say"):
        simulate(file, directory=tmp_path)
