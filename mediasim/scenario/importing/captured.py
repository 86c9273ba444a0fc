"""A capture file read: its RTP as talks, in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mediasim.captures.datagrams import Datagram, datagram_in
from mediasim.captures.reader import CaptureError, read_capture
from mediasim.captures.rtp_finder import find_streams
from mediasim.captures.rtp_talks import Talk, talks_of
from mediasim.scenario.importing.errors import ImportRefused

__all__ = ["Captured", "read_captured"]

_LATEST_NS: Final = 9_000_000_000 * 1_000_000_000
"""In the year 2255: not long after it, nanoseconds no longer fit in 64 bits."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a file holds."""

    path: Path
    seed: int
    """Decided by its bytes."""
    datagrams: tuple[Datagram, ...]
    talks: tuple[Talk, ...]
    truncated: bool


def read_captured(path: Path, *, partial: bool = False) -> Captured:
    """Read a capture; with ``partial`` also one that ends in the middle of a frame.

    Raises ImportRefused for a file that is no capture, is not whole or holds no RTP.
    """
    try:
        data = path.read_bytes()
        capture = read_capture(data)
    except OSError as error:
        raise ImportRefused(f"cannot read {path}: {error.strerror}") from None
    except CaptureError as error:
        raise ImportRefused(f"{path}: {error}") from None
    if capture.truncated and not partial:
        raise ImportRefused(
            f"{path} ends in the middle of a frame, after {len(capture.frames)} whole ones: "
            "--partial takes those"
        )
    found = [each for each in map(datagram_in, capture.frames) if each is not None]
    if any(each.at_ns > _LATEST_NS or each.at_ns < 0 for each in found):
        raise ImportRefused(f"{path}: the times of its frames are no dates")
    found.sort(key=lambda each: each.at_ns)
    talks = talks_of(find_streams(found))
    if not talks:
        raise ImportRefused(
            f"{path}: no RTP streams among {len(capture.frames)} frames, {len(found)} of them UDP"
        )
    seed = int.from_bytes(blake2b(data, digest_size=8).digest(), "big") >> 1
    return Captured(path, seed, tuple(found), tuple(talks), capture.truncated)
