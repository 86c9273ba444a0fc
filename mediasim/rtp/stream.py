"""What a row of the playout table knows about its stream beside its columns.

Payloads of codecs with memory (G.722, Opus) are decoded in order of media time, when due: a decoder
must see them in order, so they are held until the frame clock needs their audio. The codec's known
delay is taken off, so that a clip stands where its timestamp says, as it does with G.711; the price
is that a payload is due that much earlier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import (
    CODECS,
    EVENT_TYPE,
    NOISE_TYPE,
    FrameCoder,
    FrameDecoder,
    SampleCoder,
    frame_coder,
)
from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.rtp.gaps import GapFiller
from mediasim.rtp.probation import FirstPackets, KeptPacket, StreamLock
from mediasim.rtp.telephone_event import EventReceiver

__all__ = [
    "MEDIA_BASE",
    "Digit",
    "FramedStream",
    "KeptNoise",
    "Placed",
    "ReceivedStream",
    "Shift",
    "StreamFormat",
    "Why",
]


_CONCEALED_FRAMES: Final = 3
"""Missing frames a decoder is asked to bridge before it starts afresh."""
MEDIA_BASE: Final = FRAME_SAMPLES << 24
"""Media time of a stream's first packet: room below it for packets that overtook each other."""
_HIGHEST: Final = np.iinfo(np.int64).max


class FramedStream:
    """The payloads and the decoder of one row."""

    def __init__(self, codec: str) -> None:
        """Raises ValueError for a codec that has no memory."""
        self._coder = frame_coder(codec)
        self._delay = CODECS[codec].delay_samples
        self._held: dict[int, tuple[int, bytes]] = {}
        """Payloads, and which of the sender's streams they are of."""
        self._stream = self._decoded = 0
        self._next: int | None = None
        self._decoder: FrameDecoder | None = None

    def restart(self) -> None:
        """The payloads to come are of a new stream, and are decoded afresh."""
        self._stream += 1

    @property
    def lead(self) -> int:
        """Samples before its output sample at which a payload is needed."""
        return self._delay

    def hold(self, output: NDArray[np.int64], payload: NDArray[np.uint8]) -> None:
        """Keep payloads (n, size) for their output samples (n,)."""
        for at, data in zip(output.tolist(), payload, strict=True):
            self._held[at] = self._stream, data.tobytes()

    def decode(self, end_frame: int) -> list[tuple[int, NDArray[np.int16]]]:
        """All audio due before frame ``end_frame``: (output sample, samples) of each payload."""
        due = end_frame * FRAME_SAMPLES + self._delay
        ready = sorted(at for at in self._held if at < due)
        decoded = []
        for at in ready:
            stream, payload = self._held.pop(at)
            if stream != self._decoded:
                self._decoded, self._decoder = stream, None
            self._catch_up(at)
            if self._decoder is None:
                self._decoder = self._coder.decoder()
            samples = self._decoder.decode(payload)
            decoded.append((at - self._delay, samples))
            self._next = at + len(samples)
        return decoded

    def _catch_up(self, at: int) -> None:
        """Bridge a gap before ``at``, or start afresh after a long one."""
        if self._decoder is None or self._next is None or at == self._next:
            return
        missing = (at - self._next) // FRAME_SAMPLES
        if not 0 < missing <= _CONCEALED_FRAMES:
            self._decoder = None
            return
        for _ in range(missing):
            self._decoder.decode(None)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a row expects to receive, as its session description would say."""

    codec: str = "PCMU"
    """The name of one of :data:`mediasim.audio.codecs.CODECS`."""
    payload_type: int = 0
    others: tuple[tuple[int, str], ...] = ()
    """Payload types and codecs of what else was agreed on."""
    event_payload_type: int = EVENT_TYPE
    """Telephone-event (RFC 4733)."""
    noise_payload_type: int = NOISE_TYPE
    """Comfort noise (RFC 3389)."""
    depth: int = 3
    """Frames an undelayed packet waits before it is played."""
    conceal: bool = False
    """Fill what never arrived by repeat-and-fade instead of silence."""
    noise_key: int = 0
    """Key of the comfort noise's samples."""

    @property
    def codecs(self) -> dict[int, str]:
        """What payload types are heard as: what was agreed on, and the static ones beside it."""
        static = {codec.payload_type: name for name, codec in CODECS.items() if codec.is_static}
        for taken in (self.event_payload_type, self.noise_payload_type):
            static.pop(taken, None)
        return static | dict(self.others) | {self.payload_type: self.codec}


@dataclass(frozen=True, slots=True)
class Digit:
    """A key pressed, as a row's telephone events told it."""

    row: int
    digit: str
    frame: int
    """The first frame at which it could be known."""


@dataclass(frozen=True, slots=True)
class KeptNoise:
    """A comfort noise packet of a stream that has no place yet."""

    media: int
    usable: int
    """The first frame it can be used in."""
    payload: bytes


Why = Literal["start", "clock", "talk spurt", "new beginning"]
"""Why a stream has its place: it began, its clock was followed, it stopped, its numbers changed."""


@dataclass(frozen=True, slots=True)
class Shift:
    """From this media time on, output sample = media time + place."""

    media: int
    place: int
    moved: int
    """Samples it moved by: more is silence put in, less is audio dropped; 0 at the start."""
    frame: int
    """The frame from which on it was known."""
    why: Why = "clock"
    rebased: int = 0
    """Samples by which media times count from here on, because the timestamps began anew."""


class Placed(NamedTuple):
    """Packets that came after their stream had moved back, in order: arrays (n,)."""

    usable: NDArray[np.int64]
    """The first frame each could be used in."""
    media: NDArray[np.int64]
    output: NDArray[np.int64]


@dataclass(slots=True)
class ReceivedStream:
    """One received stream. Everything here is rare; what every packet needs is in columns."""

    row: int
    format: StreamFormat
    lock: StreamLock = field(default_factory=StreamLock)
    events: EventReceiver = field(default_factory=EventReceiver)
    waiting: list[KeptPacket] | None = None
    """Packets of a stream not yet given its place; None once it has one."""
    first_packets: FirstPackets = field(init=False)
    """What those say of its place."""
    keeps_aside: bool = False
    """Whether some of its packets are kept until it is known whether it goes on elsewhere."""
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
    codecs: dict[int, str] = field(init=False)
    """What payload types are heard as."""
    payload_type: int = field(init=False)
    """Of the packets that are placed now, and their codec."""
    codec: str = field(init=False)
    used: set[int] = field(default_factory=set)
    """The payload types its packets had."""
    switches: int = 0
    """How often their type changed."""
    number_breaks: int = 0
    """How often a sequence number fell back or stood while the timestamp went on."""
    clock_rate: int | None = None
    """What its timestamps count in a second, if that is not what the codec's would."""
    decoders: dict[str, FramedStream] = field(default_factory=dict)
    """Of the codecs with a memory that it has used."""

    def __post_init__(self) -> None:
        self.gaps = GapFiller(conceal=self.format.conceal, noise_key=self.format.noise_key)
        self.codecs = self.format.codecs
        self.use(self.format.payload_type)
        self.first_packets = FirstPackets(self.format.depth, self.lead)

    def use(self, payload_type: int) -> None:
        """Packets of this type come now. KeyError for one that is not heard."""
        self.codec, self.payload_type = self.codecs[payload_type], payload_type
        framed = isinstance(CODECS[self.codec].coder, FrameCoder)
        if framed and self.codec not in self.decoders:
            self.decoders[self.codec] = FramedStream(self.codec)

    @property
    def framed(self) -> FramedStream | None:
        """The decoder, if the codec has a memory."""
        return self.decoders.get(self.codec)

    @property
    def ticks_per_sample(self) -> int:
        """RTP timestamp units per 8 kHz sample; G.722's clock is 8 kHz by RFC 3551."""
        return (self.clock_rate or CODECS[self.codec].clock_rate) // SAMPLE_RATE

    @property
    def octets(self) -> int:
        """Octets of payload that code a sample; 0 where whole frames are coded."""
        coder = CODECS[self.codec].coder
        return coder.octets if isinstance(coder, SampleCoder) else 0

    @property
    def lead(self) -> int:
        """Samples before its output sample at which a payload is needed."""
        return CODECS[self.codec].delay_samples

    @property
    def needs_care(self) -> bool:
        """Whether reading it takes more than the ring."""
        waits = self.waiting is not None or self.keeps_aside
        return waits or bool(self.decoders) or self.gaps.active

    def reformat(self, stream_format: StreamFormat) -> None:
        """The next packet, whoever sends it, begins a stream of this format."""
        self.format, self.codecs = stream_format, stream_format.codecs
        self.decoders = {}
        self.use(stream_format.payload_type)
        self.lock = StreamLock()
        self.waiting = None

    def restart(self, frame: int) -> None:
        """The sender began a new stream (its SSRC changed), known in this frame."""
        self.waiting = []
        self.first_packets = FirstPackets(self.format.depth, self.lead)
        self.noises = []
        self.events = EventReceiver()
        self.gaps.forget(frame * FRAME_SAMPLES)
        for decoder in self.decoders.values():
            decoder.restart()

    def count_by(self, clock_rate: int) -> None:
        """What it keeps has timestamps that count so many a second."""
        units, kept = self.ticks_per_sample, self.waiting or []
        self.clock_rate = clock_rate
        self.waiting, self.first_packets = [], FirstPackets(self.format.depth, self.lead)
        for packet in kept:
            ticks = (packet.media - MEDIA_BASE) * units
            self.keep(packet._replace(media=MEDIA_BASE + ticks // self.ticks_per_sample))

    def keep(self, packet: KeptPacket) -> None:
        if self.waiting is None:
            raise RuntimeError("the stream has its place: packets are not kept")
        self.waiting.append(packet)
        self.first_packets.take(packet.media, packet.arrival)

    @property
    def begun_at(self) -> int:
        """Media time of the first packet known when the stream under way got its place."""
        return next(shift.media for shift in reversed(self.shifts) if shift.why == "start")

    def place_of(self, media: int, frame: int | None = None) -> int:
        """The place of a media time of the stream under way, as known now or in a frame."""
        for shift in reversed(self.shifts):
            known = frame is None or shift.frame <= frame
            if (known and shift.media <= media) or shift.why == "start":
                return shift.place
        raise RuntimeError("the stream has no place yet")

    def placed(self, media: int, place: int, frame: int) -> None:
        self.shifts.append(Shift(media, place, 0, frame, "start"))

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
