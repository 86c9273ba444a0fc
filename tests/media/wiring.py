"""A room of legs whose parties are written down beforehand, and what each of them was sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.media.leg import Leg
from mediasim.media.plane import MediaPlane
from mediasim.media.recorder import Recorder, Tap
from mediasim.media.room import Room
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat
from mediasim.seeds import Seeds

__all__ = ["PATH", "Heard", "Kept", "Samples", "Talker", "Wiring", "stands_at", "voice"]

Samples = NDArray[np.int16]

PATH = 5
"""Frames from when a word is said to when the server plays it."""


def voice(name: str, frames: int, level: float = -20.0) -> Samples:
    """A noise of its own that mu-law does not change: (frames * 160,)."""
    pcm = noise("white", frames * FRAME_SAMPLES, level, Seeds(1).generator(name))
    return ulaw_decode(ulaw_encode(pcm))


def stands_at(track: Samples, sound: Samples) -> int | None:
    """The first sample at which a sound stands in a track, exactly as it is; None if nowhere."""
    for start in np.flatnonzero(track == sound[0]).tolist():
        if np.array_equal(track[start : start + len(sound)], sound):
            return int(start)
    return None


class Talker:
    """A party that says ``pcm`` from a frame on, less the frames that are lost."""

    def __init__(
        self,
        pcm: Samples,
        first_frame: int = 0,
        *,
        lost: Collection[int] = (),
        first_sequence: int = 0,
    ) -> None:
        sender = RtpSender("PCMU", ssrc=77, first_sequence=first_sequence)
        frames = pcm.reshape(-1, FRAME_SAMPLES)
        (data,) = sender.packets(frames, first_frame)
        count = len(frames)
        block = PacketBlock(
            data,
            np.full(count, data.shape[1], np.int64),
            (first_frame + np.arange(count) + 1) * FRAME_NS,
        )
        arriving = [number for number in range(count) if number not in lost]
        self._block = block.select(np.array(arriving, np.intp))

    def pull(self, before_ns: int) -> PacketBlock | None:
        arrived = int(np.searchsorted(self._block.arrival, before_ns))
        taken = self._block.between(0, arrived)
        self._block = self._block.between(arrived, len(self._block))
        return taken if arrived else None


class Heard:
    """A leg's sink: what was sent to its party."""

    def __init__(self) -> None:
        self.first_frame: int | None = None
        self._pieces: list[Samples] = []

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        if self.first_frame is None:
            self.first_frame = first_frame
        assert first_frame == self.first_frame + self.frames, "a frame twice, or never"
        for data in packets:
            self._pieces.append(ulaw_decode(data[:, HEADER_SIZE:]).reshape(-1))

    @property
    def frames(self) -> int:
        return sum(len(piece) for piece in self._pieces) // FRAME_SAMPLES

    @property
    def pcm(self) -> Samples:
        return np.concatenate(self._pieces) if self._pieces else np.empty(0, np.int16)

    def between(self, first: int, end: int) -> Samples:
        """Frames ``first .. end`` of the frame clock."""
        start = (first - (self.first_frame or 0)) * FRAME_SAMPLES
        return self.pcm[start : start + (end - first) * FRAME_SAMPLES]


class Kept:
    """A recorder's sink."""

    def __init__(self, channels: int) -> None:
        self.closed = False
        self._pieces = [np.empty((0, channels), np.int16)]

    def write(self, samples: Samples) -> None:
        assert not self.closed
        self._pieces.append(samples.copy())

    def close(self) -> None:
        self.closed = True

    @property
    def pcm(self) -> Samples:
        """(channels, samples)."""
        return np.concatenate(self._pieces).T


class Wiring:
    """One plane with one room."""

    def __init__(self, max_lag: int = 256) -> None:
        self.plane = MediaPlane(max_lag=max_lag)
        self.room: Room = Room(self.plane)
        self.heard: dict[str, Heard] = {}

    def leg(
        self,
        name: str,
        pcm: Samples | None = None,
        *,
        lost: Collection[int] = (),
        first_sequence: int = 0,
        room: Room | None = None,
    ) -> Leg:
        """A leg whose party speaks from now on."""
        room = room or self.room
        leg = room.add_leg(name, StreamFormat(), RtpSender("PCMU", ssrc=len(self.heard)))
        source = None
        if pcm is not None:
            source = Talker(pcm, self.plane.now, lost=lost, first_sequence=first_sequence)
        self.heard[name] = Heard()
        room.connect(leg, source=source, sink=self.heard[name])
        return leg

    def go(self, to_frame: int) -> None:
        """Let now become ``to_frame``, in as few steps as the plane allows."""
        while self.plane.advance(to_frame) < to_frame:
            pass

    def sent(self, name: str) -> Heard:
        """What a leg's party has been sent until now."""
        self.plane.catch_up(self.room)
        return self.heard[name]

    def record(self, *channels: Iterable[Tap]) -> tuple[Recorder, Kept]:
        sink = Kept(len(channels))
        return self.room.record(channels, sink), sink
