"""Levels of samples, gain, and sums of tracks. Full scale is 32768.

Sums are as a conference bridge makes them: added sample by sample, clipped at the ends. Nothing is
scaled: a speaker is as loud in a mix as alone, whichever others are silent. Where the sum does not
fit into 16 bits it saturates.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FLOOR_DBFS",
    "at_level",
    "downmix",
    "frame_energies",
    "gain",
    "mix",
    "mix_minus",
    "peak_dbfs",
    "rms_dbfs",
    "set_level",
    "to_samples",
    "waveform_peaks",
]


FLOOR_DBFS: Final = -96.0
"""The level of digital silence, and the lowest that is returned for anything."""
_FULL_SCALE: Final = 32768.0
_LOWEST: Final = -32768
_HIGHEST: Final = 32767


def rms_dbfs(pcm: NDArray[np.int16]) -> float:
    """Return the rms level of samples of any shape; FLOOR_DBFS for silence and for no samples."""
    if pcm.size == 0:
        return FLOOR_DBFS
    flat = pcm.ravel()
    # Summed as integers: exact, and without a copy in floating point.
    power = int(np.einsum("i,i->", flat, flat, dtype=np.int64)) / flat.size
    return _decibels(power**0.5)


def frame_energies(pcm: NDArray[np.int16], samples: int) -> NDArray[np.float64]:
    """Return the sum of squares of each ``samples`` of pcm (n * samples,): (n,), exact.

    Whole numbers below 2^53 as float64, so that no decision hangs on the order of a machine's sum.
    """
    frames = pcm.reshape(-1, samples).astype(np.float64)
    energies: NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames)
    return energies


def peak_dbfs(pcm: NDArray[np.int16]) -> float:
    """Return the level of the largest sample; FLOOR_DBFS for silence and for no samples."""
    if pcm.size == 0:
        return FLOOR_DBFS
    return _decibels(max(int(pcm.max()), -int(pcm.min())))


def gain(pcm: NDArray[np.int16], db: float) -> NDArray[np.int16]:
    """Amplify samples by ``db`` decibels, clipping where they do not fit."""
    return to_samples(pcm.astype(np.float64) * 10 ** (db / 20))


def set_level(pcm: NDArray[np.int16], dbfs: float) -> NDArray[np.int16]:
    """Scale samples to an rms level of ``dbfs``, clipping where they do not fit.

    Silence stays silent.
    """
    return at_level(pcm.astype(np.float64), dbfs)


def at_level(signal: NDArray[np.float64], dbfs: float) -> NDArray[np.int16]:
    """Scale any signal to samples of rms level ``dbfs``, clipped; silence stays silent."""
    rms = float(np.sqrt(np.mean(signal**2))) if signal.size else 0.0
    scale = _FULL_SCALE * 10 ** (dbfs / 20) / rms if rms else 0.0
    return to_samples(signal * scale)


def to_samples(signal: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round and clip values in sample units to int16."""
    return np.rint(np.clip(signal, -32768, 32767)).astype(np.int16)


def waveform_peaks(pcm: NDArray[np.int16], buckets: int) -> NDArray[np.int16]:
    """Return the lowest and highest sample of each of ``buckets`` equal parts: (buckets, 2).

    Where there are fewer samples than buckets, neighbours show the same sample. Raises ValueError
    for fewer than one bucket.
    """
    if buckets < 1:
        raise ValueError(f"a waveform has at least one bucket, not {buckets}")
    if pcm.size == 0:
        return np.zeros((buckets, 2), np.int16)
    starts = np.arange(buckets) * len(pcm) // buckets
    return np.stack([np.minimum.reduceat(pcm, starts), np.maximum.reduceat(pcm, starts)], axis=1)


def _decibels(amplitude: float) -> float:
    if amplitude <= 0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 20 * float(np.log10(amplitude / _FULL_SCALE)))


def mix(tracks: NDArray[np.int16]) -> NDArray[np.int16]:
    """Sum tracks ``(n, ...)`` over their first axis, saturating: ``(...)``."""
    return _saturated(tracks.sum(axis=0, dtype=np.int32))


def mix_minus(tracks: NDArray[np.int16]) -> NDArray[np.int16]:
    """Mix for each leg of a conference all the other legs' tracks.

    ``tracks`` is ``(legs, samples)``, or ``(conferences, legs, samples)`` for many of the same
    size, and so is the result.
    """
    return _saturated(tracks.sum(axis=-2, dtype=np.int32, keepdims=True) - tracks)


def downmix(channels: NDArray[np.int16]) -> NDArray[np.int16]:
    """Mix stored channels ``(n, samples)`` to the one of a mono download: ``(samples,)``.

    Twilio does not document how it mixes. The saturating sum is our choice: each speaker keeps the
    level of the stored channel, so the file sounds as the call did; an average would make every
    speaker of a two-channel recording 6 dB quieter.
    """
    return mix(channels)


def _saturated(total: NDArray[np.int32]) -> NDArray[np.int16]:
    # Twice as fast on one frame as np.clip.
    np.minimum(total, _HIGHEST, out=total)
    np.maximum(total, _LOWEST, out=total)
    return total.astype(np.int16)
