"""An actor: carries out a party's script on its line, each kind of step by its behavior.

Steps that only speak are placed on the party's timeline ahead of time, one after the other,
without waiting; only steps that must know, or do, something at their own moment let time pass.
That is why a scripted call costs a few timers, not one for each word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

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
    ScriptStep,
    Step,
    Together,
    Tone,
    Unmute,
    WaitFor,
    walk,
)
from mediasim.scenario.running.sounds import SoundClip

__all__ = ["BEHAVIORS", "Actor", "Sounds"]

S = TypeVar("S", bound=ScriptStep)
Behavior = Callable[["Actor", S, int], Awaitable[int]]
"""Carries out a step that is reached at a loop time; returns the time when the next may begin."""
BEHAVIORS: Final[dict[type[ScriptStep], Behavior[Any]]] = {}
"""How each kind of step is carried out."""


def carries_out(*kinds: type[ScriptStep]) -> Callable[[Behavior[S]], Behavior[S]]:
    """Enter a behavior in the table for these kinds of step."""

    def enter(behavior: Behavior[S]) -> Behavior[S]:
        BEHAVIORS.update(dict.fromkeys(kinds, behavior))
        return behavior

    return enter


class Sounds(Protocol):
    """Where an actor's audio comes from."""

    def clip(self, step: Say | Play, voice: str) -> SoundClip:
        """Speech, or a file."""

    def noise(self, step: Noise, label: str) -> NDArray[np.int16]:
        """Noise of the run's seed."""


class Actor:
    """One party in one call, and what behaviors may do with it."""

    def __init__(self, control: PartyControl, voice: str, sounds: Sounds) -> None:
        call = control.call
        assert call.line is not None
        self.control = control
        self.call = call
        self.exchange = call.exchange
        self.line: Line = call.line
        self.sounds = sounds
        self._voice = voice
        self._noises = 0
        self.waiting = ""
        """What it waits for without knowing when that will come; "" if for nothing."""

    async def perform(self, script: Many[Step]) -> None:
        """The whole script; returns when its last sound has been made."""
        if any(step.hears_anything for _, step in walk(script)):
            self.line.hear_everything()
        self.line.listen_from_now()
        end = await self.steps(script, self.exchange.now_ns)
        await self.exchange.sleep_until(end)

    async def steps(self, steps: Many[Step], cursor: int) -> int:
        """Carry out steps from loop time ``cursor`` on; returns where the last one ended."""
        for step in steps:
            if step.after_ringing and self.control.connecting:
                await self.control.connected()
                cursor = max(cursor, self.exchange.now_ns)
            cursor = await BEHAVIORS[type(step)](self, step, cursor)
        return cursor

    async def reach(self, cursor: int) -> None:
        """Let time pass until then, for a step that acts at its own moment."""
        await self.exchange.sleep_until(cursor)

    def ended(self, cursor: int) -> int:
        """When a step ends that was reached at ``cursor`` and has ended now."""
        return max(cursor, self.exchange.now_ns)

    def held_back(self, at: int | None, cursor: int) -> int:
        """The later of both; ``at`` counts from when the call was dialled."""
        return cursor if at is None else max(cursor, self.control.dialled_ns + at)

    def place(self, clip: SoundClip, cursor: int, kind: str, text: str) -> int:
        """Let a sound begin at ``cursor``; returns when it ends.

        ``kind`` and ``text`` are what the truth says of it.
        """
        clock = self.line.clock
        at = clock.sample_at(cursor)
        pcm, digest, words = clip
        self.line.timeline.place(pcm, at, kind=kind, text=text, digest=digest, words=words)
        return max(cursor, clock.time_of_one(at + len(pcm)))

    def speak(self, source: Say | Play, cursor: int) -> int:
        """Let speech or a file, one of a step's sounds, begin at ``cursor``."""
        text = source.text if isinstance(source, Say) else str(source.file)
        return self.place(self.sounds.clip(source, self._voice), cursor, source.keyword, text)

    def noise(self, step: Noise) -> NDArray[np.int16]:
        """The next noise of this party."""
        self._noises += 1
        return self.sounds.noise(step, f"{step.label or self.call.name}/{self._noises}")


# -- sounds, placed ahead of time ---------------------------------------------------------------


@carries_out(Say, Play)
async def _speak(actor: Actor, step: Say | Play, cursor: int) -> int:
    return actor.speak(step, actor.held_back(step.at, cursor))


@carries_out(Tone)
async def _tone(actor: Actor, step: Tone, cursor: int) -> int:
    from mediasim.audio.tones import tone

    pcm = tone(step.frequencies, _samples(step.for_), step.level)
    text = " + ".join(f"{hz:g}" for hz in step.frequencies) + " Hz"
    return actor.place(SoundClip(pcm, ""), actor.held_back(step.at, cursor), step.keyword, text)


@carries_out(Noise)
async def _noise(actor: Actor, step: Noise, cursor: int) -> int:
    clip = SoundClip(actor.noise(step), "")
    at = actor.held_back(step.at, cursor)
    return actor.place(clip, at, step.keyword, f"{step.kind} noise")


@carries_out(Dtmf)
async def _press(actor: Actor, step: Dtmf, cursor: int) -> int:
    cursor = actor.held_back(step.at, cursor)
    if step.in_band:
        from mediasim.audio.dtmf import dtmf_digits

        pcm = dtmf_digits(step.digits, tone_ms=step.tone // 1_000_000, gap_ms=step.gap // 1_000_000)
        return actor.place(SoundClip(pcm, ""), cursor, step.keyword, step.digits)
    clock = actor.line.clock
    end = actor.line.phone.press(
        step.digits, clock.sample_at(cursor), _samples(step.tone), _samples(step.gap)
    )
    return max(cursor, clock.time_of_one(end))


@carries_out(Pause)
async def _pause(actor: Actor, step: Pause, cursor: int) -> int:
    return cursor + step.for_


@carries_out(Mute, Unmute)
async def _mute(actor: Actor, step: Mute | Unmute, cursor: int) -> int:
    at, timeline = actor.line.clock.sample_at(cursor), actor.line.timeline
    (timeline.mute if isinstance(step, Mute) else timeline.unmute)(at)
    return cursor


@carries_out(Repeat)
async def _repeat(actor: Actor, step: Repeat, cursor: int) -> int:
    for _ in range(step.times):
        cursor = await actor.steps(step.steps, cursor)
    return cursor


@carries_out(Together)
async def _together(actor: Actor, step: Together, cursor: int) -> int:
    ends = [await actor.steps(line, cursor) for line in step.lines]
    return max(ends, default=cursor)


def _samples(duration: int) -> int:
    return round(duration * SAMPLE_RATE / NS_PER_SECOND)


# -- what happens at its own moment -------------------------------------------------------------


@carries_out(Hold)
async def _hold(actor: Actor, step: Hold, cursor: int) -> int:
    await actor.reach(cursor)
    actor.control.hold()
    return actor.ended(cursor)


@carries_out(Resume)
async def _resume(actor: Actor, step: Resume, cursor: int) -> int:
    await actor.reach(cursor)
    actor.control.resume()
    return actor.ended(cursor)


@carries_out(Hangup)
async def _hang_up(actor: Actor, step: Hangup, cursor: int) -> int:
    await actor.reach(cursor)
    await actor.call.hang_up()
    return actor.ended(cursor)


@carries_out(Emit)
async def _emit(actor: Actor, step: Emit, cursor: int) -> int:
    await actor.reach(cursor)
    actor.exchange.emit_script_event(step.name, actor.call.party.name)
    return actor.ended(cursor)


@carries_out(WaitFor)
async def _wait_for(actor: Actor, step: WaitFor, cursor: int) -> int:
    await actor.reach(cursor)
    exchange, control = actor.exchange, actor.control
    if step.timeout is None:
        since = (exchange.now_ns - control.dialled_ns) / NS_PER_SECOND
        name = actor.call.party.name
        actor.waiting = f"{name} has waited for {_in_words(step)} since {since:.1f}s"
        try:
            await _wanted(actor, step)
        finally:
            actor.waiting = ""
    else:
        deadline = exchange.now_ns + step.timeout
        await first_of(_wanted(actor, step), exchange.sleep_until(deadline))
        _tracker(actor.line, step).forget()
    return actor.ended(cursor)


async def _wanted(actor: Actor, step: WaitFor) -> None:
    """What the step waits for comes."""
    line, exchange = actor.line, actor.exchange
    tracker = _tracker(line, step)
    if step.time is not None:
        await exchange.sleep_until(actor.control.dialled_ns + step.time)
    elif step.event is not None:
        await exchange.events.wait(step.event)
    elif step.quiet is not None:
        frames = -(-step.quiet // FRAME_NS)
        await line.wait_to_hear(lambda fired: tracker.wait_quiet(frames, fired))
    elif step.digit is not None:
        await _hear_digit(actor, step.digit)
    else:
        await line.wait_to_hear(tracker.wait_speech)


def _tracker(line: Line, step: WaitFor) -> SpeechTracker:
    """What follows that which the step waits for."""
    everything = line.everything if step.hears_anything else None
    return everything or line.tracker


async def _hear_digit(actor: Actor, wanted: str) -> None:
    """A key of another party, as a telephone event or as a tone."""
    from mediasim.audio.dtmf import END_SHOWS_FRAMES, DtmfDetector

    control, line = actor.control, actor.line
    # What was pressed before now is not waited for, however late it is lived through.
    line.room.plane.catch_up(line.room)
    keys: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    events, receiver = actor.exchange.events, line.receiver
    detector: DtmfDetector | None = None

    def pressed(event: Event) -> None:
        assert isinstance(event, DtmfEvent)
        if any(event.call_sid == peer.sid for peer in control.peers()):
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
        control.spawn(look(fired))

    events.on("dtmf", pressed)
    if receiver is not None:
        receiver.listeners.append(listen)
    try:
        await line.wait_to_hear(ask)
    finally:
        events.forget("dtmf", pressed)
        if receiver is not None:
            receiver.listeners.remove(listen)


def _in_words(step: WaitFor) -> str:
    wanted = step.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in wanted.items())
