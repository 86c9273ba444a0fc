"""What never arrived in time, and why: the fates of packets laid over what was not played."""

from __future__ import annotations

import itertools

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.parties.party import Line
from mediasim.truth.documents import Concealed, Gap
from mediasim.truth.placement import Placement

__all__ = ["concealed_of_call", "gaps_of_call"]


def concealed_of_call(call: LiveCall) -> list[Concealed]:
    """Return the spans that the server made up in place of a call's party, on the frame clock."""
    if not call.has_leg:
        return []
    return [Concealed(*filled, call.party.name) for filled in call.leg.stream.gaps.filled]


def gaps_of_call(call: LiveCall, placement: Placement | None = None) -> list[Gap]:
    """Return the gaps in what the server received of a call's leg, in samples of the frame clock.

    ``placement`` is that of the call's line, if it has been computed already.
    """
    if call.line is not None:
        return _gaps_of(call.line, placement or Placement(call.line))
    return _gaps_received(call)


def _gaps_of(line: Line, placement: Placement) -> list[Gap]:
    """Return the gaps of a simulated party; where it sent nothing on purpose there is none."""
    reasons = _reasons(line, placement)
    gaps: list[Gap] = []
    first = 0
    # ``missing`` begins with the first packet received, but the party may have spoken before it.
    unheard = [(0, move.start - line.leg.stream.lead) for move in placement.moves[:1]]
    for start, end in unheard + line.leg.missing:
        while first < len(reasons) and reasons[first][1] <= start:
            first += 1
        cursor = start
        for low, high, why in reasons[first:]:
            if low >= end:
                break
            if high > cursor:
                gaps.append(Gap(max(low, cursor), min(high, end), why, line.party.name))
                cursor = min(high, end)
    return gaps


def _gaps_received(call: LiveCall) -> list[Gap]:
    """Return the gaps in what came from a far end that is not simulated.

    Late packets are known. Other missing audio was ``lost`` if sequence numbers show lost packets
    and one came after it; otherwise the sender sent none, and it is ``stalled``.
    """
    leg, party = call.leg, call.party.name
    reception = call.exchange.plane.reception(leg)
    late = {at - leg.stream.lead for output in leg.stream.late_for for at in output.tolist()}
    last_frame = leg.room.frame if leg.ended_frame is None else leg.ended_frame
    gaps: list[Gap] = []
    for start, end in leg.missing:
        for at in range(start, end, FRAME_SAMPLES):
            high = min(at + FRAME_SAMPLES, end)
            if any(at <= each < high for each in late):
                why = "late"
            else:
                came_more = end < last_frame * FRAME_SAMPLES
                why = "lost" if came_more and reception.lost > 0 else "stalled"
            if gaps and gaps[-1].end == at and gaps[-1].why == why:
                gaps[-1] = Gap(gaps[-1].start, high, why, party)
            else:
                gaps.append(Gap(at, high, why, party))
    return gaps


def _reasons(line: Line, placement: Placement) -> list[tuple[int, int, str]]:
    """Return (first sample, end, reason) of all packets that were not played, in order.

    A codec with memory needs a payload ``stream.lead`` samples before its audio is heard, so the
    gap that a lost one leaves is as much earlier.
    """
    step = line.party.ptime_ms * FRAME_SAMPLES // 20
    stream = line.leg.stream
    found: list[tuple[int, int, str]] = []
    came_to_nothing: list[tuple[int, str]] = []
    for fate in line.phone.fates:
        if fate.kind in ("lost", "stalled"):
            came_to_nothing += [(said, fate.kind) for said in fate.media.tolist()]
    came_to_nothing += [(said, "late") for said in line.phone.outstanding.tolist()]
    came_to_nothing += [(said, "key") for said in line.phone.keyed]
    for said, why in came_to_nothing:
        if line.party.dtx != "off" and not line.timeline.spoken_between(said, said + step):
            continue  # a silent packet of a sender with DTX: no audio is missing
        found += [(span.start, span.end, why) for span in placement.meant(said, said + step)]
    for at in (at for output in stream.late_for for at in output.tolist()):
        found.append((at, at + step, "late"))
        for before, move in itertools.pairwise(placement.moves):
            # A packet that was too late for the old offset is also missing where the move
            # put its neighbours: both spans of the file lack it.
            said = at - before.place
            if at < move.start and said >= move.said:
                found.append((said + move.place, said + move.place + step, "late"))
    if line.leg.ended_frame is None:
        aside = line.room.plane.playout.aside(stream)
        found += [(at, at + step, "late") for at in aside]
    for move in placement.moves:
        if move.moved > 0:
            found.append((move.start - move.moved, move.start, "put in"))
    return sorted((low - stream.lead, high - stream.lead, why) for low, high, why in found)
