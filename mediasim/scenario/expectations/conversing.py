"""How well an app converses, held against limits. What was not measured holds none of them.

For scenarios and for tests alike: given figures, what was found in words, or :class:`Wanting`.
Silences have to be measured with ``dead_air_ms=1``, or those that are shorter are not judged.
"""

from __future__ import annotations

from typing import Final

from mediasim.conversation.app_figures import Figures, TimeSpan
from mediasim.documents.diagnostics import counted
from mediasim.documents.durations import Duration

__all__ = [
    "APP",
    "CALLER",
    "Wanting",
    "judge_barge_in",
    "judge_dead_air",
    "judge_greeting",
    "judge_response",
    "judge_talk_over",
]

CALLER: Final = 1
APP: Final = 2


class Wanting(Exception):
    """A limit is not held; says what was found, and where to listen."""

    def __init__(self, found: str, side: int = CALLER, at_ms: int = 0) -> None:
        """``side`` is CALLER or APP; ``at_ms`` counts from the conversation's beginning."""
        super().__init__(found)
        self.side = side
        self.at_ms = at_ms


def judge_greeting(figures: Figures, within: Duration) -> str:
    """The app's first sound came in time."""
    if figures.greeting_ms is None:
        raise Wanting("null: the app never spoke")
    found = f"{figures.greeting_ms} ms"
    if _over(figures.greeting_ms, within):
        raise Wanting(found, APP, figures.greeting_ms)
    return found


def judge_response(figures: Figures, within: Duration, unanswered: int = 0) -> str:
    """Every utterance of the caller's was answered in time, but for so many."""
    if not figures.responses:
        raise Wanting("null: the caller never spoke")
    silent = [each.after for each in figures.responses if each.latency_ms is None]
    answered = [each for each in figures.responses if each.latency_ms is not None]
    if len(silent) > unanswered or not answered:
        raise Wanting(
            f"null: the app never answered what was said {_when(silent[0])} "
            f"({counted(len(silent), 'utterance')} of {len(figures.responses)} unanswered)",
            CALLER,
            silent[0].end_ms,
        )
    worst = max(answered, key=lambda each: each.latency_ms or 0)
    latency = worst.latency_ms or 0
    found = f"{latency} ms at worst, after what was said {_when(worst.after)}"
    if _over(latency, within):
        raise Wanting(found, APP, worst.after.end_ms + latency)
    return found


def judge_barge_in(figures: Figures, within: Duration) -> str:
    """Whenever the caller spoke over the app, the app fell silent in time."""
    if not figures.barge_ins:
        raise Wanting("null: the caller never began to speak while the app spoke")
    worst = 0
    for each in figures.barge_ins:
        at = f"at {each.at_ms / 1000:.2f} s"
        if each.reaction_ms is None:
            raise Wanting(
                f"null: the caller began to speak over the app {at}, and the app never fell "
                "silent before the caller had ended",
                APP,
                each.at_ms,
            )
        if _over(each.reaction_ms, within):
            raise Wanting(f"{each.reaction_ms} ms, {at}", APP, each.at_ms)
        worst = max(worst, each.reaction_ms)
    return f"{worst} ms at worst, of {counted(len(figures.barge_ins), 'time')}"


def judge_talk_over(figures: Figures, most: Duration) -> str:
    """Both spoke at once no longer than that, in all."""
    _needs_sound(figures)
    found = f"{figures.talk_over_ms} ms"
    if _over(figures.talk_over_ms, most):
        both = (
            max(a.start_ms, b.start_ms)
            for a in figures.caller
            for b in figures.app
            if a.start_ms < b.end_ms and b.start_ms < a.end_ms
        )
        raise Wanting(found, APP, min(both))
    return found


def judge_dead_air(figures: Figures, most: Duration) -> str:
    """No stretch in which nobody spoke was longer than that."""
    _needs_sound(figures)
    longest = max(figures.dead_air, key=lambda span: span.ms, default=None)
    if longest is None:
        return "none"
    found = f"{longest.ms} ms at most, {_when(longest)}"
    if _over(longest.ms, most):
        raise Wanting(found, APP, longest.start_ms)
    return found


def _needs_sound(figures: Figures) -> None:
    if not figures.app:
        raise Wanting("null: the app never spoke")


def _over(found_ms: int, most: Duration) -> bool:
    return found_ms * 1_000_000 > most


def _when(span: TimeSpan) -> str:
    return f"from {span.start_ms / 1000:.2f} to {span.end_ms / 1000:.2f} s"
