"""WAV files as the recorder writes them: RIFF/WAVE, 16-bit linear PCM, one 44-byte header.

The header is ``RIFF size WAVE``, a 16-byte ``fmt`` chunk of format 1 and the ``data`` chunk, which
runs to the end of the file. The reader accepts just that and says what else it found, because it is
for checking recordings; audio of any other format is read by :mod:`mediasim.audio.files`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from os import PathLike, fspath
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE

__all__ = [
    "WAV_HEADER_SIZE",
    "AudioFileError",
    "WavFile",
    "read_wav",
    "wav_header",
    "write_wav",
    "write_wav_to",
]


class AudioFileError(ValueError):
    """A file that is missing, is no audio, or is not the audio it should be."""

    def __init__(self, path: str | PathLike[str], problem: str) -> None:
        super().__init__(f"{fspath(path)}: {problem}")
        self.path = fspath(path)
        """The path of the file, as it was given."""
        self.problem = problem
        """The reason, in words."""


_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
WAV_HEADER_SIZE: Final = _HEADER.size
"""Bytes before the first sample: 44."""

_PCM: Final = 1
_SAMPLE_BYTES: Final = 2
_MAX_DATA: Final = 0xFFFFFFFF - (WAV_HEADER_SIZE - 8)
"""Largest size of the samples in bytes that a RIFF chunk's 32-bit size can hold."""


@dataclass(frozen=True, slots=True)
class WavFile:
    """The contents of a WAV file."""

    rate: int
    """Samples per second."""
    pcm: NDArray[np.int16]
    """(channels, samples), a view of the interleaved samples."""


def wav_header(channels: int, samples: int, rate: int = SAMPLE_RATE) -> bytes:
    """Return the 44 bytes before ``samples`` interleaved 16-bit samples of each channel.

    Raises ValueError if a WAV file cannot hold so many (4 GiB of them, 37 hours in stereo).
    """
    frame = channels * _SAMPLE_BYTES
    data = samples * frame
    if data > _MAX_DATA:
        raise ValueError(f"{samples} samples of {channels} channels are too many for a WAV file")
    return _HEADER.pack(
        b"RIFF",
        data + WAV_HEADER_SIZE - 8,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        channels,
        rate,
        rate * frame,
        frame,
        8 * _SAMPLE_BYTES,
        b"data",
        data,
    )


def read_wav(path: str | PathLike[str], *, believe_length: bool = True) -> WavFile:
    """Read a file as :func:`write_wav` or the recorder wrote it.

    With ``believe_length`` False the header may announce another number of samples: all are read.
    Raises AudioFileError if the file is missing or of any other format.
    """
    try:
        with open(path, "rb") as file:
            channels, rate, data = _parse(path, file.read(WAV_HEADER_SIZE))
            interleaved = np.fromfile(file, "<i2")
            left_over = len(file.read(1))
    except OSError as error:
        raise AudioFileError(path, error.strerror or str(error)) from None
    found = interleaved.nbytes + left_over
    if not believe_length and not left_over and interleaved.size % channels == 0:
        data = found
    if found != data:
        more = "more" if found > data else "less"
        raise AudioFileError(path, f"holds {more} than the {data} bytes of samples it announces")
    return WavFile(rate, interleaved.astype(np.int16, copy=False).reshape(-1, channels).T)


def _parse(path: str | PathLike[str], header: bytes) -> tuple[int, int, int]:
    """Return channels, rate and data size of a header. Raises AudioFileError."""
    if len(header) < WAV_HEADER_SIZE:
        raise AudioFileError(path, f"is no WAV file: only {len(header)} bytes long")
    (riff, size, wave, fmt, fmt_size, encoding, channels, rate, _, frame, bits, data_id, data) = (
        _HEADER.unpack(header)
    )
    if (riff, wave) != (b"RIFF", b"WAVE"):
        raise AudioFileError(path, "is no WAV file: it does not begin with RIFF and WAVE")
    if (fmt, fmt_size, data_id) != (b"fmt ", 16, b"data"):
        raise AudioFileError(path, "is not a recording: other chunks than fmt and data")
    if (encoding, bits) != (_PCM, 8 * _SAMPLE_BYTES):
        raise AudioFileError(
            path, f"is not 16-bit linear PCM (format 1) but {bits}-bit audio of format {encoding}"
        )
    if channels == 0 or rate == 0 or frame != channels * _SAMPLE_BYTES or data % frame:
        raise AudioFileError(
            path,
            f"contradicts itself: {channels} channels at {rate} Hz, "
            f"{frame} bytes a sample, {data} bytes in all",
        )
    if size != data + WAV_HEADER_SIZE - 8:
        raise AudioFileError(path, f"contradicts itself: {size} bytes in RIFF, {data} in data")
    return channels, rate, data


def write_wav(
    path: str | PathLike[str], pcm: NDArray[np.int16], *, rate: int = SAMPLE_RATE
) -> None:
    """Write (channels, samples) as a WAV file. Raises ValueError on any other shape."""
    if pcm.ndim != 2 or not len(pcm):
        raise ValueError(f"write_wav takes (channels, samples), not an array of shape {pcm.shape}")
    with open(path, "wb") as file:
        write_wav_to(file, pcm, rate=rate)


def write_wav_to(file: BinaryIO, pcm: NDArray[np.int16], *, rate: int = SAMPLE_RATE) -> None:
    """Write (channels, samples) with a WAV header to an open file."""
    channels, samples = pcm.shape
    file.write(wav_header(channels, samples, rate))
    file.write(pcm.T.astype("<i2", order="C").data)
