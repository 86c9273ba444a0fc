"""A recording as a few lines of text, for the message of a test that failed.

Each column is a stretch of time, its block's height the level: the lowest is -60 dBFS, the full one
-6 dBFS, a dot is silence.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs

__all__ = ["clock", "text_waveform"]

_COLUMNS: Final = 64
_LONGEST: Final = 20 * SAMPLE_RATE
"""Samples drawn at most: of a longer recording, those around the place."""
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SILENT: Final = "·"
_LOWEST_DBFS: Final = -60.0
_DB_A_STEP: Final = 54 / (len(_BLOCKS) - 1)


def text_waveform(
    pcm: NDArray[np.int16], at: int | None = None, channel: int | None = None
) -> list[str]:
    """Lines that show ``pcm (channels, samples)``, and point at a sample of a channel (from 1)."""
    samples = pcm.shape[1]
    if not samples:
        return ["(it holds no samples)"]
    shown = min(samples, _LONGEST)
    first = min(max(0, (at or 0) - shown // 2), samples - shown)
    edges = np.linspace(first, first + shown, _COLUMNS + 1).astype(int)
    begin, end = clock(first), clock(first + shown)
    lines = ["  " + begin + end.rjust(_COLUMNS - len(begin))]
    pointer = None
    if at is not None:
        column = int(np.searchsorted(edges, min(at, samples - 1), side="right")) - 1
        pointer = "  " + _pointer(min(max(column, 0), _COLUMNS - 1), clock(at))
    for number, row in enumerate(pcm, 1):
        columns = [_block(row[low:high]) for low, high in pairwise(edges)]
        lines.append(f"{number} {''.join(columns)}")
        if pointer is not None and number == (channel or len(pcm)):
            lines.append(pointer)
    return lines


def _block(stretch: NDArray[np.int16]) -> str:
    level = rms_dbfs(stretch) if len(stretch) else _LOWEST_DBFS
    if level < _LOWEST_DBFS:
        return _SILENT
    return _BLOCKS[min(int((level - _LOWEST_DBFS) / _DB_A_STEP), len(_BLOCKS) - 1)]


def _pointer(column: int, words: str) -> str:
    if column > _COLUMNS // 2:
        return f"{words} ^".rjust(column + 1)
    return " " * column + f"^ {words}"


def clock(sample: int) -> str:
    """``0:02.500``."""
    minutes, milliseconds = divmod(round(sample * 1000 / SAMPLE_RATE), 60_000)
    return f"{minutes}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
