"""What a conference says to its members: beeps and announcements.

Each member has them on its leg's outbound track, where no recording of the conference listens.
So they are played to one more leg as well, which belongs to nobody and is a source of such
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
    """Plays sounds to the members of a conference, and into its recordings."""

    def __init__(
        self,
        exchange: Exchange,
        room: Room,
        conference_sid: str,
        hearers: Callable[[], Sequence[Participant]],
    ) -> None:
        """``hearers`` gives the participants who hear the conference now."""
        self.active = 0
        """Number of announcements that are being played."""
        self._exchange = exchange
        self._room = room
        self._sid = conference_sid
        self._hearers = hearers
        self._voice: _Voice | None = None
        """Made when it first says something."""

    @property
    def recorded(self) -> SourcedChannel:
        """Where a recording of the conference takes them from."""
        voice = self._voice
        return (Source(voice, Track.OUTBOUND),) if voice is not None and voice.active else ()

    def play(self, pcm: NDArray[np.int16], label: str, *, but: Participant | None = None) -> None:
        """Play samples at 8 kHz to all who hear the conference, but one."""
        for hearer in self._hearers():
            if hearer is not but:
                hearer.hear(pcm, label)
        if self._voice is None:
            self._voice = _Voice(self._exchange, self._room, self._sid)
            self._exchange.follow_recordings(self._room)
        self._voice.say(pcm, label)

    async def announce(
        self,
        pieces: AsyncIterator[NDArray[np.int16]],
        to: Participant | None,
        over: Callable[[], bool],
    ) -> str:
        """Play pieces one after the other to all, or to one alone; return what failed, in words.

        It ends early where the conference is ``over``, or the one participant has left.
        """
        self.active += 1
        try:
            async for pcm in pieces:
                if over() or (to is not None and not to.inside):
                    break
                if to is None:
                    self.play(pcm, "announcement")
                else:
                    to.hear(pcm, "announcement")
                await self._exchange.sleep(len(pcm) * NS_PER_SECOND // SAMPLE_RATE)
        except (Unavailable, CallEnded) as error:
            return f"cannot be played: {error}"
        finally:
            self.active -= 1
        return ""

    def close(self) -> None:
        """The conference is over."""
        if self._voice is not None:
            self._voice.close()


class _Voice(LiveCall):
    """A leg like a call's, without the call: nobody is dialled and no resource tells of it."""

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
        # It does not enter the exchange: it is nobody's call.
        super().__init__(exchange, record, party, room, flow=conference_sid, name=conference_sid)
        seeds = exchange.seeds.fork("conference")
        self.line = Line(party, room, conference_sid, seeds, exchange.frame_ns)
        self._leg = self.line.leg
        self.move("in-progress")

    def tell(self, word: str, text: str) -> None:
        """Tell nothing: it is no call."""

    def say(self, pcm: NDArray[np.int16], label: str) -> None:
        """Have it in the recordings from now on."""
        if self.active:
            self.room.play(self.leg, pcm, label=label)

    def close(self) -> None:
        """The conference is over."""
        if self.active:
            self.room.remove_leg(self.leg)
            self.move("completed")
