"""What a clip sounds like after its codec: the reference that a recording is held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, SampleCoder

__all__ = ["coded", "exact_codecs", "reference_of"]


def exact_codecs() -> list[str]:
    """List the codecs of which it can be said sample for sample what comes out."""
    return [name for name, codec in CODECS.items() if isinstance(codec.coder, SampleCoder)]


def coded(clip: NDArray[np.int16], codec: str) -> NDArray[np.int16]:
    """Encode and decode the clip (n,): sample for sample what a clean network delivers.

    Of codecs with memory no such thing can be said of a clip alone: ValueError.
    """
    coder = CODECS[codec].coder if codec in CODECS else None
    if not isinstance(coder, SampleCoder):
        expected = ", ".join(exact_codecs())
        raise ValueError(f"no exact reference for codec {codec!r}: expected one of {expected}")
    return coder.decode(coder.encode(clip))


def reference_of(clip: NDArray[np.int16], codec: str) -> NDArray[np.int16]:
    """What to look for of the clip (n,) in a recording: coded, where that is known exactly."""
    return coded(clip, codec) if codec in exact_codecs() else clip
