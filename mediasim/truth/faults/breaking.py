"""Applies faults to samples and to recordings as files.

The faults are applied one after the other and result in the bytes of a WAV file. A broken file has
its truth beside it, which lists the faults and their places.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np

from mediasim.audio.activity import energy_activity
from mediasim.audio.files import read_audio
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import AudioFileError, wav_header
from mediasim.exchange.media_store import MediaStore
from mediasim.seeds import Seeds
from mediasim.truth.documents import TruthDocumentError, read_document, truth_path
from mediasim.truth.faults.material import FaultError, Material, Samples
from mediasim.truth.faults.order import FaultOrder

__all__ = ["BrokenFiles", "BrokenRecording", "break_file", "break_published", "break_samples"]


@dataclass(frozen=True, slots=True)
class BrokenRecording:
    """A recording after faults were applied."""

    wav: bytes
    faults: tuple[dict[str, Any], ...]
    """Each fault with its places, as the truth lists them."""


def break_samples(
    pcm: Samples, orders: Sequence[FaultOrder], seeds: Seeds, rate: int = SAMPLE_RATE
) -> BrokenRecording:
    """Apply faults to samples (channels, samples) in order; those of the file itself come last.

    Raises FaultError if a fault is not applicable to this recording.
    """
    notes = []
    on_bytes = [order for order in orders if order.fault.samples is None]
    for number, order in enumerate(order for order in orders if order.fault.samples is not None):
        # A generator for each fault: adding one does not change the places of the others.
        generator = seeds.generator(f"fault/{number}/{order}")
        pcm, note = _on_samples(pcm, order, rate, generator)
        notes.append(note)
    wav = wav_header(len(pcm), pcm.shape[1], rate) + pcm.T.astype("<i2", order="C").tobytes()
    for order in on_bytes:
        assert order.fault.bytes is not None
        wav = order.fault.bytes(wav, order.value)
        whole = {"channel": None, "start": 0, "end": pcm.shape[1], "moved": 0}
        notes.append(order.to_json() | {"places": [whole]})
    return BrokenRecording(wav, tuple(notes))


def _on_samples(
    pcm: Samples, order: FaultOrder, rate: int, generator: np.random.Generator
) -> tuple[Samples, dict[str, Any]]:
    if wrong := order.obstacle(len(pcm)):
        raise FaultError(wrong)
    channel = len(pcm) if order.channel is None else order.channel
    material = Material(
        pcm=pcm,
        rate=rate,
        generator=generator,
        value=order.value,
        channel=channel - 1,
        spoken=tuple(tuple(energy_activity(samples, hangover_ms=40)) for samples in pcm),
    )
    assert order.fault.samples is not None
    try:
        order.fault.samples(material)
    except FaultError as error:
        raise FaultError(f"{order}: {error}") from None
    return material.pcm, order.to_json() | {
        "places": [place.to_json() for place in material.places]
    }


# -- files ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrokenFiles:
    """The files that :func:`break_file` wrote."""

    recording: Path
    truth: Path
    faults: tuple[dict[str, Any], ...]


def break_published(
    store: MediaStore, sid: str, orders: Sequence[FaultOrder], seeds: Seeds
) -> tuple[dict[str, Any], ...]:
    """Apply faults to a published recording in its store, without touching its truth.

    Returns the faults as the truth lists them. Raises FaultError if one is not applicable; the
    recording is then unchanged.
    """
    broken = break_samples(store.pcm(sid), orders, seeds.fork(f"faults/{sid}"))
    with store.publish_wav(sid) as file:
        file.write(broken.wav)
    return broken.faults


def break_file(
    recording: Path, orders: Sequence[FaultOrder], out: Path, *, seed: int = 0
) -> BrokenFiles:
    """Write a broken copy of a WAV, with its truth and reference audio beside it.

    The truth is the recording's own with the faults added; without one it lists the faults alone.
    Raises FaultError if the recording cannot be read or broken, OSError if it cannot be written.
    """
    if out.resolve() == recording.resolve():
        raise FaultError("the broken copy needs another name than the recording itself")
    document, reference = _truth_of(recording)
    try:
        rate, pcm, _ = read_audio(recording)
    except AudioFileError as error:
        raise FaultError(f"{error}: only a sound recording can be broken") from None
    broken = break_samples(pcm, orders, Seeds(seed), rate)
    beside = truth_path(out)
    document.setdefault("sample_rate", rate)
    document.setdefault("samples", int(pcm.shape[1]))
    document["faults"] = [*document.get("faults", ()), *broken.faults]
    document["fault_seed"] = seed
    if reference is not None:
        copied = out.with_suffix(".reference.wav")
        copyfile(reference, copied)
        document["reference"] = copied.name
    out.write_bytes(broken.wav)
    beside.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return BrokenFiles(out, beside, broken.faults)


def _truth_of(recording: Path) -> tuple[dict[str, Any], Path | None]:
    """Return a recording's truth and the path of its reference audio, if they are beside it."""
    path = truth_path(recording)
    if not path.is_file():
        return {}, None
    try:
        document = read_document(path)
    except TruthDocumentError as error:
        raise FaultError(str(error)) from None
    name = document.get("reference")
    reference = path.parent / name if isinstance(name, str) else None
    return document, reference if reference is not None and reference.is_file() else None
