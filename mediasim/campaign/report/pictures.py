"""Pictures of distributions as SVG, narrow enough for a telephone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mediasim.campaign.report.figures import Comparison
from mediasim.campaign.report.tally import Numbers, Shares
from mediasim.truth.svg import box, svg, text

__all__ = ["picture", "share_text", "shown"]

_WIDTH: Final = 360
_LEFT: Final = 8
_PLOT: Final = _WIDTH - 2 * _LEFT
_TOP: Final = 22
_HEIGHT: Final = 110
_NAMES: Final = 12
"""Names that have a bar of their own."""
_ROW: Final = 20
_NAME: Final = 118
_BAR: Final = _WIDTH - _NAME - 52
_MARKS: Final = 4


def picture(it: Comparison) -> str:
    """Return a histogram of numbers, or bars of names, with what was asked beside it."""
    if isinstance(it.got, Numbers):
        return _histogram(it, it.got)
    return _bars(it, it.got, None if it.asked is None else it.asked.shares)


def shown(number: float, unit: str) -> str:
    """Return a number with its unit, in as many digits as tell it apart."""
    if unit == "share":
        number, unit = 100 * number, "%"
    digits = (
        0 if abs(number) >= 100 or float(number).is_integer() else 1 if abs(number) >= 10 else 3
    )
    plain = f"{number:.{digits}f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    plain = "0" if plain in ("-0", "") else plain
    return f"{plain}{'' if unit in ('', '%') else ' '}{unit}"


def share_text(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.1f}%"


def _histogram(it: Comparison, got: Numbers) -> str:
    edges = it.edges
    asked = None if it.asked is None else it.asked.histogram(edges)
    shares = [count / got.count for count in got.histogram(edges)]
    top = max([*shares, *(asked or ())]) or 1.0
    step = _PLOT / len(shares)
    floor = _TOP + _HEIGHT

    def body() -> Iterator[str]:
        yield from _legend(it.measured, asked is not None)
        for number, share in enumerate(shares):
            height = share / top * _HEIGHT
            low, high = shown(edges[number], ""), shown(edges[number + 1], it.unit)
            left = _LEFT + number * step
            title = f"{low} to {high}: {share_text(share)}"
            yield box(left + 0.5, floor - height, step - 1, height, "by s0", title, 0.55)
        if asked is not None:
            yield _outline(asked, top, step)
        yield f'<path class="axis" d="M{_LEFT} {floor}H{_LEFT + _PLOT}"/>'
        for at in _marks(edges[0], edges[-1]):
            x = _LEFT + _PLOT * (at - edges[0]) / (edges[-1] - edges[0])
            yield f'<path class="axis" d="M{x:.1f} {floor}v4"/>'
            label = shown(at, it.unit)
            inside = min(max(x, _LEFT + 4 * len(label)), _LEFT + _PLOT - 4 * len(label))
            yield text(inside, floor + 17, label, "quiet", middle=True)

    return svg(body(), floor + 24, it.title, _WIDTH)


def _marks(low: float, high: float) -> Iterator[float]:
    """Yield round numbers between two, a few of them."""
    rough = (high - low) / _MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first = math.ceil(low / step)
    for number in range(first, math.floor(high / step) + 1):
        yield number * step


def _outline(asked: Sequence[float], top: float, step: float) -> str:
    """Draw what was asked as steps over the bars."""
    floor = _TOP + _HEIGHT
    path = f"M{_LEFT} {floor}"
    for number, share in enumerate(asked):
        y = floor - share / top * _HEIGHT
        path += f"V{y:.1f}H{_LEFT + (number + 1) * step:.1f}"
    return f'<path class="line s5" stroke-width="2" d="{path}V{floor}"/>'


def _bars(it: Comparison, got: Shares, asked: Mapping[str, float] | None) -> str:
    found = got.shares
    names = list(dict.fromkeys((*(asked or ()), *found)))
    names.sort(key=lambda name: -max(found.get(name, 0.0), (asked or {}).get(name, 0.0)))
    rest = names[_NAMES:]
    names = names[:_NAMES]
    top = max((*found.values(), *(asked or {}).values()), default=1.0) or 1.0

    def body() -> Iterator[str]:
        yield from _legend(it.measured, asked is not None)
        for number, name in enumerate(names):
            y = _TOP + number * _ROW
            share = found.get(name, 0.0)
            label = name if it.asked is None else it.asked.labels.get(name, name)
            label = label if len(label) <= 17 else f"{label[:16]}…"
            yield text(_LEFT, y + 13, label)
            width = share / top * _BAR
            yield box(_NAME, y + 3, width, 13, "by s0", f"{name}: {share_text(share)}", 0.55)
            if asked is not None:
                x = _NAME + asked.get(name, 0.0) / top * _BAR
                yield f'<path class="line s5" stroke-width="2" d="M{x:.1f} {y}v19"/>'
            yield text(_NAME + _BAR + 8, y + 13, share_text(share), "quiet")
        if rest:
            share = sum(found.get(name, 0.0) for name in rest)
            y = _TOP + len(names) * _ROW + 13
            yield text(_LEFT, y, f"{len(rest)} more: {share_text(share)}", "quiet")

    return svg(body(), _TOP + (len(names) + bool(rest)) * _ROW + 6, it.title, _WIDTH)


def _legend(measured: bool, asked: bool) -> Iterator[str]:
    yield box(_LEFT, 5, 10, 9, "by s0", "", 0.55)
    yield text(_LEFT + 15, 14, "got" if measured else "drawn", "quiet")
    if asked:
        yield f'<path class="line s5" stroke-width="2" d="M{_LEFT + 62} 9h12"/>'
        yield text(_LEFT + 79, 14, "asked", "quiet")
