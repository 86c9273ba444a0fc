"""Draws a conversation: a lane for each channel, as an SVG or a page with the figures below it.

Each lane shows the channel's waveform, its turns (tinted) and the speech in them (tinted more),
and below, as thin bars, the truth. Red columns are overlaps. Below the lanes a bracket marks each
response, as wide as its latency, and a triangle each interruption, filled if it was successful. A
long call continues in rows of a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span
from mediasim.truth.analysis.analysis import Analysis
from mediasim.truth.analysis.as_json import analysis_json
from mediasim.truth.analysis.as_text import analysis_text
from mediasim.truth.analysis.figures import ConversationMeasures
from mediasim.truth.analysis.recording import AnalysisError
from mediasim.truth.svg import LEFT, PLOT, TimeAxis, box, page, speaker, svg, text, titled

__all__ = ["plot"]

_LONGEST_ROW: Final = 90 * SAMPLE_RATE
"""Longest call in samples that is one row."""
_ROW: Final = 60 * SAMPLE_RATE
_AXIS: Final = 22
_LANE: Final = 64
_BAR: Final = 6
"""Height in pixels of a bar of truth."""
_GAP: Final = 12
_MARKS: Final = 34
_LABEL: Final = 44
"""Width in pixels of a latency's label."""
_LEGEND: Final = (
    "Tinted: turns, and the speech in them. Thin bars: the truth. Red: both at once. Brackets: "
    "silence before a response. Triangles: cutting in, filled if successful, dashed if a "
    "backchannel."
)


def plot(analysis: Analysis, path: Path) -> str:
    """Return the content of an .svg or .html plot file. Raises AnalysisError for other suffixes."""
    title = f"{analysis.recording.name}: who speaks when"
    if path.suffix == ".svg":
        return _picture(analysis, title)
    if path.suffix in (".html", ".htm"):
        figures = escape(analysis_text(analysis_json(analysis)))
        content = (
            f"<h1>{escape(title)}</h1>\n{_picture(analysis, title)}"
            f"<p>{_LEGEND}</p>\n<pre>{figures}</pre>\n"
        )
        return page(content, title)
    raise AnalysisError(f"a plot is an .svg or .html file, not {path.name}")


def _picture(analysis: Analysis, title: str) -> str:
    rows = [
        _Row(analysis, axis, number)
        for number, axis in enumerate(_axes(analysis.recording.samples))
    ]
    body = (part for row in rows for part in row.parts())
    return svg(body, sum(row.height for row in rows) + 8, title)


def _axes(samples: int) -> Iterator[TimeAxis]:
    """Yield the time axis of each row."""
    if samples <= _LONGEST_ROW:
        yield TimeAxis(0, max(samples, SAMPLE_RATE))
        return
    for start in range(0, samples, _ROW):
        yield TimeAxis(start, _ROW)


class _Row:
    """A row of the picture: a span of the call."""

    def __init__(self, analysis: Analysis, axis: TimeAxis, number: int) -> None:
        self._analysis = analysis
        self._axis = axis
        self._bars = _bars(analysis)
        bars = sum(_BAR * len(lane) + _GAP for lane in self._bars)
        self.height = _AXIS + _LANE * len(analysis.detected) + bars + _MARKS
        self._top = number * self.height + _AXIS
        """Top of the lanes in pixels."""
        loudest = float(np.abs(analysis.recording.pcm.astype(np.int32)).max(initial=1))
        self._scale = 0.46 * _LANE / loudest

    def parts(self) -> Iterator[str]:
        """Yield all elements of the row."""
        bottom = self._top + self.height - _AXIS - _MARKS
        yield from self._axis.marks(self._top, bottom)
        top = self._top
        for number, bars in enumerate(self._bars):
            yield from self._lane(number, top)
            for index, (conversation, voice) in enumerate(bars):
                name = conversation.voices[voice].name if conversation.voices else ""
                at = top + _LANE + 2 + index * _BAR
                spans = conversation.speech[voice]
                yield from self._boxes(spans, at, _BAR - 2, speaker(voice), 1.0, f"truth: {name}")
            top += _LANE + _BAR * len(bars) + _GAP
        for span in self._axis.visible(self._analysis.measured.overlaps or ()):
            left, right = map(self._axis.x, span)
            title = f"overlap {_seconds(span)}"
            yield box(left, self._top, right - left, top - _GAP - self._top, "both", title)
        yield from self._latencies(top)
        yield from self._interruptions(top)

    # -- lanes ------------------------------------------------------------------------------

    def _lane(self, number: int, top: int) -> Iterator[str]:
        measured, axis = self._analysis.measured, self._axis
        name, style = "everybody", "anyone"
        if measured.voices is not None:
            name, style = measured.voices[number].name, speaker(number)
        middle = top + _LANE / 2
        yield text(8, middle, _short(name), f"by bold {style}")
        yield text(8, middle + 15, f"channel {number + 1}", "quiet")
        yield f'<path class="axis" d="M{LEFT} {middle:.1f}h{PLOT}"/>'
        turns = [(turn.start, turn.end) for turn in measured.turns or () if turn.speaker == number]
        for span in axis.visible(turns):
            title = f"{name}: a turn of {_seconds(span)}"
            yield from self._boxes([span], top, _LANE, style, 0.12, title)
        yield from self._boxes(measured.speech[number], top + 6, _LANE - 12, style, 0.18)
        pcm = self._analysis.recording.pcm[number, axis.start : axis.start + axis.samples]
        yield axis.waveform(pcm, axis.start, middle, self._scale, style)

    def _boxes(
        self,
        spans: Iterable[Span],
        top: float,
        height: float,
        style: str,
        opacity: float,
        title: str = "",
    ) -> Iterator[str]:
        """Draw the visible parts of spans in a speaker's colour."""
        for span in self._axis.visible(spans):
            left, right = map(self._axis.x, span)
            yield box(left, top, right - left, height, f"by {style}", title, opacity)

    # -- turn-taking ------------------------------------------------------------------------

    def _latencies(self, top: int) -> Iterator[str]:
        free = 0.0
        for each in self._analysis.measured.gaps or ():
            if not self._shows(each.at):
                continue
            left = max(self._axis.x(each.at - each.latency), float(LEFT))
            right = self._axis.x(each.at)
            words = f"{each.latency * 1000 / SAMPLE_RATE:.0f} ms"
            path = f'd="M{left:.1f} {top}v6H{right:.1f}v-6" stroke-width="1.5"'
            yield titled("path", path, f"answered after {words}", f"line {speaker(each.by)}")
            middle = (left + right) / 2
            if middle >= free:
                free = middle + _LABEL
                yield text(middle, top + 18, words, f"by {speaker(each.by)}", middle=True)

    def _interruptions(self, top: int) -> Iterator[str]:
        voices = self._analysis.measured.voices or ()
        for each in self._analysis.measured.interruptions or ():
            if not self._shows(each.at):
                continue
            fill = "by" if each.outcome == "successful" else "open"
            dash = ' stroke-dasharray="2 1.5"' if each.outcome == "backchannel" else ""
            words = f"{voices[each.by].name} cuts in on {voices[each.on].name}: {each.outcome}"
            path = f'd="M{self._axis.x(each.at):.1f} {top - 8}l6 11h-12z"{dash}'
            yield titled("path", path, words, f"line {fill} {speaker(each.by)}")

    def _shows(self, sample: int) -> bool:
        return self._axis.start <= sample < self._axis.start + self._axis.samples


def _bars(analysis: Analysis) -> Sequence[Sequence[tuple[ConversationMeasures, int]]]:
    """Return for each lane the (true conversation, index of the speaker) to draw below it."""
    true = analysis.true
    if true is None or true.voices is None:
        return [[] for _ in analysis.detected]
    if analysis.measured.voices is not None:
        return [[(true, number)] for number in range(len(true.voices))]
    return [[(true, number) for number in range(len(true.voices))]]


def _seconds(span: Span) -> str:
    return f"{(span[1] - span[0]) / SAMPLE_RATE:.2f} s"


def _short(name: str) -> str:
    return name if len(name) <= 15 else name[:14] + "…"
