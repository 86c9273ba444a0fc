"""Reads a recording of any origin: any format, rate and length, damaged or not.

WAV files of 16 bits are parsed here, because defects of their headers are part of the result; all
other formats are decoded by FFmpeg.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import check_rate, decode_audio
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import to_samples
from mediasim.audio.wav import AudioFileError
from mediasim.truth.verify.findings import Failure

__all__ = ["MediaUnderTest", "header_defects", "read_media"]

_CHUNK: Final = struct.Struct("<4sI")
_FORM: Final = struct.Struct("<HHIIHH")
_NOT_KNOWN: Final = 0xFFFFFFFF
"""Size in the header of a WAV whose writer could not seek back, as into a pipe."""
_PCM_CODES: Final = (1, 0xFFFE)
_PCM_BITS: Final = (8, 16, 24, 32, 64)
_AT_ONCE: Final = 1 << 18
"""Samples that are separated or resampled in one block."""
_LARGE: Final = 1 << 20
"""Bytes from which on a file is mapped instead of read."""


@dataclass(frozen=True, slots=True)
class MediaUnderTest:
    """The sound of a recording."""

    channels: tuple[NDArray[np.int16], ...]
    """Samples (n,) of each channel at 8 kHz; those of several files may differ in length."""
    rate: int | None
    """Samples a second of the file; None if it holds no sound."""
    problems: tuple[Failure, ...]
    """Defects that show without the truth: ``unreadable``, ``empty`` or ``header``."""


@dataclass(frozen=True, slots=True)
class _Wav:
    code: int
    """Of the format of its samples; 1 is linear PCM."""
    channels: int
    rate: int
    byte_rate: int
    """Bytes of samples a second."""
    bits: int
    """Of a sample of one channel."""
    announced: int
    """Bytes of samples that the header announces."""
    data: memoryview
    """Bytes of samples in the file."""
    to_the_end: bool
    """Whether the samples reach to the end of the file."""


def read_media(paths: Sequence[Path]) -> MediaUnderTest:
    """Read a recording: one file, or several that hold its channels in order.

    A file that cannot be read is returned as a problem, not raised.
    """
    read = [_read(path) for path in paths]
    return MediaUnderTest(
        tuple(channel for each in read for channel in each.channels),
        next((each.rate for each in read if each.rate is not None), None),
        tuple(problem for each in read for problem in each.problems),
    )


def _read(path: Path) -> MediaUnderTest:
    try:
        data = _mapped(path)
    except OSError as error:
        return _nothing("unreadable", f"{path} cannot be read: {error.strerror or error}")
    wav = _parse(data)
    problems = header_defects(path, data)
    if wav is None or not wav.byte_rate or (wav.code in _PCM_CODES, wav.bits) != (True, 16):
        return _decoded(path, data, problems)
    try:
        check_rate(path, wav.rate)
    except AudioFileError as error:
        return _nothing("unreadable", f"{path} {error.problem}")
    pcm = _separated(wav, data)
    if not pcm.size:
        words = f"{path} is {len(data)} bytes long: a header, and not one sample"
        return MediaUnderTest((), None, (*problems, Failure("empty", words)))
    return MediaUnderTest(_at_8_khz(pcm, wav.rate), wav.rate, tuple(problems))


def _mapped(path: Path) -> bytes | mmap.mmap:
    """Return a file's bytes, without reading those of a large one. Raises OSError."""
    if path.is_file() and path.stat().st_size >= _LARGE:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return path.read_bytes()


def _separated(wav: _Wav, data: bytes | mmap.mmap) -> NDArray[np.int16]:
    """Return the samples (channels, n), read in pieces, so that a large file is in memory once."""
    frame = 2 * wav.channels
    count = len(wav.data) // frame
    pcm = np.empty((wav.channels, count), np.int16)
    for first in range(0, count, _AT_ONCE):
        last = min(first + _AT_ONCE, count)
        piece = np.frombuffer(wav.data[first * frame : last * frame], "<i2")
        for number in range(wav.channels):
            pcm[number, first:last] = piece[number :: wav.channels]
        if isinstance(data, mmap.mmap) and hasattr(data, "madvise"):
            data.madvise(mmap.MADV_DONTNEED)
    return pcm


def _parse(data: bytes | mmap.mmap) -> _Wav | None:
    """Parse a WAV file with a right or wrong header; None for any other format."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, form = 12, None
    while at + _CHUNK.size <= len(data):
        name, size = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if name == b"fmt " and size >= _FORM.size <= len(data) - at:
            form = _FORM.unpack_from(data, at)
        elif name == b"data":
            return None if form is None else _wav(memoryview(data)[at:], size, form)
        at += size + size % 2
    return None


def _wav(rest: memoryview, size: int, form: tuple[int, ...]) -> _Wav:
    code, channels, rate, byte_rate, _, bits = form
    if code in _PCM_CODES:
        byte_rate = bits // 8 * channels * rate
    # A plausible chunk behind the announced size proves the size; otherwise the header is
    # not trusted and the rest of the file is taken as samples.
    follows = rest[size + size % 2 :]
    another = (
        len(follows) >= _CHUNK.size
        and bytes(follows[:4]).isalnum()
        and _CHUNK.unpack_from(follows)[1] + _CHUNK.size <= len(follows)
    )
    samples = rest[:size] if another else rest
    return _Wav(code, channels, rate, byte_rate, bits, size, samples, not another)


def header_defects(path: Path, data: bytes | mmap.mmap) -> list[Failure]:
    """Return what cannot be in the header of a WAV file; nothing for files of other formats."""
    wav = _parse(data)
    if wav is None:
        return []
    told = []
    if wav.code in _PCM_CODES and wav.bits not in _PCM_BITS:
        told.append(f"{path}: the header says samples of {wav.bits} bits, which no recorder makes")
    found = len(wav.data)
    right = wav.announced, wav.announced + wav.announced % 2
    if wav.to_the_end and found not in right and wav.announced != _NOT_KNOWN:
        seconds = wav.byte_rate or 1
        told.append(
            f"{path}: the header announces {wav.announced} bytes of samples "
            f"({wav.announced / seconds:.3f} s), the file has {found} ({found / seconds:.3f} s)"
        )
    return [Failure("header", words) for words in told]


def _decoded(path: Path, data: bytes | mmap.mmap, problems: Sequence[Failure]) -> MediaUnderTest:
    if len(data) <= 44:
        kind = "empty" if data[:4] == b"RIFF" else "unreadable"
        return _nothing(kind, f"{path} is {len(data)} bytes long: there is no sound in it")
    try:
        rate, pcm = decode_audio(bytes(data))
    except AudioFileError as error:
        return _nothing("unreadable", f"{path} {error.problem}")
    return MediaUnderTest(_at_8_khz(pcm, rate), rate, tuple(problems))


def _nothing(kind: str, words: str) -> MediaUnderTest:
    return MediaUnderTest((), None, (Failure(kind, words),))


def _at_8_khz(pcm: NDArray[np.int16], rate: int) -> tuple[NDArray[np.int16], ...]:
    if rate == SAMPLE_RATE:
        return tuple(pcm)
    return tuple(_resampled(channel, rate) for channel in pcm)


def _resampled(channel: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    import soxr

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float64", quality="VHQ")
    parts = []
    for start in range(0, len(channel), _AT_ONCE):
        piece = channel[start : start + _AT_ONCE].astype(np.float64)
        last = start + _AT_ONCE >= len(channel)
        parts.append(to_samples(stream.resample_chunk(piece, last=last)))
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)
