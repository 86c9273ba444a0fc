"""The server of ``realtime_capacity.py``: rooms of legs over sockets, all recorded, and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from rtp_generator import Load, payloads, ssrcs

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ULAW_DECODE
from mediasim.media.leg import Leg
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.media.spool import HEADER_SIZE, SpoolFile
from mediasim.media.trunk import Trunk
from mediasim.net.shared_socket import SharedSocket
from mediasim.net.udp import UdpSockets
from mediasim.rtp.ring import UNIT
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat


class Server:
    """Calls of two legs, bridged and recorded dual; or conferences, recorded as one channel."""

    def __init__(
        self, load: Load, ports: list[int], directory: Path, behind: Callable[[], bool]
    ) -> None:
        """``ports`` are the telephones'."""
        self.load = load
        self.plane = MediaPlane(max_lag=1)
        self.plane.reserve(load.all_legs)
        self.sockets: UdpSockets | SharedSocket = SharedSocket() if load.shared else UdpSockets()
        self.trunk = self.plane.trunk = Trunk(self.sockets, behind)
        self.rooms: list[Room] = []
        self.legs: list[list[Leg]] = []
        self.files: list[Path] = []
        self.ports: list[int] = []
        known = ssrcs(load.all_legs).tolist()
        for number in range(load.rooms):
            room = Room(self.plane)
            for member in range(number * load.legs, (number + 1) * load.legs):
                sender = RtpSender("PCMU", ssrc=member + 1, first_sequence=member * 37 & 0xFFFF)
                leg = room.add_leg(str(member), StreamFormat(), sender)
                slot = self.sockets.open()
                self.sockets.connect(slot, ("127.0.0.1", ports[member]))
                if isinstance(self.sockets, SharedSocket):
                    self.sockets.claim(slot, known[member])
                self.trunk.attach(leg, slot)
                self.ports.append(self.sockets.address(slot)[1])
                if load.legs > 2:
                    room.confer(leg, "all")
            if load.legs == 2:
                room.bridge(*room.legs)
            taps = [leg.inbound for leg in room.legs]
            spool = SpoolFile(directory, f"room{number}", 2 if load.legs == 2 else 1, {})
            room.record([[tap] for tap in taps] if load.legs == 2 else [taps], spool)
            self.rooms.append(room)
            self.legs.append(list(room.legs))
            self.files.append(spool.path)

    def close(self) -> None:
        for room in self.rooms:
            room.close()
        self.sockets.close_all()

    def bad_recordings(self) -> int:
        """How many do not hold each packet that was played in its place, and nothing else."""
        return sum(
            not _right(path, legs, self.load)
            for path, legs in zip(self.files, self.legs, strict=True)
        )


def _right(path: Path, legs: list[Leg], load: Load) -> bool:
    raw = np.fromfile(path, np.int16, offset=HEADER_SIZE)
    if load.legs == 2:
        samples = raw.reshape(-1, 2)
        return all(
            _differing(samples[:, side], _expected(len(samples), [leg], load))
            <= _unplayed([leg], load)
            for side, leg in enumerate(legs)
        )
    return _differing(raw, _expected(len(raw), legs, load)) <= _unplayed(legs, load)


def _unplayed(legs: list[Leg], load: Load) -> int:
    """Units that may differ: those of packets that came too late to be played, or never."""
    packets = 0
    for leg in legs:
        assert leg.final_reception is not None
        sent = load.frames - load.first_frame(int(leg.label))
        packets += leg.stream.late + sent - leg.final_reception.received
    return packets * FRAME_SAMPLES // UNIT


def _differing(samples: np.ndarray, expected: np.ndarray) -> int:
    return int((samples != expected).reshape(-1, UNIT).any(axis=1).sum())


def _expected(length: int, legs: list[Leg], load: Load) -> np.ndarray:
    """The sum of what these legs said, each packet where the log of places says."""
    total = np.zeros(length, np.int32)
    for leg in legs:
        number, stream = int(leg.label), leg.stream
        packets = np.arange(load.frames - load.first_frame(number))
        voices = ULAW_DECODE[payloads(np.full(len(packets), number), packets, load)]
        if not stream.shifts:
            return np.full(length, 1, np.int32)  # nothing was heard of it: all is wrong
        first = stream.shifts[0].media
        own = np.zeros(length, np.int32)
        if len(stream.shifts) == 1:  # never moved: one packet behind the other
            at, voice = first + stream.shifts[0].place, voices.reshape(-1)
            own[at : at + len(voice)] = voice[: max(0, length - at)]
            total += own
            continue
        for packet, voice in zip(packets.tolist(), voices, strict=True):
            media = first + packet * FRAME_SAMPLES
            at = media + stream.place_of(media)
            own[at : at + FRAME_SAMPLES] = voice[: max(0, length - at)]
        total += own
    return np.clip(total, -32768, 32767)
