"""A far end that is not ours: a telephone, a browser or a media server somewhere else.

It takes the place of a simulated party's line. What it says is not made here, so its truth is what
came of it: nothing is known of what it meant to say.

Used on the engine's loop, in real time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.rtp.stream import StreamFormat

__all__ = ["Ends", "FarEnd", "FarEndFormat", "FarEndListener"]


@dataclass(frozen=True, slots=True)
class FarEndFormat:
    """What was agreed on with it, as a session description says it."""

    receives: StreamFormat
    """What comes from it."""
    codec: str = "PCMU"
    """What it is sent,"""
    payload_type: int = 0
    """and under which number."""


class FarEndListener(Protocol):
    """Who is told what happens there: the call."""

    def hung_up(self) -> None:
        """It has gone. Does nothing once the call is over."""

    def pressed(self, digit: str) -> None:
        """A key, told some other way than by telephone events in its RTP."""

    def reformatted(self) -> None:
        """Its format is another one from now on."""


Ends = tuple[PacketSource, PacketSink] | tuple[None, None]
"""Where a leg's packets come from and go to; None and None where the media plane's mux carries
them."""


class FarEnd(Protocol):
    """One of them, on one leg; used once."""

    @property
    def format(self) -> FarEndFormat:
        """As agreed by now."""

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        """The leg is up: tell it that the call has been answered, and carry its packets.

        Called twice for one that was heard before it answered.
        """

    def report(self, packet: bytes) -> None:
        """Send it an RTCP compound packet of the server's."""

    def close(self) -> None:
        """The leg is over: tell it, unless it was the one to go. Called once."""
