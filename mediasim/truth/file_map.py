"""How the frame clock's samples map to those of a recording's file."""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.exchange.recording_control import LiveRecording
from mediasim.media.recorder import RecordingSegment

__all__ = ["FileMap"]


class FileMap:
    """The frame clock's samples to the file's: pauses cut out, silence trimmed off."""

    def __init__(self, recording: LiveRecording) -> None:
        self._segments = recording.recorder.segments
        self._start, self._end = recording.kept

    @property
    def samples(self) -> int:
        """How long the file is."""
        return self._end - self._start

    def pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """(sample of the frame clock, sample in the file, samples) of what of a span is heard."""
        for segment in self._segments:
            if segment.kind != "audio":
                continue
            first = segment.frame * FRAME_SAMPLES
            to_file = segment.offset - first - self._start
            start = max(low, first, -to_file)
            end = min(high, first + segment.samples, self._end - self._start - to_file)
            if start < end:
                yield start, start + to_file, end - start

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Samples of all that was recorded, as samples of the file; none if they are not in it."""
        return max(start - self._start, 0), min(end, self._end) - self._start

    def pauses(self) -> tuple[tuple[int, int, str], ...]:
        kept = self.samples
        found = []
        for segment in self._segments:
            at = segment.offset - self._start
            if segment.kind != "audio" and 0 <= at <= kept:
                found.append((at, segment.frames * FRAME_SAMPLES, segment.kind))
        return tuple(found)

    def all(self) -> tuple[tuple[int, int, int, str], ...]:
        return tuple(self._line(segment) for segment in self._segments)

    def _line(self, segment: RecordingSegment) -> tuple[int, int, int, str]:
        first = segment.frame * FRAME_SAMPLES
        at = segment.offset - self._start
        return first, at, segment.frames * FRAME_SAMPLES, segment.kind
