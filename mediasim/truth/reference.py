"""What a clip sounds like after its codec: the reference that a recording is held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

__all__ = ["coded"]

_Samples = NDArray[np.int16]

_ROUND_TRIPS: Final[dict[str, Callable[[_Samples], _Samples]]] = {
    "PCMU": lambda pcm: ulaw_decode(ulaw_encode(pcm)),
    "PCMA": lambda pcm: alaw_decode(alaw_encode(pcm)),
}


def coded(clip: NDArray[np.int16], codec: str) -> NDArray[np.int16]:
    """The clip (n,) encoded and decoded, sample for sample what a clean network delivers.

    Of codecs with memory no such thing can be said of a clip alone: ValueError.
    """
    round_trip = _ROUND_TRIPS.get(codec)
    if round_trip is None:
        expected = ", ".join(_ROUND_TRIPS)
        raise ValueError(f"no exact reference for codec {codec!r}: expected one of {expected}")
    return round_trip(clip)
