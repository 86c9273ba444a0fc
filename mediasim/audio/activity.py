"""When somebody speaks: intervals of samples with speech in them.

Two judges. The energy of 10 ms frames against a floor that follows the quietest of the last and
next seconds: exact where a channel holds nothing but speech. WebRTC's detector where it holds
noise as well.

Either way a pause shorter than the hangover belongs to the speech around it, and an interval
ends where the sound ends.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import FLOOR_DBFS

__all__ = ["energy_activity", "speech_intervals", "webrtc_activity"]

_FRAME: Final = 80
"""Samples of a frame: 10 ms."""
_HANGOVER_MS: Final = 200
_AT_ONCE: Final = 4096
"""Frames."""
_SHORTEST: Final = 3
"""Frames of sound that are no mere click."""

_FLOOR_REACH: Final = 200
"""Frames before and after among which the floor is looked for: 2 s each."""
_ABOVE_FLOOR_DB: Final = 10.0
_ALWAYS_QUIET_DBFS: Final = -50.0
_ALWAYS_LOUD_DBFS: Final = -30.0
"""Sound as loud as this is heard however long it lasts: the floor may be a tone's."""


def speech_intervals(
    pcm: NDArray[np.int16], *, clean: bool, hangover_ms: int = _HANGOVER_MS
) -> list[tuple[int, int]]:
    """Where samples (samples,) hold speech: (start, end), the end excluded, in order.

    ``clean`` says that the channel holds no noise that might be taken for speech.
    """
    if clean:
        return energy_activity(pcm, hangover_ms=hangover_ms)
    return webrtc_activity(pcm, hangover_ms=hangover_ms)


def energy_activity(
    pcm: NDArray[np.int16], *, hangover_ms: int = _HANGOVER_MS
) -> list[tuple[int, int]]:
    """Where samples (samples,) stand out from the quiet around them, as (start, end)."""
    if not len(pcm):
        return []
    levels = _levels(pcm)
    around = np.pad(levels, _FLOOR_REACH, mode="edge")
    floor = sliding_window_view(around, 2 * _FLOOR_REACH + 1).min(axis=1)
    threshold = np.clip(floor + _ABOVE_FLOOR_DB, _ALWAYS_QUIET_DBFS, _ALWAYS_LOUD_DBFS)
    return _intervals(levels > threshold, len(pcm), hangover_ms)


def webrtc_activity(
    pcm: NDArray[np.int16], *, mode: int = 3, hangover_ms: int = _HANGOVER_MS
) -> list[tuple[int, int]]:
    """Where WebRTC's detector hears speech in samples (samples,), as (start, end).

    ``mode`` is its aggressiveness, 0 to 3; only 3 holds its own at 10 dB of signal to noise.
    """
    from webrtcvad import Vad

    if not len(pcm):
        return []
    detector = Vad(mode)
    active = [detector.is_speech(frame.tobytes(), SAMPLE_RATE) for frame in _frames(pcm)]
    return _intervals(np.array(active, np.bool_), len(pcm), hangover_ms)


def _levels(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """The level of each frame in dBFS."""
    power = np.empty(-(-len(pcm) // _FRAME))
    for first in range(0, len(power), _AT_ONCE):  # a copy of an hour is not held
        frames = _frames(pcm[first * _FRAME : (first + _AT_ONCE) * _FRAME])
        power[first : first + _AT_ONCE] = np.einsum("ij,ij->i", frames, frames, dtype=np.float64)
    levels = 10 * np.log10(np.maximum(power / _FRAME, 1e-3) / 32768.0**2)
    return np.maximum(levels, FLOOR_DBFS)


def _frames(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """(frames, 80), the last one filled up with silence."""
    frames = np.zeros((-(-len(pcm) // _FRAME), _FRAME), np.int16)
    frames.reshape(-1)[: len(pcm)] = pcm
    return frames


def _intervals(active: NDArray[np.bool_], samples: int, hangover_ms: int) -> list[tuple[int, int]]:
    """Runs of active frames, in samples; clicks left out, then short pauses closed."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False)).reshape(-1, 2)
    merged: list[tuple[int, int]] = []
    for start, end in (edges[edges[:, 1] - edges[:, 0] >= _SHORTEST] * _FRAME).tolist():
        if merged and (start - merged[-1][1]) * 1000 < hangover_ms * SAMPLE_RATE:
            merged[-1] = (merged[-1][0], min(end, samples))
        else:
            merged.append((start, min(end, samples)))
    return merged
