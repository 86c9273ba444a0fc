"""What is to be recorded of a call or conference, and when: carried out as the call goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.layout import Channels, Track
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import RecordingSource
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import PauseBehavior

__all__ = ["Moment", "PausePlan", "RecordingPlan", "carry_out", "moment_comes"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of the call (ns after it was dialled), or the first event of a kind."""

    at_ns: int | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class PausePlan:
    """A stretch left out: from a moment, for a time or until another moment, or for good."""

    begin: Moment
    for_ns: int | None = None
    until: Moment | None = None
    behavior: PauseBehavior = PauseBehavior.SILENCE


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """One recording."""

    name: str
    start: Literal["leg", "answer", "ringing"] | Moment = "answer"
    """When the caller's leg is answered; when the callee answers; when it begins to ring."""
    channels: Channels = "mono"
    track: Track = "both"
    trim: Trim = "do-not-trim"
    source: RecordingSource = "DialVerb"
    pauses: tuple[PausePlan, ...] = ()
    stop: Moment | None = None


class Recorded(Protocol):
    """A call flow that can be recorded."""

    exchange: Exchange
    dialled_ns: int

    @property
    def in_progress(self) -> bool:
        """Whether somebody's leg is up."""

    async def reached(self, stage: str) -> None:
        """Wait for a stage of the flow: ``leg``, ``ringing`` or ``answer``."""

    def start_recording(self, plan: RecordingPlan) -> LiveRecording:
        """Begin to record now."""


async def moment_comes(exchange: Exchange, dialled_ns: int, moment: Moment) -> None:
    """Wait for a moment of a call dialled then."""
    if moment.at_ns is not None:
        await exchange.sleep_until(dialled_ns + moment.at_ns)
    elif moment.event is not None:
        await exchange.events.wait(moment.event)


async def carry_out(
    flow: Recorded, plan: RecordingPlan, started: Callable[[LiveRecording], None]
) -> None:
    """Start, pause, resume and stop a recording as planned; the call's end stops it too.

    A request for a recording is refused while no leg is up (Twilio's error 21220): it never starts.
    """
    exchange = flow.exchange
    if isinstance(plan.start, Moment):
        await moment_comes(exchange, flow.dialled_ns, plan.start)
        if not flow.in_progress:
            return
    else:
        await flow.reached(plan.start)
    recording = flow.start_recording(plan)
    started(recording)
    stopping = None
    if plan.stop is not None:
        stopping = asyncio.ensure_future(_stop(flow, recording, plan.stop))
    try:
        for pause in plan.pauses:
            await moment_comes(exchange, flow.dialled_ns, pause.begin)
            if not recording.active:
                break
            recording.pause(pause.behavior)
            if pause.for_ns is not None:
                await exchange.sleep(pause.for_ns)
            elif pause.until is not None:
                await moment_comes(exchange, flow.dialled_ns, pause.until)
            else:
                break
            if recording.record.status == "paused":
                recording.resume()
        if stopping is not None:
            await stopping
    finally:
        if stopping is not None:
            stopping.cancel()


async def _stop(flow: Recorded, recording: LiveRecording, moment: Moment) -> None:
    await moment_comes(flow.exchange, flow.dialled_ns, moment)
    recording.stop()
