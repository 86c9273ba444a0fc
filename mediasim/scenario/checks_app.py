"""Expectations about how an app converses. What was not measured holds none of them."""

from __future__ import annotations

from typing import Any

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.scenario.durations import Duration
from mediasim.scenario.file_clock import FileClock
from mediasim.scenario.model_expect_app import (
    AppExpectation,
    ExpectBargeIn,
    ExpectDeadAir,
    ExpectGreeting,
    ExpectResponse,
    ExpectTalkOver,
)
from mediasim.scenario.runner import Run
from mediasim.scenario.totals import counted
from mediasim.scenario.verdicts import Failed
from mediasim.twilio.streams import Figures, Span, Stream

__all__ = ["barge_in", "dead_air", "greeting", "response", "talk_over"]

_CALLER, _APP = 1, 2


def greeting(run: Run, wanted: ExpectGreeting) -> str:
    """The app's first sound came in time."""
    stream, figures = _measured(run, wanted)
    if figures.greeting_ms is None:
        raise Failed("null: the app never spoke", _place(run, stream, _CALLER, 0))
    found = f"{figures.greeting_ms} ms"
    if _over(figures.greeting_ms, wanted.within):
        raise Failed(found, _place(run, stream, _APP, figures.greeting_ms))
    return found


def response(run: Run, wanted: ExpectResponse) -> str:
    """Every utterance of the caller's was answered in time."""
    stream, figures = _measured(run, wanted)
    if not figures.responses:
        raise Failed("null: the caller never spoke", _place(run, stream, _CALLER, 0))
    silent = [each.after for each in figures.responses if each.latency_ms is None]
    if len(silent) > wanted.unanswered or len(silent) == len(figures.responses):
        raise Failed(
            f"null: the app never answered what was said {_when(silent[0])} "
            f"({counted(len(silent), 'utterance')} of {len(figures.responses)} unanswered)",
            _place(run, stream, _CALLER, silent[0].end_ms),
        )
    answered = [each for each in figures.responses if each.latency_ms is not None]
    worst = max(answered, key=lambda each: each.latency_ms or 0)
    latency = worst.latency_ms or 0
    found = f"{latency} ms at worst, after what was said {_when(worst.after)}"
    if _over(latency, wanted.within):
        raise Failed(found, _place(run, stream, _APP, worst.after.end_ms + latency))
    return found


def barge_in(run: Run, wanted: ExpectBargeIn) -> str:
    """Whenever the caller spoke over the app, the app fell silent in time."""
    stream, figures = _measured(run, wanted)
    if not figures.barge_ins:
        raise Failed(
            "null: the caller never began to speak while the app spoke",
            _place(run, stream, _CALLER, 0),
        )
    worst = 0
    for each in figures.barge_ins:
        at = f"at {each.at_ms / 1000:.2f} s"
        if each.reaction_ms is None:
            raise Failed(
                f"null: the caller began to speak over the app {at}, and the app never fell "
                "silent before the caller had ended",
                _place(run, stream, _APP, each.at_ms),
            )
        if _over(each.reaction_ms, wanted.within):
            raise Failed(f"{each.reaction_ms} ms, {at}", _place(run, stream, _APP, each.at_ms))
        worst = max(worst, each.reaction_ms)
    return f"{worst} ms at worst, of {counted(len(figures.barge_ins), 'time')}"


def talk_over(run: Run, wanted: ExpectTalkOver) -> str:
    """Both spoke at once no longer than that, in all."""
    stream, figures = _measured(run, wanted)
    _needs_sound(run, stream, figures)
    found = f"{figures.talk_over_ms} ms"
    if _over(figures.talk_over_ms, wanted.most):
        both = (
            max(a.start_ms, b.start_ms)
            for a in figures.caller
            for b in figures.app
            if a.start_ms < b.end_ms and b.start_ms < a.end_ms
        )
        raise Failed(found, _place(run, stream, _APP, min(both)))
    return found


def dead_air(run: Run, wanted: ExpectDeadAir) -> str:
    """No stretch in which nobody spoke was longer than that."""
    stream, figures = _measured(run, wanted)
    _needs_sound(run, stream, figures)
    longest = max(figures.dead_air, key=lambda span: span.ms, default=None)
    if longest is None:
        return "none"
    found = f"{longest.ms} ms at most, {_when(longest)}"
    if _over(longest.ms, wanted.most):
        raise Failed(found, _place(run, stream, _APP, longest.start_ms))
    return found


def _measured(run: Run, wanted: AppExpectation) -> tuple[Stream, Figures]:
    """The stream to a call's app, and every stretch of silence in it. Raises Failed."""
    name, stream = next(
        (each for each in run.streams.items() if wanted.call in (None, each[0])), ("", None)
    )
    if stream is None:
        raise Failed(f"null: call {wanted.call or ''} was never dialled")
    if stream.started_frame is None:
        code, words = stream.error or (0, "the call ended before")
        raise Failed(f"null: call {name} was never connected to its app: {code} {words}")
    return stream, stream.figures(dead_air_ms=1)


def _needs_sound(run: Run, stream: Stream, figures: Figures) -> None:
    if not figures.app:
        raise Failed("null: the app never spoke", _place(run, stream, _CALLER, 0))


def _over(found_ms: int, most: Duration) -> bool:
    return found_ms * 1_000_000 > most


def _when(span: Span) -> str:
    return f"from {span.start_ms / 1000:.2f} to {span.end_ms / 1000:.2f} s"


def _place(run: Run, stream: Stream, channel: int, at_ms: int) -> dict[str, Any] | None:
    """Where to listen in the first two-channel recording of the call; None: there is none."""
    assert stream.started_frame is not None
    call_seconds = stream.started_frame * FRAME_SAMPLES / SAMPLE_RATE + at_ms / 1000
    for recording in run.exchange.recordings:
        record = recording.record
        if record.call_sid != stream.record.call_sid or record.status != "completed":
            continue
        first = recording.recorder.first_frame * FRAME_SAMPLES + recording.trimmed[0]
        clock = FileClock(
            {
                "samples": record.samples or 0,
                "started": first / SAMPLE_RATE,
                "truth_intervals": run.truths[record.sid].to_json(),
            }
        )
        for begun, called, length in clock.pieces:
            if called <= call_seconds <= called + length:
                return {
                    "file": f"recordings/{record.sid}.wav",
                    "channel": min(channel, record.layout.stored_channels),
                    "time": round(begun + call_seconds - called, 3),
                }
    return None
