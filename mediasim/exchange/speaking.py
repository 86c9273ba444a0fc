"""Telling when a participant begins and stops to speak."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from mediasim.exchange.keypad import NOTICE_FRAMES, notice
from mediasim.exchange.live_call import LiveCall
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, fired

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
            await notice(call, await fired(tracker.wait_speech))
            told("speech-start")
            await notice(call, await fired(partial(tracker.wait_silence, _QUIET_FRAMES)))
            tracker.mark()
            told("speech-stop")
    finally:
        if call.active:
            call.room.stop_listening(call.leg, tracker)
