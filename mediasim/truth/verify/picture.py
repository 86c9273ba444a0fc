"""A verification as one picture: what should be heard above, what the file holds below it.

Between the two a ribbon leads each stretch of sound to where it was found. Upright and green is
in place; leaning is late or early; crossing is swapped; what leads nowhere is missing. One SVG
with no scripts and nothing to load; as HTML the same inside a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import waveform_peaks
from mediasim.truth.verify.channel import MeasuredChannel
from mediasim.truth.verify.findings import SpotFound
from mediasim.truth.verify.judge import OFFSET_SAMPLES
from mediasim.truth.verify.tracking import sounding
from mediasim.truth.verify.verify import Verified
from mediasim.truth.verify.words import verdict_words

__all__ = ["picture_svg", "write_picture"]

_WIDTH: Final = 1200
_LEFT: Final = 130
_RIGHT: Final = 20
_LANE: Final = 70
_RIBBON: Final = 46
_GAP: Final = 34
_LAGS: Final = 80
"""Height of the lane in which lags are drawn: a drift is a slope there, a jump a step."""
_LEAST_LAG_MS: Final = 5.0
_LAG_COLOURS: Final = ("#2a9d8f", "#e76f51", "#8e6bbf", "#c9a227")
_LINE: Final = 20
_WORDS_WIDTH: Final = 165
_TICKS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_TICKS: Final = 14

_STYLE: Final = """
svg{background:#fff;font:13px system-ui,sans-serif}text{fill:#222}.quiet{fill:#667}
.lane{fill:#f3f4f7}.should{fill:#8a93a8}.is{fill:#2a5db0}.axis{stroke:#c9cdd8}
.good{fill:#2e9e5b;fill-opacity:.25}.off{fill:#e08a00;fill-opacity:.45}
.missing{fill:#d3262e;fill-opacity:.45}.inserted{fill:#b14bd0;fill-opacity:.4}
.click{fill:#d3262e}.wrong{fill:#c01c25;font-weight:600}.fine{fill:#1f7a44;font-weight:600}
@media (prefers-color-scheme:dark){svg{background:#14161b}text{fill:#e6e8ee}.quiet{fill:#9aa3b5}
.lane{fill:#1f232c}.should{fill:#7b859c}.is{fill:#7fb0ff}.axis{stroke:#3a4050}
.wrong{fill:#ff7b80}.fine{fill:#6fd39a}}
"""


def write_picture(result: Verified, path: Path) -> None:
    """Draw a verification to FILE.svg, or to a page by any other name. Raises OSError."""
    svg = picture_svg(result)
    if path.suffix != ".svg":
        title = escape(" ".join(result.found.recording))
        svg = (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
            "<style>body{margin:0}svg{width:100%;height:auto}</style>"
            f"<body>{svg}</body></html>\n"
        )
    path.write_text(svg, "utf-8")


def picture_svg(result: Verified) -> str:
    """The picture as SVG text."""
    drawing = _Drawing(result)
    body = "".join(drawing.parts())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {drawing.height:.0f}" '
        f'role="img"><style>{_STYLE}</style>{body}</svg>'
    )


class _Drawing:
    """Lanes from top to bottom: of each channel what should be, and what is."""

    def __init__(self, result: Verified) -> None:
        self._result = result
        found, media = result.found, result.media
        self._truths = result.channels
        self._lengths = found.across.lengths
        should = max((len(it.expected.samples) for it in self._truths), default=0)
        self._span = max(should, *self._lengths, SAMPLE_RATE)
        self._words = [f"{it.kind}: {it.words}" for it in found.failures]
        self._words += [f"cannot be told: {words}" for words in found.cannot_tell]
        top = 40 + _LINE * len(self._words) + _GAP
        self._should: list[float] = []
        self._is: list[float] = []
        for number in range(max(len(self._truths), len(media.channels))):
            if number < len(self._truths):
                self._should.append(top)
                top += _LANE + _RIBBON
            if number < len(media.channels):
                self._is.append(top)
                top += _LANE + _GAP
        self._lags = top
        self.height = top + _LAGS + 40

    def parts(self) -> Iterator[str]:
        found = self._result.found
        style = "fine" if found.ok else "wrong"
        name = ", ".join(Path(path).name for path in found.recording)
        yield _text(20, 28, f"{name}: {verdict_words(found)}", style)
        for number, words in enumerate(self._words):
            short = words if len(words) <= _WORDS_WIDTH else words[: _WORDS_WIDTH - 1] + "…"
            yield _text(20, 52 + _LINE * number, short)
        yield from self._axis()
        for number, (top, told) in enumerate(zip(self._should, self._truths, strict=False)):
            who = ", ".join(told.measures.parties)
            yield self._lane(top, told.expected.samples, "should", f"should be {number + 1}", who)
        for number, (top, samples) in enumerate(
            zip(self._is, self._result.media.channels, strict=True)
        ):
            yield self._lane(top, samples, "is", f"file’s {number + 1}", "")
        for number, told in enumerate(self._truths):
            yield from self._ribbons(number, told)
            yield from self._spots(told)
        yield from self._cut_tail()
        yield from self._lag_lane()

    def _x(self, sample: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * sample / self._span

    def _axis(self) -> Iterator[str]:
        seconds = self._span / SAMPLE_RATE
        step = next((it for it in _TICKS if seconds / it <= _MOST_TICKS), _TICKS[-1])
        for tick in range(0, int(seconds) + 1, step):
            x = self._x(tick * SAMPLE_RATE)
            top = min([*self._should, *self._is], default=0)
            yield (
                f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 8:.0f}" '
                f'y2="{self.height - 26:.0f}"/>'
            )
            yield _text(x - 8, self.height - 8, f"{tick} s", "quiet")

    def _lane(self, top: float, samples: NDArray[np.int16], style: str, name: str, who: str) -> str:
        left, right = self._x(0), self._x(len(samples))
        buckets = max(1, round(right - left))
        peaks = waveform_peaks(samples, buckets).astype(np.float64)
        scale = _LANE / 2 / max(float(np.abs(peaks).max(initial=0)), 3000.0)
        middle = top + _LANE / 2
        highs = [f"{left + i:.0f},{middle - peak * scale:.1f}" for i, peak in _numbered(peaks, 1)]
        lows = [f"{left + i:.0f},{middle - peak * scale:.1f}" for i, peak in _numbered(peaks, 0)]
        return (
            f'<rect class="lane" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{_LANE}"/><polygon class="{style}" stroke-width="0.5" '
            f'points="{" ".join(highs + lows[::-1])}"/>'
            + _text(12, middle, name)
            + _text(12, middle + 16, who[:16], "quiet")
        )

    def _ribbons(self, number: int, told: MeasuredChannel) -> Iterator[str]:
        place = told.measures.found_in
        if told.map is None or place is None:
            return
        below = self._should[number] < self._is[place - 1]
        start = self._should[number] + (_LANE if below else 0)
        end = self._is[place - 1] + (0 if below else _LANE)
        in_place = place == told.measures.channel
        for low, high in sounding(told.expected.samples):
            for piece in told.map.pieces:
                first, last = max(low, piece.start), min(high, piece.end)
                if first >= last or self._is_gone(told, piece.to_file(first), piece.to_file(last)):
                    continue
                off = abs(piece.to_file(first) - first) > OFFSET_SAMPLES or not in_place
                corners = (
                    (self._x(first), start),
                    (self._x(last), start),
                    (self._x(piece.to_file(last)), end),
                    (self._x(piece.to_file(first)), end),
                )
                points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
                yield f'<polygon class="{"off" if off else "good"}" points="{points}"/>'

    def _is_gone(self, told: MeasuredChannel, start: int, end: int) -> bool:
        return any(it.start <= start and it.end >= end for it in told.measures.missing)

    def _spots(self, told: MeasuredChannel) -> Iterator[str]:
        measures = told.measures
        if measures.found_in is None:
            return
        top = self._is[measures.found_in - 1]
        for style, spots in (
            ("missing", measures.missing),
            ("inserted", measures.inserted),
            ("inserted", measures.repeated),
            ("missing", measures.reordered),
            ("missing", measures.flipped),
            ("click", measures.clicks),
        ):
            for spot in spots:
                yield self._mark(top, style, spot)

    def _mark(self, top: float, style: str, spot: SpotFound) -> str:
        left = self._x(spot.start)
        width = max(self._x(spot.end) - left, 2.0)
        words = f"{spot.why}: {spot.samples} samples at {spot.start / SAMPLE_RATE:.3f} s"
        return (
            f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{_LANE}"><title>{escape(words)}</title></rect>'
        )

    def _lag_lane(self) -> Iterator[str]:
        """How late each channel is, in milliseconds, along the call."""
        lines = [(number, it) for number, it in enumerate(self._truths) if it.map is not None]
        if not lines:
            return
        found = [(number, *point) for number, it in lines for point in _lags(it)]
        most = max([_LEAST_LAG_MS, *(abs(lag) for _, _, _, *lags in found for lag in lags)])
        middle = self._lags + _LAGS / 2
        yield (
            f'<rect class="lane" x="{_LEFT}" y="{self._lags:.1f}" height="{_LAGS}" '
            f'width="{_WIDTH - _LEFT - _RIGHT}"/>'
            f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{middle}" y2="{middle}"/>'
        )
        yield _text(12, middle - 8, "how late", "quiet")
        yield _text(12, middle + 10, f"within ±{most:.0f} ms", "quiet")
        scale = (_LAGS / 2 - 6) / most
        for number, first, last, lag, later in found:
            colour = _LAG_COLOURS[number % len(_LAG_COLOURS)]
            yield (
                f'<line stroke="{colour}" stroke-width="3" stroke-linecap="round" '
                f'x1="{self._x(first):.1f}" x2="{self._x(last):.1f}" '
                f'y1="{middle - lag * scale:.1f}" y2="{middle - later * scale:.1f}">'
                f"<title>channel {number + 1}: {lag:.3g} ms</title></line>"
            )

    def _cut_tail(self) -> Iterator[str]:
        """What should still come where the file has ended."""
        for told in self._truths:
            place, cut = told.measures.found_in, told.measures.tail_cut
            if place is not None and cut:
                end = self._lengths[place - 1]
                yield self._mark(
                    self._is[place - 1], "missing", SpotFound(end, end + cut, "cut off", cut)
                )


def _lags(told: MeasuredChannel) -> Iterator[tuple[int, int, float, float]]:
    """(first sample, last sample, lag in ms at the one, at the other) of all sound."""
    assert told.map is not None
    for low, high in sounding(told.expected.samples):
        for piece in told.map.pieces:
            first, last = max(low, piece.start), min(high, piece.end)
            if first < last:
                lags = [(piece.to_file(at) - at) * 1000 / SAMPLE_RATE for at in (first, last)]
                yield first, last, lags[0], lags[1]


def _numbered(peaks: NDArray[np.float64], side: int) -> Iterator[tuple[int, float]]:
    return ((number, float(peak)) for number, peak in enumerate(peaks[:, side]))


def _text(x: float, y: float, words: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escape(words)}</text>'
