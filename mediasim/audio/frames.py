"""The one audio format of the media plane and the sizes that follow from it."""

from __future__ import annotations

from typing import Final

__all__ = [
    "FRAME_MS",
    "FRAME_NS",
    "FRAME_SAMPLES",
    "NS_PER_SECOND",
    "SAMPLE_NS",
    "SAMPLE_RATE",
    "samples_of_seconds",
]

SAMPLE_RATE: Final = 8000
"""Samples per second of every track, channel and recording."""
FRAME_MS: Final = 20
"""Milliseconds of one frame."""
FRAME_SAMPLES: Final = 160
"""Samples of one frame: 20 ms."""
NS_PER_SECOND: Final = 1_000_000_000
"""Nanoseconds of a second."""
FRAME_NS: Final = 20_000_000
"""Nanoseconds of one frame."""
SAMPLE_NS: Final = 125_000
"""Nanoseconds of one sample."""


def samples_of_seconds(seconds: float) -> int:
    """Return the nearest whole number of samples."""
    return round(seconds * SAMPLE_RATE)
