"""The far end of a leg that is not simulated: a telephone, a browser or another media server.

It takes the place of a simulated party's line. Its audio is not generated here, so its truth is the
audio received: what it meant to say is not known.

Used on the engine's loop, in real time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.rtp.stream import StreamFormat

__all__ = [
    "EarlyFarEnd",
    "Ends",
    "FarEnd",
    "FarEndFormat",
    "FarEndListener",
    "ReferableFarEnd",
    "Referral",
    "Transfer",
    "TransferListener",
    "WaitingFarEnd",
]


@dataclass(frozen=True, slots=True)
class FarEndFormat:
    """The formats agreed on with a far end, as a session description says them."""

    receives: StreamFormat
    """The format received from it."""
    codec: str = "PCMU"
    """The codec that is sent to it."""
    payload_type: int = 0
    """The payload type of what is sent to it."""


class FarEndListener(Protocol):
    """Receives a far end's events: the call."""

    def hung_up(self) -> None:
        """Handle that the far end has gone; does nothing once the call is over."""

    def pressed(self, digit: str) -> None:
        """Handle a key that was signalled otherwise than by telephone events in its RTP."""

    def reformatted(self) -> None:
        """Handle that the far end's format is another one from now on."""


class Transfer(Protocol):
    """A far end's request that the call be transferred (SIP REFER)."""

    @property
    def target(self) -> str:
        """Where to, as the far end has written it."""

    def notify(self, status: int) -> None:
        """Tell it the SIP status of the new call; one of 200 or more is the last."""


@runtime_checkable
class TransferListener(FarEndListener, Protocol):
    """A listener that may transfer the call for its far end."""

    def referred(self, transfer: Transfer) -> bool:
        """Handle a request for a transfer; return whether it is taken."""


Ends = tuple[PacketSource, PacketSink] | tuple[None, None]
"""A leg's packet source and sink; None and None if the media plane's mux carries its packets."""


class FarEnd(Protocol):
    """A far end of one leg; used once."""

    @property
    def format(self) -> FarEndFormat:
        """The format agreed on by now."""

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        """Answer the far end: its leg is up. Return the ends that carry the leg's packets.

        Called twice for a far end that was heard before it answered.
        """

    def report(self, packet: bytes) -> None:
        """Send an RTCP compound packet of the server's."""

    def close(self) -> None:
        """End the leg, and notify the far end unless it hung up itself. Called once."""


@dataclass(slots=True)
class Referral:
    """What a far end says to being asked to call elsewhere (SIP REFER, RFC 3515)."""

    response: int | None = None
    """SIP status of its response; None before."""
    notified: int | None = None
    """The last SIP status of the new call that it has told; None if it has told none."""


@runtime_checkable
class ReferableFarEnd(FarEnd, Protocol):
    """A far end that can be asked to call elsewhere in place of its leg."""

    async def refer(self, target: str, referral: Referral) -> None:
        """Ask it to call a SIP URI; return once it has refused, or told how that call went.

        What it says is put into ``referral`` as it comes.
        """


@runtime_checkable
class WaitingFarEnd(FarEnd, Protocol):
    """A far end that called, and waits to know whether its callee rings."""

    def ring(self) -> None:
        """Tell the far end that its callee rings."""


@runtime_checkable
class EarlyFarEnd(FarEnd, Protocol):
    """A far end that called, and may hear its leg before it is answered."""

    def connect_early(self, leg: Leg, listener: FarEndListener) -> Ends | None:
        """Connect the far end to its leg without answering it; None if it cannot hear yet."""
