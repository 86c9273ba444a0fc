"""Audio files of any format: clips to be played, and MP3 for downloads. Uses FFmpeg and soxr."""

from __future__ import annotations

import os
import stat
from io import BytesIO
from os import PathLike, fspath
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import to_samples
from mediasim.audio.wav import AudioFileError, read_wav

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = [
    "Audio",
    "AudioClip",
    "DecodedAudio",
    "check_rate",
    "decode_audio",
    "decode_clip",
    "decode_file",
    "encode_mp3",
    "load_clip",
    "read_audio",
    "read_clip",
    "to_clip",
]

_RATES: Final = range(1000, 768_001)
"""Sample rates that a recording may have; any other is a damaged header."""

_ENCODED_AT_ONCE: Final = 60 * SAMPLE_RATE
"""Samples passed to the encoder at once, to bound the memory of a long recording."""


class AudioClip(NamedTuple):
    """The audio of a file, mixed to one channel."""

    pcm: NDArray[np.int16]
    """(samples,)"""
    damaged: int
    """Packets that could not be decoded and were skipped."""


class Audio(NamedTuple):
    """The audio of a file, all channels."""

    rate: int
    """Samples per second."""
    pcm: NDArray[np.int16]
    """(channels, samples)"""
    damaged: int
    """Packets that could not be decoded and were skipped."""


class DecodedAudio(NamedTuple):
    """The audio of a file as its decoder gave it, all channels."""

    rate: int
    """Samples per second."""
    channels: NDArray[np.float32]
    """(channels, samples) within -1 and 1."""
    damaged: int
    """Packets that could not be decoded and were skipped."""


def load_clip(path: str | PathLike[str], rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """Read a file of any format, rate and number of channels as samples (samples,) at ``rate``.

    Channels are averaged. Raises AudioFileError if the file is missing or holds no audio.
    """
    return read_clip(path, rate).pcm


def read_clip(path: str | PathLike[str], rate: int = SAMPLE_RATE) -> AudioClip:
    """Read a file as :func:`load_clip` does, with the count of its damaged packets."""
    return _clip(_read(path), rate)


def decode_clip(data: bytes, rate: int = SAMPLE_RATE) -> AudioClip:
    """Decode a file's bytes to one channel at ``rate``. Raises AudioFileError for no audio."""
    return _clip(_decode(BytesIO(data), "audio data"), rate)


def read_audio(path: str | PathLike[str]) -> Audio:
    """Read all channels of a file of any format, at its own rate.

    16-bit linear PCM is preserved to the bit. Raises AudioFileError if the file is missing or holds
    no audio.
    """
    try:
        wav = read_wav(path)  # our own kind: at once, and without floating point
    except AudioFileError as ours:
        try:
            return _audio(_read(path))
        except AudioFileError as any_kind:
            raise (ours if fspath(path).endswith(".wav") else any_kind) from None
    return Audio(check_rate(path, wav.rate), wav.pcm, 0)


def decode_file(path: str | PathLike[str]) -> DecodedAudio:
    """Decode all channels of a file of any format, at its own rate and precision.

    Raises AudioFileError if the file is missing or holds no audio.
    """
    return _read(path)


def to_clip(
    channels: NDArray[np.float32], rate: int, wanted: int = SAMPLE_RATE
) -> NDArray[np.int16]:
    """Return decoded channels (channels, samples) averaged and resampled: int16 (samples,).

    A whole file gives the samples that :func:`load_clip` gives. The level is kept.
    """
    import soxr

    mono = channels.mean(axis=0, dtype=np.float32)
    if rate != wanted:
        mono = soxr.resample(mono, rate, wanted, quality="HQ")
    return to_samples(mono.astype(np.float64) * 32768)


def decode_audio(data: bytes) -> tuple[int, NDArray[np.int16]]:
    """Decode an audio file's bytes: its rate, and samples (channels, samples).

    Raises AudioFileError if they hold no audio.
    """
    return _audio(_decode(BytesIO(data), "audio data"))[:2]


def encode_mp3(pcm: NDArray[np.int16], bit_rate: int) -> bytes:
    """Encode samples at 8 kHz, (1 or 2 channels, samples), as an MP3 file.

    ``bit_rate`` is that of the whole file, in bits per second: 8,000 to 64,000. The file stays at 8
    kHz (MPEG-2.5), so nothing is resampled; its channels are coded apart, so neither leaks into the
    other. The encoder (LAME) makes everything 0.45 dB softer. An MP3 cannot be empty: without
    samples the file holds one of silence. Raises ValueError for an array of another shape.
    """
    import av

    if pcm.ndim != 2 or len(pcm) not in (1, 2):
        raise ValueError(f"an MP3 takes (1 or 2 channels, samples), not {pcm.shape}")
    if not pcm.shape[1]:
        pcm = np.zeros((len(pcm), 1), np.int16)
    layout = "mono" if len(pcm) == 1 else "stereo"
    file = BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout=layout)
        stream.bit_rate = bit_rate
        stream.options = {"joint_stereo": "0"}
        for start in range(0, pcm.shape[1], _ENCODED_AT_ONCE):
            piece = np.ascontiguousarray(pcm[:, start : start + _ENCODED_AT_ONCE])
            frame = av.AudioFrame.from_ndarray(piece, format="s16p", layout=layout)
            frame.sample_rate = SAMPLE_RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _read(path: str | PathLike[str]) -> DecodedAudio:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and not status.st_size:
                raise AudioFileError(path, "is not an audio file")
            return _decode(file, fspath(path))
    except FileNotFoundError:
        raise AudioFileError(path, "there is no such file") from None
    except OSError as error:
        raise AudioFileError(path, f"cannot be read ({error.strerror})") from None


def _clip(found: DecodedAudio, rate: int) -> AudioClip:
    return AudioClip(to_clip(found.channels, found.rate, rate), found.damaged)


def _audio(found: DecodedAudio) -> Audio:
    pcm = to_samples(found.channels.astype(np.float64) * 32768)
    return Audio(found.rate, pcm, found.damaged)


def _decode(file: BinaryIO, name: str) -> DecodedAudio:
    """Decode the first audio stream. Raises AudioFileError."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(file, "r") as container:
            if not container.streams.audio:
                raise AudioFileError(name, "has no audio in it")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioFileError(name, "is in a format that cannot be decoded")
            frames, damaged = _frames(container, stream)
    except (FFmpegError, ValueError) as error:
        if isinstance(error, AudioFileError):
            raise
        raise AudioFileError(name, "is not an audio file") from None
    if not frames:
        raise AudioFileError(name, "is not an audio file" if damaged else "has no audio in it")
    rate = check_rate(name, frames[0].sample_rate)
    channels = np.concatenate([frame.to_ndarray() for frame in frames], axis=1, dtype=np.float32)
    np.nan_to_num(channels, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return DecodedAudio(rate, channels, damaged)


def check_rate(name: str | PathLike[str], rate: int) -> int:
    """Return a sample rate that is possible. Raises AudioFileError for any other."""
    if rate not in _RATES:
        words = f"has {rate} samples a second: expected {_RATES.start} to {_RATES.stop - 1}"
        raise AudioFileError(name, words)
    return rate


def _frames(container: InputContainer, stream: AudioStream) -> tuple[list[AudioFrame], int]:
    """Decode a stream to floating-point frames; also count the packets that cannot be decoded."""
    from av import AudioResampler
    from av.error import FFmpegError

    to_float = AudioResampler(format="fltp")
    frames: list[AudioFrame] = []
    damaged = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:  # what follows cannot even be taken apart
            damaged += 1
            packet = None
        if packet is None:
            break
        try:
            for frame in packet.decode():
                frames += to_float.resample(frame)
        except (FFmpegError, ValueError):  # ValueError: of another rate or layout than the first
            damaged += 1
    if frames:
        frames += to_float.resample(None)
    return frames, damaged
