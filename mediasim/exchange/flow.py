"""What all call flows share: their room, their recordings, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.recording_plan import RecordingPlan, carry_out

__all__ = ["LINGER_NS", "Behavior", "Floor", "Flow"]

LINGER_NS: Final = 500_000_000
"""How long a party whose script has ended stays before it hangs up."""


class Floor(Protocol):
    """What a party's behavior may know of, and do to, the call it is in."""

    dialled_ns: int

    def peers(self, call: LiveCall) -> list[LiveCall]:
        """Whom a call hears."""

    def hold(self, call: LiveCall) -> None:
        """Put the others on hold."""

    def resume(self, call: LiveCall) -> None:
        """Take them off hold."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the call until it ends."""


Behavior = Callable[[Floor, LiveCall], Coroutine[Any, Any, None]]
"""What a party does once it is connected; ends when it has nothing more to do."""


class Flow:
    """A call, voicemail or conference from dialling to the last leg's end."""

    def __init__(self, exchange: Exchange, name: str) -> None:
        self.exchange = exchange
        self.name = name
        self.room = exchange.plane.open_room()
        self.dialled_ns = exchange.now_ns
        self.calls: list[LiveCall] = []
        self.recordings: list[LiveRecording] = []
        self._stages: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[Any]] = []

    # -- what scripts may ask ---------------------------------------------------------------

    def peers(self, call: LiveCall) -> list[LiveCall]:
        """Whom a call hears."""
        return [other for other in self.calls if other is not call and other.active]

    def hold(self, call: LiveCall) -> None:
        """Put the others on hold."""
        raise NotImplementedError

    def resume(self, call: LiveCall) -> None:
        """Take them off hold."""
        raise NotImplementedError

    @property
    def in_progress(self) -> bool:
        """Whether somebody's leg is up."""
        return any(call.active for call in self.calls)

    # -- stages -----------------------------------------------------------------------------

    def _stage(self, name: str) -> asyncio.Event:
        return self._stages.setdefault(name, asyncio.Event())

    def reach(self, stage: str) -> None:
        """The flow got to a stage that recordings may wait for."""
        self._stage(stage).set()

    async def reached(self, stage: str) -> None:
        """Wait for a stage, and let everything else of that instant happen first."""
        await self._stage(stage).wait()

    # -- tasks ------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside the flow until it ends; what it raises is raised by the flow."""
        task = asyncio.ensure_future(work)
        self._tasks.append(task)
        return task

    def plan(self, plans: tuple[RecordingPlan, ...]) -> None:
        """Carry out recordings beside the flow."""
        for plan in plans:
            self.spawn(carry_out(self, plan, self.recordings.append))

    def start_recording(self, plan: RecordingPlan) -> LiveRecording:
        """Begin to record now."""
        raise NotImplementedError

    async def first_of(self, *events: Awaitable[Any]) -> int:
        """Wait for the first of some happenings; returns its number.

        A task of the flow that fails ends the wait with its error.
        """
        waits = [asyncio.ensure_future(event) for event in events]
        try:
            while True:
                watched = [task for task in self._tasks if not task.done()]
                await asyncio.wait([*waits, *watched], return_when=asyncio.FIRST_COMPLETED)
                self._raise_failures()
                for number, wait in enumerate(waits):
                    if wait.done():
                        wait.result()
                        return number
        finally:
            for wait in waits:
                wait.cancel()

    def _raise_failures(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                task.result()

    async def finish(self) -> None:
        """Everything of the flow ends now: recordings, then legs, then what is published."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._raise_failures()
        halted = [recording for recording in self.recordings if recording.active]
        for recording in halted:
            recording.halt()
        for call in self.calls:
            call.take_down()
        self.over()
        for recording in halted:
            recording.publish()
        self.room.close()

    def over(self) -> None:
        """All legs are down; what was recorded is yet to be published."""
