"""Where a party's samples are on the frame clock, and which of them never arrived.

*Due* is where a path without impairments would have put a sample: the time at which it was said
plus the path's fixed delay, computed from the party's clock and settings alone. *Placed* is where
the jitter buffer logged to have put it. On a clean path the two are equal, to the sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_NS
from mediasim.exchange.live_call import LiveCall
from mediasim.parties.party import Line
from mediasim.rtp.stream import MEDIA_BASE, Shift
from mediasim.truth.documents import Concealed, Gap

__all__ = ["Move", "Placement", "Span", "concealed_of_call", "gaps_of_call"]

_FOREVER: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive samples of a party, and their place on the frame clock."""

    said: int
    """First sample, in the party's own count."""
    start: int
    """First sample, on the frame clock."""
    samples: int
    """Length in samples."""

    @property
    def end(self) -> int:
        return self.start + self.samples

    def clipped(self, low: int, high: int) -> Span | None:
        """Return the part within ``low .. high`` of the frame clock; None if there is none."""
        start, end = max(self.start, low), min(self.end, high)
        if start >= end:
            return None
        return Span(self.said + start - self.start, start, end - start)

    def of_said(self, low: int, high: int) -> Span | None:
        """Return the part that is samples ``low .. high`` of the party; None if there is none."""
        place = self.start - self.said
        return self.clipped(low + place, high + place)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the place of a party's audio, from one packet on."""

    said: int
    """First sample of the packet, in the party's own count."""
    start: int
    """Place of that sample, on the frame clock."""
    moved: int
    """Samples by which it is later, or if negative earlier, than without the move."""
    frame: int
    """Frame from which on the move was in effect."""

    @property
    def place(self) -> int:
        """Return the samples to add to the party's own count to get the frame clock's."""
        return self.start - self.said


class Placement:
    """Maps the samples of a line that has sent audio to the frame clock."""

    def __init__(self, line: Line) -> None:
        self._line = line
        stream = line.leg.stream
        phone = line.phone.format
        ticks = stream.first_timestamp - phone.first_timestamp
        wrapped = (ticks + (1 << 31)) % (1 << 32) - (1 << 31)
        first_received = wrapped // stream.ticks_per_sample
        # Sample of the party + this = media time of the stream.
        self._to_media = MEDIA_BASE - first_received
        self._step = line.party.ptime_ms * FRAME_SAMPLES // 20
        rebased = itertools.accumulate(shift.rebased for shift in stream.shifts)
        self.moves = [self._move(*each) for each in zip(stream.shifts, rebased, strict=True)]
        """The first one is where the audio begins, and moves nothing."""
        self._heard = self._as_heard()

    def _move(self, shift: Shift, rebased: int) -> Move:
        """Return the move of a shift, at the first packet that begins at its media time or later.

        ``rebased`` is the samples by which media times are ahead of those before timestamps were
        restarted.
        """
        # Rounded up to a whole packet: -((a - b) // step) is the ceiling of (b - a) / step.
        to_media = self._to_media + rebased
        said = -((to_media - shift.media) // self._step) * self._step
        return Move(said, said + to_media + shift.offset, shift.moved, shift.frame)

    def _as_heard(self) -> list[Span]:
        """Return the spans that are heard, in order and without overlaps.

        After a move back, packets are due where others have been written already. Those stay,
        except where a later packet overwrote them; the overwriting ones are logged one by one.
        """
        packets = self._contested()
        heard: list[Span] = []
        for number, move in enumerate(self.moves):
            if number == 0:
                heard = [Span(-_FOREVER, move.place - _FOREVER, 2 * _FOREVER)]
            else:
                kept = (span.of_said(-_FOREVER, move.said) for span in heard)
                heard = [span for span in kept if span is not None]
                start = max(move.start, heard[-1].end)
                heard.append(Span(start - move.place, start, _FOREVER))
            later = self.moves[number + 1].frame if number + 1 < len(self.moves) else _FOREVER
            for frame, packet in packets:
                if move.frame <= frame < later:
                    heard = [*_around(heard, packet), packet]
                    heard.sort(key=lambda span: span.start)
        return heard

    def _contested(self) -> list[tuple[int, Span]]:
        """Return (frame of arrival, span) of each packet written where others may have been."""
        return [
            (frame, Span(media - self._to_media, output, self._step))
            for placed in self._line.leg.stream.contested
            for frame, media, output in zip(*(each.tolist() for each in placed), strict=True)
        ]

    def spans(self, start: int, end: int) -> list[Span]:
        """Return where samples ``start .. end`` of the party are heard, arrived or not."""
        parts = (span.of_said(start, end) for span in self._heard)
        return [part for part in parts if part is not None]

    def meant(self, start: int, end: int) -> list[Span]:
        """Return where samples ``start .. end`` would be heard if no packets overlapped."""
        found = []
        for number, move in enumerate(self.moves):
            low = start if number == 0 else max(start, move.said)
            high = min(end, self.moves[number + 1].said) if number + 1 < len(self.moves) else end
            if low < high:
                found.append(Span(low, low + move.place, high - low))
        return found

    def due(self, sample: int) -> int:
        """Return where a path without impairments would have put a sample of the party."""
        said = self._line.clock.time_of_one(sample)
        return round(said / SAMPLE_NS) + self._line.party.path_samples


def _around(spans: list[Span], hole: Span) -> Iterator[Span]:
    """Yield the parts of the spans outside of ``hole``."""
    for span in spans:
        for part in (span.clipped(-_FOREVER * 2, hole.start), span.clipped(hole.end, _FOREVER * 4)):
            if part is not None:
                yield part


# -- missing audio --------------------------------------------------------------------------


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
