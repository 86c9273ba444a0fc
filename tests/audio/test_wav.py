"""WAV files against the standard library's reader and writer."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mediasim.audio.wav import WAV_HEADER_SIZE, AudioFileError, read_wav, wav_header, write_wav

PCM = hnp.arrays(np.int16, st.tuples(st.integers(1, 4), st.integers(0, 50)))
ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONE_FILE
@given(pcm=PCM, rate=st.sampled_from([8000, 16000]))
def test_the_standard_library_reads_what_is_written(
    tmp_path: Path, pcm: NDArray[np.int16], rate: int
) -> None:
    path = tmp_path / "ours.wav"
    write_wav(path, pcm, rate=rate)
    with wave.open(str(path)) as judge:
        assert judge.getparams()[:4] == (len(pcm), 2, rate, pcm.shape[1])
        assert judge.readframes(99) == pcm.T.tobytes()


@ONE_FILE
@given(pcm=PCM)
def test_what_the_standard_library_writes_is_read(tmp_path: Path, pcm: NDArray[np.int16]) -> None:
    path = tmp_path / "theirs.wav"
    with wave.open(str(path), "wb") as judge:
        judge.setnchannels(len(pcm))
        judge.setsampwidth(2)
        judge.setframerate(8000)
        judge.writeframes(pcm.T.tobytes())
    read = read_wav(path)
    assert read.rate == 8000
    assert read.pcm.dtype == np.int16
    np.testing.assert_array_equal(read.pcm, pcm)


def test_the_header_is_44_bytes_and_tells_the_sizes() -> None:
    header = wav_header(2, 10)
    assert len(header) == WAV_HEADER_SIZE == 44
    assert header[4:8] == (36 + 40).to_bytes(4, "little")
    assert header[40:] == (40).to_bytes(4, "little")


def test_too_much_for_a_wav_file() -> None:
    most = (0xFFFFFFFF - 36) // 4
    assert len(wav_header(2, most)) == 44
    with pytest.raises(ValueError, match="too many for a WAV file"):
        wav_header(2, most + 1)


@pytest.mark.parametrize("shape", [(5,), (0, 5), (1, 2, 3)])
def test_only_channels_of_samples_are_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="channels, samples"):
        write_wav(tmp_path / "no.wav", np.zeros(shape, np.int16))
    assert not (tmp_path / "no.wav").exists()


GOOD = wav_header(1, 4) + bytes(8)


def patched(at: int, replacement: bytes) -> bytes:
    return GOOD[:at] + replacement + GOOD[at + len(replacement) :]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no WAV file: only 0 bytes"),
        (GOOD[:43], "no WAV file: only 43 bytes"),
        (patched(0, b"RIFX"), "does not begin with RIFF"),
        (patched(8, b"AVI "), "does not begin with RIFF"),
        (patched(12, b"JUNK"), "other chunks"),
        (patched(36, b"LIST"), "other chunks"),
        (patched(20, b"\x07\x00"), "16-bit audio of format 7"),
        (patched(34, b"\x08\x00"), "8-bit audio of format 1"),
        (patched(22, b"\x00\x00"), "0 channels"),
        (patched(22, b"\x02\x00"), "2 channels at 8000 Hz, 2 bytes a sample"),
        (patched(40, b"\x07\x00"), "7 bytes in all"),
        (patched(4, b"\x00\x00"), "0 bytes in RIFF, 8 in data"),
        (GOOD[:-1], "holds less than the 8 bytes"),
        (GOOD[:-2], "holds less than the 8 bytes"),
        (GOOD + b"\x00", "holds more than the 8 bytes"),
        (GOOD + bytes(6), "holds more than the 8 bytes"),
    ],
)
def test_any_other_file_is_refused_by_name(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(data)
    with pytest.raises(AudioFileError) as caught:
        read_wav(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in caught.value.problem


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"gone\.wav: No such file"):
        read_wav(tmp_path / "gone.wav")


def test_a_wrong_length_need_not_be_believed(tmp_path: Path) -> None:
    path, pcm = tmp_path / "two.wav", np.arange(10, dtype=np.int16).reshape(2, 5)
    for announced in (0, 3, 5, 9):
        body = pcm.T.astype("<i2", order="C").tobytes()
        path.write_bytes(wav_header(2, announced) + body)
        assert np.array_equal(read_wav(path, believe_length=False).pcm, pcm)
    path.write_bytes(wav_header(2, 5) + body[:-2])
    with pytest.raises(AudioFileError, match="less than the 20 bytes"):
        read_wav(path, believe_length=False)
