"""Limits on how well an app converses. A figure that was not measured meets none of them.

For scenarios and for tests alike: each function is given figures and returns what was found in
words, or raises :class:`LimitMissed`. Silences have to be measured with ``dead_air_ms=1``, or
shorter ones are not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.documents.diagnostics import counted
from mediasim.documents.durations import Duration
from mediasim.scenario.expectations.verdicts import Failed, FileClock
from mediasim.scenario.model.app_ends import AppEnd, chosen_ends
from mediasim.scenario.model.app_expectations import AppExpectation
from mediasim.scenario.running.runner import Run

if TYPE_CHECKING:
    from mediasim.conversation.app_figures import Figures, TimeSpan
    from mediasim.twilio.relay.session import RelaySession
    from mediasim.twilio.streams import MediaStream

__all__ = [
    "APP",
    "CALLER",
    "LimitMissed",
    "conversing",
    "judge_barge_in",
    "judge_dead_air",
    "judge_greeting",
    "judge_response",
    "judge_talk_over",
]


CALLER: Final = 1
"""Channel of the caller, and its side of a conversation."""
APP: Final = 2
"""Channel of the app, and its side of a conversation."""


class LimitMissed(Exception):
    """A limit is not met; the message says what was found."""

    def __init__(self, found: str, side: int = CALLER, at_ms: int = 0) -> None:
        """Take what was found, and where to listen: the side CALLER or APP, and milliseconds since
        the conversation began."""
        super().__init__(found)
        self.side = side
        self.at_ms = at_ms


# -- figures held against limits ----------------------------------------------------------------


def judge_greeting(figures: Figures, within: Duration) -> str:
    """Judge whether the app's first sound came in time."""
    if figures.greeting_ms is None:
        raise LimitMissed("null: the app never spoke")
    found = f"{figures.greeting_ms} ms"
    if _over(figures.greeting_ms, within):
        raise LimitMissed(found, APP, figures.greeting_ms)
    return found


def judge_response(figures: Figures, within: Duration, unanswered: int = 0) -> str:
    """Judge whether the caller's utterances were answered in time, all but ``unanswered`` of
    them."""
    if not figures.responses:
        raise LimitMissed("null: the caller never spoke")
    silent = [each.after for each in figures.responses if each.latency_ms is None]
    answered = [each for each in figures.responses if each.latency_ms is not None]
    if len(silent) > unanswered or not answered:
        raise LimitMissed(
            f"null: the app never answered what was said {_when(silent[0])} "
            f"({counted(len(silent), 'utterance')} of {len(figures.responses)} unanswered)",
            CALLER,
            silent[0].end_ms,
        )
    worst = max(answered, key=lambda each: each.latency_ms or 0)
    latency = worst.latency_ms or 0
    found = f"{latency} ms at worst, after what was said {_when(worst.after)}"
    if _over(latency, within):
        raise LimitMissed(found, APP, worst.after.end_ms + latency)
    return found


def judge_barge_in(figures: Figures, within: Duration) -> str:
    """Judge whether the app fell silent in time whenever the caller spoke over it."""
    if not figures.barge_ins:
        raise LimitMissed("null: the caller never began to speak while the app spoke")
    worst = 0
    for each in figures.barge_ins:
        at = f"at {each.at_ms / 1000:.2f} s"
        if each.reaction_ms is None:
            raise LimitMissed(
                f"null: the caller began to speak over the app {at}, and the app never fell "
                "silent before the caller had ended",
                APP,
                each.at_ms,
            )
        if _over(each.reaction_ms, within):
            raise LimitMissed(f"{each.reaction_ms} ms, {at}", APP, each.at_ms)
        worst = max(worst, each.reaction_ms)
    return f"{worst} ms at worst, of {counted(len(figures.barge_ins), 'time')}"


def judge_talk_over(figures: Figures, most: Duration) -> str:
    """Judge whether both sides spoke at once no longer than ``most`` in all."""
    _needs_sound(figures)
    found = f"{figures.talk_over_ms} ms"
    if _over(figures.talk_over_ms, most):
        both = (
            max(a.start_ms, b.start_ms)
            for a in figures.caller
            for b in figures.app
            if a.start_ms < b.end_ms and b.start_ms < a.end_ms
        )
        raise LimitMissed(found, APP, min(both))
    return found


def judge_dead_air(figures: Figures, most: Duration) -> str:
    """Judge whether no stretch of silence on both sides was longer than ``most``."""
    _needs_sound(figures)
    longest = max(figures.dead_air, key=lambda span: span.ms, default=None)
    if longest is None:
        return "none"
    found = f"{longest.ms} ms at most, {_when(longest)}"
    if _over(longest.ms, most):
        raise LimitMissed(found, APP, longest.start_ms)
    return found


def _needs_sound(figures: Figures) -> None:
    """Raise LimitMissed if the app never spoke."""
    if not figures.app:
        raise LimitMissed("null: the app never spoke")


def _over(found_ms: int, most: Duration) -> bool:
    return found_ms * 1_000_000 > most


def _when(span: TimeSpan) -> str:
    return f"from {span.start_ms / 1000:.2f} to {span.end_ms / 1000:.2f} s"


# -- the streams of a run, held against what a scenario expects ---------------------------------


def conversing(judge: Callable[[Figures, Any], str]) -> Callable[[Run, Any], str]:
    """Return a check of a run that judges the figures of the stream to a call's app.

    ``judge`` is given the figures and the expectation. The check raises Failed with the place to
    listen where ``judge`` raises LimitMissed.
    """

    def check(run: Run, wanted: AppExpectation) -> str:
        stream = _stream(run, wanted)
        try:
            return judge(stream.figures(dead_air_ms=1), wanted)
        except LimitMissed as missed:
            raise Failed(str(missed), _place(run, stream, missed.side, missed.at_ms)) from None

    return check


def _stream(run: Run, wanted: AppExpectation) -> MediaStream | RelaySession:
    """Return the stream to a call's app, with its call's name. Raises Failed if it never began."""
    ends = [AppEnd(*key.split("/")) for key in run.streams]
    found = chosen_ends(ends, wanted.call, wanted.party)
    if not found:
        raise Failed(f"null: call {wanted.call or ''} was never dialled")
    name = str(found[0])
    stream = run.streams[name]
    if stream.started_frame is None:
        code, words = stream.error or (0, "the call ended before")
        raise Failed(f"null: call {name} was never connected to its app: {code} {words}")
    return stream


def _place(
    run: Run, stream: MediaStream | RelaySession, channel: int, at_ms: int
) -> dict[str, Any] | None:
    """Return where to listen in the first completed recording that holds a time of the call; None
    if there is none."""
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
