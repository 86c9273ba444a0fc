"""The recorder: channels of tracks, written where the frame clock says.

A sample's place in the file is its place on the frame clock, less what was paused away. No
bytes are counted and no clock is asked, so channels cannot drift apart and are of equal length
by construction.

Audio goes to a spool file, a WAV whose header gets its sizes when the recording ends; a
recording cut off by a kill is recovered from it (:mod:`mediasim.media.spool`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.levels import mix

__all__ = ["PauseBehavior", "Recorder", "RecordingSegment", "Sink", "Tap", "Track"]


class Track(Enum):
    """The server's view of a leg: what it receives, and what it sends."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Tap:
    """One track of one leg, by the leg's row in the media plane."""

    row: int
    track: Track


class PauseBehavior(Enum):
    """What a pause leaves in the file (Twilio's PauseBehavior)."""

    SILENCE = "silence"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class RecordingSegment:
    """A stretch of the call and where it is in the file. The pause map is a list of these."""

    frame: int
    """First frame on the frame clock."""
    frames: int
    offset: int
    """First sample in the file."""
    kind: str
    """"audio"; "silence" or "skip" for a pause (skip has no samples in the file)."""

    @property
    def samples(self) -> int:
        """Samples in the file."""
        return 0 if self.kind == "skip" else self.frames * FRAME_SAMPLES


class Sink(Protocol):
    """Where interleaved samples go: a spool file."""

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append (samples, channels)."""

    def close(self) -> None:
        """No more will come."""


TrackReader = Callable[[Tap, int, int], NDArray[np.int16]]
"""Gives frames ``first .. first + count`` of a tap as (count * 160,) samples."""


class Recorder:
    """One recording under way."""

    def __init__(
        self, channels: list[list[Tap]], sink: Sink, first_frame: int, turn: int = 0
    ) -> None:
        self.turn = turn
        """Tells the media plane when in the second to write it."""
        self.first_frame = first_frame
        self.frame = first_frame
        """The next frame to be written."""
        self.samples = 0
        """Samples written per channel."""
        self.segments: list[RecordingSegment] = []
        self.tap_log: list[tuple[int, list[list[Tap]]]] = [(first_frame, channels)]
        """Which taps made each channel, from which frame on."""
        self.ended = False
        self._channels = channels
        self._sink = sink
        self._mode = "audio"

    @property
    def channels(self) -> int:
        return len(self._channels)

    @property
    def taps(self) -> list[list[Tap]]:
        """What each channel is made of now."""
        return self._channels

    def retap(self, channels: list[list[Tap]]) -> None:
        """From the next frame on, take the channels from these taps."""
        if len(channels) != len(self._channels):
            raise ValueError("a recording keeps the number of its channels")
        if channels != self._channels:
            self._channels = channels
            self.tap_log.append((self.frame, channels))

    def pause(self, behavior: PauseBehavior) -> None:
        self._mode = behavior.value

    def resume(self) -> None:
        self._mode = "audio"

    @property
    def paused(self) -> bool:
        return self._mode != "audio"

    def write(self, to_frame: int, read: TrackReader) -> None:
        """Write everything up to ``to_frame``."""
        count = to_frame - self.frame
        if count <= 0 or self.ended:
            return
        if self._mode != "skip":
            block = np.empty((count * FRAME_SAMPLES, len(self._channels)), np.int16)
            for index, taps in enumerate(self._channels):
                if self._mode == "silence" or not taps:
                    block[:, index] = 0
                elif len(taps) == 1:
                    block[:, index] = read(taps[0], self.frame, count)
                else:
                    block[:, index] = mix(np.stack([read(tap, self.frame, count) for tap in taps]))
            self._sink.write(block)
        self._note(count)
        self.frame = to_frame

    def _note(self, count: int) -> None:
        last = self.segments[-1] if self.segments else None
        if last is not None and last.kind == self._mode:
            self.segments[-1] = RecordingSegment(
                last.frame, last.frames + count, last.offset, last.kind
            )
        else:
            self.segments.append(RecordingSegment(self.frame, count, self.samples, self._mode))
        if self._mode != "skip":
            self.samples += count * FRAME_SAMPLES

    def end(self) -> None:
        """Close the file; what was to be written has been written."""
        if not self.ended:
            self.ended = True
            self._sink.close()
