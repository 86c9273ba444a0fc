"""Recordings of calls whose truth is known, made in memory: quick to make, and each of its own."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import downmix
from mediasim.audio.tones import noise
from mediasim.audio.wav import write_wav
from mediasim.seeds import Seeds
from mediasim.truth.reference import ReferenceTape, coded
from mediasim.truth.verify.findings import Verification
from mediasim.truth.verify.verify import verify

__all__ = ["SECOND", "Samples", "call", "held", "written"]

Samples = NDArray[np.int16]
SECOND = 8000


def call(
    seed: int, *, turns: int = 6, apart: float = 0.7
) -> tuple[Samples, dict[str, Any], Samples]:
    """Two parties in turn: (2, samples), the truth's document, the reference audio."""
    pcm, truth, reference = _made(seed, turns, apart)
    return pcm.copy(), deepcopy(truth), reference


@cache
def _made(seed: int, turns: int, apart: float) -> tuple[Samples, dict[str, Any], Samples]:
    draw = Seeds(seed).generator("turns")
    tape = ReferenceTape()
    intervals: list[list[dict[str, Any]]] = [[], []]
    at = int(draw.integers(1600, 4800))
    said = []
    for turn in range(turns):
        length = int(draw.integers(SECOND, 3 * SECOND))
        clip = noise("babble", length, -20.0, Seeds(seed).generator(f"babble/{turn}"))
        said.append((turn % 2, at, clip))
        intervals[turn % 2].append(
            {
                "start": at,
                "end": at + length,
                "due": at,
                "party": "ab"[turn % 2],
                "kind": "say",
                "text": f"turn {turn}",
                "clip": "",
                "codec": "PCMU",
                "reference": tape.place(clip),
            }
        )
        at += length + int(draw.integers(1600, round(apart * 2 * SECOND)))
    pcm = np.zeros((2, at + 800), np.int16)
    for channel, start, clip in said:
        pcm[channel, start : start + len(clip)] = coded(clip, "PCMU")
    channels = [
        {"channel": number + 1, "intervals": them, "missing": [], "adjustments": []}
        for number, them in enumerate(intervals)
    ]
    truth = {"samples": pcm.shape[1], "lost_audio": "silence", "channels": channels, "faults": []}
    return pcm, truth, tape.pcm()


def written(folder: Path, seed: int = 1, *, mono: bool = False, turns: int = 6) -> Path:
    """A call's recording with truth and reference beside it."""
    pcm, truth, reference = call(seed, turns=turns)
    path = folder / f"call-{seed}.wav"
    if mono:
        pcm = downmix(pcm)[np.newaxis]
    write_wav(path, pcm)
    write_wav(folder / "said.wav", reference[np.newaxis])
    path.with_suffix(".truth.json").write_text(json.dumps(truth | {"reference": "said.wav"}))
    return path


def held(folder: Path, seed: int, change: Any) -> Verification:
    """What verify finds of a call whose samples were changed by a function of (2, samples)."""
    path = written(folder, seed)
    pcm, _, _ = call(seed)
    write_wav(path, change(pcm.copy()))
    return verify(path)
