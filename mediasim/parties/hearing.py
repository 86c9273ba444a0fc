"""What a party makes of what it hears: speech, quiet, keys.

A listener is fed every frame in order and finds the exact frame at which something became true;
the party acts some frames later (its reaction time), which is what lets the media plane run ahead
by as much without changing anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import HEARD_DBFS, LiveActivity
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.leg import FOREVER

__all__ = ["HEARD_DBFS", "SpeechTracker", "fired"]

_ONSET: Final = 3
"""Loud frames in a row that make a start of speech; a click is none."""
Fired = Callable[[int], None]
"""Called with the frame at which what was waited for became true."""


class SpeechTracker:
    """Follows one track: who spoke since the last mark, and how long it has been quiet."""

    def __init__(self, horizon: int = 10) -> None:
        self.horizon = horizon
        """Frames that may be lived through before what was heard is acted on."""
        self._activity = LiveActivity()
        self._loud = 0
        self._quiet = 0
        self._spoken = False
        self._deaf_until = 0
        self._wanted: tuple[str, int, Fired] | None = None

    def wait_speech(self, fired: Fired) -> None:
        """Tell when speech starts; at once if it has started since the last mark."""
        self._wanted = ("speech", 0, fired)

    def wait_quiet(self, frames: int, fired: Fired) -> None:
        """Tell when there has been speech since the last mark, and then ``frames`` of quiet."""
        self._wanted = ("quiet", frames, fired)

    def wait_silence(self, frames: int, fired: Fired) -> None:
        """Tell when there have been ``frames`` of quiet, speech or not."""
        self._quiet = 0
        self._wanted = ("silence", frames, fired)

    def forget(self) -> None:
        """Stop waiting."""
        self._wanted = None

    @property
    def spoken(self) -> bool:
        """Whether there has been speech since the last mark."""
        return self._spoken

    def ignore_before(self, frame: int) -> None:
        """What is heard before this frame says nothing: ringing, or somebody else."""
        self._deaf_until = frame
        self.mark()

    def mark(self) -> None:
        """What was said until now has been dealt with."""
        self._spoken = False
        self._loud = 0
        self._activity.mark()

    @property
    def patience(self) -> int:
        """Frames of silence that may be lived through before what they made true is acted on."""
        if self._wanted is None:
            return FOREVER
        kind, quiet, _ = self._wanted
        if kind == "speech":
            return self.horizon if self._spoken else FOREVER
        if kind == "quiet" and not self._spoken:
            return FOREVER
        return max(0, quiet - self._quiet - 1) + self.horizon

    def hear(
        self,
        first_frame: int,
        pcm: NDArray[np.int16],
        wordless: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take the next frames, as samples; ``wordless`` marks those that are heard as silence."""
        if wordless is not None and wordless.any():
            pcm = (pcm.reshape(-1, FRAME_SAMPLES) * ~wordless[:, None]).reshape(-1)
        for number, (heard, only_noise) in enumerate(self._activity.hear(pcm)):
            self._step(first_frame + number, heard, only_noise)

    def _step(self, frame: int, heard: bool, only_noise: bool) -> None:
        if only_noise:
            self._spoken = False
        if heard and frame >= self._deaf_until:
            self._loud += 1
            self._quiet = 0
            if self._loud >= _ONSET:
                self._spoken = True
        else:
            self._loud = 0
            self._quiet += 1
        if self._wanted is None:
            return
        kind, quiet, fired = self._wanted
        true = {
            "speech": self._spoken,
            "quiet": self._spoken and self._quiet >= quiet,
            "silence": self._quiet >= quiet,
        }[kind]
        if true:
            self._wanted = None
            if kind != "silence":
                self.mark()
            fired(frame)


async def fired(ask: Callable[[Fired], None]) -> int:
    """The frame at which a tracker finds what it is asked for."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def tell(frame: int) -> None:
        if not found.done():
            found.set_result(frame)

    ask(tell)
    return await found
