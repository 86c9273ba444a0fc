"""Analyses a recording: figures measured from its samples, and the same figures from its truth.

Each channel is analysed by the detector that suits it. If its pauses are digitally silent, the
energy detector is exact to 10 ms for a voice of any level; if they hold noise, Silero's model
separates speech from it (:mod:`mediasim.audio.activity`).
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
from mediasim.truth.analysis.figures import ConversationMeasures
from mediasim.truth.analysis.recording import (
    AnalysedRecording,
    AnalysisError,
    TrueUtterance,
    read_utterances,
    speakers_of,
    speech_of,
    word_count,
)
from mediasim.truth.analysis.transcription import HeardWords, Recogniser

__all__ = ["Analysis", "Detected", "Engine", "WordsFrom", "analyse", "detect_speech"]

_FRAME: Final = 80
"""Samples of a frame of 10 ms."""
_QUIETEST: Final = 0.05
"""Quantile of the frames' power that is the channel's floor."""
WordsFrom = Literal["transcription", "truth"]


@dataclass(frozen=True, slots=True)
class Detected:
    """The speech detected in one channel."""

    speech: list[Span]
    engine: Engine
    floor_dbfs: float
    """Level of the channel's pauses, in dBFS."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The result of the analysis of a recording."""

    recording: AnalysedRecording
    detected: tuple[Detected, ...]
    """The speech of each channel that was analysed."""
    measured: ConversationMeasures
    true: ConversationMeasures | None
    """The conversation by the truth; None without one."""
    true_utterances: tuple[TrueUtterance, ...] | None
    """The utterances by the truth; None without one."""
    transcript: tuple[tuple[HeardWords, ...], ...] | None
    """The words recognised in each channel that was analysed; None without a recogniser."""
    words_from: WordsFrom | None
    """Source of the measured numbers of words; None if they are unknown."""


def analyse(
    recording: AnalysedRecording,
    *,
    engine: Engine | None = None,
    recogniser: Recogniser | None = None,
) -> Analysis:
    """Measure a recording, and take the same figures from its truth if it has one.

    ``engine`` is the detector for all channels; by default each gets the one that suits it. Raises
    AnalysisError if the truth is not valid.
    """
    # Without separate speakers all channels hold the same, so the first one is enough.
    heard = recording.pcm if recording.voices is not None else recording.pcm[:1]
    detected = tuple(detect_speech(channel, engine) for channel in heard)
    transcript = None
    if recogniser is not None:
        transcript = tuple(
            tuple(recogniser.transcribe(channel, each.speech))
            for channel, each in zip(heard, detected, strict=True)
        )
    true_utterances = None
    if recording.truth is not None:
        try:
            said = read_utterances(recording.truth)
        except (KeyError, TypeError):
            raise AnalysisError(
                f"the truth of {recording.path} is not one as mediasim writes it"
            ) from None
        true_utterances = tuple(each for each in said if each.channel <= len(detected))
    words, words_from = _words(len(detected), true_utterances, transcript)
    measured = ConversationMeasures(
        recording.voices,
        [each.speech for each in detected],
        recording.samples,
        words,
        complete=recording.complete,
    )
    true = None if true_utterances is None else _true(recording, true_utterances)
    return Analysis(recording, detected, measured, true, true_utterances, transcript, words_from)


def _words(
    channels: int,
    true_utterances: Sequence[TrueUtterance] | None,
    transcript: Sequence[Sequence[HeardWords]] | None,
) -> tuple[list[int | None], WordsFrom | None]:
    if transcript is not None:
        return [
            sum(len(each.text.split()) for each in heard) for heard in transcript
        ], "transcription"
    if true_utterances is not None:
        return [word_count(said) for said in _by_channel(true_utterances, channels)], "truth"
    return [None] * channels, None


def _by_channel(
    true_utterances: Sequence[TrueUtterance], channels: int
) -> list[list[TrueUtterance]]:
    return [
        [each for each in true_utterances if each.channel == number]
        for number in range(1, channels + 1)
    ]


def _true(
    recording: AnalysedRecording, true_utterances: Sequence[TrueUtterance]
) -> ConversationMeasures:
    """Return the true conversation of the same speakers, or of all parties if they are mixed."""
    voices = recording.voices
    if voices is None:
        voices = tuple(speakers_of(true_utterances))
        said = [[each for each in true_utterances if each.party == voice.name] for voice in voices]
    else:
        said = _by_channel(true_utterances, len(voices))
    return ConversationMeasures(
        voices,
        [speech_of(each) for each in said],
        recording.samples,
        [word_count(each) for each in said],
        complete=recording.complete,
    )


def detect_speech(pcm: NDArray[np.int16], engine: Engine | None = None) -> Detected:
    """Detect the speech in samples (n,) at 8 kHz; by default with the engine that suits them."""
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
