"""Waiting for what happens on a call: the first of several things, keys, speech.

Keys come as telephone events (RFC 4733) or as tones in the audio. The server acts on what happens
on a line a few frames later, as real ones do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import END_SHOWS_FRAMES, DtmfDetector
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.media.leg import FOREVER
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, fired

__all__ = [
    "NOTICE_FRAMES",
    "CallEnded",
    "Keys",
    "first_of",
    "follow_speech",
    "listen_for_keys",
    "never",
    "notice",
]


class CallEnded(Exception):
    """The party has hung up, or the call was ended by the server."""


async def first_of(*happenings: Awaitable[Any]) -> int:
    """Wait for the first of several happenings and return its number; the others are cancelled.

    Where several have happened, the one named first counts. Raises what that one raises.
    """
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(_outcome(each)) for each in happenings]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        number = next(number for number, wait in enumerate(waits) if wait.done())
        for wait in waits:
            wait.cancel()
    error = waits[number].result()
    if error is not None:
        raise error
    return number


async def _outcome(happening: Awaitable[Any]) -> Exception | None:
    """What it raised: an error that left the task would end the others in a group of errors."""
    try:
        await happening
    except Exception as error:
        return error
    return None


async def never() -> None:
    """Wait without end, for where nothing will come."""
    await asyncio.Event().wait()


# -- keys -----------------------------------------------------------------------------------


NOTICE_FRAMES: Final = 5
"""Frames between something happening on the line and the server acting on it."""

Keys = asyncio.Queue[tuple[int, str]]
"""(frame, digit), in order."""


class _Tones:
    """An ear for keys in the audio."""

    def __init__(self, keys: Keys, together: int) -> None:
        self.horizon = NOTICE_FRAMES
        self._keys = keys
        self._together = together
        self._waiting: list[NDArray[np.int16]] = []
        self._detector: DtmfDetector | None = None

    @property
    def patience(self) -> int:
        return FOREVER  # silence is no key, and ends none: what there was has shown by then

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        if self._detector is None:
            self._detector = DtmfDetector(start=first_frame * FRAME_SAMPLES)
        self._waiting.append(pcm.copy())
        if len(pcm) == FRAME_SAMPLES and len(self._waiting) < self._together:
            return
        pcm = np.concatenate(self._waiting)
        self._waiting.clear()
        for hit in self._detector.feed(pcm):
            frame = hit.end // FRAME_SAMPLES + END_SHOWS_FRAMES
            self._keys.put_nowait((frame, hit.digit))


@contextmanager
def listen_for_keys(call: LiveCall, *, together: int = 1) -> Iterator[Keys]:
    """The keys that the call's party presses meanwhile. The server acts ``NOTICE_FRAMES`` later.

    ``together``: frames looked at at once, fewer than are noticed later; for who knows that the
    room is lived through frame by frame. It changes nothing but what it costs.
    """
    keys: Keys = asyncio.Queue()
    ear = _Tones(keys, together)
    call.on_digit.append(keys)
    call.room.listen(call.leg, Track.INBOUND, ear)
    try:
        yield keys
    finally:
        call.on_digit.remove(keys)
        if call.active:
            call.room.stop_listening(call.leg, ear)


async def notice(call: LiveCall, frame: int) -> None:
    """Wait until the server acts on what happened on the call's line in this frame."""
    await call.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)


# -- speech ---------------------------------------------------------------------------------


Speech = Literal["speech-start", "speech-stop"]
_QUIET_FRAMES: Final = 50
"""A second's quiet is the end of speech (our choice)."""


async def follow_speech(call: LiveCall, told: Callable[[Speech], None]) -> None:
    """Call ``told`` as the party begins and stops to speak, for as long as it is listened to."""
    tracker = SpeechTracker(NOTICE_FRAMES)
    call.room.listen(call.leg, Track.INBOUND, tracker)
    try:
        while True:
            await notice(call, await fired(tracker.wait_speech))
            told("speech-start")
            await notice(call, await fired(partial(tracker.wait_silence, _QUIET_FRAMES)))
            tracker.mark()
            told("speech-stop")
    finally:
        if call.active:
            call.room.stop_listening(call.leg, tracker)
