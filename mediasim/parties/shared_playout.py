"""The ears of all parties of a media plane that ticks, played out together.

In real time each ear gets one packet per frame, and a playout costs about the same for one stream
as for hundreds. So a frame's packets are gathered, and heard when the plane has lived through it.
What each ear hears, and of which frame, is the same as by itself.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.media.leg import Leg
from mediasim.media.plane import MediaPlane
from mediasim.parties.rtp_receiver import RtpReceiver
from mediasim.rtp.packets import joined
from mediasim.rtp.playout import AHEAD_FRAMES, Playout

__all__ = ["SharedPlayout", "shared_playout_of"]

_TIDY_FRAMES: Final = 50
"""Ears of legs that are over are let go so often."""


class SharedPlayout:
    """Those of one plane; :func:`shared_playout_of` has it."""

    def __init__(self) -> None:
        self._playout = Playout(2 + AHEAD_FRAMES)
        self._ears: dict[RtpReceiver, Leg] = {}
        self._waiting: dict[int, list[RtpReceiver]] = {}
        """By the frame that is to be heard."""
        self._tidied = 0

    def __len__(self) -> int:
        return len(self._ears)

    def join(self, ear: RtpReceiver, leg: Leg) -> None:
        """One more, until its leg has ended."""
        ear.share(self._playout, self._wait)
        self._ears[ear] = leg

    def _wait(self, ear: RtpReceiver, frame: int) -> None:
        self._waiting.setdefault(frame, []).append(ear)

    def hear(self) -> None:
        """Hear what has been sent."""
        waiting, self._waiting = self._waiting, {}
        for frame in sorted(waiting):
            self._hear(waiting[frame], frame)
            if frame >= self._tidied + _TIDY_FRAMES:
                self._tidied = frame
                self._tidy()

    def _hear(self, ears: list[RtpReceiver], frame: int) -> None:
        rows, blocks, own = [], [], []
        for ear in ears:
            own.append(ear.stream.row)
            block = ear.land(frame * FRAME_NS)
            if block is not None:
                blocks.append(block)
                rows.append(ear.stream.row)
        if blocks:
            of = np.repeat(np.array(rows, np.int64), [len(block) for block in blocks])
            self._playout.receive(of, joined(blocks), frame + 1)
        pcm = np.empty((len(ears), FRAME_SAMPLES), np.int16)
        self._playout.read(np.array(own, np.int64), frame, 1, pcm)
        for ear, samples in zip(ears, pcm, strict=True):
            for listener in tuple(ear.listeners):
                listener(frame, samples)

    def _tidy(self) -> None:
        for ear, leg in list(self._ears.items()):
            if leg.ended_frame is not None:
                ear.close()
                del self._ears[ear]


_CROWDS: WeakKeyDictionary[MediaPlane, SharedPlayout] = WeakKeyDictionary()


def shared_playout_of(plane: MediaPlane) -> SharedPlayout:
    """The plane's one crowd."""
    shared_playout = _CROWDS.get(plane)
    if shared_playout is None:
        shared_playout = _CROWDS[plane] = SharedPlayout()
        plane.afterwards.append(shared_playout.hear)
    return shared_playout
