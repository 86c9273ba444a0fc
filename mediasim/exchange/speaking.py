"""Telling when a participant begins and stops to speak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from mediasim.audio.frames import FRAME_NS
from mediasim.exchange.keypad import NOTICE_FRAMES
from mediasim.exchange.live_call import LiveCall
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker

__all__ = ["follow_speech"]

Speech = Literal["speech-start", "speech-stop"]
_QUIET_FRAMES: Final = 50
"""A second's quiet is the end of speech (our choice)."""


async def follow_speech(call: LiveCall, told: Callable[[Speech], None]) -> None:
    """Call ``told`` as the party begins and stops to speak, for as long as it is listened to."""
    tracker = SpeechTracker(NOTICE_FRAMES)
    call.room.listen(call.leg, Track.INBOUND, tracker)
    try:
        while True:
            await _noticed(call, tracker.wait_speech)
            told("speech-start")
            await _noticed(call, lambda fired: tracker.wait_silence(_QUIET_FRAMES, fired))
            tracker.mark()
            told("speech-stop")
    finally:
        if call.active:
            call.room.stop_listening(call.leg, tracker)


async def _noticed(call: LiveCall, ask: Callable[[Callable[[int], None]], None]) -> None:
    heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def fired(frame: int) -> None:
        if not heard.done():
            heard.set_result(frame)

    ask(fired)
    frame = await heard
    await call.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)
