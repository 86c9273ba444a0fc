"""Packet loss concealment: the last 20 ms again and again, fading to silence over 60 ms.

Only the missing samples are written, so that a loss stays where it happened: what was received
is never changed, cross-faded or moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["CONCEALED_SAMPLES", "conceal", "repeat_and_fade"]

CONCEALED_SAMPLES: Final = 480
"""Missing samples after which nothing is left but silence: 60 ms."""


def repeat_and_fade(last: NDArray[np.int16], first: int, samples: int) -> NDArray[np.int16]:
    """Samples ``first .. first + samples`` of what stands in a gap, counted from its beginning.

    ``last`` (160,) is what came before the gap.
    """
    filling = np.zeros(samples, np.int16)
    at = np.arange(first, min(first + samples, CONCEALED_SAMPLES))
    share = 1 - at / CONCEALED_SAMPLES
    filling[: len(at)] = np.rint(last[at % FRAME_SAMPLES] * share)
    return filling


def conceal(
    track: NDArray[np.int16],
    missing: Sequence[tuple[int, int]],
    before: NDArray[np.int16] | None = None,
) -> None:
    """Fill the gaps of a track (samples,) in place.

    ``missing`` lists gaps as (start, end) in samples, in order and apart. ``before`` is what
    stood before the track, as much of the last 160 samples as there was; a gap with nothing
    before it is silent.
    """
    for start, end in missing:
        last = track[max(0, start - FRAME_SAMPLES) : start]
        if len(last) < FRAME_SAMPLES:
            earlier = np.zeros(FRAME_SAMPLES, np.int16)
            if before is not None and len(before):
                kept = before[-FRAME_SAMPLES:]
                earlier[FRAME_SAMPLES - len(kept) :] = kept
            last = np.concatenate((earlier, last))[-FRAME_SAMPLES:]
        track[start:end] = repeat_and_fade(last, 0, end - start)
