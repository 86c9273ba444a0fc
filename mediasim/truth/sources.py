"""The sources of a recording: whose audio went into a channel, and at which samples of the file.

What comes over a line of the exchange's own (:mod:`mediasim.exchange.own_line`) was sent on another
call, so its sources are those of that call's outbound track, some samples before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Final, Protocol

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.own_line import LineEnd
from mediasim.exchange.recording_control import LiveRecording
from mediasim.media.leg import Leg
from mediasim.media.player import Player
from mediasim.media.recorder import Track
from mediasim.rtp.stream import MEDIA_BASE

__all__ = [
    "FileMap",
    "Origin",
    "Pieces",
    "conference_spans",
    "heard_in",
    "origins",
    "track_origins",
]

_TIMESTAMPS: Final = 1 << 32
_END: Final = 1 << 60
"""A frame after every other."""


class Pieces(Protocol):
    """A map from samples of a frame clock to those of the file."""

    def pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield (sample of the frame clock, sample of the file, length) of a span's parts."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A party or a player whose audio went into a channel, and when."""

    source: LiveCall | Player
    """The call whose party speaks, or what the server plays."""
    low: int
    high: int
    """First sample, and the one after the last, on the frame clock."""
    to_file: Pieces
    by: str | None = None
    """Name of the party that a player's audio comes from, over a line; None: from the server."""


def heard_in(recording: LiveRecording, number: int) -> Iterable[LiveCall]:
    """Return every call whose audio went into a channel, in order of first appearance."""
    found = origins(recording, number, FileMap(recording))
    return dict.fromkeys(it.source for it in found if isinstance(it.source, LiveCall))


def origins(recording: LiveRecording, number: int, to_file: FileMap) -> Iterator[Origin]:
    """Yield everything whose audio went into a channel."""
    calls = recording.exchange.calls
    for low, high, call, track in sources(recording, number):
        yield from _origins(calls, track, Origin(call, low, high, to_file))


def track_origins(
    call: LiveCall, track: Track, low: int, high: int, calls: Sequence[LiveCall]
) -> Iterator[Origin]:
    """Yield everything that was on a track of a call's leg in samples ``low .. high``.

    Samples are those of the frame clock; so are those of the origins' map. ``calls`` are all calls
    that it may have heard.
    """
    yield from _origins(calls, track, Origin(call, low, high, _FrameClock()))


def _origins(calls: Sequence[LiveCall], track: Track, at: Origin) -> Iterator[Origin]:
    if track is Track.INBOUND:
        yield from _received(calls, at)
    else:
        assert isinstance(at.source, LiveCall)
        yield from _sent_to(calls, at.source, at)


def _received(calls: Sequence[LiveCall], at: Origin) -> Iterator[Origin]:
    """Yield the origins of what a call's party is heard to say."""
    call = at.source
    assert isinstance(call, LiveCall)
    if not isinstance(call.far_end, LineEnd):
        yield at
        return
    other, shift = call.far_end.sent_by, _shift(call, call.far_end)
    if other is not None and shift is not None:
        low, high, moved = at.low - shift, at.high - shift, _Moved(at.to_file, shift)
        yield from _sent_to(calls, other, Origin(other, low, high, moved, call.party.name))


def _sent_to(calls: Sequence[LiveCall], call: LiveCall, at: Origin) -> Iterator[Origin]:
    """Yield the origins of what a call's party was sent."""
    for player in call.leg.played if call.has_leg else ():
        yield Origin(player, at.low, at.high, at.to_file, at.by)
    for speaker, low, high in sent(calls, call, at.low, at.high):
        yield from _received(calls, Origin(speaker, low, high, at.to_file))


def _shift(call: LiveCall, end: LineEnd) -> int | None:
    """Return the samples from sending to playing over a line; None if nothing has been played."""
    sender, stream = end.other.leg, call.leg.stream if call.has_leg else None
    if sender is None or stream is None or not stream.shifts:
        return None
    first = (stream.first_timestamp - sender.sender.first_timestamp) % _TIMESTAMPS
    return MEDIA_BASE + stream.shifts[0].offset - first


@dataclass(frozen=True, slots=True)
class _Moved:
    """The map of a track that is heard some samples later on another."""

    to_file: Pieces
    later: int

    def pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        for at, file, samples in self.to_file.pieces(low + self.later, high + self.later):
            yield at - self.later, file, samples


def sources(recording: LiveRecording, number: int) -> Iterator[tuple[int, int, LiveCall, Track]]:
    """Yield (first sample, end, call, track) of all audio that went into a channel."""
    sourcings = recording.sourcings
    end = recording.recorder.frame * FRAME_SAMPLES
    open_since: dict[tuple[LiveCall, Track], int] = {}
    for sourcing in sourcings:
        at = sourcing.frame * FRAME_SAMPLES
        now = {(source.call, source.track) for source in sourcing.channels[number]}
        for key in [key for key in open_since if key not in now]:
            yield open_since.pop(key), at, *key
        # Sorted, because the order of a set differs between runs and the truth must not.
        for key in sorted(now - open_since.keys(), key=lambda it: (it[0].sid, it[1].value)):
            open_since[key] = at
    for key, since in open_since.items():
        yield since, end, *key


def sent(
    calls: Sequence[LiveCall], call: LiveCall, low: int, high: int
) -> Iterator[tuple[LiveCall, int, int]]:
    """Yield (call, first sample, end) of the audio of others that a call's party was sent."""
    if not call.has_leg:
        return
    call_of_leg = call.exchange.call_of_leg
    heard_log = call.leg.heard_log
    ends = [frame for frame, _ in heard_log[1:]]
    for (frame, heard), later in zip_longest(heard_log, ends):
        start = max(low, frame * FRAME_SAMPLES)
        end = high if later is None else min(high, later * FRAME_SAMPLES)
        for other in heard:
            if start < end and other in call_of_leg:
                yield call_of_leg[other], start, end
    if call.leg.conference_log:
        for speaker in calls:
            if not speaker.has_leg:
                continue
            for first, last in conference_spans(call.leg, speaker.leg):
                start, end = max(low, first), min(high, last)
                if start < end:
                    yield speaker, start, end


def conference_spans(leg: Leg, other: Leg) -> Iterator[tuple[int, int]]:
    """Yield the spans of the frame clock, in samples, in which a leg hears another in a
    conference."""
    if leg is other or leg.room is not other.room:
        return
    ends = [each.ended_frame for each in (leg, other) if each.ended_frame is not None]
    end = min([leg.room.frame, *ends])
    for start, stop, key, _ in _stays(leg, end):
        for from_, to, others, muted in _stays(other, end):
            first, last = max(start, from_), min(stop, to)
            if key == others and not muted and first < last:
                yield first * FRAME_SAMPLES, last * FRAME_SAMPLES


def _stays(leg: Leg, end: int) -> Iterator[tuple[int, int, object, bool]]:
    """Yield (first frame, end, conference, muted) of each stay of a leg in a conference."""
    entries = [*leg.conference_log, (_END, None, False)]
    for (start, key, muted), (stop, _, _) in pairwise(entries):
        if key is not None:
            yield start, min(stop, end), key, muted


# -- samples of the file --------------------------------------------------------------------


class _FrameClock:
    """The map of the frame clock's samples to themselves."""

    def pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        if low < high:
            yield low, low, high - low


class FileMap:
    """Maps the frame clock's samples to the file's: pauses cut out, silence trimmed off."""

    def __init__(self, recording: LiveRecording) -> None:
        self._segments = recording.recorder.segments
        self._start, self._end = recording.kept

    @property
    def samples(self) -> int:
        """Length of the file in samples."""
        return self._end - self._start

    def pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield (sample of the frame clock, sample of the file, length) of a span's parts."""
        for segment in self._segments:
            if segment.kind != "audio":
                continue
            first = segment.frame * FRAME_SAMPLES
            to_file = segment.offset - first - self._start
            start = max(low, first, -to_file)
            end = min(high, first + segment.samples, self._end - self._start - to_file)
            if start < end:
                yield start, start + to_file, end - start

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of untrimmed samples to the file; empty if it was trimmed off."""
        return max(start - self._start, 0), min(end, self._end) - self._start

    def pauses(self) -> tuple[tuple[int, int, str], ...]:
        """Return (sample of the file, samples of the call, kind) of each pause."""
        kept = self.samples
        found = []
        for segment in self._segments:
            at = segment.offset - self._start
            if segment.kind != "audio" and 0 <= at <= kept:
                found.append((at, segment.frames * FRAME_SAMPLES, segment.kind))
        return tuple(found)

    def segments(self) -> tuple[tuple[int, int, int, str], ...]:
        """Return (sample of the frame clock, sample of the file, samples, kind) of each segment."""
        return tuple(
            (
                segment.frame * FRAME_SAMPLES,
                segment.offset - self._start,
                segment.frames * FRAME_SAMPLES,
                segment.kind,
            )
            for segment in self._segments
        )
