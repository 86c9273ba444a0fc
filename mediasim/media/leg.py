"""A leg: the media side of one call, a row of the media plane."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.media.player import Player
from mediasim.media.recorder import Recorder, Tap, Track
from mediasim.media.tracks import Tracks
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.reception import Reception
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import Digit, ReceivedStream

__all__ = [
    "FOREVER",
    "Leg",
    "LegGroup",
    "PacketMux",
    "PacketSink",
    "PacketSource",
    "TrackListener",
    "Transport",
]

FOREVER: Final = 1 << 60
"""More frames than there ever are."""


class PacketSource(Protocol):
    """Where a leg's packets come from: a simulated party behind a link."""

    def pull(self, before_ns: int) -> PacketBlock | None:
        """All packets that arrived before this loop time and were not yet taken, in order."""


class PacketSink(Protocol):
    """Where the packets sent to a leg's party go."""

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """One packet per frame from ``first_frame`` on, sent at its end; arrays (n, size)."""


class PacketMux(Protocol):
    """Carries the packets of many legs together, a frame at a time."""

    def receive(self, known_before: int) -> Iterable[tuple[NDArray[np.int64], PacketBlock]]:
        """All packets usable before this frame and not yet taken, each with its leg's row."""

    def send(self, frame: int, outbound: Tracks) -> None:
        """Send one frame of the legs' outbound tracks."""


class TrackListener(Protocol):
    """Somebody who listens to a track as it comes."""

    horizon: int
    """Frames the plane may run ahead before what was heard must be known."""

    @property
    def patience(self) -> int:
        """The same as long as nothing but silence comes: ``horizon`` or more."""

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """The track's next samples, frame by frame without a gap."""


@dataclass(eq=False, slots=True)
class Leg:
    """One row. Change it only through its room, which lives up to now first."""

    stream: ReceivedStream
    room: LegGroup
    label: str
    sender: RtpSender
    """Makes the packets of the outbound track."""
    silent: Callable[[int], bool] | None = None
    """Tells whether its inbound track is silence from a frame on, until something is done that
    nobody has done yet; None where that is never known."""
    source: PacketSource | None = None
    sink: PacketSink | None = None
    hears: tuple[Leg, ...] = ()
    """Whose inbound tracks make up the outbound one, beside players and a conference."""
    players: list[Player] = field(default_factory=list)
    muted: bool = False
    """Not heard in its conference."""
    conference: Hashable | None = None
    """Which of its room's conferences it is in: the key that all its members have."""
    ears: list[tuple[Track, TrackListener]] = field(default_factory=list)
    on_digit: Callable[[Digit], None] | None = None
    first_frame: int = 0
    """The frame at which it came into being."""
    heard_log: list[tuple[int, tuple[Leg, ...]]] = field(default_factory=list)
    """Whom it heard, from which frame on."""
    played: list[Player] = field(default_factory=list)
    """Everything that was ever played to it."""
    known_missing: list[tuple[int, int]] = field(default_factory=list)
    """What is missing, but for the end of it (:mod:`mediasim.media.missing`)."""
    ended_frame: int | None = None

    final_reception: Reception | None = None
    """What was received of it, once it is over."""

    @property
    def row(self) -> int:
        return self.stream.row

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Output samples (start, end) for which nothing arrived once the stream had begun."""
        if self.final_reception is None:
            self.room.settle_missing(self)
        return self.known_missing

    def heard_since(self, frame: int) -> Iterator[Leg]:
        """Whom it heard from that frame on, in order."""
        ends = [start for start, _ in self.heard_log[1:]]
        for (_, heard), end in zip_longest(self.heard_log, ends):
            if end is None or end > frame:
                yield from heard

    @property
    def inbound(self) -> Tap:
        return Tap(self.row, Track.INBOUND)

    @property
    def outbound(self) -> Tap:
        return Tap(self.row, Track.OUTBOUND)


class LegGroup:
    """Legs that stand at the same frame: a room, as the plane takes it through time."""

    def __init__(self, frame: int, settle_missing: Callable[[Leg], None]) -> None:
        """``settle_missing`` notes what is missing of a leg's stream until now."""
        self.frame = frame
        """The next frame to be lived through."""
        self.settle_missing = settle_missing
        self.legs: list[Leg] = []
        self.recorders: list[Recorder] = []
        self.version = 0
        """Counts changes of who hears whom."""
        self.horizon: int | None = None
        """The most frames to run ahead while somebody listens to whatever may come."""
        self.far_horizons: list[int] = []
        """The same for who listens beyond a leg's sink."""

    def find_horizon(self) -> None:
        """Find it anew after listeners came or went."""
        near = [ear.horizon for leg in self.legs for _, ear in leg.ears]
        self.horizon = min(near + self.far_horizons, default=None)

    @property
    def outlook(self) -> int | None:
        """The most frames to run ahead now: more than the horizon where only silence can come."""
        if self.horizon is None or self.far_horizons:
            return self.horizon
        furthest = FOREVER
        for leg in self.legs:
            if not leg.ears:
                continue
            if leg.silent is None or not leg.silent(self.frame):
                return self.horizon
            for track, ear in leg.ears:
                if track is not Track.INBOUND:
                    return self.horizon
                furthest = min(furthest, ear.patience)
        return furthest


Transport = Callable[[Leg, PacketSource, PacketSink | None], tuple[PacketSource, PacketSink | None]]
"""Carries a leg's packets between party and server, until the leg has ended: given the party's
ends, returns the server's."""
