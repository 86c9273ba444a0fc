"""Playback of the audio that an app sends on a stream, and its marks.

Twilio plays the audio in order and in real time. A mark is sent back when all audio before it was
played, at once if there is none; ``clear`` drops the rest and sends its marks back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.g711 import ulaw_decode
from mediasim.audio.word_time import WordTime
from mediasim.conversation.spans import Span
from mediasim.media.leg import Leg
from mediasim.media.player import StreamPlayer
from mediasim.media.room import Room

__all__ = ["MOST_SAMPLES", "Playback"]

MOST_SAMPLES: Final = 600 * SAMPLE_RATE
"""Most samples that are buffered: ten minutes (our choice; Twilio's pages name no limit)."""
_MOST_MARKS: Final = 10_000


class Playback:
    """Plays an app's audio to one leg, from the stream's start to its end."""

    def __init__(self, room: Room, leg: Leg, label: str) -> None:
        self._room = room
        self._player: StreamPlayer = room.feed(leg, label)
        self._marks: deque[tuple[int, str]] = deque()
        """Samples at which marks are reached, and the marks' names."""

    @property
    def received_samples(self) -> int:
        """Number of samples that the app has sent, played or not."""
        return self._player.fed

    @property
    def buffered_samples(self) -> int:
        """Number of samples that are not played yet."""
        frame = self._room.frame
        return self._player.end_of_sound(frame) - frame * FRAME_SAMPLES

    def play(self, codes: bytes) -> bool:
        """Append mu-law octets; return False, without them, if the buffer is full."""
        if self.buffered_samples + len(codes) > MOST_SAMPLES:
            return False
        pcm = ulaw_decode(np.frombuffer(codes, np.uint8))
        self._player.append(pcm, self._room.frame)
        return True

    def speak(self, pcm: NDArray[np.int16], words: Sequence[WordTime] = ()) -> Span:
        """Append samples (n,) and the words in them; return where they are on the frame clock."""
        frame = self._room.frame
        start = self._player.end_of_sound(frame)
        self._player.append(pcm, frame, words)
        return start, start + len(pcm)

    @property
    def frame(self) -> int:
        """The next frame to be played."""
        return self._room.frame

    def mark(self, name: str) -> bool:
        """Add a mark at the end of the buffered audio; return whether it is reached already."""
        at = self._player.end_of_sound(self._room.frame)
        if at <= self._room.frame * FRAME_SAMPLES:
            return True
        if len(self._marks) < _MOST_MARKS:
            self._marks.append((at, name))
        return False

    def reached(self, frame: int) -> list[str]:
        """Remove and return the marks whose audio was played before a frame."""
        found = []
        while self._marks and self._marks[0][0] <= frame * FRAME_SAMPLES:
            found.append(self._marks.popleft()[1])
        return found

    def clear(self) -> list[str]:
        """Drop the audio that is not played yet, and return its marks."""
        self._player.clear(self._room.frame)
        found = [name for _, name in self._marks]
        self._marks.clear()
        return found

    def end(self, *, leg_is_up: bool) -> None:
        """Stop the player."""
        if leg_is_up:
            self._room.stop_player(self._player)
