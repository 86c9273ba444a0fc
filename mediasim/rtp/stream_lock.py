"""Which packets of a port belong to the stream (RFC 3550 section 8.2 and appendix A.1).

The first packet's SSRC is taken at once, so no first word is lost. Another SSRC is followed
only when two packets of it come in sequence, which strays and forged packets do not; the packet
that was held back for the proof is then part of the stream.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasim.rtp.packets import Parsed

__all__ = ["Run", "StreamLock"]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive packets of one stream."""

    indices: NDArray[np.int64]
    """Rows of the block."""
    restarted: bool
    """It is a new stream and needs a new place."""
    proven: bool = False
    """Its first packet was held back until its second came."""


class StreamLock:
    """The SSRC one row follows."""

    def __init__(self) -> None:
        self.ssrc = -1

    def runs(self, parsed: Parsed) -> tuple[list[Run], int | None]:
        """Split a parsed block into runs of one stream.

        Rows in no run are foreign or not RTP. Also returns the row that is held back for proof,
        if the block ends before it comes: it must be the first of the row's next block.
        """
        first = int(parsed.ssrc[0]) if len(parsed.ssrc) else -1
        if self.ssrc in (-1, first) and parsed.ok.all() and (parsed.ssrc == first).all():
            # One stream and nothing else, as nearly always.
            fresh, self.ssrc = self.ssrc != first, first
            return [Run(np.arange(len(parsed.ssrc)), fresh)], None
        found: list[Run] = []
        current: list[int] = []
        restarted = proven = False
        held = -1
        for index in np.flatnonzero(parsed.ok).tolist():
            ssrc = int(parsed.ssrc[index])
            if ssrc == self.ssrc:
                held = -1
                current.append(index)
                continue
            if self.ssrc >= 0 and not (held >= 0 and _follows(parsed, held, index)):
                held = index
                continue
            if current:
                found.append(Run(np.array(current, np.int64), restarted, proven))
            proven = held >= 0
            current = [held, index] if proven else [index]
            self.ssrc, held, restarted = ssrc, -1, True
        if current:
            found.append(Run(np.array(current, np.int64), restarted, proven))
        return found, held if held >= 0 else None


def _follows(parsed: Parsed, first: int, second: int) -> bool:
    """Whether two packets are one after the other in the same stream."""
    step = (int(parsed.sequence[second]) - int(parsed.sequence[first])) & 0xFFFF
    return step == 1 and parsed.ssrc[second] == parsed.ssrc[first]
