"""Sums of tracks, as a conference bridge makes them: added sample by sample, clipped at the ends.

Nothing is scaled: a speaker is as loud in a mix as alone, whoever else is silent. Where the sum
does not fit into 16 bits it saturates.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["downmix", "mix", "mix_minus"]

_LOWEST: Final = -32768
_HIGHEST: Final = 32767


def mix(tracks: NDArray[np.int16]) -> NDArray[np.int16]:
    """The saturating sum of tracks ``(n, ...)`` over their first axis: ``(...)``."""
    return _saturated(tracks.sum(axis=0, dtype=np.int32))


def mix_minus(tracks: NDArray[np.int16]) -> NDArray[np.int16]:
    """What each leg of a conference hears: everyone but itself.

    ``tracks`` is ``(legs, samples)``, or ``(conferences, legs, samples)`` for many of the same
    size, and so is the result.
    """
    return _saturated(tracks.sum(axis=-2, dtype=np.int32, keepdims=True) - tracks)


def downmix(channels: NDArray[np.int16]) -> NDArray[np.int16]:
    """The one channel of a mono download, of stored channels ``(n, samples)``: ``(samples,)``.

    Twilio does not document how it mixes. The saturating sum is our choice: each speaker keeps
    the level of the stored channel, so the file sounds as the call did; an average would make
    everybody 6 dB quieter than they were.
    """
    return mix(channels)


def _saturated(total: NDArray[np.int32]) -> NDArray[np.int16]:
    # Twice as fast on one frame as np.clip.
    np.minimum(total, _HIGHEST, out=total)
    np.maximum(total, _LOWEST, out=total)
    return total.astype(np.int16)
