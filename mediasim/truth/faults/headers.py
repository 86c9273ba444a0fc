"""Faults of the file itself. They take a whole WAV's bytes, so they come after all others."""

from __future__ import annotations

import struct

from mediasim.audio.wav import WAV_HEADER_SIZE

__all__ = ["header_only", "wrong_length"]

_RIFF_SIZE = 4
_DATA_SIZE = 40


def header_only(wav: bytes, value: float | None) -> bytes:
    """The header of a file to which nothing was ever written: it announces no samples."""
    return _announcing(wav[:WAV_HEADER_SIZE], 0)


def wrong_length(wav: bytes, value: float | None) -> bytes:
    """A header that was never brought up to date: it announces another share of the samples."""
    assert value is not None
    frame = struct.unpack_from("<H", wav, 32)[0]
    frames = (len(wav) - WAV_HEADER_SIZE) // frame
    return _announcing(wav, min(round(frames * value / 100) * frame, 0xFFFFFFFF - 36))


def _announcing(wav: bytes, data: int) -> bytes:
    changed = bytearray(wav)
    struct.pack_into("<I", changed, _RIFF_SIZE, data + WAV_HEADER_SIZE - 8)
    struct.pack_into("<I", changed, _DATA_SIZE, data)
    return bytes(changed)
