"""The state of a received stream beside its columns in the playout table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import (
    CODECS,
    EVENT_TYPE,
    NOISE_TYPE,
    FrameCoder,
    SampleCoder,
)
from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.rtp.gaps import GapFiller
from mediasim.rtp.probation import FirstPackets, KeptPacket, StreamLock
from mediasim.rtp.stateful_decoder import StatefulDecoder
from mediasim.rtp.telephone_event import EventReceiver

__all__ = [
    "MEDIA_BASE",
    "Digit",
    "KeptNoise",
    "Placed",
    "ReceivedStream",
    "Shift",
    "StreamFormat",
    "StreamTable",
    "Why",
]


MEDIA_BASE: Final = FRAME_SAMPLES << 24
"""Media time of a stream's first packet: room below it for packets that overtook each other."""
_HIGHEST: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """The format that a row expects to receive, as a session description has it."""

    codec: str = "PCMU"
    """Name of a codec in :data:`mediasim.audio.codecs.CODECS`."""
    payload_type: int = 0
    """Payload type of the codec."""
    others: tuple[tuple[int, str], ...] = ()
    """Payload types and codecs that were agreed on besides."""
    event_payload_type: int = EVENT_TYPE
    """Payload type of telephone events (RFC 4733)."""
    noise_payload_type: int = NOISE_TYPE
    """Payload type of comfort noise (RFC 3389)."""
    depth: int = 3
    """Playout delay: frames that an undelayed packet waits before it is played."""
    conceal: bool = False
    """Whether gaps are filled by repeat-and-fade instead of silence."""
    noise_key: int = 0
    """Key of the comfort noise's samples."""

    @property
    def codecs(self) -> dict[int, str]:
        """Codecs by payload type: those agreed on, and the static ones beside them."""
        static = {codec.payload_type: name for name, codec in CODECS.items() if codec.is_static}
        for taken in (self.event_payload_type, self.noise_payload_type):
            static.pop(taken, None)
        return static | dict(self.others) | {self.payload_type: self.codec}


@dataclass(frozen=True, slots=True)
class Digit:
    """A digit received on a row as telephone events."""

    row: int
    digit: str
    frame: int
    """The first frame in which it could be known."""


@dataclass(frozen=True, slots=True)
class KeptNoise:
    """A comfort noise packet of a stream that has no offset yet."""

    media: int
    """Media time in 8 kHz samples."""
    usable: int
    """The first frame in which it can be used."""
    payload: bytes


Why = Literal["start", "clock", "talk spurt", "new beginning"]
"""Reason of an offset: the stream began, its clock was followed, it stopped, its numbers
changed."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A move of a stream's offset: output sample = media time + place, from ``media`` on."""

    media: int
    """Media time from which on it holds, in 8 kHz samples."""
    offset: int
    """Output sample minus media time."""
    moved: int
    """Samples it moved by: more is silence put in, less is audio dropped; 0 at the start."""
    frame: int
    """The frame from which on it was known."""
    why: Why = "clock"
    """The reason of the move."""
    rebased: int = 0
    """Samples by which media times from here on count more, because the timestamps began anew."""


class Placed(NamedTuple):
    """Packets that came after their stream had moved back, in order: arrays (n,)."""

    usable: NDArray[np.int64]
    """The first frame in which each could be used."""
    media: NDArray[np.int64]
    """Media times in 8 kHz samples."""
    output: NDArray[np.int64]
    """Output samples at which they were put."""


@dataclass(slots=True)
class ReceivedStream:
    """One received stream: its rare state; what every packet needs is in columns."""

    row: int
    """Row in the playout table."""
    format: StreamFormat
    """The format it is received in."""
    lock: StreamLock = field(default_factory=StreamLock)
    """The SSRC that is followed."""
    events: EventReceiver = field(default_factory=EventReceiver)
    """The receiver of its telephone events."""
    waiting: list[KeptPacket] | None = None
    """Packets of a stream without an offset; None once it has one."""
    first_packets: FirstPackets = field(init=False)
    """Finds the offset by the waiting packets."""
    keeps_aside: bool = False
    """Whether packets are kept until it is known whether the stream continues elsewhere."""
    noises: list[KeptNoise] = field(default_factory=list)
    """Comfort noise that came while the stream had no offset."""
    shifts: list[Shift] = field(default_factory=list)
    """Moves of the offset, in order, the start included."""
    first_timestamp: int = 0
    """RTP timestamp of the packet at ``MEDIA_BASE``."""
    late: int = 0
    """Packets that came too late to be played."""
    early: int = 0
    """Packets that came far too early."""
    malformed: int = 0
    """Datagrams that are not RTP."""
    foreign: int = 0
    """Packets of other streams or payload types."""
    late_at: list[NDArray[np.int64]] = field(default_factory=list)
    """Arrival times (ns) of packets that came too late, an array per block."""
    late_for: list[NDArray[np.int64]] = field(default_factory=list)
    """Output samples of packets that came too late, an array per block."""
    contested: list[Placed] = field(default_factory=list)
    """Packets that may overlap others of the stream, one entry per block."""
    _contests: list[tuple[int, int]] = field(default_factory=list)
    """Moves back: (frame in which known, output sample below which others stand)."""
    gaps: GapFiller = field(init=False)
    """Fills what never arrived."""
    codecs: dict[int, str] = field(init=False)
    """Codecs by payload type that are decoded."""
    payload_type: int = field(init=False)
    """Payload type of the packets that are placed now."""
    codec: str = field(init=False)
    """Codec of the packets that are placed now."""
    used: set[int] = field(default_factory=set)
    """Payload types received so far, if several."""
    switches: int = 0
    """How many times the payload type changed."""
    number_breaks: int = 0
    """How many times a sequence number fell back or stood while the timestamp went on."""
    clock_rate: int | None = None
    """Timestamp units per second, if not those of the codec; None otherwise."""
    packet_samples: int | None = None
    """8 kHz samples of each packet, if its timestamps are no clock; None otherwise."""
    decoders: dict[str, StatefulDecoder] = field(default_factory=dict)
    """Decoders of the codecs with a memory that were used, by codec."""

    def __post_init__(self) -> None:
        self.gaps = GapFiller(conceal=self.format.conceal, noise_key=self.format.noise_key)
        self.codecs = self.format.codecs
        self.use(self.format.payload_type)
        self.first_packets = FirstPackets(self.format.depth, self.lead)

    def use(self, payload_type: int) -> None:
        """Switch to the codec of a payload type. Raises KeyError for one that is not decoded."""
        self.codec, self.payload_type = self.codecs[payload_type], payload_type
        stateful = isinstance(CODECS[self.codec].coder, FrameCoder)
        if stateful and self.codec not in self.decoders:
            self.decoders[self.codec] = StatefulDecoder(self.codec)

    @property
    def decoder(self) -> StatefulDecoder | None:
        """The decoder, if the codec has a memory; None otherwise."""
        return self.decoders.get(self.codec)

    @property
    def ticks_per_sample(self) -> int:
        """RTP timestamp units per 8 kHz sample; G.722's clock is 8 kHz by RFC 3551."""
        return (self.clock_rate or CODECS[self.codec].clock_rate) // SAMPLE_RATE

    @property
    def octets(self) -> int:
        """Octets of payload per sample; 0 where whole frames are coded."""
        coder = CODECS[self.codec].coder
        return coder.octets if isinstance(coder, SampleCoder) else 0

    @property
    def lead(self) -> int:
        """Samples before its output sample at which a payload is needed."""
        return CODECS[self.codec].delay_samples

    @property
    def needs_care(self) -> bool:
        """Whether reading it takes more than the ring."""
        aside = self.waiting is not None or self.keeps_aside
        return aside or bool(self.decoders) or self.gaps.active

    def reformat(self, stream_format: StreamFormat) -> None:
        """Begin a stream of this format with the next packet, from any sender."""
        self.format, self.codecs = stream_format, stream_format.codecs
        self.decoders = {}
        self.use(stream_format.payload_type)
        self.lock = StreamLock()
        self.waiting = None

    def restart(self, frame: int) -> None:
        """Begin a new stream of the sender (its SSRC changed), known in this frame."""
        self.waiting = []
        self.first_packets = FirstPackets(self.format.depth, self.lead)
        self.noises = []
        self.events = EventReceiver()
        self.gaps.forget(frame * FRAME_SAMPLES)
        for decoder in self.decoders.values():
            decoder.restart()

    def count_packets(self, samples: int) -> None:
        """Place waiting packets by sequence number, each lasting for so many 8 kHz samples."""
        kept = self.waiting or []
        self.packet_samples = samples
        self._keep_at((packet.sequence - kept[0].sequence) * samples for packet in kept)

    def count_by(self, clock_rate: int) -> None:
        """Count timestamps at another rate per second, those of waiting packets too."""
        units, kept = self.ticks_per_sample, self.waiting or []
        self.clock_rate = clock_rate
        ticks = ((packet.media - MEDIA_BASE) * units for packet in kept)
        self._keep_at(each // self.ticks_per_sample for each in ticks)

    def _keep_at(self, media: Iterable[int]) -> None:
        """Keep the waiting packets at other media times, in samples after the first packet's."""
        kept, self.waiting = self.waiting or [], []
        self.first_packets = FirstPackets(self.format.depth, self.lead)
        for packet, since in zip(kept, media, strict=True):
            self.keep(packet._replace(media=MEDIA_BASE + since))

    def keep(self, packet: KeptPacket) -> None:
        """Keep a packet until the offset is known. Raises RuntimeError once it is."""
        if self.waiting is None:
            raise RuntimeError("the stream has its place: packets are not kept")
        self.waiting.append(packet)
        self.first_packets.take(packet.media, packet.arrival)

    @property
    def begun_at(self) -> int:
        """Media time of the first packet known when the present stream got its offset."""
        return next(shift.media for shift in reversed(self.shifts) if shift.why == "start")

    def offset_of(self, media: int, frame: int | None = None) -> int:
        """Return the offset of a media time of the present stream, as known now or in a frame.

        Raises RuntimeError if the stream has no offset yet.
        """
        for shift in reversed(self.shifts):
            known = frame is None or shift.frame <= frame
            if (known and shift.media <= media) or shift.why == "start":
                return shift.offset
        raise RuntimeError("the stream has no place yet")

    def placed(self, media: int, offset: int, frame: int) -> None:
        """Log the offset at the stream's start."""
        self.shifts.append(Shift(media, offset, 0, frame, "start"))

    def moved(self, media: int, offset: int, samples: int, frame: int, below: int) -> None:
        """Log a move of the offset; no packet received so far reaches sample ``below``."""
        self.shifts.append(Shift(media, offset, samples, frame))
        if samples < 0:
            highest = self._contests[-1][1] if self._contests else below
            self._contests.append((frame, max(below, highest)))

    def note_placed(self, placed: Placed) -> None:
        """Log packets that may overlap others after a move back."""
        lowest = placed.output.min(initial=_HIGHEST)
        kept = np.zeros(len(placed.output), np.bool_)
        for frame, below in reversed(self._contests):
            if below <= lowest:
                break
            kept |= (placed.usable >= frame) & (placed.output < below)
        if kept.any():
            self.contested.append(Placed(*(column[kept] for column in placed)))

    def refuse_late(self, arrival: NDArray[np.int64], output: NDArray[np.int64]) -> None:
        """Count packets that came too late, with the output samples they were for."""
        if len(arrival):
            self.late += len(arrival)
            self.late_at.append(arrival)
            self.late_for.append(output)


class StreamTable(list[ReceivedStream | None]):
    """The received streams by row; None for a free row."""

    def at(self, row: int) -> ReceivedStream:
        """Return the stream of a row. Raises LookupError if the row is closed."""
        stream = self[row]
        if stream is None:
            raise LookupError(f"row {row} is closed")
        return stream
