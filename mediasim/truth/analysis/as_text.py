"""An analysis as text for a terminal, as RTTM, and as WebVTT.

RTTM, Rich Transcription Time Marked, is the format in which diarisation is scored. A line has ten
fields (NIST, "The 2009 Rich Transcription Meeting Recognition Evaluation Plan", appendix A): type,
file, channel, start, duration, orthography, subtype, name, confidence and look-ahead; ``<NA>`` is a
field that does not apply. WebVTT is the W3C's; its cues name speakers in voice spans (4.2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span
from mediasim.truth.analysis.analysis import Analysis
from mediasim.truth.analysis.figures import ConversationMeasures
from mediasim.truth.analysis.recording import AnalysisError, TrueUtterance, TrueWord

__all__ = ["analysis_text", "ctm", "rttm", "webvtt"]

_Format = Callable[[float], str]
_Figure = tuple[str, str, _Format]
"""(label, key, function that formats its value)."""


_seconds = "{:.2f} s".format
_share = "{:.1%}".format
_count = "{:.0f}".format


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.0f} ms"


_OF_ALL: Final[tuple[_Figure, ...]] = (
    ("speech", "speech_seconds", _seconds),
    ("silence", "silence_seconds", _seconds),
    ("longest silence", "longest_silence_seconds", _seconds),
    ("overlap", "overlap_seconds", _seconds),
    ("overlaps", "overlaps", _count),
)
_OF_A_SPEAKER: Final[tuple[_Figure, ...]] = (
    ("talk time", "talk_seconds", _seconds),
    ("share of talk", "talk_share", _share),
    ("turns", "turns", _count),
    ("longest monologue", "longest_monologue_seconds", _seconds),
    ("responses", "response_latency.count", _count),
    ("response latency p50", "response_latency.p50_seconds", _milliseconds),
    ("response latency p90", "response_latency.p90_seconds", _milliseconds),
    ("response latency max", "response_latency.max_seconds", _milliseconds),
    ("interruptions made", "interruptions_made", _count),
    ("  of them successful", "interruptions_successful", _count),
    ("interruptions suffered", "interruptions_suffered", _count),
    ("backchannels", "backchannels", _count),
    ("words a minute", "words_per_minute", _count),
)
_UNKNOWN: Final = "-"


def analysis_text(document: Mapping[str, Any]) -> str:
    """Return the text of an analysis from its JSON; ``-`` stands for an unknown figure."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    channels = document["channels"]
    counted = "1 channel" if channels == 1 else f"{channels} channels"
    yield f"{document['file']}  {document['seconds']:.1f} s, {counted}"
    for each in document["detectors"]:
        yield (
            f"  channel {each['channel']}: {each['engine']} detector, "
            f"pauses at {each['floor_dbfs']:.0f} dBFS"
        )
    for note in document["notes"]:
        yield f"  {note}"
    measured, true, error = document["measured"], document["truth"], document["error"]
    yield ""
    heads = ("measured",) if true is None else ("measured", "truth", "error")
    yield " " * 28 + "".join(f"{head:>11}" for head in heads)
    yield from _rows(_OF_ALL, measured, true, error)
    for index, name, channel in _speakers(measured, true):
        yield f"  {name}, channel {channel}"
        yield from _rows(
            _OF_A_SPEAKER,
            *(
                each["speakers"][index] if each and each["speakers"] else each and {}
                for each in (measured, true, error)
            ),
        )
    yield from _transcript(document)
    yield from _interruptions(document)


def _speakers(
    measured: Mapping[str, Any], true: Mapping[str, Any] | None
) -> Iterator[tuple[int, str, int]]:
    known = measured["speakers"] or (true or {}).get("speakers") or ()
    for index, each in enumerate(known):
        yield index, each["speaker"], each["channel"]


def _rows(
    figures: tuple[_Figure, ...],
    measured: Mapping[str, Any],
    true: Mapping[str, Any] | None,
    error: Mapping[str, Any] | None,
) -> Iterator[str]:
    for name, key, show in figures:
        row = f"    {name:<24}{_cell(measured, key, show)}"
        if true is not None:
            row += _cell(true, key, show) + _cell(error or {}, key, show, signed=True)
        yield row


def _cell(document: Mapping[str, Any], key: str, show: _Format, *, signed: bool = False) -> str:
    """Return the figure at a dotted key in a column of 11 characters."""
    value: Any = document
    for part in key.split("."):
        value = None if value is None else value.get(part)
    if not isinstance(value, int | float):
        return f"{_UNKNOWN:>11}"
    text = show(abs(value))
    if any(digit in text for digit in "123456789"):  # a rounded zero has no sign
        text = ("-" if value < 0 else "+" if signed else "") + text
    return f"{text:>11}"


def _transcript(document: Mapping[str, Any]) -> Iterator[str]:
    for each in document["transcript"] or ():
        if each["word_error_rate"] is not None:
            who = each["speaker"] or "everybody"
            yield f"  {who}: {each['word_error_rate']:.1%} of the words said were heard wrong"


def _interruptions(document: Mapping[str, Any]) -> Iterator[str]:
    for each in document["interruptions"] or ():
        yield (
            f"  {each['at']:8.2f} s  {each['by']} cuts in on {each['on']}: {each['outcome']}, "
            f"{each['overlap_seconds']:.2f} s at once"
        )


# -- RTTM -----------------------------------------------------------------------------------


def rttm(conversation: ConversationMeasures, recording: str) -> str:
    """Return the spans of speech as RTTM, a line each, by their start.

    The name is ``<NA>`` if one channel holds several speakers.
    """
    return "".join(
        f"SPEAKER {_field(recording)} {channel} {start / SAMPLE_RATE:.3f} "
        f"{(end - start) / SAMPLE_RATE:.3f} <NA> <NA> {name} <NA> <NA>\n"
        for (start, end), channel, name in sorted(_spoken(conversation))
    )


def _spoken(conversation: ConversationMeasures) -> Iterator[tuple[Span, int, str]]:
    if conversation.voices is None:
        for span in conversation.active:
            yield span, 1, "<NA>"
        return
    for voice, speech in zip(conversation.voices, conversation.speech, strict=True):
        for span in speech:
            yield span, voice.channel, _field(voice.name)


def _field(text: str) -> str:
    """Return a field without white space, which separates fields."""
    return "_".join(text.split()) or "<NA>"


# -- CTM ------------------------------------------------------------------------------------


def ctm(analysis: Analysis) -> str:
    """Return the true words as a CTM file (NIST sclite): recording, channel, begin, seconds, word.

    Words whose times were found by aligning the audio are counted in a comment. Raises
    AnalysisError if the times of words are unknown.
    """
    words = [
        (word.start, said.channel, word)
        for said in analysis.true_utterances or ()
        for word in said.words
    ]
    if not words:
        raise AnalysisError(
            f"{analysis.recording.name}: CTM needs the times of words, which only the truth of"
            " simulated parties has"
        )
    estimated = sum(word.estimated for _, _, word in words)
    name = _field(analysis.recording.name)
    return f";; {len(words)} words, the times of {estimated} estimated\n" + "".join(
        f"{name} {channel} {start / SAMPLE_RATE:.3f} {(word.end - start) / SAMPLE_RATE:.3f} "
        f"{_field(word.text)}\n"
        for start, channel, word in sorted(words)
    )


# -- WebVTT ---------------------------------------------------------------------------------


_Cue = tuple[int, int, str | None, str]
"""(first sample, end, speaker, text)."""
_WITHOUT_WORDS: Final = "[speech]"
_CAPTION_CHARACTERS: Final = 84
"""Most characters of a caption: two lines of 42, as broadcasters have it."""
_CAPTION_SAMPLES: Final = 7 * SAMPLE_RATE
"""Most samples that a caption is shown for: 7 s."""


def webvtt(analysis: Analysis) -> str:
    """Return an analysis as a WebVTT file.

    The words are the recogniser's if one was used, otherwise the truth's; without both, cues mark
    speech without its words.
    """
    cues = "".join(_written(cue) for cue in sorted(_cues(analysis), key=lambda cue: cue[:2]))
    return f"WEBVTT\n\nNOTE {_plain(analysis.recording.name)}: {_source(analysis)}\n\n{cues}"


def _source(analysis: Analysis) -> str:
    if analysis.transcript is not None:
        return "words as they were recognised"
    if analysis.true_utterances is not None:
        return "words and places as the truth has them"
    return "speech as it was detected, without its words"


def _cues(analysis: Analysis) -> Iterator[_Cue]:
    voices = analysis.recording.voices
    if analysis.transcript is not None:
        for number, heard in enumerate(analysis.transcript):
            who = None if voices is None else voices[number].name
            for each in heard:
                yield each.start, each.end, who, each.text
    elif analysis.true_utterances is not None:
        for said in analysis.true_utterances:
            yield from _captions(said)
    elif analysis.measured.turns is not None and voices is not None:
        for turn in analysis.measured.turns:
            yield turn.start, turn.end, voices[turn.speaker].name, _WITHOUT_WORDS
    else:
        for start, end in analysis.measured.active:
            yield start, end, None, _WITHOUT_WORDS


def _captions(said: TrueUtterance) -> Iterator[_Cue]:
    """Cut an utterance into captions that can be read in time, between its words."""
    if not said.words:
        yield said.start, said.end, said.party, said.text or _WITHOUT_WORDS
        return
    start, line = said.start, ""
    end = start
    for word, text in _with_signs(said):
        longer = f"{line} {text}".lstrip()
        if line and (len(longer) > _CAPTION_CHARACTERS or word.end - start > _CAPTION_SAMPLES):
            yield start, end, said.party, line
            start, longer = word.start, text
        line, end = longer, word.end
    yield start, said.end, said.party, line


def _with_signs(said: TrueUtterance) -> Iterator[tuple[TrueWord, str]]:
    """Yield the words with the signs written behind them, which are not said: ``so -->``."""
    tokens = (said.text or "").split()
    for word in said.words:
        text, at = word.text, tokens.index(word.text) if word.text in tokens else -1
        tokens = tokens[at + 1 :]
        while tokens and not any(sign.isalnum() for sign in tokens[0]):
            text += f" {tokens.pop(0)}"
        yield word, text


def _written(cue: _Cue) -> str:
    start, end, who, text = cue
    voice = "" if who is None else f"<v {_plain(who)}>"
    # A cue must end after it starts, in whole milliseconds.
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
    """Return text on one line, with the characters of WebVTT's markup escaped."""
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
