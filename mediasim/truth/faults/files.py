"""Recordings broken as files: with the truth beside them, which says what was done and where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from mediasim.audio.files import read_audio
from mediasim.audio.wav import AudioFileError, read_wav
from mediasim.exchange.media_store import MediaStore
from mediasim.seeds import Seeds
from mediasim.truth.documents import TruthDocumentError, read_document, truth_path
from mediasim.truth.faults.breaking import break_samples
from mediasim.truth.faults.material import FaultError
from mediasim.truth.faults.order import FaultOrder

__all__ = ["BrokenFiles", "break_file", "break_published"]


@dataclass(frozen=True, slots=True)
class BrokenFiles:
    """What was written."""

    recording: Path
    truth: Path
    faults: tuple[dict[str, Any], ...]


def break_published(
    store: MediaStore, sid: str, orders: Sequence[FaultOrder], seeds: Seeds
) -> tuple[dict[str, Any], ...]:
    """Break a recording that has just been published, in its store; what is said of it stays.

    Returns what was done, for its truth. Raises FaultError where a fault cannot befall it; the
    recording is unchanged then.
    """
    broken = break_samples(read_wav(store.wav_path(sid)).pcm, orders, seeds.fork(f"faults/{sid}"))
    with store.publish_wav(sid) as file:
        file.write(broken.wav)
    return broken.faults


def break_file(
    recording: Path, orders: Sequence[FaultOrder], out: Path, *, seed: int = 0
) -> BrokenFiles:
    """Write a broken copy of a WAV, and its truth and reference audio beside it.

    The truth is the recording's own, with the faults added; without one it tells the faults alone.
    Raises FaultError for what cannot be broken or read, OSError for what cannot be written.
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
    """The recording's truth and reference audio, as far as they stand beside it."""
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
