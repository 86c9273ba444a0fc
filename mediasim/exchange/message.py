"""Recording a message (the Record verb), which silence, a key, its length or a hang-up ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.audio.tones import beep
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.waiting import NOTICE_FRAMES, CallEnded, Keys, listen_for_keys, never, notice
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, frame_of

__all__ = ["Ending", "Message", "MessageRequest", "record_message"]

_RECEIVED: Final = 4
"""The part of a silence that must have been received: one in so many."""
Ending = Literal["silence", "key", "length", "hangup"]


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """How a message is recorded; the defaults are those of the Record verb."""

    beep: bool = True
    timeout_ns: int = 5_000_000_000
    """Silence that ends the message, in nanoseconds; 0: silence does not end it."""
    finish_on_key: str = "1234567890*#"
    max_length_ns: int = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """A recorded message, whose recording is stopped and published."""

    recording: LiveRecording
    ended_by: Ending
    key: str
    """The key that ended the message, "" for none."""
    spoken: bool
    """Whether the party has spoken."""


async def record_message(
    control: CallControl, request: MessageRequest, start: Callable[[], LiveRecording]
) -> Message:
    """Play the beep and record until the message ends; ``start`` starts the recording.

    Raises CallEnded if the call ends before the recording has started.
    """
    call = control.call
    tracker = SpeechTracker(NOTICE_FRAMES)
    pressed: list[str] = []
    # Keys pressed during the beep count too.
    with listen_for_keys(call) as keys:
        if request.beep:
            await control.play(beep(), "beep")
        recording = start()
        call.room.listen(call.leg, Track.INBOUND, tracker)
        try:
            ended = await control.until(
                _silence(control, tracker, request.timeout_ns),
                _key(control, keys, request.finish_on_key, pressed),
                control.exchange.sleep(request.max_length_ns),
            )
            ended_by: Ending = ("silence", "key", "length")[ended]
        except CallEnded:
            ended_by = "hangup"
        finally:
            if call.active:
                call.room.stop_listening(call.leg, tracker)
            recording.stop()
    return Message(recording, ended_by, "".join(pressed), tracker.spoken)


async def _silence(control: CallControl, tracker: SpeechTracker, timeout_ns: int) -> None:
    """Wait for silence that was received: a telephone that sends nothing is not silent."""
    if not timeout_ns:
        await never()
    frames = -(-timeout_ns // FRAME_NS)
    while True:
        frame = await frame_of(lambda found: tracker.wait_silence(frames, found))
        await notice(control.call, frame)
        samples, end = frames * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES
        if control.call.leg.received(end - samples, end) * _RECEIVED >= samples:
            return


async def _key(control: CallControl, keys: Keys, finish_on: str, pressed: list[str]) -> None:
    while True:
        frame, digit = await keys.get()
        if digit in finish_on:
            await notice(control.call, frame)
            pressed.append(digit)
            return
