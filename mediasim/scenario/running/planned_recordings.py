"""The recordings that a scenario plans for one call or conference, carried out as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.recording_control import LiveRecording
from mediasim.scenario.running.call_plans import Moment, PausePlan, RecordingPlan

__all__ = ["PlannedRecordings", "moment_comes"]


async def moment_comes(exchange: Exchange, dialled_ns: int, moment: Moment) -> None:
    """Wait for a moment of a call dialled then."""
    if moment.at_ns is not None:
        await exchange.sleep_until(dialled_ns + moment.at_ns)
    elif moment.event is not None:
        await exchange.events.wait(moment.event)


class PlannedRecordings:
    """Recordings by plan; a :class:`mediasim.exchange.dial.DialRecording`."""

    def __init__(
        self,
        exchange: Exchange,
        plans: Iterable[RecordingPlan],
        start: Callable[[RecordingPlan], LiveRecording],
        in_progress: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[Any]],
    ) -> None:
        """``start`` begins one now; ``in_progress`` tells whether any leg is up."""
        self._exchange = exchange
        self._start = start
        self._in_progress = in_progress
        self._spawn = spawn
        self._dialled_ns = exchange.now_ns
        self._waiting = list(plans)
        self._of_dial: list[LiveRecording] = []

    def watch(self) -> None:
        """Wait for the recordings that begin at a time or with an event."""
        for plan in self._waiting:
            if isinstance(plan.start, Moment):
                self._spawn(self._when(plan, plan.start))

    def begin(self, moment: Literal["leg", "ringing", "answer"]) -> None:
        for plan in [plan for plan in self._waiting if plan.start == moment]:
            self._waiting.remove(plan)
            self._begin(plan)

    def halt(self) -> list[LiveRecording]:
        halted = [recording for recording in self._of_dial if recording.active]
        for recording in halted:
            recording.halt()
        return halted

    async def _when(self, plan: RecordingPlan, moment: Moment) -> None:
        """A request for a recording is refused while no leg is up: it never starts then."""
        await moment_comes(self._exchange, self._dialled_ns, moment)
        if self._in_progress():
            self._begin(plan)

    def _begin(self, plan: RecordingPlan) -> None:
        recording = self._start(plan)
        if plan.source == "DialVerb":
            self._of_dial.append(recording)
        if plan.pauses:
            self._spawn(self._pause(recording, plan.pauses))
        if plan.stop is not None:
            self._spawn(self._stop(recording, plan.stop))

    async def _pause(self, recording: LiveRecording, pauses: tuple[PausePlan, ...]) -> None:
        exchange = self._exchange
        for pause in pauses:
            await moment_comes(exchange, self._dialled_ns, pause.begin)
            if not recording.active:
                return
            recording.pause(pause.behavior)
            if pause.for_ns is not None:
                await exchange.sleep(pause.for_ns)
            elif pause.until is not None:
                await moment_comes(exchange, self._dialled_ns, pause.until)
            else:
                return
            if recording.record.status == "paused":
                recording.resume()

    async def _stop(self, recording: LiveRecording, moment: Moment) -> None:
        await moment_comes(self._exchange, self._dialled_ns, moment)
        recording.stop()
