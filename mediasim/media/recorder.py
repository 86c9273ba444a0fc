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
    """A track of a leg in the server's view: what it receives, or what it sends."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Tap:
    """One track of one leg, by the leg's row in the media plane."""

    row: int
    track: Track


class PauseBehavior(Enum):
    """The content of a pause in the file (Twilio's PauseBehavior)."""

    SILENCE = "silence"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class RecordingSegment:
    """A stretch of the call and its position in the file; the pause map is a list of these."""

    frame: int
    """First frame on the frame clock."""
    frames: int
    """Frames of the stretch."""
    offset: int
    """First sample in the file."""
    kind: str
    """"audio", or for a pause "silence" or "skip" (skip has no samples in the file)."""

    @property
    def samples(self) -> int:
        """Samples in the file."""
        return 0 if self.kind == "skip" else self.frames * FRAME_SAMPLES


class Sink(Protocol):
    """A destination of interleaved samples: a spool file."""

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples (samples, channels)."""

    def close(self) -> None:
        """End the file."""


TrackReader = Callable[[Tap, int, int], NDArray[np.int16]]
"""Returns frames ``first .. first + count`` of a tap as (count * 160,) samples."""


class Recorder:
    """One recording in progress."""

    def __init__(
        self, channels: list[list[Tap]], sink: Sink, first_frame: int, turn: int = 0
    ) -> None:
        self.turn = turn
        """Frame of the second in which the media plane writes it."""
        self.first_frame = first_frame
        """Frame at which it began."""
        self.frame = first_frame
        """The next frame to be written."""
        self.samples = 0
        """Samples written per channel."""
        self.segments: list[RecordingSegment] = []
        """The pause map so far."""
        self.tap_log: list[tuple[int, list[list[Tap]]]] = [(first_frame, channels)]
        """Taps of each channel, each entry with the frame from which on it holds."""
        self.ended = False
        """Whether the file is closed."""
        self._channels = channels
        self._sink = sink
        self._mode = "audio"

    @property
    def channels(self) -> int:
        """The number of channels."""
        return len(self._channels)

    @property
    def taps(self) -> list[list[Tap]]:
        """The taps that each channel is made of now."""
        return self._channels

    def retap(self, channels: list[list[Tap]]) -> None:
        """Take the channels from these taps, from the next frame on.

        Raises ValueError for another number of channels.
        """
        if len(channels) != len(self._channels):
            raise ValueError("a recording keeps the number of its channels")
        if channels != self._channels:
            self._channels = channels
            self.tap_log.append((self.frame, channels))

    def pause(self, behavior: PauseBehavior) -> None:
        """Leave silence in the file, or nothing, from the next frame on."""
        self._mode = behavior.value

    def resume(self) -> None:
        """Write audio again from the next frame on."""
        self._mode = "audio"

    @property
    def paused(self) -> bool:
        return self._mode != "audio"

    def write(self, to_frame: int, read: TrackReader) -> None:
        """Write all frames before ``to_frame``."""
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
        """Close the file; frames have been written before."""
        if not self.ended:
            self.ended = True
            self._sink.close()
