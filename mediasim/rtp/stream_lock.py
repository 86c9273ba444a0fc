"""Which packets of a port belong to the stream (RFC 3550 section 8.2 and appendix A.1).

The first packet's SSRC is taken at once, so no first word is lost. Another SSRC is followed
only when two packets of it come in sequence, which strays and forged packets do not; the packet
that was held back for the proof is then part of the stream.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.rtp.packets import Parsed

__all__ = ["StreamLock"]


class StreamLock:
    """The SSRC one row follows."""

    def __init__(self) -> None:
        self.ssrc = -1
        self._candidate: tuple[int, int] | None = None

    def runs(
        self, parsed: Parsed, members: NDArray[np.int64]
    ) -> list[tuple[bool, NDArray[np.int64]]]:
        """Split the rows ``members`` of a parsed block into runs of one stream.

        Returns ``(restarted, indices)`` per run; rows in no run are foreign or not RTP. A run
        that restarted is a new stream and needs a new place. A candidate held back in an
        earlier block is lost: its bytes are gone.
        """
        found: list[tuple[bool, list[int]]] = []
        current: list[int] = []
        held = -1
        restarted = False
        for index in members.tolist():
            if not parsed.ok[index]:
                continue
            ssrc, sequence = int(parsed.ssrc[index]), int(parsed.sequence[index])
            if ssrc == self.ssrc:
                self._candidate = None
                current.append(index)
                continue
            if self.ssrc >= 0 and self._candidate != (ssrc, sequence):
                self._candidate, held = (ssrc, (sequence + 1) & 0xFFFF), index
                continue
            if current:
                found.append((restarted, current))
            current = [index] if held < 0 or self.ssrc < 0 else [held, index]
            self.ssrc, self._candidate, held, restarted = ssrc, None, -1, True
        if current:
            found.append((restarted, current))
        return [(fresh, np.array(run, np.int64)) for fresh, run in found]
