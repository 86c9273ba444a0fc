"""Where a place in a recording's file is on the call's clock, and the other way round.

A file begins at the recording's ``started`` and runs with the call, except where a pause was
skipped: the call went on and the file did not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["FileClock"]


class FileClock:
    """The clock of one recording's file, in seconds."""

    def __init__(self, started: float, samples: int, truth: Mapping[str, Any] | None) -> None:
        """``started`` is when in the call the file begins; its truth tells of its pauses."""
        self.seconds: float = samples / SAMPLE_RATE
        self.pauses: list[tuple[float, float, str]] = []
        """From and to on the call's clock, and what the pause left in the file."""
        self.pieces: list[tuple[float, float, float]] = []
        """Stretches of the file with no gap: start in the file, start in the call, length."""
        begun, offset = 0.0, started
        for pause in (truth or {}).get("pauses", ()):
            start, length = pause["start"] / SAMPLE_RATE, pause["samples"] / SAMPLE_RATE
            self.pauses.append((start + offset, start + offset + length, pause["kind"]))
            if pause["kind"] == "skip":
                self.pieces.append((begun, begun + offset, start - begun))
                begun, offset = start, offset + length
        self.pieces.append((begun, begun + offset, self.seconds - begun))

    def call_time(self, seconds: float) -> float:
        """When in the call this place of the file was recorded."""
        index = bisect_right(self.pieces, seconds, key=lambda piece: piece[0]) - 1
        start, call, _ = self.pieces[max(index, 0)]
        return call + seconds - start

    @property
    def end(self) -> float:
        """When in the call the file, or the pause at its end, was over."""
        _, call, length = self.pieces[-1]
        return call + length
