"""Faults of time: sound at another time than it was heard, and packets lost, repeated or swapped.

Packets lie on the grid of a recorder that began at any sample.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from mediasim.audio.levels import rms_dbfs
from mediasim.truth.faults.material import FaultError, Material, Samples

__all__ = [
    "drifting",
    "dropped_frames",
    "glued",
    "hold_left_out",
    "late",
    "late_leg_first",
    "lost",
    "phantom_silence",
    "repeated",
    "swapped_packets",
]


_PAUSE_MS = 200
"""A silence as long as this stands between two utterances."""


def drifting(it: Material) -> None:
    """One channel's clock is off; what no longer fits is cut, what is left over is silent."""
    import soxr

    assert it.value is not None
    stretched = soxr.resample(
        it.pcm[it.channel].astype(np.float64), it.rate, it.rate * (1 + it.value * 1e-6)
    )
    it.replace_channel(np.rint(np.clip(stretched, -32768, 32767)).astype(np.int16))
    it.at(0, it.samples, round(it.samples * it.value * 1e-6))


def late(it: Material) -> None:
    """One channel stands later than it should, or if negative earlier; the length stays."""
    assert it.value is not None
    moved = it.samples_of_ms(it.value)
    samples = it.pcm[it.channel]
    if moved >= 0:
        it.replace_channel(np.concatenate((np.zeros(moved, np.int16), samples)))
    else:
        it.replace_channel(samples[-moved:])
    it.at(0, it.samples, moved)


def late_leg_first(it: Material) -> None:
    """One channel begins with its first sound, as if its party had been there from the start."""
    begins = _speech(it)[0][0]
    if not begins:
        raise FaultError("its party speaks from the first sample on: it is not late")
    it.replace_channel(it.pcm[it.channel, begins:])
    it.at(0, it.samples, -begins)


def glued(it: Material) -> None:
    """One channel's utterances stand end to end: its pauses were never written."""
    spoken = _joined(_speech(it), it.samples_of_ms(_PAUSE_MS))
    if len(spoken) < 2:
        raise FaultError("its party speaks but once: there is no pause to leave out")
    channel = it.pcm[it.channel]
    parts = [channel[: spoken[0][1]]]
    for (_, ended), (start, end) in pairwise(spoken):
        parts.append(channel[start:end])
        it.at(ended, start, ended - start)
    it.replace_channel(np.concatenate(parts))


def phantom_silence(it: Material) -> None:
    """Silence that never was, put into every second of all channels; the file grows."""
    assert it.value is not None
    width = round(it.value / 100 * it.rate)
    if not width:
        raise FaultError("it would put in less than a sample a second")
    parts: list[Samples] = []
    done = 0
    for second in range(0, it.samples - it.rate + 1, it.rate):
        at = second + int(it.generator.integers(it.rate))
        parts += [it.pcm[:, done:at], np.zeros((it.channels, width), np.int16)]
        it.at(at, at, width, all_channels=True)
        done = at
    if not parts:
        raise FaultError("the recording is shorter than a second")
    it.pcm = np.concatenate([*parts, it.pcm[:, done:]], axis=1)


def hold_left_out(it: Material) -> None:
    """The longest silence between two sounds of the channel is in no channel: the file shrinks."""
    spoken = _speech(it)
    pauses = [(start - end, end) for (_, end), (start, _) in pairwise(spoken)]
    longest, begins = max(pauses, default=(0, 0))
    asked = longest if it.value is None else round(it.value * it.rate)
    width = min(asked, longest)
    if width < it.samples_of_ms(_PAUSE_MS):
        raise FaultError("nobody is silent for long: there is nothing that could be a hold")
    at = begins + (longest - width) // 2
    it.pcm = np.concatenate((it.pcm[:, :at], it.pcm[:, at + width :]), axis=1)
    it.at(at, at + width, -width, all_channels=True)


def dropped_frames(it: Material) -> None:
    """A frame of 20 ms is thrown away at each lag; the channel stands ever earlier."""
    assert it.value is not None
    width = it.samples_of_ms(20)
    inside = [
        start + offset
        for start, end in _speech(it)
        for offset in range(0, end - start - width, 5 * width)
    ]
    count = int(it.value)
    if len(inside) < count:
        raise FaultError(f"its party says too little for {count} frames to be dropped")
    kept = np.ones(it.samples, np.bool_)
    for at in sorted(it.generator.choice(inside, count, replace=False).tolist()):
        kept[at : at + width] = False
        it.at(at, at + width, -width)
    it.replace_channel(it.pcm[it.channel, kept])


def _speech(it: Material) -> tuple[tuple[int, int], ...]:
    spoken = it.spoken[it.channel]
    if not spoken:
        raise FaultError(f"nothing is heard in channel {it.channel + 1}: choose another, as in @1")
    return spoken


def _joined(spans: tuple[tuple[int, int], ...], pause: int) -> list[tuple[int, int]]:
    """Sounds with less than a pause between them are one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < pause:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


# -- packets --------------------------------------------------------------------------------


_LOUD_DBFS: Final = -38.0
"""Only packets as loud as this are struck: the others nobody would miss."""
_APART: Final = 4
"""Packets from one that is struck to the next."""


def lost(it: Material) -> None:
    """Packets that never came, silent in their places."""
    width = it.samples_of_ms(20)
    samples = it.pcm[it.channel].copy()
    for at in _struck(it, width):
        samples[at : at + width] = 0
        it.at(at, at + width)
    it.replace_channel(samples)


def repeated(it: Material) -> None:
    """Packets in whose place the one before them stands once more."""
    width = it.samples_of_ms(20)
    samples = it.pcm[it.channel].copy()
    for at in _struck(it, width):
        samples[at : at + width] = samples[at - width : at].copy()
        it.at(at, at + width)
    it.replace_channel(samples)


def swapped_packets(it: Material) -> None:
    """Packets that have changed places with the next."""
    width = it.samples_of_ms(20)
    samples = it.pcm[it.channel].copy()
    for at in _struck(it, width):
        samples[at : at + 2 * width] = np.roll(samples[at : at + 2 * width], width)
        it.at(at, at + 2 * width)
    it.replace_channel(samples)


def _struck(it: Material, width: int) -> list[int]:
    """The first samples of the packets that are drawn: so many per cent of the loud ones."""
    assert it.value is not None
    phase = int(it.generator.integers(width))
    channel = it.pcm[it.channel]
    loud = [
        at
        for at in range(phase + width, it.samples - 2 * width, width)
        if rms_dbfs(channel[at : at + width]) > _LOUD_DBFS
    ]
    if not loud:
        raise FaultError(f"nothing loud is heard in channel {it.channel + 1}: choose another")
    count = max(1, round(len(loud) * it.value / 100))
    chosen: list[int] = []
    for at in it.generator.permutation(loud).tolist():
        if len(chosen) < count and all(abs(at - other) >= _APART * width for other in chosen):
            chosen.append(at)
    return sorted(chosen)
