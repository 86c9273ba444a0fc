"""Stage one: clips of recorded and synthesised speech, from tiny corpora in each format."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
from collections.abc import Iterator
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.files import encode_mp3, load_clip
from mediasim.audio.tones import noise
from mediasim.audio.wav import write_wav
from mediasim.campaign import FolderStorage
from mediasim.campaign.clips.corpora.corpus import CORPORA, CorpusError
from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.campaign.clips.speakers import SpeakerPools
from mediasim.campaign.clips.spec import SpeakerFilter
from mediasim.campaign.clips.stage import ClipSettings, StageOne, make_clips
from mediasim.campaign.clips.stored import ClipsError, StoredClips
from mediasim.campaign.flac import encode_flac
from mediasim.parties.voices.level import active_dbfs


def speech(seed: int, seconds: float = 0.5, silence: float = 0.25) -> NDArray[np.int16]:
    """Sound of a length with silence at both ends, another for each seed."""
    pcm = noise("white", round(seconds * 8000), -25.0, np.random.default_rng(seed))
    quiet = np.zeros(round(silence * 8000), np.int16)
    return np.concatenate((quiet, pcm, quiet))


def flac(path: Path, pcm: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_flac(np.atleast_2d(pcm)))


def lines(path: Path, *rows: dict[str, Any] | str) -> None:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def made(
    folder: Path, corpora: list[dict[str, Any]], out: str = "out", **how: Any
) -> tuple[StageOne, list[dict[str, Any]], dict[str, str]]:
    """Stage one of corpora as a spec has them: what it says, its index, and what it left out."""

    def sources() -> Iterator[Source | LeftOut]:
        for each in corpora:
            ((kind, written),) = each.items()
            yield from CORPORA[kind].model_validate(written).sources(folder)

    jobs = how.pop("jobs", 1)
    done = make_clips(sources(), FolderStorage(folder / out), ClipSettings(**how), jobs=jobs)
    clips = folder / out / "clips"
    rows = [json.loads(line) for line in (clips / "index.jsonl").read_text().splitlines()]
    left = [json.loads(line) for line in (clips / "left-out.jsonl").read_text().splitlines()]
    assert [str(each) for each in done.left_out] == [f"{it['source']}: {it['why']}" for it in left]
    return done, rows, {it["source"]: it["why"] for it in left}


def librispeech(root: Path) -> Path:
    folder = root / "LibriSpeech"
    for split, speaker, texts in (
        ("dev-clean", "84", ("GO DO YOU HEAR", "BUT IN LESS THAN FIVE MINUTES")),
        ("test-clean", "61", ("HE BEGAN A CONFUSED COMPLAINT",)),
    ):
        chapter = folder / split / speaker / "100"
        for number, _ in enumerate(texts):
            flac(chapter / f"{speaker}-100-000{number}.flac", speech(int(speaker) + number))
        said = "".join(f"{speaker}-100-000{n} {text}\n" for n, text in enumerate(texts))
        (chapter / f"{speaker}-100.trans.txt").write_text(said)
    folder.joinpath("SPEAKERS.TXT").write_text(
        ";ID  |SEX| SUBSET           |MINUTES| NAME\n"
        "61   | M | test-clean       |  8.08 | Paul-Gabriel Wiener\n"
        "84   | F | dev-clean        |  8.02 | Christie Nowak\n"
    )
    return folder


def test_a_folder_of_librispeech(tmp_path: Path) -> None:
    folder = librispeech(tmp_path)
    chapter = folder / "dev-clean/84/100"
    chapter.joinpath("84-100.alignment.txt").write_text(
        '84-100-0000 ",GO,,DO,YOU,HEAR" "0.25,0.35,0.4,0.5,0.6,0.75"\n'
    )
    chapter.joinpath("84-100-0001.flac").write_bytes(b"fLaC and nothing else")
    with chapter.joinpath("84-100.trans.txt").open("a") as said:
        said.write("84-100-0002 NOBODY RECORDED THIS\n84-100-0003\n")
    flac(chapter / "84-100-0003.flac", speech(3))
    done, rows, left = made(tmp_path, [{"librispeech": "LibriSpeech"}])
    first, second = rows
    assert (first["text"], first["speaker"], first["gender"]) == ("GO DO YOU HEAR", "84", "female")
    assert (first["split"], first["language"], first["licence"]) == ("dev-clean", "en", "CC-BY-4.0")
    assert first["source"] == "librispeech:dev-clean/84-100-0000"
    # Both quarters of a second of silence are cut off, and the words move with the sound.
    assert first["trimmed"] == [2000, 2000]
    assert first["samples"] == 4000
    assert [(it["text"], it["start_sample"], it["end_sample"]) for it in first["words"]] == [
        ("GO", 0, 800),
        ("DO", 1200, 2000),
        ("YOU", 2000, 2800),
        ("HEAR", 2800, 4000),
    ]
    assert not any(it["estimated"] for it in first["words"])
    assert (second["speaker"], second["gender"], second["split"]) == ("61", "male", "test-clean")
    assert all(it["estimated"] for it in second["words"])
    assert left == {
        "dev-clean/84-100-0002": "its audio is missing (84-100.trans.txt, line 3)",
        "dev-clean/84-100-0003": "has no text",
        "librispeech:dev-clean/84-100-0001": f"{chapter}/84-100-0001.flac is not an audio file",
    }
    assert (done.clips, done.seconds) == (2, 1.0)

    # The samples are those of the file, untouched, and named by their digest in the truth too.
    stored = StoredClips(FolderStorage(tmp_path / "out"))
    assert np.array_equal(stored.pcm(first["digest"]), speech(84, silence=0))
    assert stored.clip(first["digest"]).words[1].start == 1200
    path = tmp_path / f"out/clips/{first['digest'][:2]}/{first['digest']}.flac"
    assert np.array_equal(load_clip(path), speech(84, silence=0))
    assert first["level_dbfs"] == pytest.approx(active_dbfs(speech(84) / 32768), abs=0.2)

    _, rows, _ = made(tmp_path, [{"librispeech": {"folder": "LibriSpeech/test-clean"}}], "one")
    assert [(it["speaker"], it["gender"], it["split"]) for it in rows] == [
        ("61", "male", "test-clean")
    ]
    with pytest.raises(CorpusError, match="is no folder of LibriSpeech"):
        made(tmp_path, [{"librispeech": "out"}], "two")


def test_a_tsv_of_common_voice(tmp_path: Path) -> None:
    clips = tmp_path / "en/clips"
    clips.mkdir(parents=True)
    clips.joinpath("common_voice_en_1.mp3").write_bytes(encode_mp3(speech(1)[None], 32_000))
    clips.joinpath("common_voice_en_2.mp3").write_bytes(b"")
    clips.joinpath("quiet.mp3").write_bytes(encode_mp3(np.zeros((1, 4000), np.int16), 32_000))
    head = "client_id\tpath\tsentence_id\tsentence\tup_votes\tage\tgender\taccents\tlocale\n"
    lines(
        tmp_path / "en/validated.tsv",
        head + 'aa11\tcommon_voice_en_1.mp3\tx\t"Hello," he said.\t2\t\tfemale_feminine\t\ten',
        "bb22\tcommon_voice_en_2.mp3\tx\tNothing.\t2\t\tmale\t\ten",
        "bb22\tcommon_voice_en_3\tx\tNowhere.\t2\t\t\t\ten",
        "bb22\tquiet.mp3\tx\tHush.\t2\t\t\t\ten",
        "bb22",
    )
    _, rows, left = made(tmp_path, [{"common_voice": {"tsv": ["en/validated.tsv"]}}])
    (row,) = rows
    assert (row["text"], row["speaker"], row["gender"]) == ('"Hello," he said.', "aa11", "female")
    assert (row["language"], row["split"], row["licence"]) == ("en", "validated", "CC0-1.0")
    assert row["source"] == "common_voice:validated/common_voice_en_1"
    assert left == {
        "common_voice:validated/common_voice_en_2": f"{clips}/common_voice_en_2.mp3 is not an "
        "audio file",
        "validated.tsv:4": f"its audio is missing: {clips}/common_voice_en_3.mp3",
        "common_voice:validated/quiet": "is silent",
        "validated.tsv:6": "names no recording",
    }
    lines(tmp_path / "en/other.tsv", "path\tsentence", "a\tb")
    with pytest.raises(CorpusError, match="has no client_id column"):
        made(tmp_path, [{"common_voice": "en/other.tsv"}], "none")


def test_a_manifest_of_nemo(tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", np.concatenate((speech(1), speech(2), speech(3)))[None])
    (tmp_path / "one.ctm").write_text("long 1 0.25 0.2 Yes\nlong 1 0.5 0.25 please\n")
    lines(
        tmp_path / "train.json",
        {"audio_filepath": "long.wav", "duration": 1.0, "text": "Yes please", "speaker": "s1"}
        | {"words_level_ctm_filepath": "one.ctm", "license": "CC BY-SA 4.0"},
        {"audio_filepath": "long.wav", "offset": 1.0, "duration": 1.0, "text": "No", "speaker": 7}
        | {"words": ["", "No"], "alignments": [0.3, 0.75], "lang": "en-GB", "gender": "M"},
        {"audio_filepath": "long.wav", "offset": 2.0, "text": "Well", "duration": 1.0},
        {"audio_filepath": "long.wav", "offset": 9.0, "text": "Late", "speaker": "s1"},
        {"audio_filepath": "none.wav", "text": "Gone", "speaker": "s1"},
        {
            "audio_filepath": "long.wav",
            "offset": 2.5,
            "duration": 2,
            "text": "Cut",
            "speaker": "s1",
        },
        {"audio_filepath": "long.wav", "duration": "1", "text": "Odd", "speaker": "s1"},
        {"audio_filepath": "long.wav", "text": "a", "speaker": "s1", "words": ["a"]}
        | {"alignments": [9.0]},
        "{not JSON",
        {"text": "no file"},
    )
    _, rows, left = made(tmp_path, [{"nemo": {"manifest": "train.json", "language": "en"}}])
    first, second = rows
    assert [(it["text"], it["start_sample"], it["end_sample"]) for it in first["words"]] == [
        ("Yes", 0, 1600),
        ("please", 2000, 4000),
    ]
    assert (first["licence"], first["language"]) == ("CC BY-SA 4.0", "en")
    assert (second["speaker"], second["language"], second["gender"]) == ("7", "en-GB", "male")
    assert [(it["text"], it["start_sample"], it["end_sample"]) for it in second["words"]] == [
        ("No", 400, 4000)
    ]
    assert second["source"] == "nemo:train/long@1"
    stored = StoredClips(FolderStorage(tmp_path / "out"))
    assert np.array_equal(stored.pcm(second["digest"]), speech(2, silence=0))
    assert stored.licences == ("CC BY-SA 4.0",)
    assert left == {
        "train.json:3": "names no speaker; write speaker: or speaker_in: for the corpus",
        "nemo:train/long@9": f"begins at 9 s and lasts to the end, but {tmp_path}/long.wav has "
        "3.000 s",
        "train.json:5": "its file is missing: none.wav",
        "nemo:train/long@2.5": f"begins at 2.5 s and lasts 2 s, but {tmp_path}/long.wav has 3.000 s",
        "train.json:7": "has '1' as its duration: expected seconds from 0 on",
        "nemo:train/long": "its words end at 9.000 s, its sound at 3.000 s",
        "train.json:9": "is no JSON object",
        "train.json:10": "has no audio_filepath",
    }
    named = {"manifest": "train.json", "speaker_in": "(l.n)g", "prefix": "nemo-"}
    _, rows, _ = made(tmp_path, [{"nemo": named}], "named")
    assert {it["speaker"] for it in rows} == {"nemo-lon"}
    with pytest.raises(ValueError, match="expected a group in parentheses"):
        CORPORA["nemo"].model_validate({"manifest": "train.json", "speaker_in": "long"})


def test_manifests_of_lhotse(tmp_path: Path) -> None:
    both = np.stack(
        (np.concatenate((speech(1), speech(2))), np.concatenate((speech(3), speech(4))))
    )
    flac(tmp_path / "call.flac", both)
    source = {"type": "file", "channels": [0, 1], "source": "call.flac"}
    recording = {"id": "call", "sources": [source], "sampling_rate": 8000, "num_samples": 16000}
    remote = {"id": "far", "sources": [{"type": "url", "channels": [0], "source": "https://x"}]}
    lines(tmp_path / "calls_recordings_dev.jsonl.gz", recording, remote)
    said = {"id": "b", "recording_id": "call", "start": 1.0, "duration": 1.0, "channel": 1}
    said |= {"text": "Good day", "language": "English", "speaker": "p2", "gender": "F"}
    aligned = {"word": [["Good", 1.25, 0.25, 0.9], ["<eps>", 1.5, 0.1, None], ["day", 1.6, 0.15]]}
    lines(
        tmp_path / "calls_supervisions_dev.jsonl.gz",
        said | {"alignment": aligned, "custom": {"licence": "LDC"}},
        said | {"id": "c", "channel": 2},
        said | {"id": "d", "recording_id": "far", "channel": 0},
        said | {"id": "e", "recording_id": "none"},
        said | {"id": "f", "speaker": None},
        said | {"id": "g", "start": 5.0},
    )
    pair = {
        "recordings": "calls_recordings_dev.jsonl.gz",
        "supervisions": "calls_supervisions_dev.jsonl.gz",
    }
    _, rows, left = made(tmp_path, [{"lhotse": pair}])
    (row,) = rows
    assert (row["speaker"], row["gender"], row["licence"]) == ("p2", "female", "LDC")
    assert (row["split"], row["source"]) == ("dev", "lhotse:dev/b")
    assert [(it["text"], it["start_sample"], it["end_sample"]) for it in row["words"]] == [
        ("Good", 0, 2000),
        ("day", 2800, 4000),
    ]
    stored = StoredClips(FolderStorage(tmp_path / "out"))
    assert np.array_equal(stored.pcm(row["digest"]), speech(4, silence=0))
    assert left == {
        "calls_supervisions_dev.jsonl.gz:2": "its recording has no channel 2",
        "calls_supervisions_dev.jsonl.gz:3": "its recording is of type 'url': only files are read",
        "calls_supervisions_dev.jsonl.gz:4": "its recording 'none' is not in "
        "calls_recordings_dev.jsonl.gz",
        "calls_supervisions_dev.jsonl.gz:5": "names no speaker",
        "lhotse:dev/g": f"begins at 5 s and lasts 1 s, but {tmp_path}/call.flac has 2.000 s",
    }

    # A cut's supervisions are on the cut's own clock, their alignments on the recording's.
    cut = {"id": "x", "start": 1.0, "duration": 1.0, "type": "MonoCut", "recording": recording}
    inside = said | {"start": 0.0, "alignment": aligned, "custom": {"licence": "LDC"}}
    lines(tmp_path / "cuts_dev.jsonl", cut | {"supervisions": [inside]}, {"id": "y", "type": "No"})
    _, cuts, left = made(tmp_path, [{"lhotse": {"cuts": "cuts_dev.jsonl"}}], "cuts")
    assert cuts == [row]
    assert list(left) == ["cuts_dev.jsonl:2"]
    shutil.copy(tmp_path / "cuts_dev.jsonl", tmp_path / "cut.jsonl.gz")
    with pytest.raises(CorpusError, match="no gzip file"):
        made(tmp_path, [{"lhotse": {"cuts": "cut.jsonl.gz"}}], "cut")
    with pytest.raises(ValueError, match="expected recordings and supervisions, or cuts"):
        CORPORA["lhotse"].model_validate({"recordings": "calls_recordings_dev.jsonl.gz"})


def test_levels_are_kept_or_set_and_the_row_says_so(tmp_path: Path) -> None:
    librispeech(tmp_path)
    corpora = [{"librispeech": "LibriSpeech"}]
    _, kept, _ = made(tmp_path, corpora, "kept", trim=False)
    assert [it["samples"] for it in kept] == [8000] * 3
    assert not any("gain_db" in it or "trimmed" in it for it in kept)
    _, soft, _ = made(tmp_path, corpora, "soft", level_dbfs=-30.0)
    assert [it["level_dbfs"] for it in soft] == pytest.approx([-30.0] * 3, abs=0.05)
    for before, after in zip(kept, soft, strict=True):
        assert before["level_dbfs"] + after["gain_db"] == pytest.approx(-30.0, abs=0.2)
    _, loud, _ = made(tmp_path, corpora, "loud", level_dbfs=-1.0)
    assert all(it["clipped"] > 0 for it in loud)


def test_what_is_made_is_not_made_again_and_the_same_in_any_way(tmp_path: Path) -> None:
    librispeech(tmp_path)
    said = [
        Source("voice:1", "Hello there.", "ben", voice="ben", language="en"),
        Source("voice:2", "Hello there.", "amy", voice="amy", language="en"),
    ]
    corpus = CORPORA["librispeech"].model_validate("LibriSpeech")
    sources = [*corpus.sources(tmp_path), *said, said[0]]

    def files(folder: Path) -> dict[str, bytes]:
        every = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in every}

    out, told = FolderStorage(tmp_path / "one"), list[tuple[int, int]]()
    first = make_clips(sources, out, progress=lambda *each: told.append(each))
    assert (first.clips, first.found, first.made, told) == (5, 0, 1, [(0, 6), (6, 6)])
    assert [str(each) for each in first.left_out] == ["voice:1: is the same as voice:1"]
    before = files(tmp_path / "one")
    again = make_clips(sources, out)
    assert (again.clips, again.found, again.made) == (5, 1, 0)
    assert files(tmp_path / "one") == before

    # A file that has changed is made again, as are all that are made otherwise.
    changed = tmp_path / "LibriSpeech/dev-clean/84/100/84-100-0000.flac"
    flac(changed, speech(1000, 0.75))
    os.utime(changed, (1, 1))
    assert make_clips(sources, out).made == 1
    assert make_clips(sources, out, ClipSettings(level_dbfs=-30.0)).made == 1

    stored = StoredClips(out)
    clip = stored.said("Hello there.", "amy")
    assert (clip.speaker, clip.voice, len(stored.pcm(clip.digest))) == ("amy", "amy", clip.samples)
    assert [each.text for each in stored.of("61")] == ["HE BEGAN A CONFUSED COMPLAINT"]
    with pytest.raises(ClipsError, match=r"no clip of 'Hello there\.' in the voice jack"):
        stored.said("Hello there.", "jack")
    (tmp_path / f"one/clips/{clip.digest[:2]}/{clip.digest}.flac").write_bytes(b"no")
    with pytest.raises(ClipsError, match="cannot be read"):
        StoredClips(out).pcm(clip.digest)
    with pytest.raises(ClipsError, match="the clips are still to be made"):
        StoredClips(FolderStorage(tmp_path / "none"))


class Deadly(FolderStorage):
    """A storage in which one clip kills the process that stores it."""

    def __init__(self, folder: Path, digest: str) -> None:
        super().__init__(folder)
        self._digest = digest

    def put(self, name: str, content: bytes | Path) -> None:
        if self._digest in name and parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        super().put(name, content)


def test_a_file_that_kills_its_process_costs_no_other(tmp_path: Path) -> None:
    librispeech(tmp_path)
    corpora = [{"librispeech": "LibriSpeech/dev-clean"}]
    _, rows, _ = made(tmp_path, corpora)
    corpus = CORPORA["librispeech"].model_validate("LibriSpeech/dev-clean")
    sources = list(corpus.sources(tmp_path))
    done = make_clips(sources, Deadly(tmp_path / "two", rows[1]["digest"]), jobs=2)
    (left,) = done.left_out
    assert str(left) == "librispeech:dev-clean/84-100-0001: the process that read it died"
    assert (done.clips, done.made) == (1, 1)
    # Those that were stored are the same as without processes.
    name = f"clips/{rows[0]['digest'][:2]}/{rows[0]['digest']}.flac"
    assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert json.loads((tmp_path / "two/clips/index.jsonl").read_text()) == rows[0]


def test_speakers_are_drawn_by_filter_and_keep_to_one_party(tmp_path: Path) -> None:
    rows = [
        {"digest": f"{speaker:02d}{clip}", "text": "a", "speaker": f"s{speaker}", "words": []}
        | {"samples": 8000 * (1 + clip), "source": "x", "split": "train" if speaker % 4 else "dev"}
        | {"language": "en-US", "gender": "female" if speaker % 2 else "male"}
        for speaker in range(12)
        for clip in range(3)
    ]
    (tmp_path / "clips").mkdir()
    lines(tmp_path / "clips/index.jsonl", *rows)
    stored = StoredClips(FolderStorage(tmp_path))
    anyone = SpeakerFilter.model_validate({"shortest": "1.5s", "languages": "en"})
    pools = SpeakerPools(stored, {"caller": anyone, "agent": anyone})
    caller, agent = set(pools.speakers("caller")), set(pools.speakers("agent"))
    assert len(caller) == len(agent) == 6
    assert not caller & agent
    assert pools.speaker("caller", 0.999) == max(caller)
    assert pools.speaker("caller", 0.999, {max(caller)}) == sorted(caller)[-2]
    someone = min(caller)
    assert [pools.clip("caller", someone, share) for share in (0.0, 0.99)] == [
        f"{int(someone[1:]):02d}{clip}" for clip in (1, 2)
    ]
    first = pools.clip("caller", someone, 0.0, longest=16_000)
    assert pools.clip("caller", someone, 0.0, {first}, longest=16_000) == first  # the only one
    assert pools.clip("caller", someone, 0.9, longest=100) == first  # the shortest

    women = SpeakerFilter.model_validate({"gender": "female", "splits": ["train"]})
    shared = SpeakerPools(stored, {"caller": women, "agent": anyone}, apart=False)
    assert shared.speakers("caller") == ("s1", "s11", "s3", "s5", "s7", "s9")
    assert {shared.speaker("caller", at / 97) for at in range(97)} == set(shared.speakers("caller"))
    with pytest.raises(ClipsError, match="for agent: of 36 clips none is of gender other"):
        SpeakerPools(stored, {"agent": SpeakerFilter(gender="other")})
    one = SpeakerFilter(speakers=["s1"])
    alone = SpeakerPools(stored, {"caller": one, "agent": one}, apart=False)
    with pytest.raises(ClipsError, match="no speaker is left for agent"):
        alone.speaker("agent", 0.5, {"s1"})
