"""Who speaks when, as RTTM: Rich Transcription Time Marked, the form that diarisation is scored in.

Ten fields a line (NIST, "The 2009 Rich Transcription Meeting Recognition Evaluation Plan",
appendix A): type, file, channel, start, duration, orthography, subtype, name, confidence and
look-ahead, ``<NA>`` for what does not apply. The name is ``<NA>`` too where one channel holds
several speakers: theirs cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.analysis.figures import Conversation
from mediasim.truth.analysis.spans import Span

__all__ = ["rttm"]


def rttm(conversation: Conversation, recording: str) -> str:
    """The speech of every speaker, a line each, by its start."""
    return "".join(
        f"SPEAKER {_field(recording)} {channel} {start / SAMPLE_RATE:.3f} "
        f"{(end - start) / SAMPLE_RATE:.3f} <NA> <NA> {name} <NA> <NA>\n"
        for (start, end), channel, name in sorted(_spoken(conversation))
    )


def _spoken(conversation: Conversation) -> Iterator[tuple[Span, int, str]]:
    if conversation.voices is None:
        for span in conversation.active:
            yield span, 1, "<NA>"
        return
    for voice, speech in zip(conversation.voices, conversation.speech, strict=True):
        for span in speech:
            yield span, voice.channel, _field(voice.name)


def _field(text: str) -> str:
    """Fields are parted by white space."""
    return "_".join(text.split()) or "<NA>"
