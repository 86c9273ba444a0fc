"""A simulated party, and its line on one leg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.media.leg import FOREVER, Leg, PacketSink, PacketSource, Transport
from mediasim.media.player import Player
from mediasim.media.room import Room
from mediasim.net.link import Link
from mediasim.net.network import Impairments
from mediasim.net.telephone_line import TelephoneLine
from mediasim.parties.clock import SenderClock
from mediasim.parties.echo import Echo
from mediasim.parties.foresight import heard_ahead, timelines_of
from mediasim.parties.gain_control import GainControl
from mediasim.parties.hearing import HeardAhead, SpeechTracker
from mediasim.parties.phone import Dtx, PhoneFormat, SimulatedPhone
from mediasim.parties.rtp_receiver import RtpReceiver, shared_playout_of
from mediasim.parties.telephone_line import SendingPath, background
from mediasim.parties.timeline import Timeline
from mediasim.rtp.playout_offsets import AHEAD_FRAMES
from mediasim.rtp.probation import offset_of
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat
from mediasim.seeds import Seeds

__all__ = ["Line", "Party"]

Samples = NDArray[np.int16]

_PLAYED_OUT: Final = 2 * AHEAD_FRAMES
"""Frames after which all that had arrived has been played, and detected by any listener."""
_LONG_OVER: Final = 50
"""Frames after the end of a tone beyond which it is no longer looked for."""


@dataclass(frozen=True, slots=True)
class Party:
    """A party: a number, and its telephone and network."""

    name: str
    number: str
    codec: str = "PCMU"
    ptime_ms: int = 20
    dtx: Dtx = "off"
    noise_dbfs: float | None = None
    """Level of its background noise, or of its comfort noise, in dBFS; None: digital silence."""
    line: TelephoneLine = field(default_factory=TelephoneLine)
    """Telephone line that what it says passes: its band, level, noise and echo."""
    reaction_frames: int = 10
    """Frames between its hearing something and its acting on it."""
    up: Impairments = field(default_factory=Impairments)
    """Impairments of the network to the server, and of the sender's clock."""
    down: Impairments = field(default_factory=Impairments)
    """Impairments of the network from the server."""
    depth: int = 3
    """Depth of the server's jitter buffer for it, in frames."""
    conceal: bool = False
    """Whether the server conceals its lost packets."""

    @property
    def noisy(self) -> bool:
        """Whether noise is sent also while nothing is said."""
        return self.dtx == "off" and (self.noise_dbfs is not None or self.line.noisy)

    @property
    def path_samples(self) -> int:
        """Samples from a word's being said to its being played by the server, without impairments.

        A packet leaves when its last sample is said.
        """
        step = self.ptime_ms * FRAME_SAMPLES // 20
        return offset_of(step + self.up.delay // SAMPLE_NS, self.depth)

    @property
    def path_frames(self) -> int:
        """Frames until the server has played all that was said by now."""
        return -(-self.path_samples // FRAME_SAMPLES)


def _sending(path: SendingPath | None) -> Callable[[Samples], Samples] | None:
    """Return what the telephone does to what is said; None if nothing."""
    if path is None or path.agc_db is None:
        return None if path is None else path.sent
    control = GainControl(path.level_dbfs, path.agc_db)
    return lambda pcm: control.sent(path.sent(pcm))


class Line:
    """A party on one leg: the phone that it sends with and, if it listens, its RTP receiver."""

    def __init__(self, party: Party, room: Room, label: str, seeds: Seeds, start_ns: int) -> None:
        """Add a leg to the room from a loop time on.

        ``label`` must be unique in the run: the line's random streams are named by it.
        """
        self.party = party
        self.room = room
        self.label = label
        self._seeds = seeds.fork(label)
        streams = self._seeds.generator("rtp").integers(0, 1 << 32, 6).tolist()
        path = SendingPath.of(party.line, self._seeds.fork("line"))
        self.sending_path = path
        """What its telephone makes of what is said; None of a clean one."""
        self.clock = SenderClock(start_ns, party.up.skew, party.up.stalls)
        self._echo: Echo | None = None
        if path is not None and path.echo_ms is not None and path.echo_loss_db is not None:
            self._echo = Echo(path.echo_ms, path.echo_loss_db, self.clock)
        self.timeline = Timeline(
            background(path, party.noise_dbfs, self._seeds) if party.noisy else None,
            _sending(path),
            None if self._echo is None else self._echo.between,
        )
        announced = (party.noise_dbfs, None if path is None else path.noise_dbfs, -60.0)
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
        """Tracks the speech of other parties and of the app."""
        self.everything: SpeechTracker | None = None
        """Tracks all sound that is heard, ringing and hold music too; None unless wanted."""
        self.receiver: RtpReceiver | None = None
        """What the party hears; None if it does not listen."""
        self._ears: list[_Ear] = []
        """What of it waits to hear something."""
        self._tones: list[Player] = []
        """Players of non-speech (ringing, hold music) that may still be heard."""
        self._players_seen = 0
        """Number of the leg's players that were looked at for non-speech."""
        self._arrived: tuple[int, int] | None = None
        """A sample and the frame at which all before that sample had arrived."""

    def connect(self, transport: Transport | None, *, listens: bool) -> None:
        """Connect the leg; the party hears if it ``listens``, its telephone echoes, or its downlink
        is impaired."""
        if listens or self._echo is not None or not self.party.down.clean:
            self.receiver = RtpReceiver(
                StreamFormat(codec=self.party.codec, payload_type=self.phone.payload_type),
                Link(self.party.down, self._seeds.key("downlink")),
                self.room.plane.playout.max_block,
            )
            self.receiver.listeners.append(self.hear)
            self.receiver.needs_none_before = self._needs_none_before
            self.tracker.settle = self.receiver.settle
            if self._echo is not None:
                self.receiver.listeners.append(self._echo.hear)
                self.room.bound(self._echo)
            if self.room.plane.max_lag == 1:
                shared_playout_of(self.room.plane).join(self.receiver, self.leg)
        source: PacketSource = self.phone
        sink: PacketSink | None = self.receiver
        if transport is not None:
            source, sink = transport(self.leg, source, sink)
        else:
            self.leg.silent = self._is_silent
        self.room.connect(self.leg, source=source, sink=sink)

    def end(self, now_ns: int) -> None:
        """Send nothing from a loop time on; does nothing if the line has ended before."""
        self.phone.end(now_ns)
        if self._echo is not None and self.receiver is not None:
            self.room.unbound(self._echo)
            self._echo = None

    def hear_everything(self) -> None:
        """Track all sound from now on, ringing and hold music included."""
        if self.everything is None and self.receiver is not None:
            self.receiver.settle()
            self.everything = SpeechTracker()
            self.everything.settle = self.receiver.settle
            self.receiver.listeners.append(self.everything.hear)

    def heard_ahead(self) -> HeardAhead | None:
        """Return what the party will hear from its room's next frame on; None where nothing is
        known."""
        return None if self._sounds_otherwise else heard_ahead(self.leg, self.receiver)

    @property
    def _sounds_otherwise(self) -> bool:
        """Whether ringing and hold music, which do not count as speech, may still be heard."""
        return bool(self._tones) or self._players_seen < len(self.leg.played)

    def _needs_none_before(self, end: int) -> bool:
        """Return whether what the party hears before a frame may be told later.

        So it is if none of that can be waited for, and nobody but its trackers listens.
        """
        trackers = [self.tracker] if self.everything is None else [self.tracker, self.everything]
        assert self.receiver is not None
        if len(self.receiver.listeners) > len(trackers) or self._sounds_otherwise:
            return False
        waiting = sum(tracker.waits for tracker in trackers)
        patient = sum(ear.needs_none_before(end) for ear in self._ears)
        return waiting <= patient

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Track the speech in the next frames that are heard."""
        self.tracker.hear(
            first_frame, pcm, self._non_speech(first_frame, len(pcm) // FRAME_SAMPLES)
        )

    def _non_speech(self, first_frame: int, count: int) -> NDArray[np.bool_] | None:
        """Return which frames hold ringing or hold music, bool (count,); None if none can."""
        played = self.leg.played
        # Only the players that are new: a long call has had thousands.
        self._tones += [player for player in played[self._players_seen :] if not player.speech]
        self._players_seen = len(played)
        if not self._tones or self.receiver is None:
            return None
        frames = np.arange(first_frame, first_frame + count)
        found = np.zeros(count, np.bool_)
        for player in tuple(self._tones):
            start = self.receiver.heard_at(player.first_frame * FRAME_SAMPLES, self.leg.sender)
            if start is None:
                return None
            heard = frames >= start // FRAME_SAMPLES
            if player.end_frame is not None:
                end = self.receiver.heard_at(player.end_frame * FRAME_SAMPLES, self.leg.sender)
                assert end is not None
                # A codec with memory lets the last frame sound on into the next.
                last = -(-end // FRAME_SAMPLES)
                heard &= frames <= last
                if first_frame > last + _LONG_OVER:
                    self._tones.remove(player)
            found |= heard
        return found

    def _is_silent(self, frame: int) -> bool:
        """Return whether the server hears only silence from a frame on, until more is said."""
        end = self.phone.sounds_until
        if end is None:
            return False
        if self._arrived is None or self._arrived[0] != end:
            if not self.phone.has_arrived(end):
                return False
            self._arrived = end, frame
        return frame - self._arrived[1] >= _PLAYED_OUT

    def listen_from_now(self) -> None:
        """Ignore for the trackers what was sent before now, such as ringing."""
        if self.receiver is not None:
            for tracker in (self.tracker, self.everything):
                if tracker is not None:
                    tracker.ignore_before(self.room.plane.now + self.receiver.path_frames)

    async def wait_to_hear(
        self,
        wait: Callable[[Callable[[int], None]], None],
        tracker: SpeechTracker | None = None,
    ) -> None:
        """Wait for something to be heard, then for the party's reaction time.

        ``wait`` sets up the detection: it is called with the function to call with the frame.
        ``tracker`` is what detects it; None for something else, which any frame may bring.
        """
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()

        def fired(frame: int) -> None:
            # From the frame, not from now: the plane may have processed frames beyond it.
            at = (frame + self.party.reaction_frames) * FRAME_NS / 1e9
            loop.call_at(max(at, loop.time()), heard.set)

        ear = _Ear(self, self.party.reaction_frames, tracker)
        self.room.bound(ear, patient=tracker is not None)
        self._ears.append(ear)
        wait(fired)
        if tracker is not None:
            tracker.wait_from(self.room.plane.now)
        try:
            await heard.wait()
        finally:
            self.room.unbound(ear)
            self._ears.remove(ear)


class _Ear:
    """A party that waits to hear something: the plane may not process more frames at once than can
    bring it, and than the party takes to react."""

    def __init__(self, line: Line, horizon: int, tracker: SpeechTracker | None) -> None:
        self.horizon = horizon
        self._line = line
        self._tracker = tracker
        self._soonest = -1
        """The frame before which nothing can be heard that is waited for."""
        self._known_by: tuple[object, ...] = ()
        """What that depends on; it holds as long as this is the same."""

    def needs_none_before(self, frame: int) -> bool:
        """Return whether its tracker waits, and for nothing that can be heard before a frame."""
        return self._tracker is not None and self._tracker.waits and self._soonest >= frame

    @property
    def reach(self) -> int:
        tracker, room = self._tracker, self._line.room
        if tracker is None:
            return self.horizon
        if not tracker.waits:
            return FOREVER
        known_by = (room.version, tracker.version, *timelines_of(self._line.leg))
        if self._soonest < room.frame or known_by != self._known_by:
            soonest = tracker.soonest
            ahead = self._line.heard_ahead()
            if ahead is not None:
                soonest = max(soonest, tracker.soonest_of(room.frame, ahead))
            self._soonest, self._known_by = room.frame + soonest - 1, known_by
        return self._soonest - room.frame + self.horizon
