"""When somebody speaks: in a recording, and as it is heard frame by frame in a call.

In a recording (:func:`speech_intervals`) there are three detectors. The energy of 10 ms frames
against a floor that follows the quietest of the last and next seconds: exact where a channel's
pauses are digitally silent. Silero's model (:mod:`mediasim.audio.silero`) where they hold noise.
WebRTC's detector, which needs the voice well above the noise, for comparison. Whichever it is, a
pause shorter than the hangover belongs to the speech around it, and an interval ends where the
sound ends.

A party in a call goes by :class:`LiveActivity`. A frame is speech if it is loud, and stands out of
the noise that is always there. The noise is the quietest moment of the last four seconds: speech
pauses within that, so on a clean line there is none and loudness alone decides. Noise that has just
begun counts as speech until then; whoever asks can learn that it was not. All its sums are whole
numbers, so a frame is speech on every machine or on none. That is why it is no neural network:
theirs differ in the last bits, and they take a hundred times as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.levels import FLOOR_DBFS

__all__ = [
    "HEARD_DBFS",
    "Engine",
    "LiveActivity",
    "energy_activity",
    "fitting_engine",
    "speech_intervals",
    "webrtc_activity",
]


# -- recordings -----------------------------------------------------------------------------------


Engine = Literal["energy", "silero", "webrtc"]

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


_SILENT_DBFS: Final = -70.0
"""Digital silence, that of A-law included."""
_BELOW_VOICE_DB: Final = 40.0
"""Between digital silences all that is no softer than this beside the voice belongs to it."""
_SOFTEST_DBFS: Final = -68.0
_SMOOTH: Final = 5
_STEADY: Final = 30
"""Frames over which noise keeps its level and speech does not: 0.3 s."""
_STEADY_DB: Final = 2.0
_NOISY: Final = 0.25
"""Share of a channel's quiet time that is steady noise, from which on it is a noisy channel."""


def speech_intervals(
    pcm: NDArray[np.int16], engine: Engine | None = None, *, hangover_ms: int = _HANGOVER_MS
) -> list[tuple[int, int]]:
    """Where samples (samples,) hold speech: (start, end), the end excluded, in order.

    Without an engine the one that fits the channel is used.
    """
    from mediasim.audio.silero import silero_frames

    if not len(pcm):
        return []
    engine = engine or fitting_engine(pcm)
    if engine == "webrtc":
        return webrtc_activity(pcm, hangover_ms=hangover_ms)
    levels = _levels(pcm)
    if engine == "silero":
        return _intervals(silero_frames(pcm, levels), len(pcm), hangover_ms)
    sounding = levels[levels > _SILENT_DBFS]
    loud = float(np.quantile(sounding, 0.95)) if len(sounding) else 0.0
    quiet = float(np.clip(loud - _BELOW_VOICE_DB, _SOFTEST_DBFS, _ALWAYS_QUIET_DBFS))
    return energy_activity(pcm, hangover_ms=hangover_ms, quiet_dbfs=quiet)


def fitting_engine(pcm: NDArray[np.int16]) -> Engine:
    """The engine that fits a channel: by energy alone where its pauses hold no noise."""
    levels = _levels(pcm) if len(pcm) else np.zeros(0)
    if len(levels) < _STEADY:
        return "energy"
    power = np.convolve(10 ** (levels / 10), np.ones(_SMOOTH) / _SMOOTH, "same")
    smooth = sliding_window_view(10 * np.log10(np.maximum(power, 1e-13)), _STEADY)
    mean = smooth.mean(axis=1)
    steady = (smooth.std(axis=1) < _STEADY_DB) & (mean > _SILENT_DBFS) & (mean < _ALWAYS_LOUD_DBFS)
    begun = np.concatenate((np.zeros(_STEADY, np.int64), np.cumsum(steady)))
    begun = np.concatenate((begun, np.full(_STEADY - 1, begun[-1])))
    noisy = begun[_STEADY:] > begun[:-_STEADY]
    noisy = noisy[: len(levels)]
    quiet = noisy | (levels <= _SILENT_DBFS)
    return "silero" if noisy.sum() > _NOISY * max(int(quiet.sum()), 1) else "energy"


def energy_activity(
    pcm: NDArray[np.int16],
    *,
    hangover_ms: int = _HANGOVER_MS,
    quiet_dbfs: float = _ALWAYS_QUIET_DBFS,
) -> list[tuple[int, int]]:
    """Where samples (samples,) stand out from the quiet around them, as (start, end).

    What is softer than ``quiet_dbfs`` never does.
    """
    if not len(pcm):
        return []
    levels = _levels(pcm)
    around = np.pad(levels, _FLOOR_REACH, mode="edge")
    floor = sliding_window_view(around, 2 * _FLOOR_REACH + 1).min(axis=1)
    threshold = np.clip(floor + _ABOVE_FLOOR_DB, quiet_dbfs, _ALWAYS_LOUD_DBFS)
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
    relative = np.maximum(power / _FRAME, 1e-3) / 32768.0**2
    levels: NDArray[np.float64] = np.maximum(10 * np.log10(relative), FLOOR_DBFS)
    return levels


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


# -- calls ----------------------------------------------------------------------------------------


HEARD_DBFS: Final = -45.0
"""A frame less loud than this is never speech."""
_LOUD_DBFS: Final = -30.0
"""One as loud as this always is, however long it lasts: noise is not."""
_WINDOW: Final = 200
"""Frames among which the quietest is looked for."""
_PARTS: Final = 20
_MEAN_OF: Final = 3
"""Frames of which the mean is taken: noise has quiet moments too."""
_TIMES: Final = (25, 4)
"""Times the noise's energy that speech has: 14 dB; of its changes from sample to sample 6 dB, for
in those the slow swings of pink noise are not."""


def _energy(dbfs: float) -> int:
    """The least energy of a frame of a level."""
    return -int(-FRAME_SAMPLES * (32768 * 10 ** (dbfs / 20)) ** 2 // 1)


_HEARD: Final = _energy(HEARD_DBFS)
_LOUD: Final = _energy(_LOUD_DBFS)


class LiveActivity:
    """Follows one track."""

    def __init__(self) -> None:
        self._last = deque([(0.0, 0.0)] * _MEAN_OF, _MEAN_OF)
        """Energies of the last frames, and of their changes."""
        self._quietest = deque([(0.0, 0.0)] * _PARTS, _PARTS)
        """The least sums of each part of the last four seconds."""
        self._part: list[tuple[float, float]] = []
        self._noise = (0.0, 0.0)
        self._heard = (0.0, 0.0)
        """The largest of each that was taken for speech since the last mark."""

    def mark(self) -> None:
        """Forget what was heard until now, but not the noise."""
        self._heard = (0.0, 0.0)

    def hear(self, pcm: NDArray[np.int16]) -> Iterator[tuple[bool, bool]]:
        """Tell of each of the next frames, given as samples, two things.

        Whether it is speech; and whether all that was taken for speech since the last mark now
        turns out to be noise. A mark between two of them counts from there on. The frames have
        been heard once all are asked for.
        """
        frames = pcm.reshape(-1, FRAME_SAMPLES).astype(np.float64)  # whole numbers, and exact sums
        changes = np.diff(frames, axis=1)
        energies = np.einsum("ij,ij->i", frames, frames).tolist()
        for energy, change in zip(
            energies, np.einsum("ij,ij->i", changes, changes).tolist(), strict=True
        ):
            self._follow(energy, change)
            speech = energy >= _HEARD and _stands_out(energy, change, self._noise)
            if speech:
                self._heard = max(self._heard[0], energy), max(self._heard[1], change)
            yield speech, not _stands_out(*self._heard, self._noise)

    def _follow(self, energy: float, change: float) -> None:
        """Let a frame count for the noise, which changes five times a second."""
        self._last.append((energy, change))
        self._part.append((sum(it[0] for it in self._last), sum(it[1] for it in self._last)))
        if len(self._part) == _WINDOW // _PARTS:
            self._quietest.append(_least(self._part))
            self._part.clear()
            self._noise = _least(self._quietest)


def _least(sums: Iterable[tuple[float, float]]) -> tuple[float, float]:
    energies, changes = zip(*sums, strict=True)
    return min(energies), min(changes)


def _stands_out(energy: float, change: float, noise: tuple[float, float]) -> bool:
    """Whether a frame stands out of the sums of the quietest ones, in either measure."""
    return (
        _MEAN_OF * energy >= _TIMES[0] * noise[0]
        or _MEAN_OF * change >= _TIMES[1] * noise[1]
        or energy >= _LOUD
    )
