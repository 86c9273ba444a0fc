"""A conference's own voice: the beeps and announcements that all its members hear.

Each member has them on its leg's outbound track, where no recording of the conference listens.
So they are played to one more leg as well, which belongs to nobody and is a source of such
recordings, and of their truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import CallRecord
from mediasim.media.room import Room
from mediasim.parties.party import Line, Party

__all__ = ["ConferenceVoice"]


class ConferenceVoice(LiveCall):
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
