"""A line between two calls of the same exchange: what one's party is sent, the other's says.

One call was dialled (by REST, or by a Dial), the other came in at a number of the exchange's own.
Each is a leg with codec, jitter buffer and recordings of its own, as if a telephone network lay
between them; that network delays every packet by the same time.

Packets sent in a frame arrive some frames later, so the plane may process a few frames at once, and
no more, while a line is up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.documents.durations import Duration
from mediasim.exchange.live_call import LiveCall
from mediasim.media.far_end import Ends, FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.media.room import Room
from mediasim.net.network import Impairments
from mediasim.rtp.packets import PacketBlock, block_of
from mediasim.rtp.stream import StreamFormat

__all__ = ["LINE_CODEC", "NETWORK", "LineEnd", "OwnLine"]

LINE_CODEC: Final = "PCMU"
"""The codec of what crosses a line."""
_DELAY_NS: Final = 2 * FRAME_NS
_HORIZON: Final = _DELAY_NS // FRAME_NS + 2
"""Most frames processed at once: what is sent in the first of them arrives after the last."""
NETWORK: Final = Impairments(delay=Duration(_DELAY_NS))
"""The network between the two legs, as a party has it."""


class OwnLine:
    """A line between a call that is dialled and the call that comes in by it."""

    def __init__(self) -> None:
        self.near, self.far = LineEnd(), LineEnd()
        self.near.other, self.far.other = self.far, self.near
        self.answered = asyncio.Event()
        """Set when the call that came in is answered."""
        self.far.on_connect = self.answered.set

    def carry_key(self, call_leg: Leg, digit: str) -> None:
        """Pass on a key that a party pressed who is heard at one end of the line.

        Tones are heard as they are; what came as telephone events makes no sound.
        """
        for end in (self.near, self.far):
            if end.leg is not None and call_leg in end.leg.hears and end.other.listener is not None:
                end.other.listener.pressed(digit)


class LineEnd(PacketSource, PacketSink):
    """One end of a line: the far end of one of the two calls."""

    other: LineEnd

    def __init__(self) -> None:
        self.horizon = _HORIZON
        self.format = FarEndFormat(StreamFormat(codec=LINE_CODEC, payload_type=0))
        self.leg: Leg | None = None
        self.listener: FarEndListener | None = None
        self.on_connect: Callable[[], object] = lambda: None
        self._coming: deque[tuple[int, NDArray[np.uint8]]] = deque()
        """Packets on their way to this end's leg: (arrival in ns, packet)."""
        self._closed = False

    @property
    def sent_by(self) -> LiveCall | None:
        """The call whose outbound track is heard at this end; None before it is up."""
        call = self.other.listener
        return call if isinstance(call, LiveCall) else None

    @property
    def reach(self) -> int:
        """The frames that the plane may advance before the other end must have been sent them."""
        return self.horizon

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        """Bring up this end."""
        self.leg, self.listener = leg, listener
        assert isinstance(leg.room, Room)
        leg.room.bound(self)
        self.on_connect()
        return self, self

    def report(self, packet: bytes) -> None:
        """Drop a report: there is no device at the other end that would read it."""

    def close(self) -> None:
        """End this end, and hang up the other one."""
        if self._closed:
            return
        self._closed = True
        if self.leg is not None:
            assert isinstance(self.leg.room, Room)
            self.leg.room.unbound(self)
        if self.other.listener is not None:
            self.other.listener.hung_up()

    # -- packets of the leg -----------------------------------------------------------------

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Send the leg's packets, one a frame, to the other end."""
        at_ns = (first_frame + 1) * FRAME_NS + _DELAY_NS
        for block in packets:
            for packet in block:
                self.other._coming.append((at_ns, packet))
                at_ns += FRAME_NS

    def pull(self, before_ns: int) -> PacketBlock | None:
        """Return the packets that have arrived for the leg before a loop time."""
        arrived: list[tuple[int, NDArray[np.uint8]]] = []
        while self._coming and self._coming[0][0] < before_ns:
            arrived.append(self._coming.popleft())
        return block_of(arrived) if arrived else None
