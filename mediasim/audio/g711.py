"""G.711: mu-law and A-law octets as the wire carries them, through look-up tables.

The tables follow ITU-T G.711 (tables 1a to 2b, inversions included) on 16-bit linear samples:
mu-law works on the upper 14 bits, A-law on the upper 13. Decisions are the Recommendation's, the
sides of a decision value as in the ITU's reference code (G.191). Encoders that take the nearest
level instead differ by one code beside the ends of segments; all decoders agree.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALAW_DECODE",
    "ALAW_ENCODE",
    "ALAW_SILENCE",
    "ULAW_DECODE",
    "ULAW_ENCODE",
    "ULAW_SILENCE",
    "alaw_decode",
    "alaw_encode",
    "ulaw_decode",
    "ulaw_encode",
]

ULAW_SILENCE: Final = 0xFF
"""The mu-law octet of a zero sample."""
ALAW_SILENCE: Final = 0xD5
"""The A-law octet of the smallest positive sample: A-law has no zero."""

E = TypeVar("E", np.uint8, np.uint32)

_BIAS: Final = 33
"""What mu-law adds to a 14-bit magnitude so that every segment starts at a power of two."""


def _ulaw_decode_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.uint8)
    segment = (code >> 4 & 7).astype(np.int32)
    step = (code & 15).astype(np.int32)
    magnitude = (((2 * step + _BIAS) << segment) - _BIAS) << 2
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment = (code >> 4 & 7).astype(np.int32)
    step = (code & 15).astype(np.int32)
    linear = (2 * step + 1) << 3
    curved = (2 * step + _BIAS) << (np.maximum(segment, 1) + 2)
    magnitude = np.where(segment == 0, linear, curved)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _pairs(table: NDArray[np.int16]) -> NDArray[np.uint32]:
    """Return a decoding table for two octets at once, uint32[65536]: both samples in one entry."""
    octets = np.arange(65536, dtype=np.uint16).view(np.uint8)
    return table.take(octets).view(np.uint32)


def _magnitudes() -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return magnitude (ones' complement for negatives) and sign of each int16 in uint16 order."""
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    negative: NDArray[np.bool_] = values < 0
    return np.where(negative, ~values, values), negative


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.frexp(values.astype(np.float64))[1].astype(np.int32)


def _ulaw_encode_table() -> NDArray[np.uint8]:
    magnitude, negative = _magnitudes()
    biased = np.minimum((magnitude >> 2) + _BIAS, 0x1FFF)
    segment = _bit_length(biased) - 6
    step = biased >> (segment + 1) & 15
    code: NDArray[np.int32] = ~(segment << 4 | step) & 0x7F
    return np.where(negative, code, code + 0x80).astype(np.uint8)


def _alaw_encode_table() -> NDArray[np.uint8]:
    magnitude, negative = _magnitudes()
    level = magnitude >> 4
    segment = np.maximum(_bit_length(level) - 4, 0)
    step = level >> np.maximum(segment - 1, 0) & 15
    code: NDArray[np.int32] = (segment << 4 | step) ^ 0x55
    return np.where(negative, code, code ^ 0x80).astype(np.uint8)


ULAW_DECODE: Final = _ulaw_decode_table()
"""int16[256]: the sample of each mu-law octet."""
ALAW_DECODE: Final = _alaw_decode_table()
"""int16[256]: the sample of each A-law octet."""
ULAW_ENCODE: Final = _ulaw_encode_table()
"""uint8[65536]: the mu-law octet of each sample, indexed by the sample viewed as uint16."""
ALAW_ENCODE: Final = _alaw_encode_table()
"""uint8[65536]: the A-law octet of each sample, indexed by the sample viewed as uint16."""

_ULAW_PAIRS: Final = _pairs(ULAW_DECODE)
_ALAW_PAIRS: Final = _pairs(ALAW_DECODE)

_AT_ONCE: Final = 1 << 14
"""Look-ups at a time: their indices of eight octets each stay in the processor's cache."""

for _table in (ULAW_DECODE, ALAW_DECODE, ULAW_ENCODE, ALAW_ENCODE):
    _table.flags.writeable = False


def _decode(
    codes: NDArray[np.uint8],
    table: NDArray[np.int16],
    pairs: NDArray[np.uint32],
    out: NDArray[np.int16] | None,
) -> NDArray[np.int16]:
    if out is None and codes.ndim and codes.strides[-1] == 1 and codes.shape[-1] % 2 == 0:
        # A look-up costs the same for two octets as for one.
        both = codes.view(np.uint16)
        if both.ndim == 2 and both.size > _AT_ONCE:
            return _take_in_pieces(both, pairs).view(np.int16)
        return pairs.take(both).view(np.int16)
    return table.take(codes, out=out, mode="clip")


def _take_in_pieces(codes: NDArray[np.uint16], table: NDArray[E]) -> NDArray[E]:
    """Do ``table.take`` for many rows, in pieces."""
    count, width = codes.shape
    rows = max(1, _AT_ONCE // width)
    taken = np.empty(codes.shape, table.dtype)
    index = np.empty((rows, width), np.intp)
    for start in range(0, count, rows):
        piece = index[: min(rows, count - start)]
        piece[:] = codes[start : start + rows]
        table.take(piece, out=taken[start : start + rows], mode="clip")
    return taken


def _encode(
    pcm: NDArray[np.int16], table: NDArray[np.uint8], out: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    index = pcm.view(np.uint16)
    if out is None and index.ndim == 2 and index.size > _AT_ONCE:
        return _take_in_pieces(index, table)
    return table.take(index, out=out, mode="clip")


def ulaw_encode(pcm: NDArray[np.int16], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Encode int16 samples of any shape as mu-law octets, into ``out`` if given."""
    return _encode(pcm, ULAW_ENCODE, out)


def ulaw_decode(
    codes: NDArray[np.uint8], out: NDArray[np.int16] | None = None
) -> NDArray[np.int16]:
    """Decode mu-law octets of any shape to int16 samples, into ``out`` if given."""
    return _decode(codes, ULAW_DECODE, _ULAW_PAIRS, out)


def alaw_encode(pcm: NDArray[np.int16], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Encode int16 samples of any shape as A-law octets, into ``out`` if given."""
    return _encode(pcm, ALAW_ENCODE, out)


def alaw_decode(
    codes: NDArray[np.uint8], out: NDArray[np.int16] | None = None
) -> NDArray[np.int16]:
    """Decode A-law octets of any shape to int16 samples, into ``out`` if given."""
    return _decode(codes, ALAW_DECODE, _ALAW_PAIRS, out)
