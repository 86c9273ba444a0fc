"""The reference audio of a recording: all that was said in it, one piece after the other.

It stands in the media store as ``references/RE….wav``, so that the recording can be held against
it by anyone, from the folder alone. A piece that was said twice is kept once.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReferenceTape"]


class ReferenceTape:
    """Pieces in the order in which they were first met."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._pieces: list[NDArray[np.int16]] = []
        self._length = 0

    def place(self, pcm: NDArray[np.int16]) -> int:
        """The sample of the tape at which these samples (n,) begin."""
        digest = blake2b(np.ascontiguousarray(pcm, "<i2").tobytes(), digest_size=16).digest()
        if digest not in self._places:
            self._places[digest] = self._length
            self._pieces.append(pcm)
            self._length += len(pcm)
        return self._places[digest]

    def pcm(self) -> NDArray[np.int16]:
        """The whole tape (n,)."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
