"""Faults of time: sound that is moved, and packets that are lost, repeated or swapped.

Packets are on a grid of 20 ms with a random phase, as of a recorder that began at any sample.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np

from mediasim.audio.levels import rms_dbfs, to_samples
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
"""Shortest silence between two utterances, in milliseconds."""


def drifting(material: Material) -> None:
    """Set a channel's clock off by parts per million; its length is kept by cutting or silence."""
    import soxr

    stretched = soxr.resample(
        material.original.astype(np.float64),
        material.rate,
        material.rate * (1 + material.number * 1e-6),
    )
    material.replace_channel(to_samples(stretched))
    material.note(0, material.samples, round(material.samples * material.number * 1e-6))


def late(material: Material) -> None:
    """Move a channel later, or if negative earlier, in a file of the same length."""
    moved = material.samples_of_ms(material.number)
    samples = material.original
    if moved >= 0:
        material.replace_channel(np.concatenate((np.zeros(moved, np.int16), samples)))
    else:
        material.replace_channel(samples[-moved:])
    material.note(0, material.samples, moved)


def late_leg_first(material: Material) -> None:
    """Move a channel's first sound to the start, as if its party had joined at once."""
    begins = _speech(material)[0][0]
    if not begins:
        raise FaultError("its party speaks from the first sample on: it is not late")
    material.replace_channel(material.pcm[material.channel, begins:])
    material.note(0, material.samples, -begins)


def glued(material: Material) -> None:
    """Join a channel's utterances without the pauses between them."""
    spoken = _joined(_speech(material), material.samples_of_ms(_PAUSE_MS))
    if len(spoken) < 2:
        raise FaultError("its party speaks but once: there is no pause to leave out")
    channel = material.original
    parts = [channel[: spoken[0][1]]]
    for (_, ended), (start, end) in pairwise(spoken):
        parts.append(channel[start:end])
        material.note(ended, start, ended - start)
    material.replace_channel(np.concatenate(parts))


def phantom_silence(material: Material) -> None:
    """Insert silence into every second of all channels; the file grows."""
    width = round(material.number / 100 * material.rate)
    if not width:
        raise FaultError("it would put in less than a sample a second")
    parts: list[Samples] = []
    done = 0
    for second in range(0, material.samples - material.rate + 1, material.rate):
        at = second + int(material.generator.integers(material.rate))
        parts += [material.pcm[:, done:at], np.zeros((material.channels, width), np.int16)]
        material.note(at, at, width, all_channels=True)
        done = at
    if not parts:
        raise FaultError("the recording is shorter than a second")
    material.pcm = np.concatenate([*parts, material.pcm[:, done:]], axis=1)


def hold_left_out(material: Material) -> None:
    """Cut the longest silence between two sounds of the channel out of all channels."""
    spoken = _speech(material)
    pauses = [(start - end, end) for (_, end), (start, _) in pairwise(spoken)]
    longest, begins = max(pauses, default=(0, 0))
    wanted = longest if material.value is None else round(material.value * material.rate)
    width = min(wanted, longest)
    if width < material.samples_of_ms(_PAUSE_MS):
        raise FaultError("nobody is silent for long: there is nothing that could be a hold")
    at = begins + (longest - width) // 2
    material.pcm = np.concatenate((material.pcm[:, :at], material.pcm[:, at + width :]), axis=1)
    material.note(at, at + width, -width, all_channels=True)


def dropped_frames(material: Material) -> None:
    """Drop frames of 20 ms; the channel gets earlier with each."""
    width = material.samples_of_ms(20)
    inside = [
        start + offset
        for start, end in _speech(material)
        for offset in range(0, end - start - width, 5 * width)
    ]
    count = int(material.number)
    if len(inside) < count:
        raise FaultError(f"its party says too little for {count} frames to be dropped")
    kept = np.ones(material.samples, np.bool_)
    for at in sorted(material.generator.choice(inside, count, replace=False).tolist()):
        kept[at : at + width] = False
        material.note(at, at + width, -width)
    material.replace_channel(material.pcm[material.channel, kept])


def _speech(material: Material) -> tuple[tuple[int, int], ...]:
    spoken = material.spoken[material.channel]
    if not spoken:
        raise FaultError(
            f"nothing is heard in channel {material.channel + 1}: choose another, as in @1"
        )
    return spoken


def _joined(spans: tuple[tuple[int, int], ...], pause: int) -> list[tuple[int, int]]:
    """Join spans with less than ``pause`` samples between them."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < pause:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


# -- packets --------------------------------------------------------------------------------


_LOUD_DBFS: Final = -38.0
"""Level from which on packets are broken: softer ones would not be noticed."""
_APART: Final = 4
"""Fewest packets from one that is broken to the next."""


def lost(material: Material) -> None:
    """Silence packets in place."""
    _replace_packets(material, lambda before, packet, after: [np.zeros_like(packet)])


def repeated(material: Material) -> None:
    """Replace packets by the ones before them."""
    _replace_packets(material, lambda before, packet, after: [before])


def swapped_packets(material: Material) -> None:
    """Swap packets with the next ones."""
    _replace_packets(material, lambda before, packet, after: [after, packet])


def _replace_packets(
    material: Material, replacement: Callable[[Samples, Samples, Samples], list[Samples]]
) -> None:
    """Replace the packets to break; ``replacement`` gets the one before, it and the next one."""
    width = material.samples_of_ms(20)
    samples = material.original.copy()
    for at in _struck(material, width):
        packets = np.split(samples[at - width : at + 2 * width].copy(), 3)
        new = np.concatenate(replacement(packets[0], packets[1], packets[2]))
        samples[at : at + len(new)] = new
        material.note(at, at + len(new))
    material.replace_channel(samples)


def _struck(material: Material, width: int) -> list[int]:
    """Return the first samples of the packets to break: a share of the loud ones, at random."""
    phase = int(material.generator.integers(width))
    channel = material.original
    loud = [
        at
        for at in range(phase + width, material.samples - 2 * width, width)
        if rms_dbfs(channel[at : at + width]) > _LOUD_DBFS
    ]
    if not loud:
        raise FaultError(f"nothing loud is heard in channel {material.channel + 1}: choose another")
    count = max(1, round(len(loud) * material.number / 100))
    chosen: list[int] = []
    # Spaced apart, so that each broken packet is a finding of its own.
    for at in material.generator.permutation(loud).tolist():
        if len(chosen) < count and all(abs(at - other) >= _APART * width for other in chosen):
            chosen.append(at)
    return sorted(chosen)
