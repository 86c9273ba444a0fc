"""How an app converses, and what can be asserted of it.

Figures are counted in frames of 20 ms on the server's side of the call; what did not happen is
None, and holds no assertion. One that fails raises AssertionError with the place and a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.documents.durations import Duration
from mediasim.scenario.expectations.conversing import (
    APP,
    CALLER,
    Wanting,
    judge_barge_in,
    judge_dead_air,
    judge_greeting,
    judge_response,
    judge_talk_over,
)
from mediasim.testing.text_waveform import clock
from mediasim.twilio.streams import Figures, Span
from mediasim.twilio.streams.measure import DEAD_AIR_MS

__all__ = ["Conversation"]

Time = float | str
"""Seconds, or a text such as ``300ms``."""
_COLUMNS: Final = 64


class Conversation:
    """A caller and an app, measured."""

    def __init__(self, name: str, measure: Callable[[int], Figures]) -> None:
        """``measure`` gives the figures, with dead air from so many ms on."""
        self._name = name
        self._measure = measure

    def __repr__(self) -> str:
        return f"<conversation of {self._name}: {self.figures.to_json()}>"

    # -- what it is -------------------------------------------------------------------------

    @cached_property
    def figures(self) -> Figures:
        """All of them, with the utterances of both sides."""
        return self._measure(DEAD_AIR_MS)

    @property
    def greeting_ms(self) -> int | None:
        """From the beginning to the app's first sound; None: it never made one."""
        return self.figures.greeting_ms

    @property
    def latencies_ms(self) -> list[int | None]:
        """After each utterance of the caller's, from its end to the app's first sound.

        Below 0: the app began before the caller had ended. None: it did not answer before the
        caller spoke again, or at all."""
        return [each.latency_ms for each in self.figures.responses]

    @property
    def reactions_ms(self) -> list[int | None]:
        """Each time the caller began to speak over the app, how soon the app fell silent.

        None: it still spoke when the caller had ended."""
        return [each.reaction_ms for each in self.figures.barge_ins]

    @property
    def talk_over_ms(self) -> int:
        """For how long both spoke."""
        return self.figures.talk_over_ms

    @property
    def dead_air(self) -> tuple[Span, ...]:
        """Stretches of two seconds and longer in which nobody spoke."""
        return self.figures.dead_air

    # -- what must be so --------------------------------------------------------------------

    def assert_greeting(self, within: Time) -> None:
        """The app's first sound comes so soon after the beginning."""
        __tracebackhide__ = True
        most = Duration.of(within)
        self._hold(f"greeting: within {most}", lambda it: judge_greeting(it, most))

    def assert_response(self, within: Time, *, unanswered: int = 0) -> None:
        """Each utterance of the caller's is answered in time; so many may be without an answer."""
        __tracebackhide__ = True
        most = Duration.of(within)
        wanted = f"response: within {most}" + (f", unanswered {unanswered}" if unanswered else "")
        self._hold(wanted, lambda it: judge_response(it, most, unanswered))

    def assert_barge_in(self, within: Time) -> None:
        """The caller speaks over the app, and each time the app falls silent in time."""
        __tracebackhide__ = True
        most = Duration.of(within)
        self._hold(f"barge_in: within {most}", lambda it: judge_barge_in(it, most))

    def assert_talk_over(self, most: Time) -> None:
        """Both speak at once no longer than that, in all."""
        __tracebackhide__ = True
        limit = Duration.of(most)
        self._hold(f"talk_over: most {limit}", lambda it: judge_talk_over(it, limit))

    def assert_dead_air(self, most: Time) -> None:
        """No stretch in which nobody speaks is longer than that."""
        __tracebackhide__ = True
        limit = Duration.of(most)
        self._hold(f"dead_air: most {limit}", lambda it: judge_dead_air(it, limit))

    def _hold(self, wanted: str, judge: Callable[[Figures], str]) -> None:
        __tracebackhide__ = True
        figures = self._measure(1)
        try:
            judge(figures)
        except Wanting as wanting:
            lines = [self._name, f"  expected {wanted}", f"  found    {wanting}", ""]
            lines += [f"  {line}" for line in _picture(figures, wanting.side, wanting.at_ms)]
        else:
            return
        raise AssertionError("\n".join(lines))


def _picture(figures: Figures, side: int, at_ms: int) -> list[str]:
    """Who spoke when, and a pointer at the place."""
    length = max(figures.length_ms, 1)
    column = min(at_ms * _COLUMNS // length, _COLUMNS - 1)
    begin, end = _clock(0), _clock(figures.length_ms)
    lines = [" " * 7 + begin + end.rjust(_COLUMNS - len(begin))]
    for number, name, spans in ((CALLER, "caller", figures.caller), (APP, "app", figures.app)):
        edges = [length * edge / _COLUMNS for edge in range(_COLUMNS + 1)]
        row = "".join(
            "█" if any(it.start_ms < high and low < it.end_ms for it in spans) else "·"
            for low, high in pairwise(edges)
        )
        lines.append(f"{name:<6} {row}")
        if number == side:
            words = f"{_clock(at_ms)} ^" if column > _COLUMNS // 2 else f"^ {_clock(at_ms)}"
            room = column + 1 if column > _COLUMNS // 2 else column + len(words)
            lines.append(" " * 7 + words.rjust(room))
    return lines


def _clock(ms: int) -> str:
    return clock(ms * SAMPLE_RATE // 1000)
