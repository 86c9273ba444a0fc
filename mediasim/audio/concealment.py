"""Packet loss concealment: the last 20 ms again and again, fading to silence over 60 ms.

Only the missing samples are written, so that a loss stays where it happened: what was received
is never changed, cross-faded or moved.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["CONCEALED_SAMPLES", "repeat_and_fade"]

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
