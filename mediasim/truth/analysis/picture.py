"""A conversation drawn, as SVG that needs nothing else: a lane for each channel.

Each lane shows the channel's waveform, its turns (tinted) and the speech in them (tinted more),
and below, as thin bars, the truth. Red columns are overlaps. Under the lanes stand the marks of
the floor's changes: a bracket for each response, as wide as its latency, and a triangle for each
cutting in, filled where it was successful. A long call goes on in rows of a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import waveform_peaks
from mediasim.conversation.spans import Span
from mediasim.truth.analysis.analysis import Analysis
from mediasim.truth.analysis.figures import Conversation

__all__ = ["COLOURS", "draw", "width_of"]

COLOURS: Final = ("#2563eb", "#0f766e", "#7c3aed", "#a16207", "#475569", "#be185d")
"""Of the speakers, in order, and over again."""
_GREY: Final = "#64748b"
_RED: Final = "#dc2626"

_WIDTH: Final = 1240
_LEFT: Final = 130
_PLOT: Final = _WIDTH - _LEFT - 20
"""Pixels of a row's time."""
_LONGEST_ROW: Final = 90 * SAMPLE_RATE
"""A call up to this long is one row."""
_ROW: Final = 60 * SAMPLE_RATE
_AXIS: Final = 22
_LANE: Final = 64
_BAR: Final = 6
"""Height of a bar of truth."""
_GAP: Final = 12
_MARKS: Final = 34
_STEPS: Final = (1, 2, 5, 10, 15)
"""Seconds between the marks of the axis."""
_LABEL: Final = 44
"""Pixels that a latency's label takes."""


def width_of() -> int:
    """Pixels of any picture."""
    return _WIDTH


def draw(analysis: Analysis) -> str:
    """The SVG document."""
    rows = list(_rows(analysis.recording.samples))
    height = len(rows) * _Row.height_of(analysis) + 8
    body = "".join(
        _Row(analysis, start, samples, number * _Row.height_of(analysis)).drawn()
        for number, (start, samples) in enumerate(rows)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" font-family="sans-serif" font-size="11">'
        f"<title>Who speaks when in {escape(analysis.recording.name)}</title>"
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>{body}</svg>\n'
    )


def _rows(samples: int) -> Iterator[Span]:
    """(first sample, samples of time) of each row."""
    if samples <= _LONGEST_ROW:
        yield 0, max(samples, SAMPLE_RATE)
        return
    for start in range(0, samples, _ROW):
        yield start, _ROW


class _Row:
    """A stretch of the call, at its place on the page."""

    def __init__(self, analysis: Analysis, start: int, samples: int, top: int) -> None:
        self._analysis = analysis
        self._start = start
        self._samples = samples
        self._top = top
        self._bars = _bars(analysis)
        loudest = float(np.abs(analysis.recording.pcm.astype(np.int32)).max(initial=1))
        self._scale = 0.46 * _LANE / loudest

    @staticmethod
    def height_of(analysis: Analysis) -> int:
        bars = sum(_BAR * len(lane) + _GAP for lane in _bars(analysis))
        return _AXIS + _LANE * len(analysis.detected) + bars + _MARKS

    def drawn(self) -> str:
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield from self._axis()
        top = self._top + _AXIS
        measured = self._analysis.measured
        for number, bars in enumerate(self._bars):
            yield from self._lane(number, top)
            for index, (conversation, speaker) in enumerate(bars):
                colour = COLOURS[speaker % len(COLOURS)]
                at = top + _LANE + 2 + index * _BAR
                name = conversation.voices[speaker].name if conversation.voices else ""
                for span in self._visible(conversation.speech[speaker]):
                    yield self._box(span, at, _BAR - 2, colour, 1.0, f"truth: {name}")
            top += _LANE + _BAR * len(bars) + _GAP
        for span in self._visible(measured.overlaps or ()):
            lanes = self._top + _AXIS
            length = (span[1] - span[0]) / SAMPLE_RATE
            yield self._box(span, lanes, top - _GAP - lanes, _RED, 0.16, f"overlap {length:.2f} s")
        yield from self._latencies(top)
        yield from self._interruptions(top)

    # -- what a lane shows ------------------------------------------------------------------

    def _axis(self) -> Iterator[str]:
        seconds = self._samples / SAMPLE_RATE
        step = next((step for step in _STEPS if seconds / step <= 20), _STEPS[-1])
        first = -(-self._start // (step * SAMPLE_RATE)) * step
        bottom = self._top + self.height_of(self._analysis) - _MARKS
        for second in range(first, int((self._start + self._samples) / SAMPLE_RATE) + 1, step):
            x = self._x(second * SAMPLE_RATE)
            yield (
                f'<path d="M{x:.1f} {self._top + _AXIS}V{bottom}" stroke="#e2e8f0"/>'
                f'<text x="{x:.1f}" y="{self._top + 15}" fill="#475569" text-anchor="middle">'
                f"{second // 60}:{second % 60:02d}</text>"
            )

    def _lane(self, number: int, top: int) -> Iterator[str]:
        measured = self._analysis.measured
        name, colour = "everybody", _GREY
        if measured.voices is not None:
            name, colour = measured.voices[number].name, COLOURS[number % len(COLOURS)]
        middle = top + _LANE / 2
        yield (
            f'<text x="8" y="{middle:.0f}" fill="{colour}" font-weight="bold" font-size="13">'
            f"{escape(_short(name))}</text>"
            f'<text x="8" y="{middle + 15:.0f}" fill="#475569">channel {number + 1}</text>'
            f'<path d="M{_LEFT} {middle:.1f}h{_PLOT}" stroke="#cbd5e1"/>'
        )
        turns = [(t.start, t.end) for t in measured.turns or () if t.speaker == number]
        for span in self._visible(turns):
            yield self._box(span, top, _LANE, colour, 0.12, f"{name}: a turn {_length(span)}")
        for span in self._visible(measured.speech[number]):
            yield self._box(span, top + 6, _LANE - 12, colour, 0.18, "")
        pcm = self._analysis.recording.pcm[number, self._start : self._start + self._samples]
        yield self._waveform(pcm, middle, colour)

    def _waveform(self, pcm: NDArray[np.int16], middle: float, colour: str) -> str:
        pixels = max(1, round(len(pcm) / self._samples * _PLOT))
        steps = [
            f"M{_LEFT + x}.5 {middle - high * self._scale:.1f}V{middle - low * self._scale:.1f}"
            for x, (low, high) in enumerate(waveform_peaks(pcm, pixels).tolist())
            if low or high
        ]
        return f'<path d="{"".join(steps)}" stroke="{colour}" fill="none"/>'

    # -- how the floor changes --------------------------------------------------------------

    def _latencies(self, top: int) -> Iterator[str]:
        free = 0.0
        for each in self._analysis.measured.gaps or ():
            if not self._start <= each.at < self._start + self._samples:
                continue
            colour = COLOURS[each.by % len(COLOURS)]
            left = max(self._x(each.at - each.latency), float(_LEFT))
            right = self._x(each.at)
            text = f"{each.latency * 1000 / SAMPLE_RATE:.0f} ms"
            yield (
                f'<path d="M{left:.1f} {top}v6H{right:.1f}v-6" stroke="{colour}" fill="none" '
                f'stroke-width="1.5"><title>answered after {text}</title></path>'
            )
            middle = (left + right) / 2
            if middle >= free:
                free = middle + _LABEL
                yield (
                    f'<text x="{middle:.1f}" y="{top + 18}" fill="{colour}" '
                    f'text-anchor="middle">{text}</text>'
                )

    def _interruptions(self, top: int) -> Iterator[str]:
        voices = self._analysis.measured.voices or ()
        for each in self._analysis.measured.interruptions or ():
            if not self._start <= each.at < self._start + self._samples:
                continue
            colour = COLOURS[each.by % len(COLOURS)]
            fill = colour if each.outcome == "successful" else "#fff"
            dash = ' stroke-dasharray="2 1.5"' if each.outcome == "backchannel" else ""
            words = f"{voices[each.by].name} cuts in on {voices[each.on].name}: {each.outcome}"
            yield (
                f'<path d="M{self._x(each.at):.1f} {top - 8}l6 11h-12z" fill="{fill}" '
                f'stroke="{colour}"{dash}><title>{escape(words)}</title></path>'
            )

    # -- places -----------------------------------------------------------------------------

    def _x(self, sample: int) -> float:
        return _LEFT + (sample - self._start) / self._samples * _PLOT

    def _visible(self, spans: Iterable[Span]) -> Iterator[Span]:
        for start, end in spans:
            low, high = max(start, self._start), min(end, self._start + self._samples)
            if low < high:
                yield low, high

    def _box(
        self, span: Span, top: int, height: int, colour: str, opacity: float, title: str
    ) -> str:
        left, right = self._x(span[0]), self._x(span[1])
        told = f"<title>{escape(title)}</title>" if title else ""
        return (
            f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 0.5):.1f}" '
            f'height="{height}" rx="2" fill="{colour}" fill-opacity="{opacity}">{told}</rect>'
        )


def _bars(analysis: Analysis) -> Sequence[Sequence[tuple[Conversation, int]]]:
    """Under each lane, the true speakers to show there."""
    true = analysis.true
    if true is None or true.voices is None:
        return [[] for _ in analysis.detected]
    if analysis.measured.voices is not None:
        return [[(true, number)] for number in range(len(true.voices))]
    return [[(true, number) for number in range(len(true.voices))]]


def _length(span: Span) -> str:
    return f"of {(span[1] - span[0]) / SAMPLE_RATE:.2f} s"


def _short(name: str) -> str:
    return name if len(name) <= 15 else name[:14] + "…"
