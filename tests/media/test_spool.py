"""Recordings under way on disk: what is there after the process was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasim.audio.wav import read_wav
from mediasim.media.spool import SpoolFile, recover

PCM = np.arange(2000, dtype=np.int16).reshape(1000, 2)


def under_way(directory: Path, name: str = "RE1", channels: int = 2, **journal: Any) -> SpoolFile:
    """A recording that nobody closes."""
    spool = SpoolFile(directory, name, channels, journal)
    spool.write(PCM[:600, :channels])
    spool.write(PCM[600:, :channels])
    return spool


def test_a_closed_spool_is_a_proper_wav_file(tmp_path: Path) -> None:
    spool = under_way(tmp_path / "made" / "for it")
    spool.close()
    spool.close()
    wav = read_wav(spool.path)
    assert wav.rate == 8000
    assert np.array_equal(wav.pcm, PCM.T)


def test_what_was_written_is_in_the_file_at_once(tmp_path: Path) -> None:
    spool = under_way(tmp_path)
    assert spool.path.stat().st_size == 44 + PCM.nbytes
    spool.drop()


def test_a_channel_of_an_array_of_several_is_written_as_it_is(tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path, "RE1", 1, {})
    spool.write(PCM[:, 1:])
    spool.close()
    assert np.array_equal(read_wav(spool.path).pcm[0], PCM[:, 1])


def test_several_recordings_are_recovered_with_their_journals(tmp_path: Path) -> None:
    stereo = under_way(tmp_path, "RE2", sid="RE2", note="two")
    mono = under_way(tmp_path, "RE1", 1, sid="RE1")
    found = recover(tmp_path)
    assert [(it.name, it.channels, it.samples) for it in found] == [
        ("RE1", 1, 1000),
        ("RE2", 2, 1000),
    ]
    assert found[1].journal == {"channels": 2, "sid": "RE2", "note": "two"}
    assert np.array_equal(read_wav(found[0].path).pcm, PCM[:, :1].T)
    assert np.array_equal(read_wav(found[1].path).pcm, PCM.T)
    stereo.drop()
    mono.drop()


@settings(max_examples=40)
@given(size=st.integers(0, 44 + PCM.nbytes))
def test_cut_off_anywhere_all_whole_samples_are_recovered(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    spool = under_way(directory)
    spool.close()
    with spool.path.open("r+b") as file:
        file.truncate(size)
    (found,) = recover(directory)
    assert found.samples == max(0, size - 44) // 4
    assert np.array_equal(read_wav(found.path).pcm, PCM[: found.samples].T)


@pytest.mark.parametrize(
    "journal", ["", "{", "[]", "null", "{}", '{"channels": "many"}', '{"channels": 0}']
)
def test_a_spool_with_a_damaged_journal_is_left_alone_and_holds_up_no_other(
    tmp_path: Path, journal: str
) -> None:
    damaged, whole = under_way(tmp_path, "RE1"), under_way(tmp_path, "RE2")
    (tmp_path / "RE1.journal").write_text(journal)
    before = damaged.path.read_bytes()
    assert [it.name for it in recover(tmp_path)] == ["RE2"]
    assert damaged.path.read_bytes() == before
    damaged.drop()
    whole.drop()


def test_a_journal_without_its_spool_and_a_spool_without_journal_are_left_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "RE1.journal").write_text(json.dumps({"channels": 1}))
    (tmp_path / "RE2.part").write_bytes(b"rest")
    assert recover(tmp_path) == []
    assert (tmp_path / "RE2.part").read_bytes() == b"rest"


def test_where_nothing_was_ever_recorded_there_is_nothing_to_recover(tmp_path: Path) -> None:
    assert recover(tmp_path / "none") == []
