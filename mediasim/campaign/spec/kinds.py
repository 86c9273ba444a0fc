"""Checks of what is drawn for a key: a time, a number of things, a share or a level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.campaign.spec.distribution import Distribution
from mediasim.campaign.spec.quantity import Quantity

__all__ = ["wrong_count", "wrong_level", "wrong_share", "wrong_time"]

_LEVELS: Final = ("", "dB", "dBFS")
_NS: Final = 1_000_000_000


def wrong_time(drawn: Distribution, least: float | None = None) -> str | None:
    """Return what is wrong with times; None if nothing is. ``least`` is in seconds."""
    words = "a time such as 1.5s or 250ms"
    if least is not None:
        words += f" of {least:g}s or more" if least else ", 0s or more"

    def fits(found: Quantity) -> bool:
        seconds = found.number / _NS if found.is_time else found.number
        return (found.is_time or not found.unit) and (least is None or seconds >= least)

    return _wrong(drawn, words, fits)


def wrong_count(drawn: Distribution, least: int) -> str | None:
    """Return what is wrong with numbers of things; None if nothing is."""
    return _wrong(
        drawn,
        f"a whole number from {least} on",
        lambda found: not found.unit and found.number >= least and found.number % 1 == 0,
    )


def wrong_share(drawn: Distribution) -> str | None:
    """Return what is wrong with shares of something; None if nothing is."""
    return _wrong(
        drawn,
        "a share from 0 to 1",
        lambda found: not found.unit and 0 <= found.number <= 1,
    )


def wrong_level(drawn: Distribution) -> str | None:
    """Return what is wrong with levels; None if nothing is."""
    return _wrong(
        drawn,
        "a level from -100 to 0 dBFS",
        lambda found: found.unit in _LEVELS and -100 <= found.number <= 0,
    )


def _wrong(drawn: Distribution, words: str, fits: Callable[[Quantity], bool]) -> str | None:
    for value in drawn.examples():
        try:
            found = Quantity.of(value)
        except ValueError:
            return f"expected {words}, found {str(value)[:40]!r}"
        if not fits(found):
            return f"expected {words}, found {found}" + (
                "" if not drawn.varies else ", which may be drawn: write a min and a max"
            )
    return None
