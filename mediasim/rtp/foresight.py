"""What will become of packets whose arrivals are known: for as long as nothing odd happens.

In virtual time a simulated sender's next packets and their fates on the link are known before they
are sent. Where none of them is late or far too early, and no window of them moves the offset, the
offset stays and each packet is played where it says. From the first packet on after which that is
not certain, nothing is claimed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.playout_offsets import AHEAD_FRAMES, LONGEST_PACKET, PlayoutOffsets
from mediasim.rtp.probation import JUMP
from mediasim.rtp.stream import MEDIA_BASE, ReceivedStream

__all__ = ["Foreseen", "Foresight"]

_HALF: Final = 1 << 31
"""Half the range of RTP timestamps, which wrap."""


class Foreseen(NamedTuple):
    """What becomes of packets, in the order of sending."""

    played: NDArray[np.bool_]
    """Whether each is certainly played as a whole, (n,)."""
    known: int
    """How many of the packets anything is known of."""
    until: int | None
    """Loop time at which the first of the others arrives, in nanoseconds; None if all are known."""


class Foresight:
    """Foresees the playout of the streams of one table."""

    def __init__(self, offsets: PlayoutOffsets) -> None:
        self._offsets = offsets

    def place_of(self, stream: ReceivedStream, first_timestamp: int) -> int | None:
        """Return the output sample of a sender's first sample, sent with this timestamp.

        None unless the stream has its offset and is in its ordinary course.
        """
        if stream.waiting is not None or stream.keeps_aside or len(stream.decoders) > 1:
            return None
        shifts = stream.shifts
        unusual = stream.clock_rate or stream.packet_samples or stream.switches
        if unusual or not shifts or any(shift.rebased for shift in shifts):
            return None
        # The shorter way round: timestamps start at random and wrap (RFC 3550 section 5.1).
        ticks = (first_timestamp - stream.first_timestamp + _HALF) % (2 * _HALF) - _HALF
        return MEDIA_BASE + ticks // stream.ticks_per_sample + shifts[-1].offset

    def foresee(
        self,
        stream: ReceivedStream,
        output: NDArray[np.int64],
        arrival: NDArray[np.int64],
        lost: NDArray[np.bool_],
        taken_before: int,
    ) -> Foreseen:
        """Foresee packets (n,) of a stream with a place, given their output samples and arrivals.

        Those that arrived before loop time ``taken_before`` have been received.
        """
        offset = stream.shifts[-1].offset
        media, usable = output - offset, arrival // FRAME_NS + 1
        delay = arrival // SAMPLE_NS - media
        ahead = (output - stream.lead) // FRAME_SAMPLES - usable
        slack = delay - offset - self._offsets.reference(stream.row)
        good = (ahead >= 0) & (ahead < AHEAD_FRAMES) & (slack >= -JUMP)
        to_come = (arrival >= taken_before) & ~lost
        odd = arrival[to_come & ~good]
        until = int(odd.min()) if len(odd) else None
        coming = np.flatnonzero(to_come)
        if len(coming):
            coming = coming[arrival[coming].argsort(kind="stable")]
            moves = self._offsets.foresee_move(stream.row, delay[coming], usable[coming])
            if moves is not None:
                at = int(arrival[coming[moves]])
                until = at if until is None else min(at, until)
        known = len(output)
        if until is not None:
            known = int(np.argmax((arrival >= until) & ~lost))
        last = stream.shifts[-1]
        # Where the offset moved, packets before and after overlap.
        overlap = 0 if last.why == "start" else LONGEST_PACKET - min(0, last.moved)
        played = good & ~lost & (media >= last.media + overlap)
        played[known:] = False
        return Foreseen(played, known, until)
