"""The words that a call's party has said and heard, by the truth of what was spoken.

Of speech that was cut, or has not ended yet, they are the words spoken until then. What an app's
media stream plays has no words: only its sound is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.spoken import words_played
from mediasim.media.leg import Leg
from mediasim.parties.party import Line
from mediasim.parties.timeline import Segment, words_in
from mediasim.truth.placement import Placement
from mediasim.truth.sources import conference_spans

__all__ = ["last_heard", "last_said"]

_END: Final = 1 << 60
"""A frame after every other."""
Spoken = tuple[int, str]
"""Where speech begins, in samples of the server's clock, and its words."""
Span = tuple[int, int]


def last_said(call: LiveCall) -> str:
    """Return the last words that a call's party has said; "" where it has said none."""
    if call.line is None:
        return ""
    now = _now(call.line)
    said = (
        _words(segment, [(low, min(high, now)) for low, high in heard])
        for segment in reversed(call.line.timeline.segments)
        if segment.is_speech and (heard := call.line.timeline.heard_spans(segment))
    )
    return next(filter(None, said), "")


def last_heard(call: LiveCall, calls: Iterable[LiveCall]) -> str:
    """Return the last words spoken to a call's party, by the app or another party; "" for none.

    ``calls`` are all calls that were answered.
    """
    if not call.has_leg:
        return ""
    heard = [*_announced(call), *_from_parties(call, calls)]
    return max(heard, key=lambda each: each[0], default=(0, ""))[1]


def _now(line: Line) -> int:
    """Return the present, or the end of the call, in samples of a party's own clock."""
    ended, plane = line.leg.ended_frame, line.room.plane
    frame = plane.now if ended is None else ended
    return line.clock.sample_at(frame * FRAME_NS)


def _words(segment: Segment, spans: Iterable[Span]) -> str:
    """Return the words of a segment within spans of its party's clock; its text if all are."""
    found = [word.text for low, high in spans for word in words_in(segment, low, high)]
    return segment.text if len(found) == len(segment.words) else " ".join(found)


# -- what the app says ---------------------------------------------------------------------------


def _announced(call: LiveCall) -> Iterator[Spoken]:
    """Yield what the app has spoken to a call."""
    leg = call.leg
    end = call.room.plane.now if leg.ended_frame is None else leg.ended_frame
    for player in leg.played:
        if player.text and (words := words_played(player, end)):
            yield player.first_frame * FRAME_SAMPLES, words


# -- what other parties say ----------------------------------------------------------------------


def _from_parties(call: LiveCall, calls: Iterable[LiveCall]) -> Iterator[Spoken]:
    """Yield what the parties of other calls have said while the call heard them."""
    for other in calls:
        if other is call or other.line is None or other.room is not call.room:
            continue
        windows = list(_windows(call.leg, other.leg))
        if not windows:
            continue
        line, placement = other.line, Placement(other.line)
        for segment in line.timeline.segments:
            if not segment.is_speech:
                continue
            heard = [
                (part.said, part.said + part.samples, part.start)
                for low, high in line.timeline.heard_spans(segment)
                for span in placement.spans(low, high)
                for window in windows
                if (part := span.clipped(*window)) is not None
            ]
            if heard and (words := _words(segment, [(low, high) for low, high, _ in heard])):
                yield min(start for _, _, start in heard), words


def _windows(leg: Leg, other: Leg) -> Iterator[Span]:
    """Yield the spans of the server's clock, in samples, in which a leg heard another."""
    ends = [each.ended_frame for each in (leg, other) if each.ended_frame is not None]
    end = min([leg.room.frame, *ends])
    entries = [*leg.heard_log, (_END, ())]
    for (start, heard), (stop, _) in pairwise(entries):
        if other in heard:
            yield from _span(start, min(stop, end))
    yield from conference_spans(leg, other)


def _span(start: int, stop: int) -> Iterator[Span]:
    if start < stop:
        yield start * FRAME_SAMPLES, stop * FRAME_SAMPLES
