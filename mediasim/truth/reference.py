"""Reference audio: what a recording is compared with, before and after a codec."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, SampleCoder

__all__ = ["coded", "exact_codecs", "reference_of"]


def exact_codecs() -> list[str]:
    """List the codecs whose output is known sample by sample, because they have no memory."""
    return [name for name, codec in CODECS.items() if isinstance(codec.coder, SampleCoder)]


def coded(clip: NDArray[np.int16], codec: str) -> NDArray[np.int16]:
    """Encode and decode a clip (n,): sample for sample what a clean network delivers.

    Raises ValueError for a codec with memory, whose output depends on what came before.
    """
    coder = CODECS[codec].coder if codec in CODECS else None
    if not isinstance(coder, SampleCoder):
        expected = ", ".join(exact_codecs())
        raise ValueError(f"no exact reference for codec {codec!r}: expected one of {expected}")
    return coder.decode(coder.encode(clip))


def reference_of(clip: NDArray[np.int16], codec: str) -> NDArray[np.int16]:
    """Return the clip (n,) as it should be in a recording: coded, if the codec has no memory."""
    return coded(clip, codec) if codec in exact_codecs() else clip
