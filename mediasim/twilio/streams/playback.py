"""What an app says on a stream: buffered, played, and its marks told once they have been reached.

Twilio plays what it is sent in order and no faster than it sounds; a mark comes back when all
before it has been played, at once if there is nothing before it; ``clear`` forgets the rest and
sends its marks back.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.g711 import ulaw_decode
from mediasim.media.leg import Leg
from mediasim.media.player import StreamPlayer
from mediasim.media.room import Room

__all__ = ["Playback"]

_MOST_SAMPLES: Final = 600 * SAMPLE_RATE
"""Buffered at most: ten minutes (our choice; Twilio's pages tell of no limit)."""
_MOST_MARKS: Final = 10_000


class Playback:
    """On one leg, from the stream's start to its end."""

    def __init__(self, room: Room, leg: Leg, label: str) -> None:
        self._room = room
        self._feed: StreamPlayer = room.feed(leg, label)
        self._marks: deque[tuple[int, str]] = deque()
        """(the sample at which it is reached, name)."""

    @property
    def received_samples(self) -> int:
        """That the app has sent, played or not."""
        return self._feed.fed

    @property
    def buffered_samples(self) -> int:
        """That are still to be played."""
        frame = self._room.frame
        return self._feed.end_of_sound(frame) - frame * FRAME_SAMPLES

    def play(self, codes: bytes) -> bool:
        """Play mu-law octets after what there is; False: the buffer is full, they are dropped."""
        if self.buffered_samples + len(codes) > _MOST_SAMPLES:
            return False
        pcm = ulaw_decode(np.frombuffer(codes, np.uint8))
        self._feed.append(pcm, self._room.frame)
        return True

    def mark(self, name: str) -> bool:
        """Note a mark where the sound ends now; True: that is now."""
        at = self._feed.end_of_sound(self._room.frame)
        if at <= self._room.frame * FRAME_SAMPLES:
            return True
        if len(self._marks) < _MOST_MARKS:
            self._marks.append((at, name))
        return False

    def reached(self, frame: int) -> list[str]:
        """The marks whose sound was played before this frame; each is told once."""
        found = []
        while self._marks and self._marks[0][0] <= frame * FRAME_SAMPLES:
            found.append(self._marks.popleft()[1])
        return found

    def clear(self) -> list[str]:
        """Forget what is not yet played; returns the marks in it."""
        self._feed.clear(self._room.frame)
        found = [name for _, name in self._marks]
        self._marks.clear()
        return found

    def end(self, *, leg_is_up: bool) -> None:
        """Play nothing more."""
        if leg_is_up:
            self._room.stop_player(self._feed)
