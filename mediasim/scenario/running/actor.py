"""An actor: carries out a party's script on its line.

Steps that only speak are placed on the party's timeline ahead of time, one after the other,
without waiting; only steps that must know, or do, something at their own moment let time pass.
That is why a scripted call costs a few timers, not one for each word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.documents.model import Many
from mediasim.exchange.events import DtmfEvent, Event
from mediasim.exchange.phone import PartyControl
from mediasim.exchange.waiting import first_of
from mediasim.parties.hearing import SpeechTracker
from mediasim.parties.party import Line
from mediasim.scenario.model.steps import (
    Dtmf,
    Emit,
    Hangup,
    Hold,
    Mute,
    Noise,
    Pause,
    Play,
    Repeat,
    Resume,
    Say,
    Step,
    Together,
    Tone,
    Unmute,
    WaitFor,
    walk,
)
from mediasim.scenario.running.sounds import SoundClip

__all__ = ["Actor", "Sounds"]


_AFTER_RINGING: Final = (Say, Play, Tone, Noise, Dtmf, Pause, Together, Hold, Resume)
"""Steps that wait while the call is being put through: no caller speaks into the ringing."""


class Sounds(Protocol):
    """Where an actor's audio comes from."""

    def clip(self, step: Say | Play, voice: str) -> SoundClip:
        """Speech, or a file."""

    def noise(self, step: Noise, label: str) -> NDArray[np.int16]:
        """Noise of the run's seed."""


class Actor:
    """One party in one call."""

    def __init__(self, control: PartyControl, voice: str, sounds: Sounds) -> None:
        call = control.call
        assert call.line is not None
        self._control = control
        self._call = call
        self._exchange = call.exchange
        self._line: Line = call.line
        self._voice = voice
        self._sounds = sounds
        self._noises = 0
        self.waiting = ""
        """What it waits for without knowing when that will come; "" if for nothing."""

    async def perform(self, steps: Many[Step]) -> None:
        """The whole script; returns when its last sound has been made."""
        waits = (step for _, step in walk(steps) if isinstance(step, WaitFor))
        if any(step.hears == "anything" for step in waits):
            self._line.hear_everything()
        self._line.listen_from_now()
        end = await self._steps(steps, self._exchange.now_ns)
        await self._exchange.sleep_until(end)

    async def _steps(self, steps: Many[Step], cursor: int) -> int:
        """Carry out steps from loop time ``cursor`` on; returns where the last one ended."""
        for step in steps:
            cursor = await self._step(step, cursor)
        return cursor

    async def _step(self, step: Step, cursor: int) -> int:
        if self._control.connecting and isinstance(step, _AFTER_RINGING):
            await self._control.connected()
            cursor = max(cursor, self._exchange.now_ns)
        match step:
            case Say() | Play() | Tone() | Noise():
                return self._sound(step, self._held_back(step.at, cursor))
            case Dtmf():
                return self._press(step, self._held_back(step.at, cursor))
            case Pause():
                return cursor + step.for_
            case Mute() | Unmute():
                at = self._line.clock.sample_at(cursor)
                timeline = self._line.timeline
                (timeline.mute if isinstance(step, Mute) else timeline.unmute)(at)
                return cursor
            case Repeat():
                for _ in range(step.times):
                    cursor = await self._steps(step.steps, cursor)
                return cursor
            case Together():
                ends = [await self._steps(line, cursor) for line in step.lines]
                return max(ends, default=cursor)
            case _:
                await self._exchange.sleep_until(cursor)
                await self._act(step)
                return max(cursor, self._exchange.now_ns)

    async def _act(self, step: WaitFor | Hold | Resume | Hangup | Emit) -> None:
        """A step that happens at its own moment."""
        match step:
            case WaitFor():
                await self._wait_for(step)
            case Hold():
                self._control.hold()
            case Resume():
                self._control.resume()
            case Hangup():
                await self._call.hang_up()
            case Emit():
                self._exchange.raise_event(step.name, self._call.party.name)

    def _held_back(self, at: int | None, cursor: int) -> int:
        """``at`` counts from when the call was dialled."""
        return cursor if at is None else max(cursor, self._control.dialled_ns + at)

    # -- sounds -----------------------------------------------------------------------------

    def _sound(self, step: Say | Play | Tone | Noise, cursor: int) -> int:
        from mediasim.audio.tones import tone

        if isinstance(step, Say | Play):
            text = step.text if isinstance(step, Say) else str(step.file)
            clip = self._sounds.clip(step, self._voice)
        elif isinstance(step, Tone):
            text = " + ".join(f"{hz:g}" for hz in step.frequencies) + " Hz"
            clip = SoundClip(tone(step.frequencies, _samples(step.for_), step.level), "")
        else:
            text = f"{step.kind} noise"
            self._noises += 1
            label = step.label or self._call.name
            clip = SoundClip(self._sounds.noise(step, f"{label}/{self._noises}"), "")
        return self._place(clip, cursor, step.keyword, text)

    def _place(self, clip: SoundClip, cursor: int, kind: str, text: str) -> int:
        clock = self._line.clock
        at = clock.sample_at(cursor)
        pcm, digest, words = clip
        self._line.timeline.place(pcm, at, kind=kind, text=text, digest=digest, words=words)
        return max(cursor, clock.time_of_one(at + len(pcm)))

    def _press(self, step: Dtmf, cursor: int) -> int:
        if step.in_band:
            from mediasim.audio.dtmf import dtmf_digits

            pcm = dtmf_digits(
                step.digits,
                tone_ms=step.tone // 1_000_000,
                gap_ms=step.gap // 1_000_000,
            )
            return self._place(SoundClip(pcm, ""), cursor, "dtmf", step.digits)
        clock = self._line.clock
        end = self._line.phone.press(
            step.digits, clock.sample_at(cursor), _samples(step.tone), _samples(step.gap)
        )
        return max(cursor, clock.time_of_one(end))

    # -- waiting ----------------------------------------------------------------------------

    async def _wait_for(self, step: WaitFor) -> None:
        if step.timeout is None:
            since = (self._exchange.now_ns - self._control.dialled_ns) / NS_PER_SECOND
            name = self._call.party.name
            self.waiting = f"{name} has waited for {_in_words(step)} since {since:.1f}s"
            try:
                await self._wanted(step)
            finally:
                self.waiting = ""
            return
        deadline = self._exchange.now_ns + step.timeout
        await first_of(self._wanted(step), self._exchange.sleep_until(deadline))
        self._tracker(step).forget()

    async def _wanted(self, step: WaitFor) -> None:
        tracker = self._tracker(step)
        if step.time is not None:
            await self._exchange.sleep_until(self._control.dialled_ns + step.time)
        elif step.event is not None:
            await self._exchange.events.wait(step.event)
        elif step.quiet is not None:
            frames = -(-step.quiet // FRAME_NS)
            await self._line.hearing(lambda fired: tracker.wait_quiet(frames, fired))
        elif step.digit is not None:
            await self._hear_digit(step.digit)
        else:
            await self._line.hearing(tracker.wait_speech)

    def _tracker(self, step: WaitFor) -> SpeechTracker:
        """What follows that which the step waits for."""
        everything = self._line.everything if step.hears == "anything" else None
        return everything or self._line.tracker

    async def _hear_digit(self, wanted: str) -> None:
        """A key of another party, as a telephone event or as a tone."""
        from mediasim.audio.dtmf import END_SHOWS_FRAMES, DtmfDetector

        # What was pressed before now is not waited for, however late it is lived through.
        self._line.room.plane.catch_up(self._line.room)
        keys: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        events, ear = self._exchange.events, self._line.ear
        detector: DtmfDetector | None = None

        def pressed(event: Event) -> None:
            assert isinstance(event, DtmfEvent)
            if any(event.call_sid == peer.sid for peer in self._control.peers()):
                keys.put_nowait((event.at_ns // FRAME_NS, event.digit))

        def listen(first_frame: int, pcm: NDArray[np.int16]) -> None:
            nonlocal detector
            if detector is None:
                detector = DtmfDetector(start=first_frame * FRAME_SAMPLES)
            for hit in detector.feed(pcm):
                keys.put_nowait((hit.end // FRAME_SAMPLES + END_SHOWS_FRAMES, hit.digit))

        async def look(fired: Callable[[int], None]) -> None:
            while True:
                frame, digit = await keys.get()
                if digit in wanted:
                    fired(frame)
                    return

        def ask(fired: Callable[[int], None]) -> None:
            self._control.spawn(look(fired))

        events.on("dtmf", pressed)
        if ear is not None:
            ear.listeners.append(listen)
        try:
            await self._line.hearing(ask)
        finally:
            events.forget("dtmf", pressed)
            if ear is not None:
                ear.listeners.remove(listen)


def _in_words(step: WaitFor) -> str:
    wanted = step.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in wanted.items())


def _samples(duration: int) -> int:
    return round(duration * SAMPLE_RATE / NS_PER_SECOND)
