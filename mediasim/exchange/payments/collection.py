"""Asking a call's party for a payment, key by key: prompts, second attempts, and the outcome.

A party that presses the star ends it; the number sign ends what is being entered (our choice). Keys
pressed ahead of the next prompt count for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from mediasim.exchange.events import PaymentEvent
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.payments.cards import PaymentField
from mediasim.exchange.payments.details import MATCHER, PaymentDetails, PaymentRequest
from mediasim.exchange.waiting import CallEnded, Keys, first_of, listen_for_keys, never, notice

__all__ = [
    "Asked",
    "Asking",
    "Collection",
    "Entry",
    "PaymentResult",
    "Starred",
    "confirmed",
    "enter",
    "payment_ended",
]

PaymentResult = Literal[
    "success",
    "too-many-failed-attempts",
    "caller-interrupted-with-star",
    "caller-hung-up",
    "transaction-cancelled",
]
"""How asking for a payment ends; ``success`` is that everything was entered."""
TIMED_OUT: Final = "input-timeout"
Stop = Callable[[], Coroutine[Any, Any, Any]]


class Asked(Protocol):
    """The call whose party is asked: its control, or a view of it."""

    @property
    def call(self) -> LiveCall:
        """The call."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task that is cancelled when the call ends."""

    async def until(self, *awaitables: Awaitable[Any]) -> int:
        """Wait for the first of several awaitables and return its index.

        Raises CallEnded if the call ends before.
        """


class Starred(Exception):
    """The party has pressed the star."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a party is asked for, and why it is asked again."""

    step: str
    """Name of the field, ``confirmation`` or ``payment-processing``."""
    attempt: int = 1
    """Number of the attempt, from 1."""
    error: str | None = None
    """The error of the attempt before; None at the first."""
    card_type: str = ""
    again: bool = False
    """Whether the same is entered a second time."""
    last_digits: str = ""
    """The digits that are to be confirmed."""


@dataclass(slots=True)
class Entry:
    """Digits as they are entered."""

    longest: Callable[[str], int]
    """Returns the number of digits after which those so far are complete."""
    on_digit: Callable[[str], None] = lambda digits: None
    """Called with all digits so far after each."""
    digits: str = field(default="", repr=False)
    starred: bool = False
    started: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first key, which stops the prompt."""
    pressed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each key, which restarts the timeout."""
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, control: Asked, keys: Keys) -> None:
        """Read keys until the entry is complete."""
        while True:
            frame, key = await keys.get()
            await notice(control.call, frame)
            self.started.set()
            self.pressed.set()
            if key in "*#":
                self.starred = key == "*"
                break
            if key.isdigit():
                self.digits += key
                self.on_digit(self.digits)
            if len(self.digits) >= self.longest(self.digits):
                break
        self.complete.set()

    async def until_complete(self, control: Asked, first_ns: int | None, ns: int) -> None:
        """Wait until the entry is complete, or no key has come in time.

        ``first_ns`` is the time for the first key, None for any time; ``ns`` for each other.
        """
        while not self.complete.is_set():
            self.pressed.clear()
            patience = ns if self.started.is_set() else first_ns
            late = never() if patience is None else control.call.exchange.sleep(patience)
            if await first_of(self.complete.wait(), self.pressed.wait(), late) == 2:
                return


async def enter(
    control: Asked,
    keys: Keys,
    entry: Entry,
    prompt: Callable[[Stop], Awaitable[None]] | None,
    first_ns: int | None,
    ns: int,
) -> str:
    """Play a prompt, which the first key stops, and return the digits entered.

    Raises Starred, and CallEnded if the call ends before.
    """
    reading = control.spawn(entry.read(control, keys))
    try:
        if prompt is not None:
            await prompt(entry.started.wait)
        await control.until(entry.until_complete(control, first_ns, ns))
    finally:
        reading.cancel()
    if entry.starred:
        raise Starred
    return entry.digits


Prompt = Callable[[Asking, Stop], Awaitable[None]]
"""Plays the prompt of what is asked; it returns early once ``stop`` has completed."""


class Collection:
    """Asks the party of a call for everything that a payment requests."""

    def __init__(
        self,
        control: Asked,
        request: PaymentRequest,
        prompt: Prompt,
        report: Callable[[Asking], None] = lambda asking: None,
    ) -> None:
        """``report`` is called with what is asked whenever a prompt is about to be played."""
        self.details = PaymentDetails(request)
        self.error: str | None = None
        """The last error of what was entered; None without one."""
        self._control = control
        self._request = request
        self._prompt = prompt
        self._report = report

    async def run(self) -> PaymentResult:
        """Ask for everything, and return how it has ended."""
        try:
            with listen_for_keys(self._control.call, secret=True) as keys:
                for each in self._request.fields:
                    if not await self._ask(each, keys):
                        return "too-many-failed-attempts"
                if self._request.confirmation:
                    return await confirmed(self._control, keys, self.details, self._prompt)
        except Starred:
            return "caller-interrupted-with-star"
        except CallEnded:
            return "caller-hung-up"
        return "success"

    async def _ask(self, wanted: PaymentField, keys: Keys) -> bool:
        """Ask for one field until it is valid; return whether it is."""
        self.error = None
        for attempt in range(1, self._request.retries + 2):
            asking = Asking(wanted.name, attempt, self.error, self.details.card_type)
            self.error = await self._attempt(wanted, asking, keys)
            if self.error is None and wanted.name in self._request.matching:
                again = Asking(wanted.name, attempt, None, self.details.card_type, again=True)
                self.error = await self._attempt(wanted, again, keys)
            if self.error is None:
                return True
        return False

    async def _attempt(self, wanted: PaymentField, asking: Asking, keys: Keys) -> str | None:
        """Ask once; return the error of what was entered, None if it is valid."""
        self._report(asking)
        control, details = self._control, self.details
        now = control.call.exchange.dates.at(control.call.exchange.now_ns)
        judged = details.judged_by(now)
        digits = await enter(
            control,
            keys,
            Entry(lambda so_far: wanted.longest(so_far, judged)),
            lambda stop: self._prompt(asking, stop),
            None if self._request.patient else self._request.timeout_ns,
            self._request.timeout_ns,
        )
        if not digits:
            return TIMED_OUT
        return details.take(wanted.name + (MATCHER if asking.again else ""), digits, now)


async def confirmed(
    control: Asked, keys: Keys, details: PaymentDetails, prompt: Prompt
) -> PaymentResult:
    """Ask the party to confirm the last digits: 1 goes on, 2 cancels. Raises Starred, CallEnded."""
    error: str | None = None
    for attempt in range(1, details.request.retries + 2):
        asking = Asking("confirmation", attempt, error, last_digits=details.last_digits())
        key = await enter(
            control,
            keys,
            Entry(lambda _: 1),
            lambda stop, asking=asking: prompt(asking, stop),  # type: ignore[misc]
            details.request.timeout_ns,
            details.request.timeout_ns,
        )
        if key in ("1", "2"):
            return "success" if key == "1" else "transaction-cancelled"
        error = TIMED_OUT
    return "too-many-failed-attempts"


def payment_ended(call: LiveCall, result: str) -> None:
    """Emit the event of a payment that the party of a call was asked for."""
    call.exchange.events.emit(
        PaymentEvent(
            at_ns=call.exchange.now_ns,
            kind=f"payment.{result}",
            text=f"{call.party.name}'s payment: {result}",
            call_sid=call.sid,
        )
    )
