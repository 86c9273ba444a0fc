"""Faults applied to samples, one after the other, ending in the bytes of a WAV file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mediasim.audio.activity import energy_activity
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import wav_header
from mediasim.seeds import Seeds
from mediasim.truth.faults.material import FaultError, Material, Samples
from mediasim.truth.faults.order import FaultOrder

__all__ = ["Broken", "break_samples"]


@dataclass(frozen=True, slots=True)
class Broken:
    """What faults made of a recording."""

    wav: bytes
    faults: tuple[dict[str, Any], ...]
    """Each fault with its places, for the truth."""


def break_samples(
    pcm: Samples, orders: Sequence[FaultOrder], seeds: Seeds, rate: int = SAMPLE_RATE
) -> Broken:
    """Apply faults to (channels, samples), in order; those of the file itself come last.

    Raises FaultError where a fault cannot befall this recording.
    """
    notes = []
    on_bytes = [order for order in orders if order.fault.samples is None]
    for number, order in enumerate(order for order in orders if order.fault.samples is not None):
        generator = seeds.generator(f"fault/{number}/{order}")
        pcm, note = _on_samples(pcm, order, rate, generator)
        notes.append(note)
    wav = wav_header(len(pcm), pcm.shape[1], rate) + pcm.T.astype("<i2", order="C").tobytes()
    for order in on_bytes:
        assert order.fault.bytes is not None
        wav = order.fault.bytes(wav, order.value)
        whole = {"channel": None, "start": 0, "end": pcm.shape[1], "moved": 0}
        notes.append(order.to_json() | {"places": [whole]})
    return Broken(wav, tuple(notes))


def _on_samples(
    pcm: Samples, order: FaultOrder, rate: int, generator: np.random.Generator
) -> tuple[Samples, dict[str, Any]]:
    if wrong := order.trouble(len(pcm)):
        raise FaultError(wrong)
    channel = len(pcm) if order.channel is None else order.channel
    it = Material(
        pcm=pcm,
        rate=rate,
        generator=generator,
        value=order.value,
        channel=channel - 1,
        spoken=tuple(tuple(energy_activity(samples, hangover_ms=40)) for samples in pcm),
    )
    assert order.fault.samples is not None
    try:
        order.fault.samples(it)
    except FaultError as error:
        raise FaultError(f"{order}: {error}") from None
    return it.pcm, order.to_json() | {"places": [place.to_json() for place in it.places]}
