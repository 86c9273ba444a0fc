"""The words that the server plays to a call, with their times."""

from __future__ import annotations

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.word_time import WordTime
from mediasim.media.player import Player
from mediasim.parties.voices.word_times import times_by_letters

__all__ = ["player_words", "words_played"]


def player_words(player: Player) -> tuple[WordTime, ...]:
    """Return the words of a player, with their times in samples of its clip.

    Times that the player does not have are estimated, once.
    """
    if player.words is None:
        text, pcm = player.text, player.pcm
        player.words = times_by_letters(text, pcm.astype(np.float64)) if text else ()
    return player.words


def words_played(player: Player, frame: int) -> str:
    """Return the words that a player has spoken before a frame."""
    end = frame if player.end_frame is None else min(player.end_frame, frame)
    samples = (end - player.first_frame) * FRAME_SAMPLES
    if samples >= len(player.pcm):
        return player.text
    return " ".join(
        word.text for word in player_words(player) if (word.start + word.end) // 2 < samples
    )
