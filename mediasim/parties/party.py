"""A simulated party, and the line it has on one leg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.media.leg import Leg, PacketSink, PacketSource, Transport
from mediasim.media.player import Player
from mediasim.media.room import Room
from mediasim.net.link import Link
from mediasim.net.network import Impairments
from mediasim.parties.clock import SenderClock
from mediasim.parties.hearing import SpeechTracker
from mediasim.parties.phone import Dtx, PhoneFormat, SimulatedPhone
from mediasim.parties.rtp_receiver import RtpReceiver
from mediasim.parties.shared_playout import shared_playout_of
from mediasim.parties.telephone_line import SendingPath, TelephoneLine, background
from mediasim.parties.timeline import Timeline
from mediasim.rtp.probation import place_of
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.skew_compensation import AHEAD_FRAMES
from mediasim.rtp.stream import StreamFormat
from mediasim.seeds import Seeds

__all__ = ["Line", "Party"]

_PLAYED_OUT: Final = 2 * AHEAD_FRAMES
"""Frames after which whatever had arrived has surely been played, and noticed by who listens."""
_LONG_OVER: Final = 50
"""Frames after the end of a tone in which it is not looked for any more."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the far end: a number, and the telephone and network it has."""

    name: str
    number: str
    codec: str = "PCMU"
    ptime_ms: int = 20
    dtx: Dtx = "off"
    noise_dbfs: float | None = None
    """Background noise of its room, or what its comfort noise announces; None: dead silence."""
    line: TelephoneLine = field(default_factory=TelephoneLine)
    """What its telephone makes of what it says."""
    reaction_frames: int = 10
    """Frames between hearing something and acting on it."""
    up: Impairments = field(default_factory=Impairments)
    """Its network to the server, with the clock of what it sends."""
    down: Impairments = field(default_factory=Impairments)
    depth: int = 3
    """Frames of the server's playout buffer for it."""
    conceal: bool = False

    @property
    def noisy(self) -> bool:
        """Whether noise is sent also while nothing is said."""
        return self.dtx == "off" and (self.noise_dbfs is not None or self.line.noisy)

    @property
    def path_samples(self) -> int:
        """Samples from when a word is said to when the server plays it, on an unimpaired path.

        A packet leaves when its last sample is said.
        """
        step = self.ptime_ms * FRAME_SAMPLES // 20
        return place_of(step + self.up.delay // SAMPLE_NS, self.depth)

    @property
    def path_frames(self) -> int:
        """Frames until all of what was said by now has been played by the server."""
        return -(-self.path_samples // FRAME_SAMPLES)


class Line:
    """A party on one leg: its mouth (a phone) and, when it has to listen, its ear."""

    def __init__(self, party: Party, room: Room, label: str, seeds: Seeds, start_ns: int) -> None:
        """``label`` must be the line's own in the run: random streams are named by it."""
        self.party = party
        self.room = room
        self.label = label
        self._seeds = seeds.fork(label)
        streams = self._seeds.generator("rtp").integers(0, 1 << 32, 6).tolist()
        path = SendingPath.of(party.line, self._seeds.fork("line"))
        self.sending_path = path
        """What its telephone makes of what is said; None of a clean one."""
        self.timeline = Timeline(
            background(path, party.noise_dbfs, self._seeds) if party.noisy else None,
            None if path is None else path.sent,
        )
        announced = (party.noise_dbfs, None if path is None else path.noise_dbfs, -60.0)
        self.clock = SenderClock(start_ns, party.up.skew, party.up.stalls)
        self.phone = SimulatedPhone(
            PhoneFormat(
                codec=party.codec,
                ptime_ms=party.ptime_ms,
                dtx=party.dtx,
                noise_dbfs=next(level for level in announced if level is not None),
                ssrc=streams[0],
                first_sequence=streams[1] & 0xFFFF,
                first_timestamp=streams[2],
            ),
            self.timeline,
            self.clock,
            Link(party.up, self._seeds.key("uplink"), party.ptime_ms * 1_000_000),
        )
        stream_format = StreamFormat(
            codec=party.codec,
            payload_type=self.phone.payload_type,
            depth=party.depth,
            conceal=party.conceal,
            noise_key=self._seeds.key("comfort-noise"),
        )
        sender = RtpSender(
            party.codec,
            ssrc=streams[3],
            first_sequence=streams[4] & 0xFFFF,
            first_timestamp=streams[5],
        )
        self.leg: Leg = room.add_leg(label, stream_format, sender)
        self.tracker = SpeechTracker()
        """Follows the words of other parties and of the app."""
        self.everything: SpeechTracker | None = None
        """Follows all that is heard, where that is wanted."""
        self.ear: RtpReceiver | None = None
        self._tones: list[Player] = []
        """Ringing and the like, of which something may still be heard,"""
        self._tones_of = 0
        """among so many things that were played to the leg."""
        self._arrived: tuple[int, int] | None = None
        """Everything until this sample had arrived at this frame."""

    def connect(self, transport: Transport | None, *, listens: bool) -> None:
        """Begin to send, and to hear if it has to."""
        if listens or not self.party.down.clean:
            self.ear = RtpReceiver(
                StreamFormat(codec=self.party.codec, payload_type=self.phone.payload_type),
                Link(self.party.down, self._seeds.key("downlink")),
                self.room.plane.playout.max_block,
            )
            self.ear.listeners.append(self._hear)
            if self.room.plane.max_lag == 1:
                shared_playout_of(self.room.plane).join(self.ear, self.leg)
        source: PacketSource = self.phone
        sink: PacketSink | None = self.ear
        if transport is not None:
            source, sink = transport(self.leg, source, sink)
        else:
            self.leg.silent = self._silent
        self.room.connect(self.leg, source=source, sink=sink)

    def hear_everything(self) -> None:
        """Follow all that is heard too, ringing and hold music included."""
        if self.everything is None and self.ear is not None:
            self.everything = SpeechTracker()
            self.ear.listeners.append(self.everything.hear)

    def _hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        self.tracker.hear(first_frame, pcm, self._wordless(first_frame, len(pcm) // FRAME_SAMPLES))

    def _wordless(self, first_frame: int, count: int) -> NDArray[np.bool_] | None:
        """Which frames hold ringing, hold music or announcements of the network."""
        played = self.leg.played
        self._tones += [player for player in played[self._tones_of :] if not player.speech]
        self._tones_of = len(played)
        if not self._tones or self.ear is None:
            return None
        frames = np.arange(first_frame, first_frame + count)
        found = np.zeros(count, np.bool_)
        for player in tuple(self._tones):
            start = self.ear.heard_at(player.first_frame * FRAME_SAMPLES, self.leg.sender)
            if start is None:
                return None
            heard = frames >= start // FRAME_SAMPLES
            if player.end_frame is not None:
                end = self.ear.heard_at(player.end_frame * FRAME_SAMPLES, self.leg.sender)
                assert end is not None
                # A codec's last frame rings on into the next.
                last = -(-end // FRAME_SAMPLES)
                heard &= frames <= last
                if first_frame > last + _LONG_OVER:
                    self._tones.remove(player)
            found |= heard
        return found

    def _silent(self, frame: int) -> bool:
        """Whether the server hears nothing of it from a frame on, unless it says something more."""
        end = self.phone.sounds_until
        if end is None:
            return False
        if self._arrived is None or self._arrived[0] != end:
            if not self.phone.has_arrived(end):
                return False
            self._arrived = end, frame
        return frame - self._arrived[1] >= _PLAYED_OUT

    def listen_from_now(self) -> None:
        """What was sent before now, ringing for one, is nobody speaking to the party."""
        if self.ear is not None:
            for tracker in (self.tracker, self.everything):
                if tracker is not None:
                    tracker.ignore_before(self.room.plane.now + self.ear.path_frames)

    async def hearing(self, ask: Callable[[Callable[[int], None]], None]) -> None:
        """Wait for something to be heard, then for the party's reaction to it.

        ``ask`` is given what to call with the frame at which it was heard.
        """
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[None] = loop.create_future()

        def fired(frame: int) -> None:
            at = (frame + self.party.reaction_frames) * FRAME_NS / 1e9
            loop.call_at(max(at, loop.time()), _resolve, heard)

        self.room.bound(self.party.reaction_frames)
        ask(fired)
        try:
            await heard
        finally:
            self.room.unbound(self.party.reaction_frames)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
