"""Keys pressed on a call, whether as telephone events (RFC 4733) or as tones in the audio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import END_SHOWS_FRAMES, DtmfDetector
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.media.leg import FOREVER
from mediasim.media.recorder import Track

__all__ = ["NOTICE_FRAMES", "Keys", "listen_for_keys", "notice"]

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
