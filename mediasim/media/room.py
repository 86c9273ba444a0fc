"""A room: legs that can hear each other, and the recorders that listen.

All legs of a room stand at the same frame; rooms do not depend on each other, so in virtual time
each is advanced in long blocks of its own. Every change to a room first advances it to now, which
is why a change takes effect at exactly the frame it was made in.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.word_time import WordTime
from mediasim.media.key_clamp import KeyClamp
from mediasim.media.leg import FarListener, Leg, LegGroup, PacketSink, PacketSource, TrackListener
from mediasim.media.plane import MediaPlane
from mediasim.media.player import Player, StreamPlayer
from mediasim.media.recorder import PauseBehavior, Recorder, Sink, Tap, Track
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

__all__ = ["Room"]


class Room(LegGroup):
    """Legs of a plane, and all changes that can be made to them."""

    def __init__(self, plane: MediaPlane) -> None:
        """Open an empty room, from the plane's present frame on."""
        super().__init__(plane.now, plane.missing.settle)
        self.plane = plane
        plane.open(self)

    def _touch(self) -> int:
        """Advance to now; the change that follows takes effect at the returned frame."""
        self.plane.catch_up(self)
        self.version += 1
        self.plane.changed()
        return self.frame

    # -- legs -------------------------------------------------------------------------------

    def add_leg(self, label: str, stream_format: StreamFormat, sender: RtpSender) -> Leg:
        """Add a leg, silent both ways until it gets a source and something to hear."""
        frame = self._touch()
        leg = Leg(self.plane.playout.open(stream_format), self, label, sender, first_frame=frame)
        self.plane.admit(leg)
        self.legs.append(leg)
        return leg

    def remove_leg(self, leg: Leg) -> None:
        """End a leg. Its audio stays in the recordings; its statistics stay readable."""
        leg.ended_frame = self._touch()
        for other in self.legs:
            if leg in other.hears:
                self._set_heard(other, tuple(each for each in other.hears if each is not leg))
        for recorder in self.recorders:
            recorder.write(self.frame, self.plane.read_tap)
            gone = (leg.inbound, leg.outbound)
            recorder.retap([[tap for tap in taps if tap not in gone] for taps in recorder.taps])
        self.legs.remove(leg)
        self.plane.retire(leg)
        self.find_horizon()

    def reformat(self, leg: Leg, stream_format: StreamFormat, sender: RtpSender) -> None:
        """Receive another format on the leg, and send by another sender, from now on."""
        self.plane.playout.reformat(leg.stream, stream_format, self._touch())
        leg.sender = sender

    def connect(
        self, leg: Leg, *, source: PacketSource | None = None, sink: PacketSink | None = None
    ) -> None:
        """Set the source and the sink of a leg's packets."""
        self._touch()
        leg.source, leg.sink = source, sink

    def send_to(self, leg: Leg, sink: PacketSink | None) -> None:
        """Set the sink of a leg's packets; None if they are not needed."""
        self._touch()
        leg.sink = sink

    def hear(self, leg: Leg, *sources: Leg) -> None:
        """Send the leg the inbound tracks of these legs from now on."""
        self._touch()
        self._set_heard(leg, sources)

    def _set_heard(self, leg: Leg, sources: tuple[Leg, ...]) -> None:
        leg.hears = sources
        leg.heard_log.append((self.frame, sources))

    def bridge(self, a: Leg, b: Leg) -> None:
        """Let two legs hear each other, and nothing else, from now on."""
        self.hear(a, b)
        self.hear(b, a)

    def confer(self, leg: Leg, conference: Hashable | None, *, muted: bool = False) -> None:
        """Put a leg into one of the room's conferences, muted or not; None: into none."""
        self._touch()
        leg.conference, leg.muted = conference, muted
        leg.conference_log.append((self.frame, conference, muted))

    def play(
        self,
        leg: Leg,
        pcm: NDArray[np.int16],
        *,
        loop: bool = False,
        label: str = "",
        speech: bool = True,
        text: str = "",
        words: Sequence[WordTime] = (),
    ) -> Player:
        """Play to the leg's party from now on; ``speech``: whether it counts as words heard.

        ``text`` is what is spoken, and ``words`` when, where that is known (:class:`Player`).
        """
        frame = self._touch()
        player = Player(pcm, frame, loop=loop, label=label, speech=speech, text=text, words=words)
        leg.players.append(player)
        leg.played.append(player)
        return player

    def feed(self, leg: Leg, label: str = "") -> StreamPlayer:
        """Open a player of audio that will be fed, from now on."""
        feed = StreamPlayer(self._touch(), label, leg.played.append)
        leg.players.append(feed)
        return feed

    def stop_player(self, player: Player) -> None:
        """Stop a player now."""
        player.stop(self._touch())

    # -- listening --------------------------------------------------------------------------

    def listen(self, leg: Leg, track: Track, listener: TrackListener) -> None:
        """Let a listener hear a track from now on."""
        self._touch()
        leg.listeners.append((track, listener))
        self.find_horizon()

    def stop_listening(self, leg: Leg, listener: TrackListener) -> None:
        """Let a listener hear no more of a leg's tracks."""
        self._touch()
        leg.listeners = [(track, other) for track, other in leg.listeners if other is not listener]
        self.find_horizon()

    def clamp_keys(self, leg: Leg, listener: TrackListener) -> None:
        """Take the tones of keys out of a leg's inbound track from now on.

        ``listener``, one of that track's, hears them still.
        """
        leg.clamp = KeyClamp(self._touch(), listener)
        leg.clamps.append(leg.clamp)

    def leave_keys(self, leg: Leg) -> None:
        """Leave the tones of keys in a leg's inbound track from now on."""
        frame = self._touch()
        if leg.clamp is not None:
            leg.clamp.end_frame = frame
            leg.clamp = None

    def bound(self, listener: FarListener, *, patient: bool = False) -> None:
        """Limit advances for a listener beyond a leg's sink.

        A ``patient`` one tells by frames when it began to listen, and may hear those before later.
        """
        if patient:
            self.patient_listeners.append(listener)
            self.plane.changed()
        else:
            self._touch()
        self.far_listeners.append(listener)
        self.find_horizon()

    def unbound(self, listener: FarListener) -> None:
        """Remove the limit of a listener that :meth:`bound` set."""
        self._touch()
        self.far_listeners.remove(listener)
        if listener in self.patient_listeners:
            self.patient_listeners.remove(listener)
        self.find_horizon()

    # -- recording --------------------------------------------------------------------------

    def record(self, channels: Iterable[Iterable[Tap]], sink: Sink) -> Recorder:
        """Start a recorder now; ``channels`` are the taps of each."""
        taps = [list(each) for each in channels]
        recorder = Recorder(taps, sink, self._touch(), self.plane.next_turn())
        self.recorders.append(recorder)
        return recorder

    def retap(self, recorder: Recorder, channels: Iterable[Iterable[Tap]]) -> None:
        """Take a recorder's channels from these taps from now on."""
        self._flush(recorder)
        recorder.retap([list(taps) for taps in channels])

    def pause(self, recorder: Recorder, behavior: PauseBehavior) -> None:
        """Pause a recorder now."""
        self._flush(recorder)
        recorder.pause(behavior)

    def resume(self, recorder: Recorder) -> None:
        """Resume a recorder now."""
        self._flush(recorder)
        recorder.resume()

    def stop(self, recorder: Recorder) -> None:
        """End a recorder now."""
        self._flush(recorder)
        recorder.end()
        self.recorders.remove(recorder)

    def _flush(self, recorder: Recorder) -> None:
        self._touch()
        recorder.write(self.frame, self.plane.read_tap)

    def close(self) -> None:
        """End all recorders and legs, and the room."""
        self._touch()
        for recorder in list(self.recorders):
            self.stop(recorder)
        for leg in list(self.legs):
            self.remove_leg(leg)
        self.plane.close(self)
