"""The conversation as WebVTT: cues with the speakers' names as voices (W3C WebVTT, 4.2.2).

The words are the recogniser's if it was asked, else the truth's; where neither is there, a cue
says that somebody speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.analysis.analysis import Analysis

__all__ = ["webvtt"]

_Cue = tuple[int, int, str | None, str]
"""From sample, to sample, who, what."""
_WITHOUT_WORDS: Final = "[speech]"


def webvtt(analysis: Analysis) -> str:
    """A WebVTT file."""
    cues = "".join(_written(cue) for cue in sorted(_cues(analysis), key=lambda cue: cue[:2]))
    return f"WEBVTT\n\nNOTE {_plain(analysis.recording.name)}: {_source(analysis)}\n\n{cues}"


def _source(analysis: Analysis) -> str:
    if analysis.transcript is not None:
        return "words as they were recognised"
    if analysis.sayings is not None:
        return "words and places as the truth has them"
    return "speech as it was detected, without its words"


def _cues(analysis: Analysis) -> Iterator[_Cue]:
    voices = analysis.recording.voices
    if analysis.transcript is not None:
        for number, heard in enumerate(analysis.transcript):
            who = None if voices is None else voices[number].name
            for each in heard:
                yield each.start, each.end, who, each.text
    elif analysis.sayings is not None:
        for saying in analysis.sayings:
            yield saying.start, saying.end, saying.party, saying.text or _WITHOUT_WORDS
    elif analysis.measured.turns is not None and voices is not None:
        for turn in analysis.measured.turns:
            yield turn.start, turn.end, voices[turn.speaker].name, _WITHOUT_WORDS
    else:
        for start, end in analysis.measured.active:
            yield start, end, None, _WITHOUT_WORDS


def _written(cue: _Cue) -> str:
    start, end, who, text = cue
    voice = "" if who is None else f"<v {_plain(who)}>"
    return f"{_time(start)} --> {_time(max(end, start + SAMPLE_RATE // 1000))}\n" + (
        f"{voice}{_plain(text)}\n\n"
    )


def _time(samples: int) -> str:
    milliseconds = samples * 1000 // SAMPLE_RATE
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


def _plain(text: str) -> str:
    """On one line, with nothing that a cue would take for markup."""
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
