"""The quality of a call's two streams of packets: losses, lateness, and what they sound like.

``up`` is the stream from the party to the server, ``down`` the one back. Of a simulated party both
ends are known, and so the fate of each packet; of any other the losses follow from the sequence
numbers of what it sends, and nothing is known of what it receives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.parties.in_flight import PacketFate
from mediasim.parties.party import Line
from mediasim.rtp.reception import Opinion, Reception, emodel_mos
from mediasim.rtp.stream import ReceivedStream

__all__ = ["StreamQuality", "streams_of"]


@dataclass(frozen=True, slots=True)
class StreamQuality:
    """The quality of one stream of packets, so far."""

    direction: Literal["up", "down"]
    sent: int
    lost: int
    late: int
    """Packets that came too late to be played."""
    delay_ms: float
    """Milliseconds from mouth to ear: the network, the packet, the jitter buffer."""
    reception: Reception
    received: ReceivedStream
    fates: tuple[PacketFate, ...]
    """Fates of impaired packets; none where the sender is not simulated."""
    opinion: Opinion


def streams_of(call: LiveCall) -> list[StreamQuality]:
    """Return the quality of a call's streams: ``up``, and ``down`` if its party receives it.

    Empty for a call without a leg.
    """
    if not call.has_leg:
        return []
    reception = call.exchange.plane.reception(call.leg)
    line = call.line
    if line is None:
        return [_from_elsewhere(call, reception)]
    up = line.leg.stream
    found = [_simulated(line, "up", reception, up, line.phone.sent, line.phone.fates)]
    if (down := line.receiver) is not None:
        found.append(_simulated(line, "down", down.reception, down.stream, down.sent, down.fates))
    return found


def _simulated(
    line: Line,
    direction: Literal["up", "down"],
    reception: Reception,
    received: ReceivedStream,
    sent: int,
    fates: list[PacketFate],
) -> StreamQuality:
    """Return the quality of a simulated party's stream."""
    party = line.party
    lost = sum(len(fate.sent) for fate in fates if fate.kind == "lost")
    share = min(1.0, (lost + received.late) / sent) if sent else 0.0
    link = party.up if direction == "up" else party.down
    delay_ms = link.delay / 1e6 + (2 + party.depth) * 20
    opinion = emodel_mos(
        share, _burst_ratio(line, share), delay_ms, party.codec, concealed=party.conceal
    )
    return StreamQuality(
        direction, sent, lost, received.late, delay_ms, reception, received, tuple(fates), opinion
    )


def _from_elsewhere(call: LiveCall, reception: Reception) -> StreamQuality:
    """Return the quality of a stream whose sender is not simulated."""
    stream, party = call.leg.stream, call.party
    lost = max(0, reception.lost)
    share = min(1.0, (lost + stream.late) / reception.expected) if reception.expected else 0.0
    delay_ms = float((2 + party.depth) * 20)
    opinion = emodel_mos(share, 1.0, delay_ms, party.codec, concealed=party.conceal)
    return StreamQuality(
        "up", reception.expected, lost, stream.late, delay_ms, reception, stream, (), opinion
    )


def _burst_ratio(line: Line, share: float) -> float:
    """Return the mean length of a burst of lost packets, divided by what it would be if losses were
    random."""
    runs = [end - start for start, end in line.leg.missing]
    if not runs or not 0.0 < share < 1.0:
        return 1.0
    step = line.party.ptime_ms * FRAME_SAMPLES // 20
    return max(1.0, float(np.mean(runs)) / step * (1.0 - share))
