"""Actors: each carries out a party's script on its line, each kind of step by its behavior.

Steps that only speak are placed on the party's timeline ahead of time, one after the other, without
waiting; only steps that must know, or do, something at their own moment let time pass. That is why
a scripted call costs a few timers, not one for each word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.documents.model import Many
from mediasim.exchange.events import DtmfEvent, Event, UserMessageEvent
from mediasim.exchange.phone import PartyControl
from mediasim.exchange.waiting import first_of
from mediasim.parties.hearing import SpeechTracker
from mediasim.parties.party import Line
from mediasim.parties.timeline import UNRECORDED, Recorded
from mediasim.scenario.model import steps
from mediasim.scenario.running.sounds import SoundClip

__all__ = ["BEHAVIORS", "Actor", "Sounds"]

S = TypeVar("S", bound=steps.ScriptStep)
Behavior = Callable[["Actor", S, int], Awaitable[int]]
"""Carries out a step that is reached at a loop time; returns the loop time at which the next may
begin."""
BEHAVIORS: Final[dict[type[steps.ScriptStep], Behavior[Any]]] = {}
"""The behavior of each kind of step."""


def carries_out(*kinds: type[steps.ScriptStep]) -> Callable[[Behavior[S]], Behavior[S]]:
    """Return a decorator that enters a behavior in the table for these kinds of step."""

    def enter(behavior: Behavior[S]) -> Behavior[S]:
        BEHAVIORS.update(dict.fromkeys(kinds, behavior))
        return behavior

    return enter


class Sounds(Protocol):
    """The source of an actor's audio."""

    def clip(self, step: steps.Say | steps.Play, voice: str) -> SoundClip:
        """Return speech, or a file."""

    def noise(self, step: steps.Noise, label: str) -> NDArray[np.int16]:
        """Return noise of the run's seed."""


class Actor:
    """A party in one call, with the operations that behaviors need."""

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

    async def perform(self, script: Many[steps.Step]) -> None:
        """Carry out the whole script, and return when its last sound has been made."""
        if any(step.hears_anything for _, step in steps.walk(script)):
            self.line.hear_everything()
        self.line.listen_from_now()
        self.call.acting += 1
        try:
            end = await self.run_steps(script, self.exchange.now_ns)
            await self.exchange.sleep_until(end)
        finally:
            self.call.acting -= 1
            self.call.idle_since_ns = self.exchange.now_ns

    async def run_steps(self, block: Many[steps.Step], cursor: int) -> int:
        """Carry out steps from loop time ``cursor`` on; return the loop time at which the last one
        ended."""
        for step in block:
            if step.after_ringing and self.control.connecting:
                with self.waiting("the call to be put through"):
                    await self.control.connected()
                cursor = max(cursor, self.exchange.now_ns)
            cursor = await BEHAVIORS[type(step)](self, step, cursor)
        return cursor

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Note on the call what its party waits for while the context is entered."""
        wait = what, self.exchange.now_ns
        self.call.waits.append(wait)
        try:
            yield
        finally:
            self.call.waits.remove(wait)

    async def reach(self, cursor: int) -> None:
        """Let time pass until loop time ``cursor``, for a step that acts at its own moment."""
        await self.exchange.sleep_until(cursor)

    def ended(self, cursor: int) -> int:
        """Return the loop time at which a step ends that was reached at ``cursor`` and has ended
        now."""
        return max(cursor, self.exchange.now_ns)

    def held_back(self, at: int | None, cursor: int) -> int:
        """Return the later of both times; ``at`` counts from when the call was dialled."""
        return cursor if at is None else max(cursor, self.control.dialled_ns + at)

    def place(
        self,
        clip: SoundClip,
        cursor: int,
        kind: str,
        text: str,
        recorded: Recorded = UNRECORDED,
    ) -> int:
        """Place a sound at loop time ``cursor``; return the loop time at which it ends.

        ``kind``, ``text`` and ``recorded`` are what the truth says of the sound.
        """
        clock = self.line.clock
        at = clock.sample_at(cursor)
        pcm, digest, words = clip
        self.line.timeline.place(
            pcm, at, kind=kind, text=text, digest=digest, words=words, recorded=recorded
        )
        # Times of samples are rounded: a step never begins before the one above it.
        return max(cursor, clock.time_of_one(at + len(pcm)))

    def speak(self, source: steps.Say | steps.Play, cursor: int) -> int:
        """Place speech or a file, one of a step's sounds, at loop time ``cursor``; return when it
        ends."""
        clip, kind = self.sounds.clip(source, self._voice), source.keyword
        if isinstance(source, steps.Say):
            return self.place(clip, cursor, kind, source.text)
        file = str(source.file)
        text = source.text or " ".join(word.text for word in clip.words) or file
        known = Recorded(file if source.is_speech else None, source.speaker, source.language)
        return self.place(clip, cursor, kind, text, known)

    def noise(self, step: steps.Noise) -> NDArray[np.int16]:
        """Return the samples of the party's next noise."""
        self._noises += 1
        return self.sounds.noise(step, f"{step.label or self.call.name}/{self._noises}")


# -- sounds, placed ahead of time ---------------------------------------------------------------


@carries_out(steps.Say, steps.Play)
async def _speak(actor: Actor, step: steps.Say | steps.Play, cursor: int) -> int:
    return actor.speak(step, actor.held_back(step.at, cursor))


@carries_out(steps.Tone)
async def _tone(actor: Actor, step: steps.Tone, cursor: int) -> int:
    from mediasim.audio.tones import tone

    pcm = tone(step.frequencies, _samples(step.for_), step.level)
    text = " + ".join(f"{hz:g}" for hz in step.frequencies) + " Hz"
    return actor.place(SoundClip(pcm, ""), actor.held_back(step.at, cursor), step.keyword, text)


@carries_out(steps.Noise)
async def _noise(actor: Actor, step: steps.Noise, cursor: int) -> int:
    clip = SoundClip(actor.noise(step), "")
    at = actor.held_back(step.at, cursor)
    return actor.place(clip, at, step.keyword, f"{step.kind} noise")


@carries_out(steps.Dtmf)
async def _press(actor: Actor, step: steps.Dtmf, cursor: int) -> int:
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


@carries_out(steps.Pause)
async def _pause(actor: Actor, step: steps.Pause, cursor: int) -> int:
    return cursor + step.for_


@carries_out(steps.Mute, steps.Unmute)
async def _mute(actor: Actor, step: steps.Mute | steps.Unmute, cursor: int) -> int:
    at, timeline = actor.line.clock.sample_at(cursor), actor.line.timeline
    (timeline.mute if isinstance(step, steps.Mute) else timeline.unmute)(at)
    return cursor


@carries_out(steps.Repeat)
async def _repeat(actor: Actor, step: steps.Repeat, cursor: int) -> int:
    for _ in range(step.times):
        cursor = await actor.run_steps(step.steps, cursor)
    return cursor


@carries_out(steps.AnswerAs)
async def _answer_as(actor: Actor, step: steps.AnswerAs, cursor: int) -> int:
    return await actor.run_steps(step.steps, cursor)


@carries_out(steps.Together)
async def _together(actor: Actor, step: steps.Together, cursor: int) -> int:
    ends = [await actor.run_steps(line, cursor) for line in step.lines]
    return max(ends, default=cursor)


def _samples(duration: int) -> int:
    """Return how many samples at 8 kHz a duration in nanoseconds has."""
    return round(duration * SAMPLE_RATE / NS_PER_SECOND)


# -- what happens at its own moment -------------------------------------------------------------


@carries_out(steps.Hold, steps.Resume)
async def _hold(actor: Actor, step: steps.Hold | steps.Resume, cursor: int) -> int:
    await actor.reach(cursor)
    (actor.control.hold if isinstance(step, steps.Hold) else actor.control.resume)()
    return actor.ended(cursor)


@carries_out(steps.Hangup)
async def _hang_up(actor: Actor, step: steps.Hangup, cursor: int) -> int:
    await actor.reach(cursor)
    await actor.call.hang_up()
    return actor.ended(cursor)


@carries_out(steps.Emit)
async def _emit(actor: Actor, step: steps.Emit, cursor: int) -> int:
    await actor.reach(cursor)
    actor.exchange.emit_script_event(step.name, actor.call.party.name)
    return actor.ended(cursor)


@carries_out(steps.TakePayment)
async def _take_payment(actor: Actor, step: steps.TakePayment, cursor: int) -> int:
    await actor.reach(cursor)
    from mediasim.scenario.running.payment import take_payment

    with actor.waiting("the other party's payment"):
        await take_payment(actor.control, step)
    return actor.ended(cursor)


@carries_out(steps.Message)
async def _message(actor: Actor, step: steps.Message, cursor: int) -> int:
    await actor.reach(cursor)
    actor.exchange.events.emit(
        UserMessageEvent(
            at_ns=actor.exchange.now_ns,
            kind="user-message.sent",
            text=f"{actor.call.party.name} sent {step.content[:200]}",
            call_sid=actor.call.sid,
            message_sid="",
            content=step.content,
        )
    )
    return actor.ended(cursor)


@carries_out(steps.WaitFor)
async def _wait_for(actor: Actor, step: steps.WaitFor, cursor: int) -> int:
    await actor.reach(cursor)
    exchange = actor.exchange
    with actor.waiting(_wait_words(step)):
        if step.timeout is None:
            await _wait_until_met(actor, step)
        else:
            deadline = exchange.now_ns + step.timeout
            await first_of(_wait_until_met(actor, step), exchange.sleep_until(deadline))
            # The tracker would go on watching for the wait that has timed out.
            _tracker(actor.line, step).forget()
    return actor.ended(cursor)


async def _wait_until_met(actor: Actor, step: steps.WaitFor) -> None:
    """Return when the event or the sound that a step waits for has come."""
    line, exchange = actor.line, actor.exchange
    tracker = _tracker(line, step)
    if step.time is not None:
        await exchange.sleep_until(actor.control.dialled_ns + step.time)
    elif step.event is not None:
        await exchange.events.wait(step.event)
    elif step.quiet is not None:
        frames = -(-step.quiet // FRAME_NS)
        await line.wait_to_hear(lambda fired: tracker.wait_quiet(frames, fired), tracker)
    elif step.digit is not None:
        await _hear_digit(actor, step.digit)
    else:
        await line.wait_to_hear(tracker.wait_speech, tracker)


def _tracker(line: Line, step: steps.WaitFor) -> SpeechTracker:
    """Return the tracker of the speech that a step waits for."""
    everything = line.everything if step.hears_anything else None
    return everything or line.tracker


async def _hear_digit(actor: Actor, wanted: str) -> None:
    """Return when a key of another party is heard, as a telephone event or as a tone."""
    from mediasim.audio.dtmf import END_SHOWS_FRAMES, DtmfDetector

    control, line = actor.control, actor.line
    # What was pressed before now is not waited for, however late the room processes it.
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
        # It begins with the first frame that is heard, so that its samples are counted as the
        # line's are.
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

    def watch_keys(fired: Callable[[int], None]) -> None:
        control.spawn(look(fired))

    events.on("dtmf", pressed)
    if receiver is not None:
        receiver.settle()
        receiver.listeners.append(listen)
    try:
        await line.wait_to_hear(watch_keys)
    finally:
        events.forget("dtmf", pressed)
        if receiver is not None:
            receiver.settle()
            receiver.listeners.remove(listen)


def _wait_words(step: steps.WaitFor) -> str:
    """Return what a step waits for in words, as it was written."""
    wanted = step.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in wanted.items())
