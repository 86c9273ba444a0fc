"""A leg: the media side of one call, a row of the media plane."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.media.key_clamp import KeyClamp
from mediasim.media.player import Player
from mediasim.media.recorder import Recorder, Tap, Track
from mediasim.media.tracks import Tracks
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.reception import Reception
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import Digit, ReceivedStream

__all__ = [
    "FOREVER",
    "FarListener",
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
    """A source of a leg's packets: a simulated party behind a link."""

    def pull(self, before_ns: int) -> PacketBlock | None:
        """Return all packets that arrived before this loop time, each once and in order."""


class PacketSink(Protocol):
    """A sink of the packets sent to a leg's party."""

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Send one packet per frame from ``first_frame`` on, at its end; arrays (n, size)."""


class PacketMux(Protocol):
    """Carries the packets of many legs together, a frame at a time."""

    def receive(self, known_before: int) -> Iterable[tuple[NDArray[np.int64], PacketBlock]]:
        """Yield all packets usable before this frame, each once, with their legs' rows (n,)."""

    def send(self, frame: int, outbound: Tracks) -> None:
        """Send one frame of the legs' outbound tracks."""


class FarListener(Protocol):
    """A listener to what a leg's party hears, beyond the leg's sink."""

    horizon: int
    """Frames that the plane may always advance before the listener must have heard them."""

    @property
    def reach(self) -> int:
        """The horizon by what the listener has heard up to now: ``horizon`` or more."""


class TrackListener(FarListener, Protocol):
    """A listener to a track as its audio comes."""

    @property
    def patience(self) -> int:
        """The horizon as long as nothing but silence comes: ``reach`` or more."""

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Process the track's next samples, without a gap."""


@dataclass(eq=False, slots=True)
class Leg:
    """The media side of one call: a row of the media plane.

    Change it only through its room, which first advances it to the present frame.
    """

    stream: ReceivedStream
    """The received stream: its inbound track."""
    room: LegGroup
    """The room it belongs to."""
    label: str
    """Its name in reports and errors."""
    sender: RtpSender
    """Makes the packets of the outbound track."""
    silent: Callable[[int], bool] | None = None
    """Returns whether the inbound track is silent from a frame on until something new is done; None
    if that is never known."""
    source: PacketSource | None = None
    """The source of its packets; None if the plane's mux carries them."""
    sink: PacketSink | None = None
    """The sink of the packets sent to it; None if they are not needed, or the mux carries them."""
    hears: tuple[Leg, ...] = ()
    """Legs whose inbound tracks make up the outbound one, beside players and a conference."""
    players: list[Player] = field(default_factory=list)
    """Players that sound on the outbound track."""
    muted: bool = False
    """Whether it is not heard in its conference."""
    conference: Hashable | None = None
    """Key of the conference in the room that it is a member of; None for none."""
    listeners: list[tuple[Track, TrackListener]] = field(default_factory=list)
    on_digit: Callable[[Digit], None] | None = None
    """Called with each digit received as telephone events."""
    clamp: KeyClamp | None = None
    """Takes the tones of keys out of the inbound track; None while they are left in."""
    clamps: list[KeyClamp] = field(default_factory=list)
    """All clamps that the inbound track ever had, in order."""
    first_frame: int = 0
    """The frame in which it was created."""
    heard_log: list[tuple[int, tuple[Leg, ...]]] = field(default_factory=list)
    """Legs that it heard, each entry with the frame from which on it holds."""
    conference_log: list[tuple[int, Hashable | None, bool]] = field(default_factory=list)
    """Conferences that it was in, None for none, and whether it was muted; each entry with the
    frame from which on it holds."""
    played: list[Player] = field(default_factory=list)
    """All players that ever sounded on it."""
    known_missing: list[tuple[int, int]] = field(default_factory=list)
    """Missing audio but for the last gap, which may still grow (:class:`Missing`)."""
    ended_frame: int | None = None
    """The frame in which it ended; None before."""

    final_reception: Reception | None = None
    """Reception statistics once it has ended; None before."""
    has_sounded: bool = False
    """Whether its inbound track has held anything but silence, once it has ended."""

    @property
    def row(self) -> int:
        """Its row in the media plane."""
        return self.stream.row

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Output samples (start, end) for which nothing arrived once the stream had begun."""
        if self.final_reception is None:
            self.room.settle_missing(self)
        return self.known_missing

    def received(self, start: int, end: int) -> int:
        """Return how many output samples of ``start .. end`` arrived, comfort noise included."""
        shifts = self.stream.shifts
        if not shifts:
            return 0  # nothing has ever arrived
        start = max(start, shifts[0].media + shifts[0].offset - self.stream.lead)
        noise = [each[:2] for each in self.stream.gaps.filled if each[2] == "comfort-noise"]
        lacking, noisy = (
            sum(max(0, min(end, high) - max(start, low)) for low, high in spans)
            for spans in (self.missing, noise)
        )
        return max(0, end - start) - lacking + noisy

    def heard_since(self, frame: int) -> Iterator[Leg]:
        """Yield the legs that it heard from a frame on, in order."""
        ends = [start for start, _ in self.heard_log[1:]]
        for (_, heard), end in zip_longest(self.heard_log, ends):
            if end is None or end > frame:
                yield from heard

    @property
    def inbound(self) -> Tap:
        """The tap of the inbound track."""
        return Tap(self.row, Track.INBOUND)

    @property
    def outbound(self) -> Tap:
        """The tap of the outbound track."""
        return Tap(self.row, Track.OUTBOUND)


class LegGroup:
    """Legs that stand at the same frame: a room, as the plane advances it."""

    def __init__(self, frame: int, settle_missing: Callable[[Leg], None]) -> None:
        """``settle_missing`` enters a leg's open gap into its list."""
        self.frame = frame
        """The next frame to be processed."""
        self.settle_missing = settle_missing
        self.legs: list[Leg] = []
        self.recorders: list[Recorder] = []
        self.version = 0
        """Number of changes so far, by which routes are known to be outdated."""
        self.horizon: int | None = None
        """The most frames to advance at once for the listeners, whatever comes; None for no
        limit."""
        self.far_listeners: list[FarListener] = []
        """Listeners beyond a leg's sink."""
        self.patient_listeners: list[FarListener] = []
        """Those of them that may hear frames later than they are due, up to their reach."""
        self.may_lag = True
        """Whether no listener needs to hear frames as soon as they are due."""

    def find_horizon(self) -> None:
        """Update the horizon after listeners came or went."""
        listened = any(leg.listeners for leg in self.legs)
        self.may_lag = not listened and len(self.patient_listeners) == len(self.far_listeners)
        near = [listener.horizon for leg in self.legs for _, listener in leg.listeners]
        far = [listener.horizon for listener in self.far_listeners]
        self.horizon = min(near + far, default=None)

    @property
    def outlook(self) -> int | None:
        """The most frames to advance now: more than the horizon where no listener can find what it
        waits for so soon."""
        if self.horizon is None:
            return None
        furthest = min((listener.reach for listener in self.far_listeners), default=FOREVER)
        for leg in self.legs:
            if not leg.listeners:
                continue
            silent = leg.silent is not None and leg.silent(self.frame)
            for track, listener in leg.listeners:
                quiet = silent and track is Track.INBOUND
                furthest = min(furthest, listener.patience if quiet else listener.reach)
        return furthest


Transport = Callable[[Leg, PacketSource, PacketSink | None], tuple[PacketSource, PacketSink | None]]
"""Carries a leg's packets between party and server until the leg has ended: given the party's ends,
returns the server's."""
