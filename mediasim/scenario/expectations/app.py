"""Expectations about how an app converses. What was not measured holds none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.conversation.app_figures import Figures
from mediasim.scenario.expectations.conversing import (
    Wanting,
    judge_barge_in,
    judge_dead_air,
    judge_greeting,
    judge_response,
    judge_talk_over,
)
from mediasim.scenario.expectations.verdicts import Failed, FileClock
from mediasim.scenario.model.expect import (
    AppExpectation,
    ExpectBargeIn,
    ExpectDeadAir,
    ExpectGreeting,
    ExpectResponse,
    ExpectTalkOver,
)
from mediasim.scenario.running.runner import Run
from mediasim.twilio.streams import Stream

__all__ = ["barge_in", "dead_air", "greeting", "response", "talk_over"]


def greeting(run: Run, wanted: ExpectGreeting) -> str:
    """The app's first sound came in time."""
    return _judged(run, wanted, lambda it: judge_greeting(it, wanted.within))


def response(run: Run, wanted: ExpectResponse) -> str:
    """Every utterance of the caller's was answered in time."""
    return _judged(run, wanted, lambda it: judge_response(it, wanted.within, wanted.unanswered))


def barge_in(run: Run, wanted: ExpectBargeIn) -> str:
    """Whenever the caller spoke over the app, the app fell silent in time."""
    return _judged(run, wanted, lambda it: judge_barge_in(it, wanted.within))


def talk_over(run: Run, wanted: ExpectTalkOver) -> str:
    """Both spoke at once no longer than that, in all."""
    return _judged(run, wanted, lambda it: judge_talk_over(it, wanted.most))


def dead_air(run: Run, wanted: ExpectDeadAir) -> str:
    """No stretch in which nobody spoke was longer than that."""
    return _judged(run, wanted, lambda it: judge_dead_air(it, wanted.most))


def _judged(run: Run, wanted: AppExpectation, judge: Callable[[Figures], str]) -> str:
    stream = _stream(run, wanted)
    try:
        return judge(stream.figures(dead_air_ms=1))
    except Wanting as wanting:
        place = _place(run, stream, wanting.side, wanting.at_ms)
        raise Failed(str(wanting), place) from None


def _stream(run: Run, wanted: AppExpectation) -> Stream:
    """The stream to a call's app. Raises Failed."""
    name, stream = next(
        (each for each in run.streams.items() if wanted.call in (None, each[0])), ("", None)
    )
    if stream is None:
        raise Failed(f"null: call {wanted.call or ''} was never dialled")
    if stream.started_frame is None:
        code, words = stream.error or (0, "the call ended before")
        raise Failed(f"null: call {name} was never connected to its app: {code} {words}")
    return stream


def _place(run: Run, stream: Stream, channel: int, at_ms: int) -> dict[str, Any] | None:
    """Where to listen in the first two-channel recording of the call; None: there is none."""
    assert stream.started_frame is not None
    call_seconds = stream.started_frame * FRAME_SAMPLES / SAMPLE_RATE + at_ms / 1000
    for recording in run.exchange.recordings:
        record = recording.record
        if record.call_sid != stream.record.call_sid or record.status != "completed":
            continue
        first = recording.recorder.first_frame * FRAME_SAMPLES + recording.kept[0]
        truth = run.truths[record.sid].to_json()
        clock = FileClock(first / SAMPLE_RATE, record.samples or 0, truth)
        for begun, called, length in clock.pieces:
            if called <= call_seconds <= called + length:
                return {
                    "file": f"recordings/{record.sid}.wav",
                    "channel": min(channel, record.layout.stored_channels),
                    "time": round(begun + call_seconds - called, 3),
                }
    return None
