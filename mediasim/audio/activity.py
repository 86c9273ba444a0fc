"""Voice activity detection: in a recording, and frame by frame in a call in progress.

In a recording (:func:`speech_intervals`) there are three detectors. The energy of 10 ms frames
against a floor that follows the quietest of the last and next seconds: exact where a channel's
pauses are digitally silent. Silero's model (:mod:`mediasim.audio.silero`) where they hold noise.
WebRTC's detector, which needs the voice well above the noise, for comparison. Whichever it is, a
pause shorter than the hangover belongs to the speech around it, and an interval ends where the
sound ends.

A call uses :class:`LiveActivity`. A frame is speech if it is loud, and stands out of the noise that
is always there. The noise is the quietest moment of the last four seconds: speech pauses within
that, so on a clean line there is none and loudness alone decides. Noise that has just begun counts
as speech until then; the detector reports later that it was noise. All its sums are whole numbers,
so a frame is speech on every machine or on none. That is why it is no neural network: theirs differ
in the last bits, and they take a hundred times as long.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.levels import FLOOR_DBFS

__all__ = [
    "HEARD_DBFS",
    "Engine",
    "JudgedFrames",
    "LiveActivity",
    "certain_levels",
    "energy_activity",
    "fitting_engine",
    "frame_measures",
    "speech_intervals",
    "webrtc_activity",
]


# -- recordings -----------------------------------------------------------------------------------


Engine = Literal["energy", "silero", "webrtc"]

_FRAME: Final = 80
"""Samples of a frame: 10 ms."""
_HANGOVER_MS: Final = 200
"""Pause in milliseconds up to which speech on both sides is one interval."""
_AT_ONCE: Final = 4096
"""Frames of which the levels are computed at once, to bound the memory."""
_SHORTEST: Final = 3
"""Frames that sound must last; shorter ones are clicks."""

_FLOOR_REACH: Final = 200
"""Frames before and after a frame that its noise floor is the minimum of: 2 s each."""
_ABOVE_FLOOR_DB: Final = 10.0
"""Decibels by which a frame must exceed the noise floor to be active."""
_ALWAYS_QUIET_DBFS: Final = -50.0
"""Level up to which a frame is never active, whatever the floor."""
_ALWAYS_LOUD_DBFS: Final = -30.0
"""Level from which a frame is always active, however long it lasts: a tone raises the floor."""


_SILENT_DBFS: Final = -70.0
"""Level up to which a frame is digital silence, that of A-law included."""
_BELOW_VOICE_DB: Final = 40.0
"""Decibels below the voice's level down to which sound between digital silences belongs to it."""
_SOFTEST_DBFS: Final = -68.0
"""Lowest level at which a frame can be active."""
_SMOOTH: Final = 5
"""Frames over which levels are averaged before their steadiness is measured."""
_STEADY: Final = 30
"""Frames over which noise keeps its level and speech does not: 0.3 s."""
_STEADY_DB: Final = 2.0
"""Standard deviation in decibels below which the level counts as steady."""
_NOISY: Final = 0.25
"""Share of a channel's quiet time that is steady noise, from which on it is a noisy channel."""


def speech_intervals(
    pcm: NDArray[np.int16], engine: Engine | None = None, *, hangover_ms: int = _HANGOVER_MS
) -> list[tuple[int, int]]:
    """Find the speech in samples (samples,) at 8 kHz: (start, end) in samples, end excluded.

    Without an engine the one that :func:`fitting_engine` names is used.
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
    """Choose the engine for a channel: energy alone where its pauses hold no noise."""
    levels = _levels(pcm) if len(pcm) else np.zeros(0)
    if len(levels) < _STEADY:
        return "energy"
    power = np.convolve(10 ** (levels / 10), np.ones(_SMOOTH) / _SMOOTH, "same")
    smooth = sliding_window_view(10 * np.log10(np.maximum(power, 1e-13)), _STEADY)
    mean = smooth.mean(axis=1)
    steady = (smooth.std(axis=1) < _STEADY_DB) & (mean > _SILENT_DBFS) & (mean < _ALWAYS_LOUD_DBFS)
    # A frame is noisy if any steady window covers it.
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
    """Find where samples (samples,) stand out from the quiet around them, as (start, end).

    Sound softer than ``quiet_dbfs`` is never active.
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
    """Find speech in samples (samples,) by WebRTC's detector, as (start, end).

    ``mode`` is its aggressiveness, 0 to 3; only 3 holds its own at 10 dB of signal to noise.
    """
    from webrtcvad import Vad

    if not len(pcm):
        return []
    detector = Vad(mode)
    active = [detector.is_speech(frame.tobytes(), SAMPLE_RATE) for frame in _frames(pcm)]
    return _intervals(np.array(active, np.bool_), len(pcm), hangover_ms)


def _levels(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the level of each frame in dBFS, (frames,)."""
    power = np.empty(-(-len(pcm) // _FRAME))
    for first in range(0, len(power), _AT_ONCE):  # a copy of an hour is not held
        frames = _frames(pcm[first * _FRAME : (first + _AT_ONCE) * _FRAME])
        power[first : first + _AT_ONCE] = np.einsum("ij,ij->i", frames, frames, dtype=np.float64)
    relative = np.maximum(power / _FRAME, 1e-3) / 32768.0**2
    levels: NDArray[np.float64] = np.maximum(10 * np.log10(relative), FLOOR_DBFS)
    return levels


def _frames(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the samples as frames (frames, 80), the last one padded with silence."""
    frames = np.zeros((-(-len(pcm) // _FRAME), _FRAME), np.int16)
    frames.reshape(-1)[: len(pcm)] = pcm
    return frames


def _intervals(active: NDArray[np.bool_], samples: int, hangover_ms: int) -> list[tuple[int, int]]:
    """Return the runs of active frames (frames,) in samples, without clicks and short pauses."""
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
"""Level below which a frame is never speech."""
_LOUD_DBFS: Final = -30.0
"""Level from which a frame is always speech, however long it lasts: noise is not so loud."""
_WINDOW: Final = 200
"""Frames over which the quietest moment is the noise: 4 s."""
_PARTS: Final = 20
"""Parts of the window, of which each keeps its own minimum."""
_MEAN_OF: Final = 3
"""Frames over which energy is averaged: noise has quiet moments too."""
_TIMES: Final = (25, 4)
"""Ratios of speech to noise: of its energy (14 dB), and of the energy of its differences (6 dB).
Differences from sample to sample leave out the slow swings of pink noise."""


def _energy(dbfs: float) -> int:
    """Return the least energy of a frame at a level."""
    return -int(-FRAME_SAMPLES * (32768 * 10 ** (dbfs / 20)) ** 2 // 1)


_HEARD: Final = _energy(HEARD_DBFS)
_LOUD: Final = _energy(_LOUD_DBFS)
_SILENT: Final = _HEARD / 8
"""Energy of half a frame up to which no frame is heard, whatever coders add."""


def certain_levels(
    pcm: NDArray[np.int16], loss: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which half frames (n * 80,) make a frame speech by themselves, and which may make it
    more than silence, bool (n,) each; also once coders have taken a ``loss`` of their energy."""
    halves = pcm.reshape(-1, FRAME_SAMPLES // 2).astype(np.float64)
    energy = np.einsum("ij,ij->i", halves, halves)
    return energy >= _LOUD * loss, energy > _SILENT


class JudgedFrames(NamedTuple):
    """Frames that were told into speech and quiet, in order."""

    speech: NDArray[np.bool_]
    """Whether each is speech, (n,)."""
    energies: NDArray[np.float64]
    """Their :func:`frame_measures`, (2, n)."""
    noise: NDArray[np.float64]
    """The noise at each, (2, n)."""

    def between(self, start: int, end: int) -> JudgedFrames:
        """Return frames ``start .. end``."""
        span = slice(start, end)
        return JudgedFrames(self.speech[span], self.energies[:, span], self.noise[:, span])


class LiveActivity:
    """A voice activity detector of one track, fed frame by frame."""

    def __init__(self) -> None:
        self._last = np.zeros((2, _MEAN_OF - 1))
        """Energies, and energies of differences, of the last frames."""
        self._quietest = np.zeros((2, _PARTS))
        """The least sums of each part of the last four seconds."""
        self._part = np.zeros((2, 0))
        """Sums of the frames of the current part."""
        self._heard = np.zeros(2)
        """The largest energies that were taken for speech since the last mark."""

    def mark(self) -> None:
        """Forget what was taken for speech until now, but not the noise."""
        self._heard = np.zeros(2)

    def hear(self, pcm: NDArray[np.int16]) -> list[tuple[bool, bool]]:
        """Classify the next frames, given as samples (n * 160,): two booleans for each.

        The first says whether the frame is speech; the second whether all that was taken for speech
        since the last mark now turns out to be noise.
        """
        judged = self.judge(frame_measures(pcm))
        return list(zip(judged.speech.tolist(), self.only_noise(judged).tolist(), strict=True))

    def judge(self, energies: NDArray[np.float64]) -> JudgedFrames:
        """Classify the next frames by their :func:`frame_measures`."""
        noise = self._follow(energies)
        loud = energies[0] >= _HEARD
        return JudgedFrames(loud & _stands_out(energies, noise), energies, noise)

    def only_noise(self, judged: JudgedFrames) -> NDArray[np.bool_]:
        """Return at which frames all that was taken for speech since the last mark turns out to be
        noise, bool (n,).

        Frames must be given in order and once, those before a mark by themselves.
        """
        if not len(judged.speech):
            return judged.speech
        taken = np.where(judged.speech, judged.energies, 0.0)
        taken[:, 0] = np.maximum(taken[:, 0], self._heard)
        if not judged.noise.any():  # a clean line: everything stands out
            self._heard = taken.max(axis=1)
            return np.zeros(len(judged.speech), np.bool_)
        np.maximum.accumulate(taken, axis=1, out=taken)
        self._heard = taken[:, -1]
        return ~_stands_out(taken, judged.noise)

    def _follow(self, energies: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take frames into the noise; return the noise at each, (2, n).

        It changes five times a second.
        """
        count = energies.shape[1]
        run = np.concatenate((self._last, energies), axis=1)
        self._last = run[:, count:]
        sums = sum(run[:, back : back + count] for back in range(_MEAN_OF))
        parts = np.concatenate((self._part, sums), axis=1)
        size, whole = _WINDOW // _PARTS, parts.shape[1] // (_WINDOW // _PARTS)
        least = parts[:, : whole * size].reshape(2, whole, size).min(axis=2)
        quietest = np.concatenate((self._quietest, least), axis=1)
        noises = np.stack([quietest[:, at : at + _PARTS].min(axis=1) for at in range(whole + 1)], 1)
        known = (self._part.shape[1] + 1 + np.arange(count)) // size
        self._part, self._quietest = parts[:, whole * size :], quietest[:, whole:]
        return noises[:, known]


def frame_measures(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the energies of frames (n * 160,), and those of the differences from sample to sample:
    (2, n)."""
    frames = pcm.reshape(-1, FRAME_SAMPLES).astype(np.float64)  # whole numbers, and exact sums
    changes = np.diff(frames, axis=1)
    return np.stack(
        (np.einsum("ij,ij->i", frames, frames), np.einsum("ij,ij->i", changes, changes))
    )


def _stands_out(energies: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which frames (2, n) exceed the noise in either measure, or are loud in any case."""
    found: NDArray[np.bool_] = energies[0] >= _LOUD
    for energy, share, quietest in zip(energies, _TIMES, noise, strict=True):
        found |= _MEAN_OF * energy >= share * quietest
    return found
