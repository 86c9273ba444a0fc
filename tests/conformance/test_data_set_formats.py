"""Exports of campaigns, loaded with the libraries that their users use.

Each row says by which ``pip install`` line its library comes; without it the row is skipped. CI has
a job of its own for them (``.ci/data-set-formats``), for some are larger than all of mediasim.
"""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_campaign import CALLS, RATE, pcm_of, write_tiny_campaign

from mediasim.campaign.formats.data import CampaignData
from mediasim.campaign.formats.export import export
from mediasim.campaign.formats.table import FORMATS, PARQUET
from mediasim.campaign.storage import FolderStorage

Pcm = NDArray[np.int16]
Check = Callable[[Any, Path], None]
"""Takes the library and the export's folder."""


class Row(NamedTuple):
    """A library, and what of a format it is to find."""

    library: str
    """What is imported; for a program its name after ``$``."""
    install: str
    """The line that brings it."""
    format: str
    check: Check


ROWS: list[Row] = []


def row(library: str, install: str, format: str) -> Callable[[Check], Check]:
    """Add a row with the check that is decorated."""

    def add(check: Check) -> Check:
        ROWS.append(Row(library, install, format, check))
        return check

    return add


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Exports the tiny campaign once in each format that is asked for."""
    base = tmp_path_factory.mktemp("exports")
    campaign = write_tiny_campaign(base / "campaign")
    data = CampaignData(FolderStorage(campaign), str(campaign))

    def exported(name: str) -> Path:
        format = PARQUET if name == "parquet" else FORMATS[name]
        return export(data, format, base / name).folder

    return exported


def audio_of(call: int) -> Pcm:
    """The audio of a call as (samples, channels), which is how most libraries have it."""
    return pcm_of(CALLS[call]).T


def speakers_of(call: int) -> list[str]:
    """Who speaks in a call, in the order of its utterances; one without a name has the call's."""
    names = CALLS[call].speakers
    return [names[it.party] or f"{call:09d}_{it.party}" for it in CALLS[call].said]


# -- WebDataset -------------------------------------------------------------------------------


@row("webdataset", "pip install webdataset soundfile", "webdataset")
def _webdataset(webdataset: Any, folder: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    import io

    tars = str(folder / "calls-{000000..000001}.tar")
    found = list(webdataset.WebDataset(tars, shardshuffle=False).decode())
    assert [sample["__key__"] for sample in found] == [f"{n:09d}" for n in range(3)]
    assert found[0]["json"]["utterances"][0]["text"] == "Hello, is my order on its way?"
    for number, sample in enumerate(found):
        pcm, rate = soundfile.read(io.BytesIO(sample["flac"]), dtype="int16", always_2d=True)
        assert rate == RATE
        assert np.array_equal(pcm, audio_of(number))
    assert json.loads((folder / "sizes.json").read_text()) == {
        "calls-000000.tar": 2,
        "calls-000001.tar": 1,
    }


# -- Hugging Face -----------------------------------------------------------------------------


@row("datasets", "pip install datasets torch torchcodec", "huggingface")
@row("datasets", "pip install datasets torch torchcodec", "parquet")
def _datasets(datasets: Any, folder: Path) -> None:
    try:
        importlib.import_module("torchcodec")
    except Exception:  # an OSError, where its build and torch's are not of a kind
        pytest.skip("pip install datasets torch torchcodec, of one kind, brings it")
    found = datasets.load_dataset(
        str(folder), split="train", cache_dir=str(folder.parent / "cache")
    )
    assert len(found) == 3
    for number, example in enumerate(found):
        samples = example["audio"].get_all_samples()
        assert samples.sample_rate == RATE
        pcm = np.rint(samples.data.numpy() * 32768).astype(np.int16)
        assert np.array_equal(pcm.T, audio_of(number))
        assert example["channel_count"] == CALLS[number].channels
        assert [it["speaker"] for it in example["utterances"]] == [
            each
            for _, each in sorted(
                zip(CALLS[number].said, speakers_of(number), strict=True),
                key=lambda pair: (pair[0].channel, pair[0].start),
            )
        ]
        assert json.loads(example["truth"])["index"] == number
    assert found[0]["utterances"][0]["end_sample"] == 12001
    assert found[0]["utterances"][0]["end"] == 1.500125


# -- Lhotse -----------------------------------------------------------------------------------


def _check_cuts(cuts: Any) -> None:
    by_call = {cut.recording_id: cut for cut in cuts}
    assert len(by_call) == 3
    for number in range(3):
        cut = by_call[f"{number:09d}"]
        pcm = np.rint(cut.load_audio() * 32768).astype(np.int16)
        assert np.array_equal(pcm.T, audio_of(number))
        said = {it.id: it for it in cut.supervisions}
        for place, it in enumerate(CALLS[number].said):
            found = said[f"{number:09d}-{place}"]
            assert (found.speaker, found.channel) == (speakers_of(number)[place], it.channel)
            assert round(found.start * RATE) == it.start
            assert round(found.end * RATE) == it.end
    first = by_call["000000000"].supervisions[0].alignment["word"]
    assert [word.symbol for word in first] == ["Hello,", "is", "my", "order", "on", "its", "way?"]


@row("lhotse", "pip install lhotse torch", "lhotse")
def _lhotse(lhotse: Any, folder: Path) -> None:
    from lhotse.qa import validate_recordings_and_supervisions

    recordings = lhotse.load_manifest(folder / "recordings.jsonl.gz")
    supervisions = lhotse.load_manifest(folder / "supervisions.jsonl.gz")
    validate_recordings_and_supervisions(recordings, supervisions, read_data=True)
    _check_cuts(lhotse.CutSet.from_manifests(recordings, supervisions).to_eager())


@row("lhotse", "pip install lhotse torch", "shar")
def _shar(lhotse: Any, folder: Path) -> None:
    cuts = lhotse.CutSet.from_shar(in_dir=folder).to_eager()
    lhotse.validate(cuts, read_data=True)
    _check_cuts(cuts)


@row("lhotse", "pip install lhotse torch", "kaldi")
def _kaldi_in_lhotse(lhotse: Any, folder: Path) -> None:
    recordings, supervisions, _ = lhotse.kaldi.load_kaldi_data_dir(folder, RATE)
    assert len(recordings) == 5
    by_id = {it.id: it for it in supervisions}
    assert by_id["bob+000000000-B-000014000-000030000"].text == "It left this morning."


# -- NeMo -------------------------------------------------------------------------------------


@row("soundfile", "pip install soundfile", "nemo")
def _nemo(soundfile: Any, folder: Path) -> None:
    """As NeMo reads: for recognition beside the manifest, for diarisation paths as they are."""
    heard = {}
    for line in (folder / "manifest.json").read_text("utf-8").splitlines():
        entry = json.loads(line)
        with soundfile.SoundFile(folder / entry["audio_filepath"]) as file:
            assert file.samplerate == RATE
            file.seek(int(entry["offset"] * file.samplerate))
            pcm = file.read(int(entry["duration"] * file.samplerate), dtype="int16")
        assert pcm.ndim == 1
        heard[entry["text"]] = (entry["speaker"], pcm)
    speaker, pcm = heard["It left this morning."]
    assert speaker == "bob"
    assert len(pcm) == 16000
    assert (pcm == 3000).all()
    for number, line in enumerate((folder / "diarization_manifest.json").open(encoding="utf-8")):
        entry = json.loads(line)
        pcm, _ = soundfile.read(entry["audio_filepath"], dtype="int16")
        assert np.array_equal(pcm, audio_of(number).sum(axis=1))
        rttm = Path(entry["rttm_filepath"]).read_text("utf-8").splitlines()
        assert len({each.split()[7] for each in rttm}) == entry["num_speakers"]


# -- Kaldi ------------------------------------------------------------------------------------


@row("kaldiio", "pip install kaldiio", "kaldi")
def _kaldi(kaldiio: Any, folder: Path) -> None:
    whole = kaldiio.load_scp(str(folder / "wav.scp"))
    rate, pcm = whole["000000000-B"]
    assert rate == RATE
    assert np.array_equal(pcm, audio_of(0)[:, 1])
    segments = kaldiio.load_scp(str(folder / "wav.scp"), segments=str(folder / "segments"))
    texts = dict(line.split(" ", 1) for line in (folder / "text").read_text("utf-8").splitlines())
    assert set(segments) == set(texts)
    rate, pcm = segments["amy+000000000-A-000004000-000012001"]
    assert len(pcm) == 8001
    assert (pcm == 1000).all()


# -- who speaks when, and what ------------------------------------------------------------------


@row("pyannote.database.util", "pip install pyannote.database", "rttm")
def _pyannote(util: Any, folder: Path) -> None:
    found = util.load_rttm(folder / "calls.rttm")
    assert set(found) == {"000000000", "000000001", "000000002"}
    assert found["000000000"].label_duration("bob") == pytest.approx(2.125)
    assert "Zo=C3=AB=20B" in found["000000001"].labels()


@row("pyannote.database.util", "pip install pyannote.database", "uem")
def _pyannote_uem(util: Any, folder: Path) -> None:
    found = util.load_uem(folder / "calls.uem")
    assert {name: timeline.extent().end for name, timeline in found.items()} == {
        "000000000": 4.0,
        "000000001": 3.0,
        "000000002": 2.0,
    }


@row("meeteval", "pip install meeteval", "rttm")
def _meeteval_rttm(meeteval: Any, folder: Path) -> None:
    rttm = meeteval.io.load(folder / "calls.rttm")
    assert len(rttm) == 8
    assert float(rttm[0].duration) == 1.000125


@row("meeteval", "pip install meeteval", "stm")
def _meeteval_stm(meeteval: Any, folder: Path) -> None:
    stm = meeteval.io.load(folder / "calls.stm")
    assert len(stm) == 8
    scored = meeteval.wer.cpwer(stm, stm)
    assert all(each.errors == 0 for each in scored.values())


@row("meeteval", "pip install meeteval", "ctm")
def _meeteval_ctm(meeteval: Any, folder: Path) -> None:
    ctm = meeteval.io.CTM.load(folder / "calls.ctm")
    assert [line.word for line in ctm][:3] == ["Hello,", "is", "my"]


@row("spyder", "pip install spy-der", "rttm")
def _spyder(spyder: Any, folder: Path) -> None:
    turns: dict[str, list[tuple[str, float, float]]] = {}
    for line in (folder / "calls.rttm").read_text("utf-8").splitlines():
        _, call, _, start, length, _, _, who, *_ = line.split()
        turns.setdefault(call, []).append((who, float(start), float(start) + float(length)))
    assert all(spyder.DER(each, each).der == 0 for each in turns.values())


@row("$sctk", "apt-get install sctk", "stm")
def _sclite(sctk: str, folder: Path) -> None:
    """The words of the CTM, against the utterances of the STM: none is wrong."""
    ctm = folder.parent / "ctm" / "calls.ctm"
    command = [sctk, "sclite", "-r", "calls.stm", "stm", "-h", str(ctm), "ctm"]
    ended = subprocess.run(
        [*command, "-o", "sum", "stdout"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "Sum/Avg" in ended.stdout, ended.stdout


@row("$sctk", "apt-get install sctk", "rttm")
def _md_eval(sctk: str, folder: Path) -> None:
    """NIST's scoring of diarisation, in the parts that the UEM names."""
    uem = folder.parent / "uem" / "calls.uem"
    command = [sctk, "md-eval.pl", "-r", "calls.rttm", "-s", "calls.rttm", "-u", str(uem)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "OVERALL SPEAKER DIARIZATION ERROR = 0.00 percent" in ended.stdout, ended.stdout
    assert "WARNING" not in ended.stdout, ended.stdout


@row("soundfile", "pip install soundfile", "lhotse")
def _soundfile(soundfile: Any, folder: Path) -> None:
    for number, path in enumerate(sorted((folder / "audio").rglob("*.flac"))):
        pcm, rate = soundfile.read(path, dtype="int16", always_2d=True)
        assert rate == RATE
        assert np.array_equal(pcm, audio_of(number))


@pytest.mark.parametrize("it", ROWS, ids=lambda it: f"{it.format}-{it.library.strip('$')}")
def test_the_library_of_its_users_loads_it(it: Row, exports: Callable[[str], Path]) -> None:
    if it.library.startswith("$"):
        if shutil.which(it.library[1:]) is None:
            pytest.skip(f"{it.install} brings it")
        loaded: Any = shutil.which(it.library[1:])
        exports("ctm"), exports("uem")
    else:
        pytest.importorskip(it.library.partition(".")[0], reason=f"{it.install} brings it")
        loaded = importlib.import_module(it.library)
    it.check(loaded, exports(it.format))
