"""The transcript of a recording, from its truth: what can be heard in its file, and of whom.

What was muted, paused away, trimmed or never reached a channel is not in it, nor is a word of which
half or more was lost. Where a fault has swapped the file's channels, they are swapped here too;
other faults of recorders change no words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.conversation.spans import Span
from mediasim.conversation.turns import PAUSE
from mediasim.recogniser.model import attributed, recognise
from mediasim.recogniser.settings import PERFECT, RecogniserSettings
from mediasim.recogniser.transcript import Transcript, TranscriptWord, Utterance, utterances_of
from mediasim.seeds import Seeds
from mediasim.truth.documents import RecordingTruth

__all__ = ["recording_transcript"]

_LANGUAGE: Final = "en-US"
_Missing = Sequence[tuple[int, int, str | None]]
"""First sample, sample after the last, and whose audio is missing; None: everybody's."""


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel of a recording."""

    number: int
    words: list[TranscriptWord]
    unknown: tuple[str, ...]
    """Names of the parties in it whose words are not known."""


def recording_transcript(
    truth: RecordingTruth | Mapping[str, Any],
    settings: RecogniserSettings = PERFECT,
    *,
    seeds: Seeds | None = None,
    language: str = _LANGUAGE,
    pcm: NDArray[np.int16] | None = None,
    of_party: Mapping[str, RecogniserSettings] | None = None,
) -> Transcript:
    """Return what a recogniser hears in a recording.

    ``truth`` is the recording's truth, or its document as the media store has it. ``seeds`` and the
    recording's SID decide the errors; None: the seed that the truth names. ``pcm``, (channels,
    samples), is what is heard of real parties where the settings have their audio transcribed,
    which takes long; raises AnalysisError then without the extra ``transcribe``. ``of_party`` has
    other settings for the words of single parties, by name.
    """
    if isinstance(truth, RecordingTruth):
        channels, sid, seed, samples = _of_truth(truth), truth.sid, truth.seed, truth.samples
        faults: Iterable[Mapping[str, Any]] = truth.faults
    else:
        channels, sid, seed = _of_document(truth), truth["recording"], truth.get("seed")
        samples, faults = truth["samples"], truth.get("faults", ())
    draws = (seeds or Seeds(seed or 0)).fork("recogniser").fork(sid)
    others = of_party or {}
    pause = PAUSE
    if settings.end_of_utterance_ns is not None:
        pause = settings.end_of_utterance_ns * SAMPLE_RATE // NS_PER_SECOND
    language = settings.language or language
    swapped = len(channels) > 1 and sum(each.get("fault") == "swapped" for each in faults) % 2
    found: list[Utterance] = []
    if settings.real_audio == "transcribe" and pcm is not None:
        channels = [_with_real_audio(each, pcm[each.number - 1]) for each in channels]
    if settings.mono and channels:
        every = [word for each in channels for word in each.words]
        channels = [_Channel(1, every, ())]
    for channel in channels:
        heard = [
            word
            for said in channel.words
            for word in recognise([said], others.get(said.party or "", settings), draws)
        ]
        number = len(channels) + 1 - channel.number if swapped else channel.number
        together = len(channels) == 1
        for each in utterances_of(heard, number, language, pause, together=together):
            found.append(attributed(each, len(channels), settings, draws))
    return Transcript(
        utterances=tuple(sorted(found, key=lambda each: (each.start, each.channel))),
        samples=samples,
        unknown=tuple(dict.fromkeys(name for each in channels for name in each.unknown)),
    )


def _with_real_audio(channel: _Channel, pcm: NDArray[np.int16]) -> _Channel:
    """Return a channel with the words of its real parties, as they are heard in its samples.

    Where simulated parties and real ones share a channel, only the words that are known count.
    """
    if not channel.unknown or channel.words:
        return channel
    from mediasim.recogniser.real_audio import heard_words

    return _Channel(channel.number, heard_words(pcm, channel.unknown[0]), ())


def _of_truth(truth: RecordingTruth) -> list[_Channel]:
    found = []
    for channel in truth.channels:
        missing = [(gap.start, gap.end, gap.party) for gap in channel.missing]
        words = [
            heard
            for it in channel.intervals
            for word in it.words
            if (
                heard := _word(
                    it.party, channel.channel, word.text, (word.start, word.end), missing
                )
            )
        ]
        found.append(_Channel(channel.channel, words, channel.unscripted))
    return found


def _of_document(document: Mapping[str, Any]) -> list[_Channel]:
    found = []
    for channel in document["channels"]:
        number = channel["channel"]
        missing = [(gap["start"], gap["end"], gap.get("party")) for gap in channel["missing"]]
        words = [
            heard
            for it in channel["intervals"]
            for word in it.get("words", ())
            if (
                heard := _word(
                    it["party"], number, word["word"], (word["start"], word["end"]), missing
                )
            )
        ]
        found.append(_Channel(number, words, tuple(channel.get("unscripted", ()))))
    return found


def _word(
    party: str | None, channel: int, text: str, at: Span, missing: _Missing
) -> TranscriptWord | None:
    """Return a word that was recorded; None if half of it or more is missing."""
    start, end = at
    lost = sum(
        max(0, min(high, end) - max(low, start))
        for low, high, whose in missing
        if whose is None or whose == party
    )
    if start < end <= start + 2 * lost:
        return None
    origin = f"{party or 'server'}/{channel}/{start}"
    return TranscriptWord(text, start, end, party, text, origin=origin)
