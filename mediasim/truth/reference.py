"""Reference audio: what a recording is compared with, before and after a codec."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, SampleCoder

__all__ = ["ReferenceTape", "coded", "exact_codecs", "reference_of"]


class ReferenceTape:
    """The reference audio of a recording: everything said in it, one piece after the other.

    The media store keeps it as ``references/RE….wav``, so that a recording can be verified from
    its folder alone. A piece that was said twice is stored once.
    """

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._pieces: list[NDArray[np.int16]] = []
        self._length = 0

    def place(self, pcm: NDArray[np.int16]) -> int:
        """Add samples (n,), unless they are on the tape already; returns where they begin on it."""
        digest = blake2b(np.ascontiguousarray(pcm, "<i2").tobytes(), digest_size=16).digest()
        if digest not in self._places:
            self._places[digest] = self._length
            self._pieces.append(pcm)
            self._length += len(pcm)
        return self._places[digest]

    def pcm(self) -> NDArray[np.int16]:
        """Return the samples (n,) of the whole tape."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)


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
