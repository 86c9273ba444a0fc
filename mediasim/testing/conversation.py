"""How an app converses, over a media stream or in a recording, and assertions about it.

Figures are counted in frames of 20 ms on the server's side of the call; a figure of something that
did not happen is None and fails each assertion. A failed assertion raises AssertionError with the
place and a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

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

if TYPE_CHECKING:
    from mediasim.twilio.relay.records import RelayInterrupt, RelayPrompt
    from mediasim.twilio.relay.session import RelaySession
    from mediasim.twilio.streams import MediaStream

__all__ = ["COLUMNS", "CallRelay", "CallStream", "Conversation", "pointer"]

Time = float | str
"""Seconds, or a text such as ``300ms``."""
RunOnLoop = Callable[[Callable[[], Any]], Any]
"""Runs a function on the loop of the stream, and returns its result."""
COLUMNS: Final = 64
"""Width of a picture, in characters."""


class Conversation:
    """A conversation of a caller and an app, with its figures and assertions."""

    def __init__(self, name: str, measure: Callable[[int], Figures]) -> None:
        """``measure`` returns the figures; its argument is the shortest dead air, in ms."""
        self._name = name
        self._measure = measure

    def __repr__(self) -> str:
        return f"<conversation of {self._name}: {self.figures.to_json()}>"

    # -- what it is -------------------------------------------------------------------------

    @cached_property
    def figures(self) -> Figures:
        """All figures, with the utterances of both sides."""
        return self._measure(DEAD_AIR_MS)

    @property
    def greeting_ms(self) -> int | None:
        """Time from the beginning to the app's first sound, in ms; None without one."""
        return self.figures.greeting_ms

    @property
    def latencies_ms(self) -> list[int | None]:
        """Time from the end of each caller's utterance to the app's first sound, in ms.

        Negative where the app began before the caller had ended; None where it did not respond
        before the caller's next utterance.
        """
        return [each.latency_ms for each in self.figures.responses]

    @property
    def reactions_ms(self) -> list[int | None]:
        """Time from each interruption by the caller until the app was silent, in ms.

        None where the app still spoke when the caller had ended.
        """
        return [each.reaction_ms for each in self.figures.barge_ins]

    @property
    def talk_over_ms(self) -> int:
        """Time during which both spoke, in ms."""
        return self.figures.talk_over_ms

    @property
    def dead_air(self) -> tuple[TimeSpan, ...]:
        """Stretches of two seconds and longer in which neither side spoke."""
        return self.figures.dead_air

    # -- what must be so --------------------------------------------------------------------

    def assert_greeting(self, within: Time) -> None:
        """Assert that the app's first sound comes within this time of the beginning."""
        __tracebackhide__ = True
        most = Duration.of(within)
        self._judge(f"greeting: within {most}", lambda figures: judge_greeting(figures, most))

    def assert_response(self, within: Time, *, unanswered: int = 0) -> None:
        """Assert that the app responds to each utterance within this time.

        ``unanswered`` utterances may have no response.
        """
        __tracebackhide__ = True
        most = Duration.of(within)
        wanted = f"response: within {most}" + (f", unanswered {unanswered}" if unanswered else "")
        self._judge(wanted, lambda figures: judge_response(figures, most, unanswered))

    def assert_barge_in(self, within: Time) -> None:
        """Assert that the caller interrupts the app, which each time is silent within this time."""
        __tracebackhide__ = True
        most = Duration.of(within)
        self._judge(f"barge_in: within {most}", lambda figures: judge_barge_in(figures, most))

    def assert_talk_over(self, most: Time) -> None:
        """Assert that both speak at once for this time at most, in all."""
        __tracebackhide__ = True
        limit = Duration.of(most)
        self._judge(f"talk_over: most {limit}", lambda figures: judge_talk_over(figures, limit))

    def assert_dead_air(self, most: Time) -> None:
        """Assert that no stretch in which neither side speaks is longer than this."""
        __tracebackhide__ = True
        limit = Duration.of(most)
        self._judge(f"dead_air: most {limit}", lambda figures: judge_dead_air(figures, limit))

    def _judge(self, wanted: str, judge: Callable[[Figures], str]) -> None:
        """Judge the figures. Raises AssertionError."""
        __tracebackhide__ = True
        figures = self._measure(1)
        try:
            judge(figures)
        except LimitMissed as missed:
            lines = [self._name, f"  expected {wanted}", f"  found    {missed}", ""]
            lines += [f"  {line}" for line in _drawing(figures, missed.side, missed.at_ms)]
        else:
            return
        raise AssertionError("\n".join(lines))


def _drawing(figures: Figures, side: int, at_ms: int) -> list[str]:
    """Return lines that show when each side spoke, and a pointer at the place."""
    length = max(figures.length_ms, 1)
    column = min(at_ms * COLUMNS // length, COLUMNS - 1)
    begin, end = clock(0), clock(figures.length_ms / 1000)
    lines = [" " * 7 + begin + end.rjust(COLUMNS - len(begin))]
    for number, name, spans in ((CALLER, "caller", figures.caller), (APP, "app", figures.app)):
        edges = [length * edge / COLUMNS for edge in range(COLUMNS + 1)]
        row = "".join(
            "█" if any(span.start_ms < high and low < span.end_ms for span in spans) else "·"
            for low, high in pairwise(edges)
        )
        lines.append(f"{name:<6} {row}")
        if number == side:
            lines.append(" " * 7 + pointer(column, at_ms / 1000))
    return lines


def pointer(column: int, seconds: float) -> str:
    """Return a line that points at a column of a drawing, with the time there in seconds."""
    if column > COLUMNS // 2:
        return f"{clock(seconds)} ^".rjust(column + 1)
    return " " * column + f"^ {clock(seconds)}"


class CallStream:
    """A media stream of a sandbox or of a simulated run, active or ended."""

    kind = "stream"
    """What it is, in messages."""

    def __init__(self, name: str, stream: MediaStream | RelaySession, do: RunOnLoop) -> None:
        self.name = name
        """Name of the stream; in a simulated run, that of its call."""
        self._stream = stream
        self._do = do

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} {self.sid}: {self.status}>"

    @property
    def sid(self) -> str:
        return self._stream.record.sid

    @property
    def status(self) -> str:
        """in-progress or stopped."""
        return self._stream.record.status

    @property
    def started(self) -> bool:
        """Whether the stream has reached the app."""
        return self._stream.started_frame is not None

    @property
    def error(self) -> tuple[int, str] | None:
        """Twilio's error code and message, if the stream broke or never began."""
        return self._stream.error

    @property
    def log(self) -> list[dict[str, Any]]:
        """Marks, clears, keys and wrong messages: ``at`` (seconds), ``kind``, ``text``."""
        found: list[dict[str, Any]] = self._do(self._stream.to_json)["log"]
        return found

    def figures(self) -> Figures:
        """Return the figures of the conversation so far."""
        return self.conversation.figures

    @property
    def conversation(self) -> Conversation:
        """The conversation, for assertions.

        Raises AssertionError for a stream that never reached its app.
        """
        if not self.started:
            code, words = self.error or (0, "the call ended before")
            raise AssertionError(f"{self.kind} {self.name} never reached its app: {code} {words}")
        return Conversation(f"{self.kind} {self.name} {self.sid}", self._figures)

    def _figures(self, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        found: Figures = self._do(lambda: self._stream.figures(dead_air_ms=dead_air_ms))
        return found


class CallRelay(CallStream):
    """A relay (ConversationRelay) of a sandbox or of a simulated run, active or ended."""

    kind = "relay"
    _stream: RelaySession

    def __init__(self, name: str, relay: RelaySession, do: RunOnLoop) -> None:
        super().__init__(name, relay, do)

    @property
    def session_status(self) -> str:
        """in-progress; ended by the app, completed by the caller or the call, or failed."""
        return self._stream.status

    @property
    def prompts(self) -> list[RelayPrompt]:
        """What the app was told that the caller says: ``text``, ``language``, ``last``, and what
        was really ``said``."""
        found: list[RelayPrompt] = self._do(lambda: list(self._stream.prompts))
        return found

    @property
    def interrupts(self) -> list[RelayInterrupt]:
        """How the caller cut off the app: ``heard`` (the words until then), ``duration_ms``, and
        ``by`` (speech or dtmf)."""
        found: list[RelayInterrupt] = self._do(lambda: list(self._stream.interrupts))
        return found

    @property
    def handoff_data(self) -> str | None:
        """What the app handed over at its end; None for nothing."""
        return self._stream.handoff_data
