"""Comfort noise payloads (RFC 3389): how loud the quiet at the other end is.

The first byte is the level in -dBov, 0 to 127; bytes after it describe the noise's spectrum and
are not used here. 0 dBov is the loudest square wave the codec can carry, for mu-law 0.17 dB below
that of 16-bit samples, which is less than the byte can tell: dBov and dBFS are taken as one.
"""

from __future__ import annotations

from typing import Final

__all__ = ["PAYLOAD_TYPE", "build_comfort_noise", "parse_comfort_noise"]

PAYLOAD_TYPE: Final = 13
"""The static payload type of comfort noise at 8 kHz (RFC 3551 section 6)."""

_QUIETEST: Final = 127


def build_comfort_noise(dbfs: float) -> bytes:
    """The payload for noise of this level (rms, dBFS); what is below -127 is sent as -127.

    ValueError for a level above 0, or for none at all (NaN).
    """
    if not dbfs <= 0.0:
        raise ValueError(f"a noise level of {dbfs} dBFS: expected 0 or below")
    return bytes((round(min(-dbfs, _QUIETEST)),))


def parse_comfort_noise(payload: bytes) -> float | None:
    """The level (dBFS) of a payload; None if it is empty."""
    # The top bit is always 0 (section 3.1), so nothing is lost by not looking at it.
    return float(-(payload[0] & 0x7F)) if payload else None
