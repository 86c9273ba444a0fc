"""A listener that has a track processed frame by frame, so that no effect precedes its cause."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["FrameListener"]


class FrameListener:
    """A listener of one track for an app that answers to what it is sent of it."""

    horizon = reach = patience = 1

    def __init__(self, heard: Callable[[int, NDArray[np.int16]], object]) -> None:
        """``heard`` is called with the first frame and the samples of what was processed."""
        self._heard = heard

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        self._heard(first_frame, pcm)
