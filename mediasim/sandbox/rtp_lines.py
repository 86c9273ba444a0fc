"""The way to a party of the number plan that is an RTP endpoint elsewhere.

Nothing signals there, so it is answered at once, and never hangs up.
"""

from __future__ import annotations

from collections.abc import Callable

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached
from mediasim.media.far_end import FarEnd
from mediasim.scenario.model.endpoint import address_of
from mediasim.scenario.running.endpoints import Elsewhere, EndpointError

__all__ = ["RtpLine"]


class RtpLine:
    """A :class:`mediasim.twilio.ports.Reach`. A port that was named carries one call at a time."""

    def __init__(self, elsewhere: Elsewhere) -> None:
        self._elsewhere = elsewhere
        self._one_at_a_time = address_of(elsewhere.endpoint.local)[1] != 0
        self._latest: LiveCall | None = None

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        latest = self._latest
        if self._one_at_a_time and latest is not None and latest.active:
            raise NotReached(f"{self._elsewhere.endpoint.local} carries another call", "busy")
        try:
            far_end = self._elsewhere.open(call.party)
        except EndpointError as error:
            raise NotReached(str(error), "failed") from None
        self._latest = call
        ringing()
        return far_end
