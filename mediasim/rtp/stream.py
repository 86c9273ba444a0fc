"""What a row of the playout table knows about its stream beside its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.rtp.framed import FramedStream
from mediasim.rtp.gaps import GapFiller
from mediasim.rtp.pacing import FirstPackets
from mediasim.rtp.stream_lock import StreamLock
from mediasim.rtp.telephone_event import EventReceiver

__all__ = [
    "MEDIA_BASE",
    "Digit",
    "KeptNoise",
    "KeptPacket",
    "Placed",
    "Shift",
    "Stream",
    "StreamFormat",
]

MEDIA_BASE: Final = FRAME_SAMPLES << 24
"""Media time of a stream's first packet: room below it for packets that overtook each other."""
_HIGHEST: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a row expects to receive, as its session description would say."""

    codec: str = "PCMU"
    """PCMU, PCMA, G722 or OPUS."""
    payload_type: int = 0
    event_payload_type: int = 101
    """Telephone-event (RFC 4733)."""
    noise_payload_type: int = 13
    """Comfort noise (RFC 3389)."""
    depth: int = 3
    """Frames an undelayed packet waits before it is played."""
    conceal: bool = False
    """Fill what never arrived by repeat-and-fade instead of silence."""
    noise_key: int = 0
    """Key of the comfort noise's samples."""

    @property
    def ticks_per_sample(self) -> int:
        """RTP timestamp units per 8 kHz sample; G.722's clock is 8 kHz by RFC 3551."""
        return 6 if self.codec == "OPUS" else 1


@dataclass(frozen=True, slots=True)
class Digit:
    """A key pressed, as a row's telephone events told it."""

    row: int
    digit: str
    frame: int
    """The first frame at which it could be known."""


class KeptPacket(NamedTuple):
    """A packet of a stream that has no place yet."""

    media: int
    arrival: int
    payload: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class KeptNoise:
    """A comfort noise packet of a stream that has no place yet."""

    media: int
    usable: int
    """The first frame it can be used in."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Shift:
    """From this media time on, output sample = media time + place."""

    media: int
    place: int
    moved: int
    """Samples it moved by: more is silence put in, less is audio dropped; 0 at the start."""
    frame: int
    """The frame from which on it was known."""


class Placed(NamedTuple):
    """Packets that came after their stream had moved back, in order: arrays (n,)."""

    usable: NDArray[np.int64]
    """The first frame each could be used in."""
    media: NDArray[np.int64]
    output: NDArray[np.int64]


@dataclass(slots=True)
class Stream:
    """One received stream. Everything here is rare; what every packet needs is in columns."""

    row: int
    format: StreamFormat
    lock: StreamLock = field(default_factory=StreamLock)
    events: EventReceiver = field(default_factory=EventReceiver)
    waiting: list[KeptPacket] | None = None
    """Packets of a stream not yet given its place; None once it has one."""
    first_packets: FirstPackets = field(init=False)
    """What those say of its place."""
    noises: list[KeptNoise] = field(default_factory=list)
    """Comfort noise that came while it waited."""
    shifts: list[Shift] = field(default_factory=list)
    first_timestamp: int = 0
    """RTP timestamp of the packet at ``MEDIA_BASE``."""
    late: int = 0
    early: int = 0
    malformed: int = 0
    foreign: int = 0
    late_at: list[NDArray[np.int64]] = field(default_factory=list)
    """Arrival times (ns) of packets that came too late, a piece per block."""
    late_for: list[NDArray[np.int64]] = field(default_factory=list)
    """The output samples they were for."""
    contested: list[Placed] = field(default_factory=list)
    """What was put where other packets of the stream might stand already, a piece per block."""
    _contests: list[tuple[int, int]] = field(default_factory=list)
    """Moves back: (frame from which on it was known, output sample below which others stand)."""
    gaps: GapFiller = field(init=False)
    framed: FramedStream | None = field(init=False)

    def __post_init__(self) -> None:
        self.gaps = GapFiller(conceal=self.format.conceal, noise_key=self.format.noise_key)
        self.framed = _framed(self.format)
        self.first_packets = FirstPackets(self.format.depth, self.lead)

    @property
    def lead(self) -> int:
        """Samples before its output sample at which a payload is needed."""
        return 0 if self.framed is None else self.framed.lead

    @property
    def needs_care(self) -> bool:
        """Whether reading it takes more than the ring."""
        return self.waiting is not None or self.framed is not None or self.gaps.active

    def reformat(self, stream_format: StreamFormat) -> None:
        """The next packet, whoever sends it, begins a stream of this format."""
        self.format = stream_format
        self.framed = _framed(stream_format)
        self.lock = StreamLock()
        self.waiting = None

    def restart(self, frame: int) -> None:
        """The sender began a new stream (its SSRC changed), known in this frame."""
        self.waiting = []
        self.first_packets = FirstPackets(self.format.depth, self.lead)
        self.noises = []
        self.events = EventReceiver()
        self.gaps.forget(frame * FRAME_SAMPLES)
        if self.framed is not None:
            self.framed.restart()

    def keep(self, packet: KeptPacket) -> None:
        if self.waiting is None:
            raise RuntimeError("the stream has its place: packets are not kept")
        self.waiting.append(packet)
        self.first_packets.take(packet.media, packet.arrival)

    @property
    def begun_at(self) -> int:
        """Media time of the first packet known when the stream under way got its place."""
        return next(shift.media for shift in reversed(self.shifts) if not shift.moved)

    def place_of(self, media: int, frame: int | None = None) -> int:
        """The place of a media time of the stream under way, as known now or in a frame."""
        for shift in reversed(self.shifts):
            known = frame is None or shift.frame <= frame
            if (known and shift.media <= media) or not shift.moved:
                return shift.place
        raise RuntimeError("the stream has no place yet")

    def placed(self, media: int, place: int, frame: int) -> None:
        self.shifts.append(Shift(media, place, 0, frame))

    def moved(self, media: int, place: int, samples: int, frame: int, below: int) -> None:
        """``below`` is the output sample that nothing received so far reaches."""
        self.shifts.append(Shift(media, place, samples, frame))
        if samples < 0:
            highest = self._contests[-1][1] if self._contests else below
            self._contests.append((frame, max(below, highest)))

    def note_placed(self, placed: Placed) -> None:
        """Packets were put in their places: keep what may have been written over what."""
        lowest = placed.output.min(initial=_HIGHEST)
        kept = np.zeros(len(placed.output), np.bool_)
        for frame, below in reversed(self._contests):
            if below <= lowest:
                break
            kept |= (placed.usable >= frame) & (placed.output < below)
        if kept.any():
            self.contested.append(Placed(*(column[kept] for column in placed)))

    def refuse_late(self, arrival: NDArray[np.int64], output: NDArray[np.int64]) -> None:
        """Packets that came after their time, and the output samples they were for."""
        if len(arrival):
            self.late += len(arrival)
            self.late_at.append(arrival)
            self.late_for.append(output)


def _framed(stream_format: StreamFormat) -> FramedStream | None:
    plain = stream_format.codec in ("PCMU", "PCMA")
    return None if plain else FramedStream(stream_format.codec)
