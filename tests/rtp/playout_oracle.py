"""Playout as its rules say it, one packet and one frame at a time, in plain Python.

Slow, and with nothing of the array code but ``place_of``, which is numbers in and numbers out. What
it plays is what :class:`mediasim.rtp.playout.Playout` must play.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pacing_oracle import PlainPacing

from mediasim.audio.g711 import ALAW_DECODE, ULAW_DECODE
from mediasim.rtp.pacing import WINDOW_FRAMES, place_of

__all__ = ["Datagram", "OneStream"]

FRAME = 160
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
    _waiting: list[tuple[int, _Packet]] | None = None
    _places: list[tuple[int, int]] = field(default_factory=list)
    """(from which media time on, place)"""
    _track: NDArray[np.int16] = field(default_factory=lambda: np.zeros(LONGEST * FRAME, np.int16))
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
        self._ssrc = packet.ssrc
        self._sequence, self._timestamp = packet.sequence + (1 << 16), packet.timestamp
        self._media = BASE
        self._seen: set[int] = set()
        self._waiting = []

    def _take(self, packet: _Packet) -> None:
        self._sequence = _nearest(packet.sequence, self._sequence, 16)
        stamped = _nearest(packet.timestamp, self._timestamp, 32)
        self._media += stamped - self._timestamp
        self._timestamp = stamped
        media = self._media
        if self._sequence in self._seen:
            self.duplicates += 1
            return
        self._seen.add(self._sequence)
        self.received += 1
        if packet.payload_type != self.payload_type:
            self.foreign += packet.payload_type != 101
        elif self._waiting is not None:
            self._waiting.append((media, packet))
        else:
            self._place(media, packet)

    def _settle(self, *, last: bool) -> None:
        """Give the stream its place once its first packet is due, or if no more will come."""
        if not self._waiting:
            return
        first, transit = BASE, 0
        for number, (media, packet) in enumerate(self._waiting):
            delay = packet.arrival // SAMPLE_NS - media
            here = (min(first, media), min(transit, delay)) if number else (media, delay)
            due = (here[0] + place_of(here[1], self.depth)) // FRAME
            if number and packet.arrival // FRAME_NS + 1 > due:
                break
            first, transit = here
        else:
            if not last and self._frame < (first + place_of(transit, self.depth)) // FRAME:
                return
        place = place_of(transit, self.depth)
        self._places = [(-(1 << 62), place)]
        self._pacing = PlainPacing(transit - place, self.depth * FRAME, AHEAD * FRAME)
        self._window = (self._waiting[0][1].arrival // FRAME_NS + 1) // WINDOW_FRAMES
        self._least, self._packets, self._newest = 1 << 62, 0, -(1 << 62)
        waiting, self._waiting = self._waiting, None
        for media, packet in waiting:
            self._place(media, packet)

    def _place(self, media: int, packet: _Packet) -> None:
        usable = packet.arrival // FRAME_NS + 1
        if usable // WINDOW_FRAMES != self._window:
            self._close(usable)
        self._least = min(self._least, packet.arrival // SAMPLE_NS - media)
        self._packets += 1
        self._newest = max(self._newest, media)
        place = next(place for since, place in reversed(self._places) if since <= media)
        ahead = (media + place) // FRAME - usable
        if ahead < 0:
            self.late += 1
        elif ahead >= AHEAD:
            self.early += 1
        else:
            decode = ALAW_DECODE if self.payload_type == 8 else ULAW_DECODE
            samples = [int(decode[octet]) for octet in packet.payload]
            self._track[media + place : media + place + len(samples)] = samples

    def _close(self, usable: int) -> None:
        """A window is over: does the stream move?"""
        since, place = self._places[-1]
        move = self._pacing.judge(self._least - place, self._packets)
        if move:
            reach = (usable + AHEAD) * FRAME - place
            turn = max(since, min(self._newest + 1, reach))
            self._places.append((turn, place + move))
            self.moves.append(move)
        self._window, self._least, self._packets = usable // WINDOW_FRAMES, 1 << 62, 0
