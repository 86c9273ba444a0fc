"""Recognises the words of real audio with the offline recogniser of the extra ``transcribe``."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import energy_activity
from mediasim.parties.voices.word_times import times_by_letters
from mediasim.recogniser.transcript import TranscriptWord
from mediasim.truth.analysis.transcription import Recogniser

__all__ = ["heard_words"]

_HANGOVER_MS = 300


@cache
def _recogniser() -> Recogniser:
    return Recogniser()


def heard_words(pcm: NDArray[np.int16], party: str) -> list[TranscriptWord]:
    """Return the words in samples (n,) at 8 kHz of a party.

    The times of words are estimated within what was recognised together. What was really said is
    not known, so it is taken to be what was heard. Takes long: run it apart from the loop. Raises
    AnalysisError without the extra.
    """
    speech = energy_activity(pcm, hangover_ms=_HANGOVER_MS)
    found = []
    for segment in _recogniser().transcribe(pcm, speech):
        sound = pcm[segment.start : segment.end].astype(np.float64)
        for word in times_by_letters(segment.text, sound):
            start = word.start + segment.start
            origin = f"{party}/{start}"
            end = word.end + segment.start
            found.append(TranscriptWord(word.text, start, end, party, word.text, origin=origin))
    return found
