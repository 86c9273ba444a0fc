"""The queue of calls that the API places: so many a second are dialled, the others wait as queued.

Twilio's default is one a second; a call's ``queue_time`` is how long it is expected to wait when it
is created. A queue of more than a day is full (22005). Calls that come in and those that a Dial
places do not wait. Source: https://www.twilio.com/docs/api/errors/22005 and the blog post "High
Volume Voice"; the status of the refusal, 429, is our choice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.twilio.errors import TwilioError

__all__ = ["CallQueue"]

_FULL: Final = 22005
_DAY_NS: Final = 86_400 * NS_PER_SECOND
_NS_PER_MS: Final = 1_000_000


class CallQueue:
    """The queue of one account."""

    def __init__(self, exchange: Exchange, per_second: Callable[[], float | None]) -> None:
        """``per_second`` returns how many calls are dialled in a second; None for no limit."""
        self._exchange = exchange
        self._per_second = per_second
        self._free_ns = 0
        """Loop time from which on the next call may be dialled."""
        self._waiting: deque[tuple[LiveCall, asyncio.Event]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def wait_ns(self) -> int:
        """Return how long a call that is created now will wait, in nanoseconds."""
        apart = self._apart_ns
        if apart is None:
            return 0
        return max(0, self._free_ns - self._exchange.now_ns) + len(self._waiting) * apart

    def check(self) -> None:
        """Check that one more call can wait. Raises TwilioError (429, 22005) if it cannot."""
        if self.wait_ns() > _DAY_NS:
            words = "Call Queue Full: there are more than 24 hours of calls in the call queue"
            raise TwilioError(429, _FULL, words)

    def enter(self, call: LiveCall) -> Callable[[], Awaitable[None]] | None:
        """Add a queued call, and set its ``queue_ms``; return what waits for its turn.

        Returns None for a call that is dialled at once.
        """
        apart = self._apart_ns
        if apart is None:
            return None
        call.record.queue_ms = self.wait_ns() // _NS_PER_MS
        if not call.record.queue_ms:
            self._free_ns = self._exchange.now_ns + apart
            return None
        entry = (call, asyncio.Event())
        self._waiting.append(entry)
        self._arm()

        async def turn() -> None:
            await entry[1].wait()

        return turn

    @property
    def _apart_ns(self) -> int | None:
        rate = self._per_second()
        return None if rate is None else round(NS_PER_SECOND / rate)

    def _arm(self) -> None:
        if self._timer is None:
            at = self._free_ns / NS_PER_SECOND
            self._timer = self._exchange.loop.call_at(at, self._next)

    def _next(self) -> None:
        """Let the first call go that was not canceled meanwhile."""
        self._timer = None
        while self._waiting:
            call, turn = self._waiting.popleft()
            if call.ended.is_set():
                continue
            turn.set()
            self._free_ns = self._exchange.now_ns + (self._apart_ns or 0)
            break
        if self._waiting:
            self._arm()
