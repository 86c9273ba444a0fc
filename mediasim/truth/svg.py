"""Pictures of recordings as SVG: lanes over one time axis.

The SVG has no scripts and loads nothing; it is light or dark as the reader's system is.
:class:`TimeAxis` maps samples to pixels; each function returns one element.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import waveform_peaks

__all__ = ["LEFT", "PLOT", "TimeAxis", "box", "page", "polygon", "speaker", "svg", "text", "titled"]

WIDTH: Final = 1240
LEFT: Final = 130
"""Width in pixels of the names beside the lanes."""
PLOT: Final = WIDTH - LEFT - 20
"""Width in pixels of the time axis."""
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Possible distances between the marks of an axis, in seconds."""
_MOST_MARKS: Final = 20
_SPEAKERS: Final = 6
"""Number of colours; further speakers repeat them."""

# Plain classes instead of CSS variables, which not every SVG viewer supports.
_STYLE: Final = """
svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#222}.quiet{fill:#667}
.bold{font-weight:600}.lane{fill:#f3f4f7}.axis{stroke:#c9cdd8}.both{fill:#dc2626;fill-opacity:.16}
.by{fill:currentColor}.line{stroke:currentColor;fill:none}.open{fill:#fff}
.s0{color:#2563eb}.s1{color:#0f766e}.s2{color:#7c3aed}.s3{color:#a16207}.s4{color:#475569}
.s5{color:#be185d}.anyone{color:#64748b}.should{color:#8a93a8}.is{color:#2a5db0}
.good{fill:#2e9e5b;fill-opacity:.25}.off{fill:#e08a00;fill-opacity:.45}
.missing{fill:#d3262e;fill-opacity:.45}.inserted{fill:#b14bd0;fill-opacity:.4}
.click{fill:#d3262e}.wrong{fill:#c01c25;font-weight:600}.fine{fill:#1f7a44;font-weight:600}
@media (prefers-color-scheme:dark){svg{background:#14161b}text{fill:#e6e8ee}.quiet{fill:#9aa3b5}
.lane{fill:#1f232c}.axis{stroke:#3a4050}.open{fill:#14161b}
.s0{color:#7fb0ff}.s1{color:#4ec9b8}.s2{color:#c4a1ff}.s3{color:#e2b84d}.s4{color:#b4bdca}
.s5{color:#f583b4}.anyone{color:#9aa3b5}.should{color:#7b859c}.is{color:#7fb0ff}
.wrong{fill:#ff7b80}.fine{fill:#6fd39a}}
"""
_PAGE_STYLE: Final = """
:root{color-scheme:light dark}body{margin:1.5rem;font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.2rem}svg{max-width:100%;height:auto}pre{font-size:13px;overflow-x:auto}
@media (prefers-color-scheme:dark){body{color:#e6e8ee;background:#14161b}}
"""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A span of a recording over the width of a picture."""

    start: int
    """Sample at the left edge."""
    samples: int
    """Length of the span in samples."""

    def x(self, sample: float) -> float:
        """Return a sample's place in pixels."""
        return LEFT + (sample - self.start) / self.samples * PLOT

    def visible(self, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield the parts of spans (first sample, end) that are on the axis."""
        for start, end in spans:
            low, high = max(start, self.start), min(end, self.start + self.samples)
            if low < high:
                yield low, high

    def marks(self, top: float, bottom: float) -> Iterator[str]:
        """Yield vertical lines at full seconds, with their times above them."""
        seconds = self.samples / SAMPLE_RATE
        step = next((step for step in _STEPS if seconds / step <= _MOST_MARKS), _STEPS[-1])
        first = -(-self.start // (step * SAMPLE_RATE)) * step
        for second in range(first, int((self.start + self.samples) / SAMPLE_RATE) + 1, step):
            x = self.x(second * SAMPLE_RATE)
            yield f'<path class="axis" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>'
            yield text(x, top - 7, f"{second // 60}:{second % 60:02d}", "quiet", middle=True)

    def waveform(
        self, pcm: NDArray[np.int16], first: int, middle: float, scale: float, style: str
    ) -> str:
        """Draw samples (n,) from sample ``first`` on; ``scale`` is pixels a step of 16 bits."""
        left = self.x(first)
        pixels = max(1, round(len(pcm) / self.samples * PLOT))
        columns = [
            f"M{left + x + 0.5:.1f} {middle - high * scale:.1f}V{middle - low * scale:.1f}"
            for x, (low, high) in enumerate(waveform_peaks(pcm, pixels).tolist())
            if low or high
        ]
        return f'<path class="line {style}" d="{"".join(columns)}"/>'


def speaker(number: int) -> str:
    """Return the style class of the speaker with a number."""
    return f"s{number % _SPEAKERS}"


def text(x: float, y: float, words: str, style: str = "", *, middle: bool = False) -> str:
    """Draw words that begin at ``x``, or with ``middle`` are centred on it."""
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{_class(style)}{anchor}>{escape(words)}</text>'


def titled(element: str, attributes: str, title: str, style: str) -> str:
    """Return an element that shows a title when it is pointed at."""
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f"<{element}{_class(style)} {attributes}>{inner}</{element}>"


def box(
    left: float,
    top: float,
    width: float,
    height: float,
    style: str,
    title: str = "",
    opacity: float | None = None,
) -> str:
    """Draw a rectangle, at least half a pixel wide."""
    pale = "" if opacity is None else f' fill-opacity="{opacity}"'
    place = f'x="{left:.1f}" y="{top:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}"'
    return titled("rect", place + pale, title, style)


def polygon(corners: Iterable[tuple[float, float]], style: str) -> str:
    """Draw the area between corners."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon{_class(style)} points="{points}"/>'


def svg(body: Iterable[str], height: float, title: str, width: float = WIDTH) -> str:
    """Return an SVG document with these elements."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{''.join(body)}</svg>\n"
    )


def page(content: str, title: str) -> str:
    """Return an HTML page with a picture and other markup in it."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_PAGE_STYLE}</style>\n"
        f"{content}</html>\n"
    )


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""
