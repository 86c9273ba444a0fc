"""Playout as its rules say it, one packet and one frame at a time, in plain Python.

Slow, and with nothing of the array code but ``offset_of``, which is numbers in and numbers out.
What it plays is what :class:`mediasim.rtp.playout.Playout` must play.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pacing_oracle import PlainPacing

from mediasim.audio.g711 import ALAW_DECODE, ULAW_DECODE
from mediasim.rtp.playout_offsets import WINDOW_FRAMES
from mediasim.rtp.probation import STEP, offset_of

__all__ = ["Datagram", "OneStream"]

FRAME = 160
JUMP = 480
MISORDER = 100
FRAME_NS = 20_000_000
SAMPLE_NS = 125_000
AHEAD = 64
BASE = FRAME << 24
LONGEST = 1000
"""Frames it can play."""


@dataclass(frozen=True)
class Datagram:
    """Bytes and when they arrived (ns)."""

    arrival: int
    data: bytes

    @property
    def usable(self) -> int:
        return self.arrival // FRAME_NS + 1


@dataclass
class _Packet:
    """What an RTP packet says."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    arrival: int

    @property
    def usable(self) -> int:
        return self.arrival // FRAME_NS + 1


@dataclass
class _Trial:
    """Packets off the line: (sequence, media, packet)."""

    kept: list[tuple[int, int, _Packet]]
    stepped: bool
    place: int
    due: int
    passed: int = 0

    @property
    def expires(self) -> int:
        return max(self.due, self.kept[0][2].usable + 10)


def _read(datagram: Datagram) -> _Packet | None:
    data = datagram.data
    if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return None
    start = 12 + 4 * (data[0] & 15)
    end = len(data)
    if data[0] & 0x10:
        if start + 4 > end:
            return None
        start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
    if data[0] & 0x20 and start < end:
        if data[-1] == 0:
            return None
        end -= data[-1]
    if start > end:
        return None
    sequence, timestamp, ssrc = struct.unpack_from("!HII", data, 2)
    return _Packet(data[1] & 0x7F, sequence, timestamp, ssrc, data[start:end], datagram.arrival)


def _nearest(value: int, reference: int, bits: int) -> int:
    """The number nearest to the reference that ends in these bits."""
    step = (value - reference) & ((1 << bits) - 1)
    return reference + (step if step < 1 << (bits - 1) else step - (1 << bits))


@dataclass
class OneStream:
    """One row."""

    payload_type: int = 0
    depth: int = 3
    played: list[int] = field(default_factory=list)
    malformed: int = 0
    foreign: int = 0
    late: int = 0
    early: int = 0
    duplicates: int = 0
    received: int = 0
    moves: list[int] = field(default_factory=list)
    _ssrc: int | None = None
    _held: _Packet | None = None
    _waiting: list[_Packet] | None = None
    _trial: _Trial | None = None
    _places: list[tuple[int, int]] = field(default_factory=list)
    """(from which media time on, place)"""
    _track: NDArray[np.int16] = field(default_factory=lambda: np.zeros(LONGEST * FRAME, np.int16))
    _have: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(LONGEST * FRAME, np.bool_))
    _frame: int = 0

    def frame(self, datagrams: list[Datagram]) -> None:
        """Take what can be used in the next frame for the first time, then play it."""
        for datagram in datagrams:
            packet = _read(datagram)
            if packet is None:
                self.malformed += 1
            else:
                self._follow(packet)
        self._settle(last=False)
        self._decide(self._frame + 1)
        now = slice(self._frame * FRAME, (self._frame + 1) * FRAME)
        self.played += self._track[now].tolist()
        self._frame += 1

    def _follow(self, packet: _Packet) -> None:
        if self._ssrc is None:
            self._begin(packet)
        elif packet.ssrc != self._ssrc:
            held, self._held = self._held, packet
            if held is None:
                return
            if held.ssrc != packet.ssrc or (held.sequence + 1) & 0xFFFF != packet.sequence:
                self.foreign += 1
                return
            self._held = None
            held.arrival = packet.arrival
            self._begin(held)
            self._take(held)
        else:
            self.foreign += self._held is not None
            self._held = None
        self._take(packet)

    def _begin(self, packet: _Packet) -> None:
        self._settle(last=True)
        self._decide(1 << 60)
        self._ssrc = packet.ssrc
        self._go_to(packet.sequence + (1 << 16), BASE, packet)
        self._seen: set[tuple[int, int]] = set()
        self._waiting = []

    # -- numbers ------------------------------------------------------------------------------

    def _go_to(self, sequence: int, media: int, packet: _Packet) -> None:
        """What the next packets of the line are compared with."""
        self._sequence, self._media = sequence, media
        self._timestamp, self._arrival = packet.timestamp, packet.arrival

    def _unwrapped(self, packet: _Packet) -> tuple[int, int]:
        sequence = _nearest(packet.sequence, self._sequence, 16)
        media = self._media + _nearest(packet.timestamp, self._timestamp, 32) - self._timestamp
        return sequence, media

    def _is_new(self, sequence: int, media: int) -> bool:
        """Count it."""
        if (sequence, media) in self._seen:
            self.duplicates += 1
            return False
        self._seen.add((sequence, media))
        self.received += 1
        return True

    def _take(self, packet: _Packet) -> None:
        if packet.payload_type not in (0, 8):  # what is static is heard, whatever was agreed on
            sequence, media = self._unwrapped(packet)
            if self._is_new(sequence, media):
                self.foreign += packet.payload_type != 101
        elif self._waiting is not None:
            self._waiting.append(packet)
            self._settle(last=False, frame=packet.usable - 1)
        else:
            self._line(packet)

    # -- the first packets --------------------------------------------------------------------

    def _settle(self, *, last: bool, frame: int | None = None) -> None:
        """Give the stream its place once its first packet is due, or if no more will come."""
        if not self._waiting:
            return
        first, transit = BASE, 0
        for number, packet in enumerate(self._waiting):
            _, media = self._unwrapped(packet)
            delay = packet.arrival // SAMPLE_NS - media
            if number and abs(delay - transit) > AHEAD * FRAME:
                continue
            here = (min(first, media), min(transit, delay)) if number else (media, delay)
            due = (here[0] + offset_of(here[1], self.depth)) // FRAME
            if number and packet.usable > due:
                break
            first, transit = here
        else:
            now = self._frame if frame is None else frame
            if not last and now < (first + offset_of(transit, self.depth)) // FRAME:
                return
        place = offset_of(transit, self.depth)
        self._places = [(-(1 << 62), place)]
        self._pacing = PlainPacing(transit - place, self.depth * FRAME, AHEAD * FRAME)
        self._reference = transit - place
        self._window = self._waiting[0].usable // WINDOW_FRAMES
        self._least, self._packets, self._newest = 1 << 62, 0, -(1 << 62)
        self._most = self._most_before = -(1 << 62)
        waiting, self._waiting = self._waiting, None
        sequence, media = self._unwrapped(waiting[0])
        self._go_to(sequence, media, waiting[0])
        for packet in waiting:
            self._line(packet)

    # -- packets of a stream that has its place -------------------------------------------------

    def _place_at(self, media: int) -> int:
        return next(place for since, place in reversed(self._places) if since <= media)

    def _line(self, packet: _Packet) -> None:
        """A packet is on the line, or kept aside until it is known what it is."""
        self._decide(packet.usable)
        sequence, media = self._unwrapped(packet)
        delay = packet.arrival // SAMPLE_NS - media
        if self._trial is not None and self._stays_aside(sequence, media, packet):
            return
        self._roll(packet.usable)
        stepped = self._contradicts(sequence, media, packet)
        if self._trial is not None and len(self._trial.kept) == 1 and stepped:
            self._drop(packet.usable)
        late = (media + self._place_at(media)) // FRAME < packet.usable
        too_late = late and delay > max(self._most, self._most_before)
        overtaken = (
            0 < self._sequence_top - sequence <= MISORDER
            and 0 < self._newest - media <= min((self._sequence_top - sequence) * 480, 4000)
            and (sequence, media) not in self._seen
        )
        if self._trial is None and (stepped or (too_late and not overtaken)):
            self._keep_aside(sequence, media, packet, stepped=stepped)
            return
        if media > self._media:
            self._go_to(sequence, media, packet)
        if not self._is_new(sequence, media):
            return
        self._least, self._most = min(self._least, delay), max(self._most, delay)
        self._packets += 1
        self._newest = max(self._newest, media)
        self._play(media, packet, packet.usable)

    def _play(self, media: int, packet: _Packet, frame: int) -> None:
        output = media + self._place_at(media)
        ahead = output // FRAME - max(frame, packet.usable)
        if ahead < 0:
            self.late += 1
        elif ahead >= AHEAD:
            self.early += 1
        else:
            decode = ALAW_DECODE if packet.payload_type == 8 else ULAW_DECODE
            samples = [int(decode[octet]) for octet in packet.payload]
            self._track[output : output + len(samples)] = samples
            self._have[output : output + len(samples)] = True

    def _contradicts(self, sequence: int, media: int, packet: _Packet) -> bool:
        """Whether the timestamp says other than number and arrival."""
        numbers, step = sequence - self._sequence, media - self._media
        overtaken = -MISORDER <= numbers < 0 and step <= numbers * 40
        copy = numbers == 0 and (step == 0 or (sequence, media) in self._seen)
        if step <= 0:
            output = media + self._place_at(media)
            there = self._have[output : output + len(packet.payload)].any()
            fits = output // FRAME >= packet.usable and not there
            return not (overtaken or copy or fits)
        waited = (packet.arrival - self._arrival) // SAMPLE_NS
        slack = packet.arrival // SAMPLE_NS - media - self._place_at(media)
        early = slack - self._reference < -JUMP
        leapt = step - (numbers if 0 < numbers <= 50 else 1) * len(packet.payload)
        return early and step - waited >= JUMP and leapt >= JUMP

    # -- packets kept aside -----------------------------------------------------------------------

    def _keep_aside(self, sequence: int, media: int, packet: _Packet, *, stepped: bool) -> None:
        place = offset_of(packet.arrival // SAMPLE_NS - media, self.depth)
        due = (media + place) // FRAME
        self._trial = _Trial([(sequence, media, packet)], stepped, place, due)
        self._count_aside(media, packet)

    def _count_aside(self, media: int, packet: _Packet) -> None:
        if (media + self._place_at(media)) // FRAME < packet.usable:
            self._least = min(self._least, packet.arrival // SAMPLE_NS - media)
            self._packets += 1

    def _stays_aside(self, sequence: int, media: int, packet: _Packet) -> bool:
        """With others kept aside: whether it is one of them, or none of anything."""
        trial = self._trial
        assert trial is not None
        if any((sequence, packet.timestamp) == (kept[0], kept[2].timestamp) for kept in trial.kept):
            self.duplicates += 1
            return True
        self._roll(packet.usable, moves=len(trial.kept) == 1 or trial.stepped)
        last_sequence, last_media, last = trial.kept[-1]
        numbers, since, size = sequence - last_sequence, media - last_media, len(last.payload)
        exactly = since == (numbers * size if -2 <= numbers < 0 else size)
        follows = 0 < numbers <= 50 and since == numbers * size
        follows = follows or (exactly and (sequence, media) not in self._seen)
        if not (trial.stepped and follows):
            delay = packet.arrival // SAMPLE_NS - media
            place = self._place_at(media)
            if (media + place) // FRAME < packet.usable:
                on = delay <= max(self._most, self._most_before)
            else:
                on = delay - place - self._reference >= -JUMP
            back = not trial.stepped and trial.kept[0][1] <= self._newest
            if media > self._newest and (on or back):
                copy = trial.kept[0][:2] in self._seen
                hole = 0 < trial.kept[0][0] - sequence <= 2
                trial.passed += not hole
                few = len(trial.kept) == 1 and not copy and trial.passed <= 2
                if not (trial.stepped and (hole or few)):
                    self._drop(packet.usable)
                return False
            if on:
                return False
            if not 0 <= (media + trial.place) // FRAME - packet.usable < AHEAD:
                if len(trial.kept) > 1 and 0 < numbers <= 50:
                    self._begin_anew(trial)
                    self._line(packet)
                elif len(trial.kept) == 1 and (sequence, media) not in self._seen:
                    self._drop(packet.usable)
                    self._line(packet)
                elif self._is_new(sequence, media):
                    self._play(media, packet, packet.usable)
                return True
            old, first = (sequence, media) in self._seen, trial.kept[0][:2] in self._seen
            mixed = old != first and since not in (size, numbers * size)
            if not trial.stepped and (media <= self._newest) != (trial.kept[0][1] <= self._newest):
                old, mixed = media <= self._newest, True
            if mixed and old:
                if self._is_new(sequence, media):
                    self._play(media, packet, packet.usable)
                return True
            if mixed and len(trial.kept) == 1:
                self._drop(packet.usable)
                self._line(packet)
                return True
        trial.kept.append((sequence, media, packet))
        if len(trial.kept) == 2:
            trial.due = max(trial.due, packet.usable)
        self._count_aside(media, packet)
        return True

    def _decide(self, known_before: int) -> None:
        """All packets usable before this frame have come."""
        while (trial := self._trial) is not None:
            if len(trial.kept) > 1 and known_before > trial.due:
                self._begin_anew(trial)
            elif len(trial.kept) == 1 and known_before > trial.expires:
                self._drop(trial.expires)
            else:
                return

    def _drop(self, frame: int) -> None:
        """They were strays, or merely late."""
        trial, self._trial = self._trial, None
        assert trial is not None
        for _, media, packet in trial.kept:
            if media > self._newest and not trial.stepped:
                self._most = max(self._most, packet.arrival // SAMPLE_NS - media)
        stray = trial.stepped and all(media <= self._newest for _, media, _ in trial.kept)
        for sequence, media, packet in trial.kept:
            if self._is_new(sequence, media):
                self._play(media, packet, 1 << 48 if stray else frame)

    def _begin_anew(self, trial: _Trial) -> None:
        self._trial = None
        first = min(media for _, media, _ in trial.kept)
        output = max(first + trial.place, trial.due * FRAME)
        place = self._place_at(max(first, self._newest))
        rebased = 0
        if trial.stepped or first <= self._newest:
            sequence, media, packet = trial.kept[0]
            rebased = self._newest + len(packet.payload) - first
            self._go_to(sequence, media + rebased, packet)
            if self._seen and not 0 < sequence - self._sequence_top <= 3000:
                self._seen = set()
        begins = first + rebased
        later = -(-(output - begins - place) // STEP) * STEP
        reach = (trial.due + AHEAD) * FRAME - begins
        moved = max(later, min(0, (reach - place) // STEP * STEP))
        self._places.append((begins, place + moved))
        self.moves += [moved] if moved else []
        transit = min(packet.arrival // SAMPLE_NS - media for _, media, packet in trial.kept)
        self._reference = transit - rebased - place - moved
        self._pacing = PlainPacing(self._reference, self.depth * FRAME, AHEAD * FRAME)
        self._window = trial.kept[0][2].usable // WINDOW_FRAMES
        self._least, self._packets = 1 << 62, 0
        self._most = self._most_before = -(1 << 62)
        for _, _, packet in trial.kept:
            self._line(packet)

    @property
    def _sequence_top(self) -> int:
        """The highest number received."""
        return max((sequence for sequence, _ in self._seen), default=0)

    def _roll(self, usable: int, *, moves: bool = True) -> None:
        """A window is over: does the stream move?"""
        if usable // WINDOW_FRAMES == self._window:
            return
        since, place = self._places[-1]
        move = self._pacing.judge(self._least - place, self._packets) if moves else 0
        if move:
            reach = (usable + AHEAD) * FRAME - place
            turn = max(since, min(self._newest + 1, reach))
            self._places.append((turn, place + move))
            self.moves.append(move)
        if self._packets:
            self._most_before = self._most
        self._most = -(1 << 62)
        self._window, self._least, self._packets = usable // WINDOW_FRAMES, 1 << 62, 0
