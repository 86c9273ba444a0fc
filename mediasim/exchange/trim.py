"""Trimming silence off both ends of a recording, and why nothing may be left.

Twilio says only that ``trim-silence`` "trims the silence from the beginning and end". The rest is
our choice:

* The recording is read in frames of 20 ms. A frame is silent if it is silent in every channel,
  that is, below -50 dBFS RMS in each: above comfort noise (about -60 dBFS), below quiet speech.
* The recording is kept from the first frame that is not silent to the end of the last. Silence
  between them stays, and all channels are cut at the same samples.
* A recording silent throughout is kept whole, as is any with ``do-not-trim``: silence is what was
  recorded. By profiles before 2025-09 there is nothing to keep of one that is trimmed: it becomes
  ``absent``, as silent. An account that discards silent recordings has any of them ``absent``.
* A recording that never held a sample is ``absent`` either way, as too short.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE

__all__ = [
    "ABSENT",
    "SILENCE_DBFS",
    "Absence",
    "Trim",
    "absence",
    "kept_range",
    "trim_silence",
]

Trim = Literal["trim-silence", "do-not-trim"]
Absence = Literal["too-short", "silent", "no-public-key"]
"""Why a recording has no media."""

SILENCE_DBFS: Final = -50.0
"""A frame below this RMS level in every channel is silent."""
ABSENT: Final[dict[Absence, str]] = {
    "too-short": "nothing was recorded",
    "silent": "nothing but silence was recorded, and silence was to be trimmed",
    "no-public-key": "it was to be encrypted, and the account has no public key",
}
"""The reasons in words."""

_SILENT_ENERGY: Final = FRAME_SAMPLES * (32768 * 10 ** (SILENCE_DBFS / 20)) ** 2
"""The sum of squares of a frame at the threshold."""


def kept_range(
    pcm: NDArray[np.int16],
    trim: Trim,
    *,
    keeps_silence: bool = False,
    discards_silence: bool = False,
) -> tuple[int, int]:
    """Return the samples (start, end) of ``pcm`` (channels, samples) that a trim setting keeps.

    What is silent throughout is kept whole with ``keeps_silence``, and with ``discards_silence``
    not at all, trimmed or not.
    """
    whole = 0, pcm.shape[1]
    if trim == "do-not-trim" and not discards_silence:
        return whole
    start, end = trim_silence(pcm)
    if start == end:
        return whole if keeps_silence else (start, end)
    return whole if trim == "do-not-trim" else (start, end)


def trim_silence(pcm: NDArray[np.int16]) -> tuple[int, int]:
    """Return the samples (start, end) of ``pcm`` (channels, samples) without its silent ends.

    Returns ``(0, 0)`` if all of it is silent. Reads a second at a time from either end and no
    further than the first sound, so a mapped file of any length costs little.
    """
    samples = pcm.shape[1]
    for start in range(0, samples, SAMPLE_RATE):
        audible = _audible_frames(pcm[:, start : start + SAMPLE_RATE])
        if audible.size:
            first = start + int(audible[0]) * FRAME_SAMPLES
            return first, _audible_end(pcm)
    return 0, 0


def absence(recorded: int, kept: int) -> Absence | None:
    """Return why a recording has no media; None if it has some.

    ``recorded`` and ``kept`` are its lengths before and after trimming, in samples.
    """
    if recorded == 0:
        return "too-short"
    if kept == 0:
        return "silent"
    return None


def _audible_end(pcm: NDArray[np.int16]) -> int:
    samples: int = pcm.shape[1]
    # Blocks are counted from the front, as the frames are, so both ends see the same frames.
    for start in range((samples - 1) // SAMPLE_RATE * SAMPLE_RATE, -1, -SAMPLE_RATE):
        audible = _audible_frames(pcm[:, start : start + SAMPLE_RATE])
        if audible.size:
            return min(start + (int(audible[-1]) + 1) * FRAME_SAMPLES, samples)
    return 0


def _audible_frames(block: NDArray[np.int16]) -> NDArray[np.intp]:
    """Return the indices of the frames of ``block`` (channels, samples) with sound in a channel.

    A short last frame counts as filled up with zeros.
    """
    channels, samples = block.shape
    frames = -(-samples // FRAME_SAMPLES)
    padded = np.zeros((channels, frames * FRAME_SAMPLES), dtype=np.float64)
    padded[:, :samples] = block
    # In float: the squares of 160 int16 samples overflow int32.
    energy = np.square(padded).reshape(channels, frames, FRAME_SAMPLES).sum(axis=2)
    return np.flatnonzero((energy >= _SILENT_ENERGY).any(axis=0))
