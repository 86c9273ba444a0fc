"""Draws a verification: what should be heard above, what the file holds below it.

Between the two a ribbon leads each span of sound to where it was found. A vertical green ribbon is
in place, a leaning one late or early, a crossing one swapped; sound without one is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.svg import LEFT, PLOT, TimeAxis, box, page, polygon, speaker, svg, text, titled
from mediasim.truth.verify.channel import MeasuredChannel
from mediasim.truth.verify.findings import SpotFound
from mediasim.truth.verify.judge import OFFSET_SAMPLES, verdict_words
from mediasim.truth.verify.tracking import sounding
from mediasim.truth.verify.verify import Verified

__all__ = ["picture_svg", "write_picture"]

_LANE: Final = 70
_RIBBON: Final = 46
_GAP: Final = 34
_LAGS: Final = 80
"""Height in pixels of the lane of lags, in which a drift is a slope and a jump a step."""
_LEAST_LAG_MS: Final = 5.0
_LINE: Final = 20
_WORDS_WIDTH: Final = 165


def write_picture(result: Verified, path: Path) -> None:
    """Write the picture to an .svg file, or as a page to one of any other name.

    Raises OSError.
    """
    title = ", ".join(Path(each).name for each in result.found.recording)
    picture = picture_svg(result)
    path.write_text(picture if path.suffix == ".svg" else page(picture, title), "utf-8")


def picture_svg(result: Verified) -> str:
    """Return the picture as SVG text."""
    drawing = _Drawing(result)
    return svg(drawing.parts(), drawing.height, verdict_words(result.found))


class _Drawing:
    """The lanes of a picture from top to bottom: each channel as it should be, and as it is."""

    def __init__(self, result: Verified) -> None:
        self._result = result
        found, media = result.found, result.media
        self._truths = result.channels
        self._lengths = found.across.lengths
        should = max((len(it.expected.samples) for it in self._truths), default=0)
        self._axis = TimeAxis(0, max(should, *self._lengths, SAMPLE_RATE))
        self._x = self._axis.x
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
        self.height = top + _LAGS + 20

    def parts(self) -> Iterator[str]:
        found = self._result.found
        style = "fine" if found.ok else "wrong"
        name = ", ".join(Path(path).name for path in found.recording)
        yield text(20, 28, f"{name}: {verdict_words(found)}", style)
        for number, words in enumerate(self._words):
            short = words if len(words) <= _WORDS_WIDTH else words[: _WORDS_WIDTH - 1] + "…"
            yield text(20, 52 + _LINE * number, short)
        top = min([*self._should, *self._is], default=0)
        yield from self._axis.marks(top - 8, self.height - 8)
        for number, (top, channel) in enumerate(zip(self._should, self._truths, strict=False)):
            who = ", ".join(channel.measures.parties)
            yield self._lane(
                top, channel.expected.samples, "should", f"should be {number + 1}", who
            )
        for number, (top, samples) in enumerate(
            zip(self._is, self._result.media.channels, strict=True)
        ):
            yield self._lane(top, samples, "is", f"file’s {number + 1}", "")
        for number, channel in enumerate(self._truths):
            yield from self._ribbons(number, channel)
            yield from self._spots(channel)
        yield from self._cut_tail()
        yield from self._lag_lane()

    def _lane(self, top: float, samples: NDArray[np.int16], style: str, name: str, who: str) -> str:
        scale = _LANE / 2 / max(float(np.abs(samples.astype(np.int32)).max(initial=0)), 3000.0)
        middle = top + _LANE / 2
        return (
            box(LEFT, top, self._x(len(samples)) - LEFT, _LANE, "lane")
            + self._axis.waveform(samples, 0, middle, scale, style)
            + text(12, middle, name)
            + text(12, middle + 16, who[:16], "quiet")
        )

    def _ribbons(self, number: int, channel: MeasuredChannel) -> Iterator[str]:
        place = channel.measures.found_in
        if channel.map is None or place is None:
            return
        below = self._should[number] < self._is[place - 1]
        start = self._should[number] + (_LANE if below else 0)
        end = self._is[place - 1] + (0 if below else _LANE)
        in_place = place == channel.measures.channel
        for low, high in sounding(channel.expected.samples):
            for piece in channel.map.pieces:
                first, last = max(low, piece.start), min(high, piece.end)
                if first >= last or self._is_gone(
                    channel, piece.to_file(first), piece.to_file(last)
                ):
                    continue
                off = abs(piece.to_file(first) - first) > OFFSET_SAMPLES or not in_place
                corners = (
                    (self._x(first), start),
                    (self._x(last), start),
                    (self._x(piece.to_file(last)), end),
                    (self._x(piece.to_file(first)), end),
                )
                yield polygon(corners, "off" if off else "good")

    def _is_gone(self, channel: MeasuredChannel, start: int, end: int) -> bool:
        return any(it.start <= start and it.end >= end for it in channel.measures.missing)

    def _spots(self, channel: MeasuredChannel) -> Iterator[str]:
        measures = channel.measures
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
        return box(left, top, width, _LANE, style, words)

    def _lag_lane(self) -> Iterator[str]:
        """Draw the lag of each channel along the call, in milliseconds."""
        lines = [(number, it) for number, it in enumerate(self._truths) if it.map is not None]
        if not lines:
            return
        found = [(number, *point) for number, it in lines for point in _lags(it)]
        most = max([_LEAST_LAG_MS, *(abs(lag) for _, _, _, *lags in found for lag in lags)])
        middle = self._lags + _LAGS / 2
        yield box(LEFT, self._lags, PLOT, _LAGS, "lane")
        yield f'<path class="axis" d="M{LEFT} {middle:.1f}h{PLOT}"/>'
        yield text(12, middle - 8, "how late", "quiet")
        yield text(12, middle + 10, f"within ±{most:.0f} ms", "quiet")
        scale = (_LAGS / 2 - 6) / most
        for number, first, last, lag, later in found:
            path = (
                f'stroke-width="3" stroke-linecap="round" '
                f'd="M{self._x(first):.1f} {middle - lag * scale:.1f}'
                f'L{self._x(last):.1f} {middle - later * scale:.1f}"'
            )
            title = f"channel {number + 1}: {lag:.3g} ms"
            yield titled("path", path, title, f"line {speaker(number)}")

    def _cut_tail(self) -> Iterator[str]:
        """Mark what is missing beyond the end of the file."""
        for channel in self._truths:
            place, cut = channel.measures.found_in, channel.measures.tail_cut
            if place is not None and cut:
                end = self._lengths[place - 1]
                yield self._mark(
                    self._is[place - 1], "missing", SpotFound(end, end + cut, "cut off", cut)
                )


def _lags(channel: MeasuredChannel) -> Iterator[tuple[int, int, float, float]]:
    """Yield (first sample, last sample, lag in ms at the first, at the last) of all sound."""
    assert channel.map is not None
    for low, high in sounding(channel.expected.samples):
        for piece in channel.map.pieces:
            first, last = max(low, piece.start), min(high, piece.end)
            if first < last:
                lags = [(piece.to_file(at) - at) * 1000 / SAMPLE_RATE for at in (first, last)]
                yield first, last, lags[0], lags[1]
