"""Clips of many kinds, written by FFmpeg; MP3 made and read back."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.files import decode_audio, encode_mp3, load_clip
from mediasim.audio.levels import peak_dbfs, rms_dbfs
from mediasim.audio.tones import tone
from mediasim.audio.wav import AudioFileError, write_wav

SECOND = tone(440, 8000, -20)


def sine(rate: int, channels: int) -> NDArray[np.int16]:
    wave = np.rint(4634 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    return np.tile(wave, (channels, 1))


def correlation(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length], other[:length])[0, 1])


def test_our_own_wav_comes_through_to_the_bit(tmp_path: Path) -> None:
    pcm = np.arange(-32768, 32768).astype(np.int16)
    write_wav(tmp_path / "clip.wav", pcm[np.newaxis])
    np.testing.assert_array_equal(load_clip(tmp_path / "clip.wav"), pcm)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    write_wav(tmp_path / "clip.wav", sine(rate, channels), rate=rate)
    clip = load_clip(str(tmp_path / "clip.wav"))
    assert clip.dtype == np.int16
    assert len(clip) == 8000
    assert correlation(clip, SECOND) > 0.999
    assert rms_dbfs(clip) == pytest.approx(-20, abs=0.1)


def test_channels_are_averaged(tmp_path: Path) -> None:
    write_wav(tmp_path / "clip.wav", np.array([[1000] * 9, [3000] * 9], np.int16))
    assert load_clip(tmp_path / "clip.wav").tolist() == [2000] * 9


def test_another_rate_can_be_asked_for(tmp_path: Path) -> None:
    write_wav(tmp_path / "clip.wav", SECOND[np.newaxis])
    assert len(load_clip(tmp_path / "clip.wav", rate=16000)) == 16000


@pytest.mark.parametrize(
    ("name", "codec", "format", "rate"),
    [
        ("clip.mp3", "libmp3lame", "s16p", 44100),
        ("clip.flac", "flac", "s16", 48000),
        ("clip.wav", "pcm_f32le", "flt", 16000),
        ("clip.wav", "pcm_mulaw", "s16", 8000),
    ],
)
def test_other_formats(tmp_path: Path, name: str, codec: str, format: str, rate: int) -> None:
    path = tmp_path / name
    pcm: NDArray[np.int16] | NDArray[np.float32] = sine(rate, 1)
    if format == "flt":
        pcm = (pcm / 32768).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(pcm, format=format, layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip = load_clip(path)
    assert len(clip) == pytest.approx(8000, abs=1)
    assert correlation(clip, SECOND) > 0.995


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "there is no such file"),
        (b"", "is not an audio file"),
        (b"\x00\x01not audio\xff" * 50, "is not an audio file"),
    ],
)
def test_what_is_no_audio_is_named(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "clip.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioFileError) as caught:
        load_clip(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_folder_and_an_empty_recording_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="cannot be read"):
        load_clip(tmp_path)
    write_wav(tmp_path / "empty.wav", np.zeros((1, 0), np.int16))
    with pytest.raises(AudioFileError, match=r"empty\.wav: has no audio in it"):
        load_clip(tmp_path / "empty.wav")


def test_bytes_that_are_no_audio() -> None:
    with pytest.raises(AudioFileError, match="audio data: is not an audio file"):
        decode_audio(b"nothing of the sort")


@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_keeps_rate_channels_length_and_sound(channels: int) -> None:
    pcm = np.stack([tone(440, 20001, -20), tone(1000, 20001, -25)])[:channels]
    rate, decoded = decode_audio(encode_mp3(pcm, 32000 * channels))
    assert rate == 8000
    assert decoded.shape == pcm.shape
    for ours, theirs in zip(pcm, decoded, strict=True):
        assert correlation(ours, theirs) > 0.999
        # The encoder multiplies by 0.95.
        assert rms_dbfs(theirs) == pytest.approx(rms_dbfs(ours) - 0.45, abs=0.05)


def test_mp3_channels_do_not_leak_into_each_other() -> None:
    pcm = np.stack([tone((300, 1200), 16000, -12), np.zeros(16000, np.int16)])
    _, decoded = decode_audio(encode_mp3(pcm, 32000))
    assert peak_dbfs(decoded[1]) < -80


def test_a_long_mp3_has_no_seams() -> None:
    """Longer than what is handed to the encoder at once."""
    pcm = np.tile(tone(440, 8000, -20), 61)[np.newaxis]
    _, decoded = decode_audio(encode_mp3(pcm, 16000))
    assert decoded.shape == pcm.shape
    assert correlation(pcm[0, 479000:481000], decoded[0, 479000:481000]) > 0.999


def test_an_mp3_of_nothing_is_still_an_mp3() -> None:
    rate, decoded = decode_audio(encode_mp3(np.zeros((2, 0), np.int16), 64000))
    assert rate == 8000
    assert not decoded.any()


@pytest.mark.parametrize("shape", [(100,), (0, 100), (3, 100)])
def test_an_mp3_has_one_or_two_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="1 or 2 channels"):
        encode_mp3(np.zeros(shape, np.int16), 32000)
