"""How an app converses, over a media stream or in a recording, and what can be asserted of it.

Figures are counted in frames of 20 ms on the server's side of the call; what did not happen is
None, and holds no assertion. One that fails raises AssertionError with the place and a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from mediasim.conversation.app_figures import DEAD_AIR_MS, Figures, TimeSpan
from mediasim.documents.diagnostics import clock
from mediasim.documents.durations import Duration
from mediasim.scenario.expectations.conversation import (
    APP,
    CALLER,
    LimitMissed,
    judge_barge_in,
    judge_dead_air,
    judge_greeting,
    judge_response,
    judge_talk_over,
)
from mediasim.twilio.streams import MediaStream

__all__ = ["CallStream", "Conversation"]

Time = float | str
"""Seconds, or a text such as ``300ms``."""
Do = Callable[[Callable[[], Any]], Any]
"""Does work where the stream lives, and returns what it returns."""
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
    def dead_air(self) -> tuple[TimeSpan, ...]:
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
        except LimitMissed as wanting:
            lines = [self._name, f"  expected {wanted}", f"  found    {wanting}", ""]
            lines += [f"  {line}" for line in _picture(figures, wanting.side, wanting.at_ms)]
        else:
            return
        raise AssertionError("\n".join(lines))


def _picture(figures: Figures, side: int, at_ms: int) -> list[str]:
    """Who spoke when, and a pointer at the place."""
    length = max(figures.length_ms, 1)
    column = min(at_ms * _COLUMNS // length, _COLUMNS - 1)
    begin, end = clock(0), clock(figures.length_ms / 1000)
    lines = [" " * 7 + begin + end.rjust(_COLUMNS - len(begin))]
    for number, name, spans in ((CALLER, "caller", figures.caller), (APP, "app", figures.app)):
        edges = [length * edge / _COLUMNS for edge in range(_COLUMNS + 1)]
        row = "".join(
            "█" if any(it.start_ms < high and low < it.end_ms for it in spans) else "·"
            for low, high in pairwise(edges)
        )
        lines.append(f"{name:<6} {row}")
        if number == side:
            words = (
                f"{clock(at_ms / 1000)} ^" if column > _COLUMNS // 2 else f"^ {clock(at_ms / 1000)}"
            )
            room = column + 1 if column > _COLUMNS // 2 else column + len(words)
            lines.append(" " * 7 + words.rjust(room))
    return lines


class CallStream:
    """A stream of a sandbox or of a simulated run, under way or over."""

    def __init__(self, name: str, stream: MediaStream, do: Do) -> None:
        self.name = name
        """The stream's own; of a simulated run, its call's."""
        self._stream = stream
        self._do = do

    def __repr__(self) -> str:
        return f"<stream {self.name} {self.sid}: {self.status}>"

    @property
    def sid(self) -> str:
        return self._stream.record.sid

    @property
    def status(self) -> str:
        """in-progress, stopped."""
        return self._stream.record.status

    @property
    def started(self) -> bool:
        """Whether it ever reached the app."""
        return self._stream.started_frame is not None

    @property
    def error(self) -> tuple[int, str] | None:
        """Twilio's code and words, if it broke or never began."""
        return self._stream.error

    @property
    def log(self) -> list[dict[str, Any]]:
        """Marks, clears, keys and wrong messages: ``at`` (seconds), ``kind``, ``text``."""
        found: list[dict[str, Any]] = self._do(self._stream.to_json)["log"]
        return found

    def figures(self) -> Figures:
        """How the app converses so far."""
        return self.conversation.figures

    @property
    def conversation(self) -> Conversation:
        """What may be asserted of it. AssertionError for a stream that never reached its app."""
        if not self.started:
            code, words = self.error or (0, "the call ended before")
            raise AssertionError(f"stream {self.name} never reached its app: {code} {words}")
        return Conversation(f"stream {self.name} {self.sid}", self._figures)

    def _figures(self, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        found: Figures = self._do(lambda: self._stream.figures(dead_air_ms=dead_air_ms))
        return found
