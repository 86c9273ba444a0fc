"""The beeps and announcements that a conference plays to its participants.

Each participant gets them on its leg's outbound track, which no recording of the conference taps.
So they are played to one more leg as well, which belongs to no call and is a source of such
recordings, and of their truth.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.participant import Participant, Unavailable
from mediasim.exchange.recording_control import Source, SourcedChannel
from mediasim.exchange.records import CallRecord
from mediasim.exchange.waiting import CallEnded
from mediasim.media.recorder import Track
from mediasim.media.room import Room
from mediasim.parties.party import Line, Party

__all__ = ["Announcements"]


class Announcements:
    """A player of sounds to the participants of a conference, and into its recordings."""

    def __init__(
        self,
        exchange: Exchange,
        room: Room,
        conference_sid: str,
        hearers: Callable[[], Sequence[Participant]],
    ) -> None:
        """Create a player; ``hearers`` returns the participants that hear the conference now."""
        self.active = 0
        """Number of announcements being played."""
        self._exchange = exchange
        self._room = room
        self._sid = conference_sid
        self._hearers = hearers
        self._announcer: _AnnouncementLeg | None = None
        """The leg recorded; None until the first sound."""

    @property
    def recorded(self) -> SourcedChannel:
        """The source that a recording of the conference takes the sounds from."""
        announcer = self._announcer
        return (
            (Source(announcer, Track.OUTBOUND),)
            if announcer is not None and announcer.active
            else ()
        )

    def play(self, pcm: NDArray[np.int16], label: str, *, but: Participant | None = None) -> None:
        """Play samples at 8 kHz to all participants that hear the conference, except ``but``."""
        for hearer in self._hearers():
            if hearer is not but:
                hearer.play(pcm, label)
        if self._announcer is None:
            self._announcer = _AnnouncementLeg(self._exchange, self._room, self._sid)
            self._exchange.follow_recordings(self._room)
        self._announcer.say(pcm, label)

    async def announce(
        self,
        pieces: AsyncIterator[NDArray[np.int16]],
        to: Participant | None,
        over: Callable[[], bool],
    ) -> str:
        """Play pieces one by one to all participants, or to one; return what failed, or "".

        Ends early if the conference is ``over``, or the one participant has left.
        """
        self.active += 1
        try:
            async for pcm in pieces:
                if over() or (to is not None and not to.inside):
                    break
                if to is None:
                    self.play(pcm, "announcement")
                else:
                    to.play(pcm, "announcement")
                await self._exchange.sleep(len(pcm) * NS_PER_SECOND // SAMPLE_RATE)
        except (Unavailable, CallEnded) as error:
            return f"cannot be played: {error}"
        finally:
            self.active -= 1
        return ""

    def close(self) -> None:
        """Take down the leg, as the conference has ended."""
        if self._announcer is not None:
            self._announcer.close()


class _AnnouncementLeg(LiveCall):
    """A leg that announcements are played to, without a telephone and without a Call resource."""

    def __init__(self, exchange: Exchange, room: Room, conference_sid: str) -> None:
        party = Party(name="the conference", number="")
        record = CallRecord(
            sid=conference_sid,
            account_sid=exchange.account_sid,
            to="",
            from_="",
            direction="inbound",
            status="ringing",
            created_ns=exchange.now_ns,
        )
        # Not registered with the exchange: no app may see it as a call.
        super().__init__(exchange, record, party, room, flow=conference_sid, name=conference_sid)
        seeds = exchange.seeds.fork("conference")
        # On the frame clock, as a leg's media starts with a whole frame.
        self.line = Line(party, room, conference_sid, seeds, exchange.frame_ns)
        self._leg = self.line.leg
        self.move("in-progress")

    def emit(self, word: str, text: str) -> None:
        """Emit no event, as there is no call."""

    def say(self, pcm: NDArray[np.int16], label: str) -> None:
        """Play samples at 8 kHz into the recordings."""
        if self.active:
            self.room.play(self.leg, pcm, label=label)

    def close(self) -> None:
        """Take down the leg, as the conference has ended."""
        if self.active:
            self.room.remove_leg(self.leg)
            self.move("completed")
