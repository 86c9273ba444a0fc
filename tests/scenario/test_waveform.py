from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import tone, write_wav

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.scenario.report import waveform
from mediasim.scenario.report.waveform import read_waveform


def octets(data: bytes) -> np.typing.NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def test_peaks_are_the_extremes_of_each_20_ms(tmp_path: Path) -> None:
    left = np.zeros(400, np.int16)
    left[10], left[170], left[399] = 8031, -4191, 1000
    write_wav(tmp_path / "a.wav", left, np.zeros(400, np.int16))

    read = read_waveform(tmp_path / "a.wav", sound_bytes=0)

    assert (read.channels, read.samples, read.bucket) == (2, 400, 160)
    pairs = ulaw_decode(octets(read.peaks[0])).reshape(-1, 2)
    expected = ulaw_decode(ulaw_encode(np.array([[0, 8031], [-4191, 0], [0, 1000]], np.int16)))
    np.testing.assert_array_equal(pairs, expected)
    assert read.loudest == (8031 / 32768, 0.0)
    assert read.peak_dbfs(0) == pytest.approx(-12.2, abs=0.05)
    assert read.peak_dbfs(1) is None


def test_sound_is_the_samples_as_mu_law(tmp_path: Path) -> None:
    left, right = tone(0.5), tone(0.5, 500)
    write_wav(tmp_path / "a.wav", left, right)

    read = read_waveform(tmp_path / "a.wav", sound_bytes=8000)

    assert read.ulaw is not None
    np.testing.assert_array_equal(octets(read.ulaw[0]), ulaw_encode(left))
    np.testing.assert_array_equal(octets(read.ulaw[1]), ulaw_encode(right))


def test_sound_beyond_what_was_allowed_is_left_out_whole(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(0.5), tone(0.5))

    assert read_waveform(tmp_path / "a.wav", sound_bytes=7999).ulaw is None


def test_a_file_of_many_blocks_reads_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm = tone(3.01)
    write_wav(tmp_path / "a.wav", pcm)
    whole = read_waveform(tmp_path / "a.wav", sound_bytes=100_000)

    monkeypatch.setattr(waveform, "_BLOCK_SECONDS", 1)

    assert read_waveform(tmp_path / "a.wav", sound_bytes=100_000) == whole


@given(samples=st.integers(1, 5000), most=st.integers(1, 8))
def test_buckets_grow_so_that_there_are_never_too_many(
    samples: int, most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "grow.wav"
    write_wav(path, np.full(samples, -300, np.int16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waveform, "MOST_BUCKETS", most)
        read = read_waveform(path, sound_bytes=0)

    assert len(read.peaks[0]) // 2 == -(-samples // read.bucket) <= most
    assert set(read.peaks[0]) == {int(ulaw_encode(np.array([-300], np.int16))[0])}


def test_an_empty_recording_has_nothing(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(0, np.int16))

    read = read_waveform(tmp_path / "a.wav", sound_bytes=0)

    assert (read.samples, read.peaks, read.ulaw) == (0, (b"",), (b"",))


def test_another_rate_is_refused_with_the_right_one(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(0.1), rate=16000)

    with pytest.raises(ValueError, match=r"a\.wav has 16 bits at 16000 Hz.*16 bits at 8000 Hz"):
        read_waveform(tmp_path / "a.wav", sound_bytes=0)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a wave file at all, but long enough"])
def test_what_is_no_wav_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)

    with pytest.raises(ValueError, match=r"a\.wav is not a readable WAV file"):
        read_waveform(tmp_path / "a.wav", sound_bytes=0)
