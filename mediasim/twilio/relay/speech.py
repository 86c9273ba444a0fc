"""What an app says over a relay: pieces that are played one after the other, and cut off.

A piece is a sentence, a file or keys. The words of a sentence have their samples, so that it is
known which of them were heard when the caller interrupts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.word_time import WordTime
from mediasim.conversation.spans import Span
from mediasim.twilio.relay.attributes import InterruptedBy
from mediasim.twilio.streams.playback import Playback

__all__ = ["Heard", "Piece", "RelaySpeech"]


@dataclass(slots=True, eq=False)
class Piece:
    """A part of what the app says."""

    pcm: NDArray[np.int16]
    text: str
    """The words that are spoken; "" for a file or keys."""
    words: Sequence[WordTime]
    """The words, with times in samples of the piece."""
    turn: int
    """Number of the app's turn that it belongs to, from 0."""
    interruptible: InterruptedBy
    preemptible: bool
    at: Span = (0, 0)
    """Its samples on the frame clock."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a turn was heard when it was cut off."""

    words: str
    duration_ms: int


class RelaySpeech:
    """The pieces that are being played, or wait for it, on one leg."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._pieces: deque[Piece] = deque()
        """Pieces that have not been played to their end."""
        self._known: list[Piece] = []
        """Pieces of the turns that are being played, those that have ended too."""

    @property
    def speaking(self) -> bool:
        """Whether something is being played."""
        return bool(self._pieces)

    @property
    def waiting_samples(self) -> int:
        """Samples that have not been played yet."""
        return self._playback.buffered_samples

    @property
    def said(self) -> int:
        """Samples that the app has given to be played, in all."""
        return self._playback.received_samples

    def say(self, piece: Piece) -> None:
        """Play a piece after all others."""
        piece.at = self._playback.speak(piece.pcm, piece.words)
        self._pieces.append(piece)
        self._known.append(piece)
        turns = {each.turn for each in self._pieces}
        self._known = [each for each in self._known if each.turn in turns]

    def played(self, frame: int) -> list[Piece]:
        """Remove and return the pieces that were played before a frame."""
        found = []
        while self._pieces and self._pieces[0].at[1] <= frame * FRAME_SAMPLES:
            found.append(self._pieces.popleft())
        return found

    def may_be_interrupted(self, by: str) -> bool:
        """Return whether what is being played is cut off by ``speech`` or by ``dtmf``."""
        return bool(self._pieces) and by in self._pieces[0].interruptible

    def interrupt(self, by: str) -> Heard:
        """Cut off what is being played and may be interrupted, and return what was heard of it.

        What may not be interrupted and waits behind it is played at once.
        """
        heard = self._heard()
        self._cut([each for each in self._pieces if by not in each.interruptible])
        return heard

    def preempt(self, turn: int) -> Heard | None:
        """Cut off all that may be preempted by a turn that begins.

        Returns what was heard, None if nothing was cut off.
        """
        kept = [each for each in self._pieces if each.turn == turn or not each.preemptible]
        if len(kept) == len(self._pieces):
            return None
        heard = self._heard()
        self._cut(kept)
        return heard

    def end(self, *, leg_is_up: bool) -> None:
        """Stop playing."""
        self._pieces.clear()
        self._playback.end(leg_is_up=leg_is_up)

    def _heard(self) -> Heard:
        now = self._playback.frame * FRAME_SAMPLES
        playing = self._pieces[0].turn if self._pieces else 0
        turn = [each for each in self._known if each.turn == playing and each.at[0] < now]
        words = [
            word.text
            for piece in turn
            for word in piece.words
            if piece.at[0] + (word.start + word.end) // 2 < now
        ]
        began = min((piece.at[0] for piece in turn), default=now)
        return Heard(" ".join(words), (now - began) * 1000 // SAMPLE_RATE)

    def _cut(self, kept: list[Piece]) -> None:
        """Stop playing, and then play those that are kept, the first from where it is."""
        now = self._playback.frame * FRAME_SAMPLES
        self._playback.clear()
        self._pieces.clear()
        self._known = [each for each in self._known if each not in kept]
        for piece in kept:
            done = max(0, now - piece.at[0])
            if done:
                piece.pcm = piece.pcm[done:]
                piece.words = [
                    WordTime(it.text, it.start - done, it.end - done, it.estimated)
                    for it in piece.words
                    if it.start >= done
                ]
            self.say(piece)
