"""A voice at another pitch, its formants and tempo as they were.

Pitch-synchronous overlap-add (Moulines and Charpentier, 1990): the sound is cut into grains of two
periods, one around each period's peak, and the grains are laid out again at the periods of the new
pitch, each repeated or left out as the tempo needs it. What has no pitch is laid out as it was.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_pitch"]

LOWEST_HZ: Final = 50.0
"""A lower fundamental frequency is that of a sound without pitch."""
UNVOICED_SECONDS: Final = 0.005
"""The length of a grain's half where there is no pitch."""
SEARCHED: Final = 0.15
"""How far a period's place may be from the one reckoned, as a share of the period."""

_Floats = NDArray[np.float64]


def at_pitch(sound: _Floats, hertz: _Floats, factor: float, rate: int) -> _Floats:
    """Samples (samples,) at ``rate``, with their pitch ``hertz`` (samples,) times ``factor``."""
    places, periods, voiced = _periods(sound, hertz, rate)
    made = np.zeros(sound.size + 2 * int(rate / LOWEST_HZ) + 2)
    at, before = 0.0, -1
    while at < sound.size and places.size:
        after = min(int(np.searchsorted(places, at)), places.size - 1)
        near = after - (after > 0 and at - places[after - 1] <= places[after] - at)
        period, place = int(periods[near]), int(places[near])
        if near != before and not voiced[near]:
            at = float(place)
        before = near
        first, last = max(0, place - period), min(sound.size, place + period + 1)
        offsets = np.arange(first - place, last - place)
        grain = sound[first:last] * (0.5 + 0.5 * np.cos(np.pi * offsets / period))
        start = round(at) + first - place
        skipped = max(0, -start)
        made[start + skipped : start + grain.size] += grain[skipped:]
        at += period / factor if voiced[near] else period
    return made[: sound.size]


def _periods(
    sound: _Floats, hertz: _Floats, rate: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of each period its place and length in samples, and whether it has a pitch."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    while at < sound.size:
        voiced = bool(hertz[at] > LOWEST_HZ)
        period = int(rate / hertz[at]) if voiced else int(rate * UNVOICED_SECONDS)
        place = at
        if voiced and found and found[-1][2]:
            place = max(_alike(sound, found[-1][0], at, period), found[-1][0] + period // 2)
        elif voiced:
            start = max(0, at - period // 2)
            place = start + int(np.argmax(np.abs(sound[start : at + period // 2])))
            place = max(place, found[-1][0] + 1 if found else 0)
        found.append((place, period, voiced))
        at = place + period
    places, periods, with_pitch = zip(*found, strict=True) if found else ((), (), ())
    return np.array(places, np.int64), np.array(periods, np.int64), np.array(with_pitch, np.bool_)


def _alike(sound: _Floats, before: int, at: int, period: int) -> int:
    """Where around ``at`` the sound is most like the period at ``before``."""
    half, search = period // 2, int(period * SEARCHED)
    first, last = at - search - half, at + search + half
    if before < half or first < 0 or last > sound.size:
        return at
    near = sound[first:last]
    likeness = np.correlate(near, sound[before - half : before + half], "valid")
    energy = np.convolve(near * near, np.ones(2 * half), "valid")
    return at - search + int(np.argmax(likeness / np.sqrt(np.maximum(energy, 1e-12))))
