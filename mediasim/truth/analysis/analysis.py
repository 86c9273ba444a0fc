"""A recording analysed: measured from its samples, and beside it the same from its truth.

Each channel is heard by the detector that suits it. Where its pauses are digitally silent, speech
is what stands out of them: the energy detector is exact to 10 ms there, however soft the voice.
Where they hold noise, Silero's model tells the two apart (all in :mod:`mediasim.audio.activity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import Engine, fitting_engine, speech_intervals
from mediasim.audio.levels import FLOOR_DBFS
from mediasim.conversation.spans import Span
from mediasim.conversation.turns import utterances
from mediasim.truth.analysis.figures import Conversation
from mediasim.truth.analysis.recording import AnalysedRecording, AnalysisError
from mediasim.truth.analysis.transcription import HeardWords, Recogniser
from mediasim.truth.analysis.utterances import (
    Saying,
    sayings_of,
    speakers_of,
    speech_of,
    words_of,
)

__all__ = ["Analysis", "Detected", "Engine", "WordsFrom", "analyse", "detect_speech"]

_FRAME: Final = 80
_QUIETEST: Final = 0.05
"""Of the channel's frames, the share that is quieter than what is called its floor."""
WordsFrom = Literal["transcription", "truth"]


@dataclass(frozen=True, slots=True)
class Detected:
    """The speech of one channel."""

    speech: list[Span]
    engine: Engine
    floor_dbfs: float
    """Level of the channel's pauses."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that was found out about a recording."""

    recording: AnalysedRecording
    detected: tuple[Detected, ...]
    """Of each channel that was listened to."""
    measured: Conversation
    true: Conversation | None
    sayings: tuple[Saying, ...] | None
    """What was said, by the truth."""
    transcript: tuple[tuple[HeardWords, ...], ...] | None
    """What the recogniser heard in each channel that was listened to."""
    words_from: WordsFrom | None
    """Whose words the measured ones are."""


def analyse(
    recording: AnalysedRecording,
    *,
    engine: Engine | None = None,
    recogniser: Recogniser | None = None,
) -> Analysis:
    """Measure a recording, and compare with the truth if it has one.

    ``engine`` is the detector for all channels; without it each gets the one that suits it.
    """
    # Where voices cannot be told apart, all channels hold the same.
    heard = recording.pcm if recording.voices is not None else recording.pcm[:1]
    detected = tuple(detect_speech(channel, engine) for channel in heard)
    transcript = None
    if recogniser is not None:
        transcript = tuple(
            tuple(recogniser.transcribe(channel, each.speech))
            for channel, each in zip(heard, detected, strict=True)
        )
    sayings = None
    if recording.truth is not None:
        try:
            said = sayings_of(recording.truth)
        except (KeyError, TypeError):
            raise AnalysisError(
                f"the truth of {recording.path} is not one as mediasim writes it"
            ) from None
        sayings = tuple(each for each in said if each.channel <= len(detected))
    words, words_from = _words(len(detected), sayings, transcript)
    measured = Conversation(
        recording.voices,
        [each.speech for each in detected],
        recording.samples,
        words,
        complete=recording.complete,
    )
    true = None if sayings is None else _true(recording, sayings)
    return Analysis(recording, detected, measured, true, sayings, transcript, words_from)


def _words(
    channels: int,
    sayings: Sequence[Saying] | None,
    transcript: Sequence[Sequence[HeardWords]] | None,
) -> tuple[list[int | None], WordsFrom | None]:
    if transcript is not None:
        return [
            sum(len(each.text.split()) for each in heard) for heard in transcript
        ], "transcription"
    if sayings is not None:
        return [words_of(said) for said in _by_channel(sayings, channels)], "truth"
    return [None] * channels, None


def _by_channel(sayings: Sequence[Saying], channels: int) -> list[list[Saying]]:
    return [
        [each for each in sayings if each.channel == number] for number in range(1, channels + 1)
    ]


def _true(recording: AnalysedRecording, sayings: Sequence[Saying]) -> Conversation:
    """Of the same voices; of the parties themselves where the recording mixes them."""
    voices = recording.voices
    if voices is None:
        voices = tuple(speakers_of(sayings))
        said = [[each for each in sayings if each.party == voice.name] for voice in voices]
    else:
        said = _by_channel(sayings, len(voices))
    return Conversation(
        voices,
        [speech_of(each) for each in said],
        recording.samples,
        [words_of(each) for each in said],
        complete=recording.complete,
    )


def detect_speech(pcm: NDArray[np.int16], engine: Engine | None = None) -> Detected:
    """The speech in samples (samples,) at 8 kHz; the engine is chosen unless it is named."""
    engine = engine or fitting_engine(pcm)
    speech = utterances(speech_intervals(pcm, engine, hangover_ms=0))
    return Detected(speech, engine, _floor_dbfs(pcm))


def _floor_dbfs(pcm: NDArray[np.int16]) -> float:
    whole = len(pcm) // _FRAME * _FRAME
    if not whole:
        return FLOOR_DBFS
    frames = pcm[:whole].reshape(-1, _FRAME)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / _FRAME
    quiet = float(np.quantile(power, _QUIETEST))
    return max(FLOOR_DBFS, 10 * float(np.log10(max(quiet, 1e-9) / 32768.0**2)))
