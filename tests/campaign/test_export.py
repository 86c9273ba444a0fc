"""Exports of a campaign: what each format says of three calls, to the letter; whole or not at all.

What is expected here was worked out by hand from ``tiny_campaign.py``: a sample is 0.000125 s.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from databases import s3_bucket
from tiny_campaign import CALLS, Said, pcm_of, write_tiny_campaign
from typer.testing import CliRunner, Result

from mediasim.audio.wav import read_wav
from mediasim.campaign.formats.data import CampaignData, CampaignDataError
from mediasim.campaign.formats.export import ExportError, export
from mediasim.campaign.formats.format import Format
from mediasim.campaign.formats.table import FORMATS
from mediasim.campaign.storage import FolderStorage, open_storage
from mediasim.cli import app


@pytest.fixture
def campaign(tmp_path: Path) -> CampaignData:
    return opened(write_tiny_campaign(tmp_path / "campaign"))


def opened(folder: Path) -> CampaignData:
    return CampaignData(FolderStorage(folder), str(folder))


def texts(folder: Path) -> dict[str, list[str]]:
    return {
        path.name: path.read_text("utf-8").splitlines()
        for path in folder.iterdir()
        if path.is_file() and path.suffix != ".gz" and path.name != "export.json"
    }


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_text_formats_to_the_letter(campaign: CampaignData, tmp_path: Path) -> None:
    for name in ("rttm", "stm", "ctm", "uem"):
        export(campaign, FORMATS[name], tmp_path / name)

    assert texts(tmp_path / "rttm")["calls.rttm"] == [
        "SPEAKER 000000000 1 0.500000 1.000125 <NA> <NA> amy <NA> <NA>",
        "SPEAKER 000000000 2 1.250000 0.125000 <NA> <NA> bob <NA> <NA>",
        "SPEAKER 000000000 2 1.750000 2.000000 <NA> <NA> bob <NA> <NA>",
        "SPEAKER 000000001 1 0.100000 1.000000 <NA> <NA> Zo=C3=AB=20B <NA> <NA>",
        "SPEAKER 000000001 1 1.875000 0.125000 <NA> <NA> Zo=C3=AB=20B <NA> <NA>",
        "SPEAKER 000000001 2 0.750000 1.000000 <NA> <NA> amy-2 <NA> <NA>",
        "SPEAKER 000000002 1 0.000000 1.000000 <NA> <NA> amy <NA> <NA>",
        "SPEAKER 000000002 1 0.875000 0.250000 <NA> <NA> 000000002_agent <NA> <NA>",
    ]
    # What was cut has the words that were said; braces and brackets would be scoring syntax.
    assert texts(tmp_path / "stm")["calls.stm"] == [
        "000000000 A amy 0.500000 1.500125 Hello, is my order on its way?",
        "000000000 B bob 1.250000 1.375000 Mm-hm.",
        "000000000 B bob 1.750000 3.750000 It left this morning.",
        "000000001 A Zo=C3=AB=20B 0.100000 1.100000 Olá bom dia",
        "000000001 A Zo=C3=AB=20B 1.875000 2.000000 IGNORE_TIME_SEGMENT_IN_SCORING",
        "000000001 B amy-2 0.750000 1.750000 We are closed, please call",
        "000000002 A amy 0.000000 1.000000 Good bye.",
        "000000002 A 000000002_agent 0.875000 1.125000 Bye!",
    ]
    ctm = texts(tmp_path / "ctm")["calls.ctm"]
    assert ctm[:2] == ["000000000 A 0.500000 0.142875 Hello,", "000000000 A 0.642875 0.142875 is"]
    assert ctm[-3:] == [
        "000000002 A 0.000000 0.500000 Good",
        "000000002 A 0.500000 0.500000 bye.",
        "000000002 A 0.875000 0.250000 Bye!",
    ]
    assert len(ctm) == 23
    assert texts(tmp_path / "uem")["calls.uem"] == [
        "000000000 1 0.000000 4.000000",
        "000000000 2 0.000000 4.000000",
        "000000001 1 0.000000 3.000000",
        "000000001 2 0.000000 3.000000",
        "000000002 1 0.000000 2.000000",
    ]


def test_a_kaldi_data_directory(campaign: CampaignData, tmp_path: Path) -> None:
    folder = export(campaign, FORMATS["kaldi"], tmp_path / "kaldi", root="/data").folder
    found = texts(folder)
    assert found["wav.scp"][3] == "000000001-B /data/audio/000000/000000001-B.wav"
    assert found["reco2file_and_channel"][1] == "000000000-B 000000000 B"
    assert found["reco2dur"][4] == "000000002-A 2.000000"
    assert found["segments"] == [
        "000000002_agent+000000002-A-000007000-000009000 000000002-A 0.875000 1.125000",
        "Zo=C3=AB=20B+000000001-A-000000800-000008800 000000001-A 0.100000 1.100000",
        "amy+000000000-A-000004000-000012001 000000000-A 0.500000 1.500125",
        "amy+000000002-A-000000000-000008000 000000002-A 0.000000 1.000000",
        "amy-2+000000001-B-000006000-000014000 000000001-B 0.750000 1.750000",
        "bob+000000000-B-000010000-000011000 000000000-B 1.250000 1.375000",
        "bob+000000000-B-000014000-000030000 000000000-B 1.750000 3.750000",
    ]
    assert found["text"][1] == "Zo=C3=AB=20B+000000001-A-000000800-000008800 (Olá) {bom} dia"
    assert found["spk2utt"][2:4] == [
        "amy amy+000000000-A-000004000-000012001 amy+000000002-A-000000000-000008000",
        "amy-2 amy-2+000000001-B-000006000-000014000",
    ]
    # As Kaldi's validate_data_dir.sh wants it: each file sorted by bytes, by speaker too.
    for name, lines in found.items():
        assert lines == sorted(lines, key=str.encode), name
    speakers = [line.split()[1] for line in found["utt2spk"]]
    assert speakers == sorted(speakers, key=str.encode)
    keys = {line.split()[0] for line in found["utt2spk"]}
    assert keys == {line.split()[0] for line in found["text"]}
    assert keys == {line.split()[0] for line in found["segments"]}
    wav = read_wav(folder / "audio/000000/000000000-B.wav")
    assert np.array_equal(wav.pcm[0], pcm_of(CALLS[0])[1])


def test_kaldi_has_no_channel_without_words_and_none_beyond_two(tmp_path: Path) -> None:
    """As its validate_data_dir.sh has it: recordings are those of segments, channels A and B."""
    said = (Said("caller", 0, 0, 800, "<s> Hi #0."), Said("third", 3, 800, 1600, "Hm."))
    call = CALLS[0]._replace(
        speakers={"caller": "amy", "third": "bob"}, channels=4, samples=1600, said=said
    )
    campaign = opened(write_tiny_campaign(tmp_path / "campaign", (call,)))
    folder = export(campaign, FORMATS["kaldi"], tmp_path / "kaldi").folder
    found = texts(folder)
    assert found["reco2file_and_channel"] == [
        "000000000-A 000000000 A",
        "000000000-D 000000000-D A",
    ]
    assert [line.split()[0] for line in found["wav.scp"]] == ["000000000-A", "000000000-D"]
    assert found["text"][0] == "amy+000000000-A-000000000-000000800 Hi ."
    assert len(list((folder / "audio").rglob("*.wav"))) == 2


def rows(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def test_manifests_as_json(campaign: CampaignData, tmp_path: Path) -> None:
    nemo = export(campaign, FORMATS["nemo"], tmp_path / "nemo").folder
    assert rows(nemo / "manifest.json")[4] == {
        "audio_filepath": "audio/000000/000000001-B.wav",
        "offset": 0.75,
        "duration": 1.0,
        "text": "We are closed, please call",
        "lang": "en-US",
        "speaker": "amy-2",
        "call": "000000001",
        "channel": 1,
        "kind": "interruption",
    }
    assert rows(nemo / "diarization_manifest.json")[2]["num_speakers"] == 2
    mixed = read_wav(nemo / "audio/000000/000000000.wav").pcm[0]
    assert np.array_equal(mixed, pcm_of(CALLS[0]).sum(axis=0))

    lhotse = export(campaign, FORMATS["lhotse"], tmp_path / "lhotse", root="here").folder
    assert rows(lhotse / "recordings.jsonl.gz")[2] == {
        "id": "000000002",
        "sources": [
            {"type": "file", "channels": [0], "source": "here/audio/000001/000000002.flac"}
        ],
        "sampling_rate": 8000,
        "num_samples": 16000,
        "duration": 2.0,
        "channel_ids": [0],
    }
    last = rows(lhotse / "supervisions.jsonl.gz")[-1]
    assert last == {
        "id": "000000002-1",
        "recording_id": "000000002",
        "start": 0.875,
        "duration": 0.25,
        "channel": 0,
        "text": "Bye!",
        "speaker": "000000002_agent",
        "custom": {"party": "agent", "kind": "turn", "clip": "c21", "cut": False},
        "alignment": {"word": [["Bye!", 0.875, 0.25, None]]},
    }
    hf = export(campaign, FORMATS["huggingface"], tmp_path / "hf").folder
    first = rows(hf / "data/train/000000/metadata.jsonl")[0]
    assert first["file_name"] == "000000000.flac"
    assert (hf / "data/train/000000/000000000.flac").is_file()
    assert [it["end"] for it in first["utterances"]] == [1.500125, 1.375, 3.75]
    assert json.loads(first["truth"])["audio"]["samples"] == 32000


# -- whole or not at all --------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS.values(), ids=lambda it: it.name)
def test_an_export_that_was_killed_goes_on_to_the_same_bytes(
    campaign: CampaignData, tmp_path: Path, format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export(campaign, format, tmp_path / "whole", root="/data").folder
    half, asked = tmp_path / "half", []

    def killed(done: int, of: int) -> None:
        asked.append((done, of))
        if len(asked) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(campaign, format, half, root="/data", progress=killed)
    assert not half.exists()
    first = tmp_path / "half.partial" / ".export" / "000000.done"
    was = first.stat().st_mtime_ns

    def kept(done: int, of: int) -> None:
        killed(done, of)
        assert first.stat().st_mtime_ns == was, "what was done is done again"

    export(campaign, format, half, root="/data", progress=kept)
    assert asked == [(1, 2), (1, 2), (2, 2)]
    assert everything(half) == everything(whole)
    assert not (tmp_path / "half.partial").exists()
    assert not export(campaign, format, half, root="/data").made


def test_many_shards_are_sorted_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are merged at once, in three passes: the names of speakers come in any order."""
    monkeypatch.setattr("mediasim.campaign.formats.export._OPEN_AT_ONCE", 4)
    many = tuple(
        CALLS[2]._replace(
            speakers={"caller": f"s{(7919 * n) % 1000:03d}", "agent": None}, samples=9000
        )
        for n in range(40)
    )
    campaign = opened(write_tiny_campaign(tmp_path / "campaign", many))
    folder = export(campaign, FORMATS["kaldi"], tmp_path / "kaldi").folder
    lines = (folder / "utt2spk").read_bytes().splitlines()
    assert len(lines) == 80
    assert lines == sorted(lines)


def test_what_is_in_the_way_is_left_alone(campaign: CampaignData, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="is not empty and no export"):
        export(campaign, FORMATS["rttm"], out)
    assert texts(out) == {"mine.txt": ["mine"]}

    export(campaign, FORMATS["rttm"], tmp_path / "rttm")
    with pytest.raises(ExportError, match="another campaign, seed or format"):
        export(campaign, FORMATS["stm"], tmp_path / "rttm")

    partial = tmp_path / "new.partial"
    partial.mkdir()
    (partial / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="holds other files"):
        export(campaign, FORMATS["rttm"], tmp_path / "new")
    assert (partial / "mine.txt").read_text() == "mine"


def test_a_campaign_that_cannot_be_read_is_named(campaign: CampaignData, tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    rows = folder / "shards/calls-000001.jsonl"
    rows.write_text(rows.read_text().replace('"start_sample":7000', '"start_sample":"soon"'))
    with pytest.raises(CampaignDataError, match=r"calls-000001.jsonl:1 .*start_sample.* integer"):
        export(campaign, FORMATS["rttm"], tmp_path / "rttm")
    tar = folder / "shards/calls-000000.tar"
    content = tar.read_bytes()
    tar.write_bytes(content.replace(b"fLaC", b"flac"))
    with pytest.raises(CampaignDataError, match="the audio of call 000000000: it is no FLAC"):
        export(campaign, FORMATS["kaldi"], tmp_path / "kaldi")
    tar.write_bytes(content.replace(b'"id":2,"channel":1', b'"id":2,"channel":2'))
    with pytest.raises(CampaignDataError, match="an utterance is in none of its 2 channels"):
        export(campaign, FORMATS["nemo"], tmp_path / "nemo")
    (folder / "shards/calls-000000.tar").write_bytes(b"no tar")
    with pytest.raises(CampaignDataError, match=r"calls-000000.tar cannot be read"):
        export(campaign, FORMATS["shar"], tmp_path / "shar")
    (folder / "shards/calls-000000.tar").unlink()
    (folder / "failed.jsonl").write_text('{"shard": 0, "seed": 7, "first": 0, "last": 1}\n')
    assert opened(folder).missing() == (
        "1 shard of 2 not whole, 1 of them given up as failed.jsonl says"
    )
    with pytest.raises(CampaignDataError, match="holds no campaign"):
        export(opened(tmp_path), FORMATS["rttm"], tmp_path / "rttm")


# -- the command ----------------------------------------------------------------------------------


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_the_command(tmp_path: Path) -> None:
    folder = write_tiny_campaign(tmp_path / "campaign")
    done = command(folder, "--format", "rttm", "--format", "kaldi")
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            f"{folder}/exports/rttm: 3 calls as rttm",
            f"{folder}/exports/kaldi: 3 calls as kaldi",
        ],
    )
    assert "kaldi: 1 utterance without a text left out" in done.stderr
    assert (folder / "exports/rttm/calls.rttm").is_file()
    wav = (folder / "exports/kaldi/wav.scp").read_text().split()[1]
    assert wav == f"{folder}/exports/kaldi/audio/000000/000000000-A.wav"

    done = command(folder, "--format", "rttm", "--out", tmp_path / "mine")
    assert (tmp_path / "mine/calls.rttm").is_file()
    assert "there already" in command(folder, "--format", "rttm").stdout
    listed = command("--list").stdout
    assert all(f"{name} " in listed for name in FORMATS)


def test_what_the_command_refuses(tmp_path: Path) -> None:
    folder = write_tiny_campaign(tmp_path / "campaign")
    for arguments, words in (
        ((folder,), "expected CAMPAIGN and --format"),
        ((folder, "--format", "lhotze"), "there is no format 'lhotze': expected"),
        ((tmp_path, "--format", "rttm"), "holds no campaign: expected campaign.json"),
    ):
        done = command(*arguments)
        assert done.exit_code == 2
        assert words in done.stderr
    (folder / "shards/calls-000001.tar").unlink()
    done = command(folder, "--format", "uem")
    assert done.exit_code == 2
    assert "1 shard of 2 not whole: the same mediasim campaign" in done.stderr
    done = command(folder, "--format", "uem", "--partial")
    assert "uem: 2 calls as uem" in done.stdout


def test_a_campaign_in_a_bucket(tmp_path: Path) -> None:
    """Is read from there; its exports are folders, which have to be named."""
    folder = write_tiny_campaign(tmp_path / "campaign")
    with s3_bucket("exports") as url:
        bucket = open_storage(f"{url}/tiny")
        for path in sorted(folder.rglob("*.*")):
            bucket.put(str(path.relative_to(folder)), path)
        there = f"{url}/tiny"
        assert "say where, with --out DIR" in command(there, "--format", "shar").stderr
        for format in ("rttm", "shar"):
            done = command(there, "--format", format, "--out", tmp_path / f"{format}-of-bucket")
            assert done.exit_code == 0, done.output
            export(opened(folder), FORMATS[format], tmp_path / f"{format}-of-folder")
    for name in ("rttm/calls.rttm", "shar/recording.000001.tar", "shar/cuts.000001.jsonl.gz"):
        format, _, file = name.partition("/")
        of_bucket, of_folder = (tmp_path / f"{format}-of-{it}" for it in ("bucket", "folder"))
        assert (of_bucket / file).read_bytes() == (of_folder / file).read_bytes()
