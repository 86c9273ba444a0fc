"""An exchange in virtual time, with parties that make a noise when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.audio.wav import read_wav
from mediasim.exchange.exchange import VIRTUAL_BLOCK, Exchange
from mediasim.exchange.phone import Behavior, PartyControl
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.switch import Switch
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.parties.party import Party
from mediasim.seeds import Seeds
from mediasim.twilio.representations import recording_document

__all__ = [
    "PATH",
    "Act",
    "acts",
    "clip",
    "kinds",
    "named",
    "on_exchange",
    "party",
    "pcm_of",
    "seconds",
    "stands_at",
]

T = TypeVar("T")
Samples = NDArray[np.int16]
Act = Callable[[PartyControl], Coroutine[Any, Any, None]]

PATH = 5 * FRAME_SAMPLES
"""Samples from when a word is said to when the server has it."""


def on_exchange(
    directory: Path,
    main: Callable[[Exchange], Coroutine[Any, Any, T]],
    profile: str = DEFAULT_PROFILE,
) -> T:
    """Run something on an exchange of its own, in virtual time."""
    plane = MediaPlane(max_lag=VIRTUAL_BLOCK)
    loop = VirtualLoop()

    def advance(target_ns: int) -> int:
        frame = target_ns // FRAME_NS
        reached = plane.advance(frame)
        return target_ns if reached >= frame else reached * FRAME_NS

    async def run() -> T:
        return await main(
            Exchange(Seeds(1), directory, document=recording_document, plane=plane, profile=profile)
        )

    loop.before_jump(advance)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(run())


def seconds(amount: float) -> int:
    """In nanoseconds."""
    return round(amount * NS_PER_SECOND)


def party(name: str, **more: Any) -> Party:
    return Party(name=name, number=f"+1415555010{len(name)}", **more)


def clip(name: str, length: float = 1.0) -> Samples:
    """A noise of its own, as it comes out of a telephone line."""
    pcm = noise("white", round(length * 8000), -20.0, Seeds(1).generator(name))
    return ulaw_decode(ulaw_encode(pcm))


def acts(*steps: float | Samples | str) -> Behavior:
    """A behavior: wait (seconds), sound (samples), hold, resume, hangup, or raise an event.

    Like a scripted party's it begins once the call has been put through.
    """

    async def act(control: PartyControl) -> None:
        call = control.call
        assert call.line is not None
        await control.connected()
        for step in steps:
            if isinstance(step, np.ndarray):
                at = call.line.clock.sample_at(call.exchange.now_ns)
                call.line.timeline.place(step, at, kind="noise", text="")
                await call.exchange.sleep(len(step) * 125_000)
            elif isinstance(step, str):
                await _do(step, control)
            else:
                await call.exchange.sleep(seconds(step))

    return act


async def _do(word: str, control: PartyControl) -> None:
    call = control.call
    if word == "hangup":
        await call.hang_up()
    elif word == "hold":
        control.hold()
    elif word == "resume":
        control.resume()
    else:
        call.exchange.emit_script_event(word, call.party.name)


def named(exchange: Exchange, name: str) -> LiveRecording:
    return next(recording for recording in exchange.recordings if recording.name == name)


def pcm_of(exchange: Exchange, name: str = "main") -> Samples:
    """The published file of a recording: (channels, samples)."""
    return read_wav(exchange.store.wav_path(named(exchange, name).sid)).pcm


def stands_at(channel: Samples, sound: Samples) -> int | None:
    """The sample at which a sound stands in a channel, exactly as it is; None if nowhere."""
    for start in range(0, len(channel) - len(sound) + 1, FRAME_SAMPLES // 2):
        if np.array_equal(channel[start : start + len(sound)], sound):
            return start
    return None


def kinds(exchange: Switch[Any, Any]) -> list[str]:
    """The kinds of all events, in order."""
    return [event.kind for event in sorted(exchange.events.log, key=lambda it: it.at_ns)]
