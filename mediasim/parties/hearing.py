"""Detection of speech and quiet in the audio that a party, or the server, hears.

A tracker is fed every frame in order and finds the exact frame at which a condition became true;
the party acts some frames later (its reaction time), so the media plane may process as many frames
ahead without changing any result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import HEARD_DBFS, LiveActivity, frame_measures
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.leg import FOREVER

__all__ = ["HEARD_DBFS", "SpeechTracker", "frame_of"]

_ONSET: Final = 3
"""Loud frames in a row that start speech; a click has fewer."""
_MOST_UNJUDGED: Final = 50_000
"""Frames that are kept without having been judged: 17 minutes."""
Fired = Callable[[int], None]
"""Called with the frame at which the awaited condition became true."""


class SpeechTracker:
    """A tracker of one track: speech since the last mark, and the length of quiet."""

    def __init__(self, horizon: int = 10) -> None:
        self.horizon = horizon
        """Frames that may be processed before what was heard is acted on."""
        self._activity = LiveActivity()
        self._loud = 0
        self._quiet = 0
        self._spoken = False
        self._ignored_until = 0
        self._waiting: tuple[str, int, Fired] | None = None
        self._unjudged: list[tuple[int, NDArray[np.float64]]] = []
        """First frames and measures of blocks that are judged when it matters: now they were only
        heard, for nothing is waited for."""
        self._frames_unjudged = 0

    @property
    def spoken(self) -> bool:
        """Whether there has been speech since the last mark."""
        self._judge()
        return self._spoken

    def wait_speech(self, fired: Fired) -> None:
        """Call ``fired`` when speech starts; at the next frame if it has since the last mark."""
        self._judge()
        self._waiting = ("speech", 0, fired)

    def wait_quiet(self, frames: int, fired: Fired) -> None:
        """Call ``fired`` when there are ``frames`` of quiet after speech since the last mark."""
        self._judge()
        self._waiting = ("quiet", frames, fired)

    def wait_silence(self, frames: int, fired: Fired) -> None:
        """Call ``fired`` when there are ``frames`` of quiet from now on, after speech or not."""
        self._judge()
        self._quiet = 0
        self._waiting = ("silence", frames, fired)

    def forget(self) -> None:
        """Stop waiting."""
        self._waiting = None

    def ignore_before(self, frame: int) -> None:
        """Ignore all sound before a frame, and what was heard until now."""
        self.mark()
        self._ignored_until = frame

    def mark(self) -> None:
        """Disregard the speech heard until now."""
        self._judge()
        self._spoken = False
        self._loud = 0
        self._activity.mark()

    @property
    def waits(self) -> bool:
        """Whether a condition is awaited."""
        return self._waiting is not None

    @property
    def soonest(self) -> int:
        """Frames, of whatever sound, that must be heard before the condition can be true."""
        if self._waiting is None:
            return FOREVER
        kind, quiet, _ = self._waiting
        onset = 0 if self.spoken else _ONSET - self._loud
        if kind == "silence" or (kind == "quiet" and not onset):
            return max(1, quiet - self._quiet)
        return max(1, onset + (quiet if kind == "quiet" else 0))

    @property
    def reach(self) -> int:
        """Frames that may be processed before a condition that they fulfil is acted on."""
        return self.soonest - 1 + self.horizon

    @property
    def patience(self) -> int:
        """Frames of silence that may be processed before a condition they fulfil is acted on."""
        return self.reach if self._waiting is None or self._silence_fulfils else FOREVER

    @property
    def _silence_fulfils(self) -> bool:
        """Whether silence alone makes the condition true."""
        return self.spoken or (self._waiting is not None and self._waiting[0] == "silence")

    def hear(
        self,
        first_frame: int,
        pcm: NDArray[np.int16],
        non_speech: NDArray[np.bool_] | None = None,
    ) -> None:
        """Process the next frames, int16 (frames * 160,).

        ``non_speech``, bool (frames,), marks those that count as silence.
        """
        if non_speech is not None and non_speech.any():
            pcm = (pcm.reshape(-1, FRAME_SAMPLES) * ~non_speech[:, None]).reshape(-1)
        self._unjudged.append((first_frame, frame_measures(pcm)))
        self._frames_unjudged += len(pcm) // FRAME_SAMPLES
        if self._waiting is not None or self._frames_unjudged > _MOST_UNJUDGED:
            self._judge()

    def _judge(self) -> None:
        """Judge what was heard."""
        unjudged, self._unjudged, self._frames_unjudged = self._unjudged, [], 0
        for first_frame, energies in unjudged:
            for frame, (heard, only_noise) in enumerate(
                self._activity.judge(energies), first_frame
            ):
                self._step(frame, heard, only_noise)

    def _step(self, frame: int, heard: bool, only_noise: bool) -> None:
        if only_noise:  # noise that has begun is taken for speech until it proves steady
            self._spoken = False
        if heard and frame >= self._ignored_until:
            self._loud += 1
            self._quiet = 0
            if self._loud >= _ONSET:
                self._spoken = True
        else:
            self._loud = 0
            self._quiet += 1
        if self._waiting is None:
            return
        kind, quiet, fired = self._waiting
        true = {
            "speech": self._spoken,
            "quiet": self._spoken and self._quiet >= quiet,
            "silence": self._quiet >= quiet,
        }[kind]
        if true:
            self._waiting = None
            if kind != "silence":
                self.mark()
            fired(frame)


async def frame_of(wait: Callable[[Fired], None]) -> int:
    """Wait for a tracker's condition, set up by ``wait``, and return the frame of it."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def resolve(frame: int) -> None:
        if not found.done():
            found.set_result(frame)

    wait(resolve)
    return await found
