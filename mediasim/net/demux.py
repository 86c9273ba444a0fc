"""Whose packets are whose on one socket: by who sent them, and by their SSRC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.net.datagram_socket import Address
from mediasim.rtp.packets import HEADER_SIZE, RTCP_TYPES, PacketBlock

__all__ = ["NOBODY", "Demux", "as_rows"]

NOBODY: Final = -1
_SEVERAL: Final = -2


class Demux:
    """Slots, their remote addresses and the SSRCs they claim, made ready for arrays."""

    def __init__(
        self, remotes: Sequence[Address | None], claims: Mapping[tuple[Address, int], int]
    ) -> None:
        self.sources: dict[Address, int] = {}
        only: list[int] = []
        for slot, remote in enumerate(remotes):
            if remote is None:
                continue
            number = self.sources.setdefault(remote, len(only))
            if number == len(only):
                only.append(slot)
            else:
                only[number] = _SEVERAL
        self._only = np.array([*only, NOBODY], np.int64)  # the last is for strangers
        keys = np.array([self.sources[at] << 32 | ssrc for at, ssrc in claims], np.int64)
        order = keys.argsort()
        self._keys = np.append(keys[order], np.iinfo(np.int64).max)
        self._slots = np.append(np.array(list(claims.values()), np.int64)[order], NOBODY)

    def slots_of(self, sources: NDArray[np.int64], block: PacketBlock) -> NDArray[np.int64]:
        """The slot of each packet; negative for those of nobody."""
        slots = self._only[sources]
        shared = np.flatnonzero(slots == _SEVERAL)
        if len(shared):
            keys = sources[shared] << 32 | _ssrc_of(block)[shared]
            at = np.searchsorted(self._keys, keys)
            slots[shared] = np.where(self._keys[at] == keys, self._slots[at], NOBODY)
        return slots


def as_rows(
    used: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    segments: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Datagrams that lie one behind the other as rows, and their lengths."""
    first = int(segments[0])
    if first and (segments == first).all() and (sizes % first == 0).all():
        data = used.reshape(-1, first)
        return data, np.full(len(data), first, np.int64)
    number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    full = np.repeat(segments, counts)
    length = np.minimum(full, np.repeat(sizes, counts) - number * full)
    start = np.cumsum(length) - length
    width = max(HEADER_SIZE, int(length.max()))
    data = np.zeros((len(length), width), np.uint8)
    for size in np.unique(length).tolist():
        of = np.flatnonzero(length == size)
        data[of, :size] = used[start[of][:, None] + np.arange(size)]
    return data, length


def _ssrc_of(block: PacketBlock) -> NDArray[np.int64]:
    """Of RTP packets, and of RTCP on the same port (RFC 5761), whose sender's it is."""
    rows, stride = block.data.shape
    if stride < HEADER_SIZE:
        return np.full(rows, NOBODY, np.int64)
    found = np.ndarray((rows,), ">u4", block.data, 8, (stride,)).astype(np.int64)
    second = block.data[:, 1]
    control = np.flatnonzero((second >= RTCP_TYPES.start) & (second < RTCP_TYPES.stop))
    if len(control):
        found[control] = np.ndarray((rows,), ">u4", block.data, 4, (stride,))[control]
    return found
