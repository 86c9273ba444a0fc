"""A simulated phone, which sends what its party says as RTP packets through a link.

The phone is a leg's packet source. Packets are made when the media plane takes what has arrived, a
block at a time; the fates of impaired packets are kept for the report and the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import (
    CODECS,
    EVENT_TYPE,
    NOISE_TYPE,
    FrameCoder,
    SampleCoder,
    encode_frames,
)
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_encode
from mediasim.net.link import Link
from mediasim.parties.clock import SenderClock
from mediasim.parties.in_flight import PacketFate, PacketsInFlight
from mediasim.parties.timeline import Timeline
from mediasim.rtp.gaps import build_comfort_noise
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, as_rows, build, equal_rows, parse
from mediasim.rtp.telephone_event import event_payloads

__all__ = ["Dtx", "Outlook", "PhoneFormat", "SimulatedPhone"]

Dtx = Literal["off", "silence", "comfort-noise"]
_NOISE_EVERY: Final = 10
"""Silent packet times from one comfort noise update to the next."""


@dataclass(frozen=True, slots=True)
class PhoneFormat:
    """How a phone sends: its codec, packet time, silence suppression and RTP numbers."""

    codec: str = "PCMU"
    ptime_ms: int = 20
    dtx: Dtx = "off"
    noise_dbfs: float = -60.0
    """Level that a comfort noise sender announces, in dBFS."""
    ssrc: int = 0
    first_sequence: int = 0
    first_timestamp: int = 0
    event_payload_type: int = EVENT_TYPE


@dataclass(slots=True)
class _Pending:
    """Packets in order of sending, not yet put on the link."""

    rows: list[NDArray[np.uint8]] = field(default_factory=list)
    media: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Packets of a phone, one a frame, that were sent or will be."""

    pcm: NDArray[np.int16]
    """Their samples before they are coded, (n * 160,)."""
    media: NDArray[np.int64]
    """Their first samples, (n,)."""
    arrival: NDArray[np.int64]
    """Loop times of arrival in nanoseconds, (n,); of no meaning where lost."""
    lost: NDArray[np.bool_]
    silent_after: bool
    """Whether only silence follows."""


class SimulatedPhone:
    """A party's phone on one leg."""

    def __init__(
        self, phone_format: PhoneFormat, timeline: Timeline, clock: SenderClock, link: Link
    ) -> None:
        self.format = phone_format
        self.timeline = timeline
        self.clock = clock
        self.link = link
        self.sent = 0
        """Number of packets sent."""
        codec = CODECS[phone_format.codec]
        self._codec = codec
        coder = codec.coder
        self._encoder = coder.encoder() if isinstance(coder, FrameCoder) else None
        self._encode = coder.encode if isinstance(coder, SampleCoder) else ulaw_encode
        self._step = phone_format.ptime_ms * FRAME_SAMPLES // 20
        self._ticks = codec.ticks_per_sample
        self._period = 0
        """Index of the next packet time to be sent."""
        self._sequence = phone_format.first_sequence
        self._events: dict[int, list[tuple[bytes, bool, int]]] = {}
        self._silent_for = 0
        self.keyed: list[int] = []
        """First samples of packet times in which a key was sent in place of speech."""
        self._flight = PacketsInFlight(link)
        self._ended_at: int | None = None
        self._pressed_until = 0
        self.keys_pressed = 0
        """Number of keys pressed so far."""

    @property
    def fates(self) -> list[PacketFate]:
        """The fates of impaired packets, and of those that a stall has kept from being sent."""
        return self._flight.fates

    @property
    def payload_type(self) -> int:
        """Payload type of the audio that it sends."""
        return self._codec.payload_type

    @property
    def outstanding(self) -> NDArray[np.int64]:
        """First samples (n,) of the packets that have not arrived: in flight, or not yet sent."""
        packets = self._flight.in_flight
        parsed = parse(packets.data, packets.length)
        timestamp = parsed.timestamp[parsed.payload_type == self.payload_type].astype(np.int64)
        media: NDArray[np.int64] = (timestamp - self.format.first_timestamp) & 0xFFFFFFFF
        end = self.timeline.end if self._ended_at is None else self._ended_at
        unsent = np.arange(self._period * self._step, end, self._step)
        return np.concatenate((media // self._ticks, unsent))

    @property
    def sounds_until(self) -> int | None:
        """Sample at which the last sound or key ends; None if plain silence never follows."""
        if self._encoder is not None or self.format.dtx != "off" or self.timeline.has_background:
            return None
        return max(self.timeline.end, self._pressed_until)

    def outlook(self, back: int, ahead: int) -> Outlook | None:
        """Return the packets of the last ``back`` frames, and of up to ``ahead`` to come, as the
        party's timeline has them now.

        None where packets are not one a frame of audio.
        """
        first = max(0, self._period - back)
        pressed = self._events or self._pressed_until > first * self._step
        if (
            self._step != FRAME_SAMPLES
            or self.format.dtx != "off"
            or not self.clock.steady
            or pressed
        ):
            return None
        if self._ended_at is not None:
            return None
        # Behind the last sound there is silence.
        end = min(self._period + ahead, max(self._period, -(-self.timeline.end // self._step)) + 1)
        pcm = self.timeline.look(first * self._step, end * self._step)
        if pcm is None:
            return None
        media = np.arange(first, end) * self._step
        sent = self.clock.time_of(media + self._step)
        fates = self.link.foresee(self._flight.sent - (self._period - first), sent)
        if fates is None:
            return None
        endless = self.timeline.has_background or end * self._step < self.timeline.end
        return Outlook(pcm, media, fates.arrival, fates.lost, not endless)

    def has_arrived(self, end: int) -> bool:
        """Return whether all before a sample was sent, and has arrived or is lost."""
        if self._events or (self._ended_at is None and self._period * self._step < end):
            return False
        packets = self._flight.in_flight
        timestamp = parse(packets.data, packets.length).timestamp.astype(np.int64)
        media = ((timestamp - self.format.first_timestamp) & 0xFFFFFFFF) // self._ticks
        return not (media < end).any()

    # -- what the party does ----------------------------------------------------------------

    def press(self, digits: str, at: int, tone_samples: int, gap_samples: int) -> int:
        """Send digits as telephone events (RFC 4733) from a sample on; return their end sample."""
        self.keys_pressed += len(digits)
        for digit in digits:
            first = -(-at // self._step)
            start = first * self._step
            payloads = event_payloads(digit, tone_samples, ptime=self._step)
            for index, (payload, marker, offset) in enumerate(payloads):
                event = (payload, marker, start + offset)
                self._events.setdefault(first + index, []).append(event)
            # The last packet is repeated beyond the key's release, in place of audio.
            at = max(start + tone_samples + gap_samples, (first + len(payloads)) * self._step)
        self._pressed_until = max(self._pressed_until, at)
        return at

    def end(self, now_ns: int) -> None:
        """Send nothing from a loop time on; does nothing if the phone has ended before."""
        if self._ended_at is not None:
            return
        at = self.clock.sample_at(now_ns)
        self.timeline.cut(at)
        self._ended_at = at

    # -- packets ----------------------------------------------------------------------------

    def pull(self, before_ns: int) -> PacketBlock | None:
        """Return the packets that arrived before a loop time, in order of arrival."""
        count = self._periods_before(before_ns) - self._period
        if count > 0:
            self._send(count)
        return self._flight.take_arrived(before_ns)

    def _periods_before(self, before_ns: int) -> int:
        """Return how many packet times are sent before a loop time.

        A packet leaves when its last sample was said.
        """
        complete = self.clock.sample_at(before_ns)
        periods = complete // self._step
        # A packet that leaves exactly at ``before_ns`` is not before it.
        if periods and self.clock.time_of_one(periods * self._step) >= before_ns:
            periods -= 1
        # The packet in which the phone ends is still sent, filled up with silence.
        if self._ended_at is not None:
            periods = min(periods, -(-self._ended_at // self._step))
        return periods

    def _send(self, count: int) -> None:
        first = self._period
        self._period += count
        plain = self.format.dtx == "off" and not self._events and not self.clock.has_silences
        if plain:
            data, length, media = self._as_block(first, count)
        else:
            data, length, media = self._packet_by_packet(first, count)
        if not len(media):
            return
        leaves = (media // self._step + 1) * self._step
        self._flight.send(data, self.clock.time_of(leaves), media, length)
        self.sent += len(media)

    def _as_block(
        self, first: int, count: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Make packets of audio alone; returns what :meth:`_packet_by_packet` does."""
        start, end = first * self._step, (first + count) * self._step
        if self._encoder is None:
            payload = self._coded(start, end).reshape(count, -1)
            size = np.full(count, payload.shape[1], np.int64)
        else:
            frames = self.timeline.pcm(start, end).reshape(-1, FRAME_SAMPLES)
            coded = encode_frames(self._encoder, frames)
            payload, size = as_rows(equal_rows(coded))
        packets = len(payload)
        media = np.arange(start, end, (end - start) // packets)
        data = build(
            payload,
            payload_type=self._codec.payload_type,
            sequence=np.arange(self._sequence, self._sequence + packets),
            timestamp=self.format.first_timestamp + media * self._ticks,
            ssrc=self.format.ssrc,
            # The first packet of a talk spurt (RFC 3551 section 4.1).
            marker=media < self._step if first == 0 else None,
        )
        self._sequence += packets
        return data, size + HEADER_SIZE, media

    def _coded(self, start: int, end: int) -> NDArray[np.uint8]:
        if self._encode is ulaw_encode:  # which the timeline did when a clip was placed
            return self.timeline.codes(start, end)
        return self._encode(self.timeline.pcm(start, end))

    def _packet_by_packet(
        self, first: int, count: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Make packets one by one: for codecs with memory, digits, comfort noise and stalls.

        Returns the packets (n, width), their lengths (n,) in bytes and first samples (n,).
        """
        pending = _Pending()
        step = self._step
        skipped = []
        quiet = self.clock.silent(np.arange(first, first + count) * step).tolist()
        for period in range(first, first + count):
            start = period * step
            events = self._events.pop(period, [])
            if quiet[period - first]:
                # A stalled sender. The audio is read and dropped: spans must be read in order.
                self.timeline.codes(start, start + step)
                skipped.append(start)
                continue
            for payload, marker, at in events:
                self._add(pending, payload, self.format.event_payload_type, at, marker)
                # An event's timestamp is its beginning (RFC 4733); it is sent at this packet time.
                pending.media[-1] = start
            if not events:
                self._add_audio(pending, start)
            elif self.timeline.spoken_between(start, start + step):
                self.keyed.append(start)
        if skipped:
            media = np.array(skipped, np.int64)
            self._flight.fates.append(PacketFate("stalled", media, self.clock.time_of(media)))
        width = max((len(row) for row in pending.rows), default=HEADER_SIZE)
        data = np.zeros((len(pending.rows), width), np.uint8)
        for index, row in enumerate(pending.rows):
            data[index, : len(row)] = row
        length = np.array([len(row) for row in pending.rows], np.int64)
        return data, length, np.array(pending.media, np.int64)

    def _add_audio(self, pending: _Pending, start: int) -> None:
        """Add the packets of one packet time of audio, or of suppressed silence."""
        step = self._step
        dtx = self.format.dtx
        if dtx != "off" and not self.timeline.sounding(start, start + step):
            self.timeline.codes(start, start + step)
            if dtx == "comfort-noise" and self._silent_for % _NOISE_EVERY == 0:
                self._add(
                    pending, build_comfort_noise(self.format.noise_dbfs), NOISE_TYPE, start, False
                )
            self._silent_for += 1
            return
        marker = start == 0 or self._silent_for > 0
        self._silent_for = 0
        if self._encoder is None:
            payload = self._coded(start, start + step).tobytes()
            self._add(pending, payload, self._codec.payload_type, start, marker)
            return
        pcm = self.timeline.pcm(start, start + step)
        for at in range(0, step, FRAME_SAMPLES):
            payload = self._encoder.encode(pcm[at : at + FRAME_SAMPLES])
            self._add(pending, payload, self._codec.payload_type, start + at, marker)

    def _add(
        self, pending: _Pending, payload: bytes, payload_type: int, media: int, marker: bool
    ) -> None:
        row = build(
            np.frombuffer(payload, np.uint8)[None],
            payload_type=payload_type,
            sequence=np.array([self._sequence]),
            timestamp=np.array([self.format.first_timestamp + media * self._ticks]),
            ssrc=self.format.ssrc,
            marker=np.array([marker]),
        )
        self._sequence += 1
        pending.rows.append(row[0])
        pending.media.append(media)
