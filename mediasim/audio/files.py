"""Audio files of any kind: clips to be played, and MP3 for downloads. Through FFmpeg and soxr."""

from __future__ import annotations

from io import BytesIO
from os import PathLike, fspath
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.errors import AudioFileError
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import to_samples

if TYPE_CHECKING:
    from av import AudioFrame

__all__ = ["decode_audio", "decode_clip", "encode_mp3", "load_clip"]

_ENCODED_AT_ONCE: Final = 60 * SAMPLE_RATE
"""Samples handed to the encoder in one piece; it bounds the memory of a long recording."""


def load_clip(path: str | PathLike[str], rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """The sound of a file, of any format, rate and number of channels, as (samples,) at ``rate``.

    Channels are averaged. Raises AudioFileError when there is no such file, or no audio in it.
    """
    try:
        with open(path, "rb") as file:
            return _clip(*_decode(file, fspath(path)), rate)
    except FileNotFoundError:
        raise AudioFileError(path, "there is no such file") from None
    except OSError as error:
        raise AudioFileError(path, f"cannot be read ({error.strerror})") from None


def decode_clip(data: bytes, rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """The same of a file's bytes. Raises AudioFileError when they hold no audio."""
    return _clip(*_decode(BytesIO(data), "audio data"), rate)


def _clip(file_rate: int, channels: NDArray[np.float32], rate: int) -> NDArray[np.int16]:
    import soxr

    mono = channels.mean(axis=0, dtype=np.float32)
    if file_rate != rate:
        mono = soxr.resample(mono, file_rate, rate, quality="HQ")
    return to_samples(mono.astype(np.float64) * 32768)


def encode_mp3(pcm: NDArray[np.int16], bit_rate: int) -> bytes:
    """Samples at 8 kHz, (channels, samples) with one or two channels, as an MP3 file.

    ``bit_rate`` is that of the whole file, in bits per second: 8,000 to 64,000. The file stays at
    8 kHz (MPEG-2.5), so nothing is resampled; its channels are coded apart, so neither leaks into
    the other. The encoder (LAME) makes everything 0.45 dB softer. Without any samples the file
    holds one of silence, for an MP3 cannot be empty.
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


def decode_audio(data: bytes) -> tuple[int, NDArray[np.int16]]:
    """Rate and samples (channels, samples) of an audio file's bytes.

    Raises AudioFileError when they are none.
    """
    rate, channels = _decode(BytesIO(data), "audio data")
    return rate, to_samples(channels.astype(np.float64) * 32768)


def _decode(file: BinaryIO, name: str) -> tuple[int, NDArray[np.float32]]:
    """Rate and samples of the first audio stream, (channels, samples) within -1 and 1."""
    import av
    from av.error import FFmpegError

    to_float = av.AudioResampler(format="fltp")
    parts: list[AudioFrame] = []
    rate = 0
    try:
        with av.open(file, "r") as container:
            for stream in container.streams.audio[:1]:
                rate = stream.rate
                for frame in container.decode(stream):
                    parts += to_float.resample(frame)
                parts += to_float.resample(None)
    except FFmpegError:
        raise AudioFileError(name, "is not an audio file") from None
    if not parts:
        raise AudioFileError(name, "has no audio in it")
    return rate, np.concatenate([part.to_ndarray() for part in parts], axis=1, dtype=np.float32)
