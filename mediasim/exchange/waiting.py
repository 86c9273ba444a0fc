"""Waiting for what happens on a call: the first of several things, keys, speech.

Keys come as telephone events (RFC 4733) or as tones in the audio. The server acts on keys, speech
and silence a few frames after they happened, as real ones do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import END_SHOWS_FRAMES, DtmfDetector, DtmfHit, feed_together
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.media.leg import FOREVER
from mediasim.media.plane import MediaPlane
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, frame_of

__all__ = [
    "NOTICE_FRAMES",
    "CallEnded",
    "Keys",
    "first_of",
    "follow_speech",
    "listen_for_keys",
    "never",
    "notice",
    "over",
]


class CallEnded(Exception):
    """The call has ended: its party has hung up, or the server has ended it."""


async def first_of(*awaitables: Awaitable[Any]) -> int:
    """Wait for the first of several awaitables, return its index, and cancel the others.

    If several are done at once, the first argument counts. Raises what that one raises.
    """
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(_outcome(each)) for each in awaitables]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        number = next(number for number, wait in enumerate(waits) if wait.done())
        for wait in waits:
            wait.cancel()
    error = waits[number].result()
    if error is not None:
        raise error
    return number


async def _outcome(awaitable: Awaitable[Any]) -> Exception | None:
    # Returned, not raised: an error of a task would leave the group as an ExceptionGroup.
    try:
        await awaitable
    except Exception as error:
        return error
    return None


async def never() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


async def over(task: asyncio.Task[Any]) -> None:
    """Wait until a task is over, however it ends."""
    await asyncio.wait((task,))


# -- keys -----------------------------------------------------------------------------------


NOTICE_FRAMES: Final = 5
"""Frames between a key, speech or silence on a track and the server's acting on it."""

Keys = asyncio.Queue[tuple[int, str]]
"""Keys received: (frame, digit), in order."""


class _Tones:
    """A track listener that detects keys by their tones."""

    def __init__(self, keys: Keys, together: int, plane: MediaPlane) -> None:
        self.horizon = NOTICE_FRAMES
        self.detector: DtmfDetector | None = None
        self._keys = keys
        self._together = together
        self._waiting: list[NDArray[np.int16]] = []
        self._batch = None if together == 1 else _batch_of(plane)

    @property
    def reach(self) -> int:
        return self.horizon  # the end of a key may come in the next frame

    @property
    def patience(self) -> int:
        return FOREVER  # silence is no key, and a key before it has been detected by then

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        if self.detector is None:
            self.detector = DtmfDetector(start=first_frame * FRAME_SAMPLES)
        if self._batch is None:
            self.found(self.detector.feed(pcm))
            return
        self._waiting.append(pcm.copy())  # a view of the ring, which is written over
        # All tracks wait for the same frames, so that they are analysed at once.
        if len(pcm) == FRAME_SAMPLES and (first_frame + 1) % self._together:
            return
        self._batch.append((self, np.concatenate(self._waiting)))
        self._waiting.clear()

    def found(self, hits: list[DtmfHit]) -> None:
        for hit in hits:
            frame = hit.end // FRAME_SAMPLES + END_SHOWS_FRAMES
            self._keys.put_nowait((frame, hit.digit))


_Batch = list[tuple[_Tones, NDArray[np.int16]]]
"""Tracks of one plane that are analysed at the end of its block, with their samples."""
_OF_PLANE: WeakKeyDictionary[MediaPlane, _Batch] = WeakKeyDictionary()


def _batch_of(plane: MediaPlane) -> _Batch:
    """Return the plane's batch, created at the first call."""
    batch = _OF_PLANE.get(plane)
    if batch is None:
        batch = _OF_PLANE[plane] = []
        plane.afterwards.append(partial(_analyse, batch))
    return batch


def _analyse(batch: _Batch) -> None:
    if not batch:
        return
    tracks, batch[:] = list(batch), []
    detectors = [it.detector for it, _ in tracks if it.detector is not None]
    for (tones, _), hits in zip(
        tracks, feed_together(detectors, [pcm for _, pcm in tracks]), strict=True
    ):
        tones.found(hits)


@contextmanager
def listen_for_keys(call: LiveCall, *, together: int = 1, secret: bool = False) -> Iterator[Keys]:
    """Yield a queue of the keys that the call's party presses, by events or by tones.

    ``secret`` keys come to this queue alone: events hide them, and their tones are taken out of the
    track that others hear and recordings have.

    ``together`` is the number of frames analysed at once, less than ``NOTICE_FRAMES``: more cost
    less where a room is processed frame by frame, and the keys found are the same. Above 1 the
    tracks of all calls are analysed together.
    """
    keys: Keys = asyncio.Queue()
    tones = _Tones(keys, together, call.room.plane)
    if secret:
        call.secret_keys = keys
        call.room.clamp_keys(call.leg, tones)
    else:
        call.on_digit.append(keys)
    call.room.listen(call.leg, Track.INBOUND, tones)
    try:
        yield keys
    finally:
        if not secret:
            call.on_digit.remove(keys)
        elif call.secret_keys is keys:
            call.secret_keys = None
        if call.active:
            call.room.stop_listening(call.leg, tones)
            if secret:
                call.room.leave_keys(call.leg)


async def notice(call: LiveCall, frame: int) -> None:
    """Wait until the server acts on what happened in this frame of the call's track."""
    await call.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)


# -- speech ---------------------------------------------------------------------------------


Speech = Literal["speech-start", "speech-stop"]
_QUIET_FRAMES: Final = 50
"""Frames of quiet that end speech: a second (our choice)."""


async def follow_speech(call: LiveCall, report: Callable[[Speech], None]) -> None:
    """Call ``report`` whenever the party starts or stops to speak, until cancelled."""
    tracker = SpeechTracker(NOTICE_FRAMES)
    call.room.listen(call.leg, Track.INBOUND, tracker)
    try:
        while True:
            await notice(call, await frame_of(tracker.wait_speech))
            report("speech-start")
            await notice(call, await frame_of(partial(tracker.wait_silence, _QUIET_FRAMES)))
            tracker.mark()  # or the speech that has just ended would start the next one
            report("speech-stop")
    finally:
        if call.active:
            call.room.stop_listening(call.leg, tracker)
