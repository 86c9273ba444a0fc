"""An analysis as JSON, with stable keys, times in seconds, and null for unknown figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import total
from mediasim.truth.analysis.analysis import Analysis
from mediasim.truth.analysis.figures import (
    ConversationMeasures,
    Latency,
    SpeakerFigures,
    words_per_minute,
)
from mediasim.truth.analysis.transcription import word_error_rate

__all__ = ["analysis_json"]

_Event = TypeVar("_Event")


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """Return the analysis as JSON; turns, interruptions and responses are the measured ones."""
    recording = analysis.recording
    measured = _figures(analysis.measured)
    true = None if analysis.true is None else _figures(analysis.true)
    return {
        "recording": recording.name,
        "file": recording.path.name,
        "seconds": _seconds(recording.samples),
        "channels": len(recording.pcm),
        "notes": list(recording.notes),
        "detectors": [
            {
                "channel": number,
                "engine": each.engine,
                "floor_dbfs": round(each.floor_dbfs, 1),
            }
            for number, each in enumerate(analysis.detected, start=1)
        ],
        "words_from": analysis.words_from,
        "measured": measured,
        "truth": true,
        "error": None if true is None else _error(measured, true),
        **_events(analysis.measured),
        "transcript": _transcript(analysis),
    }


def _seconds(samples: int) -> float:
    return round(samples / SAMPLE_RATE, 3)


def _seconds_or_none(samples: int | None) -> float | None:
    return None if samples is None else _seconds(samples)


# -- figures --------------------------------------------------------------------------------


def _figures(conversation: ConversationMeasures) -> dict[str, Any]:
    overlaps, speakers = conversation.overlaps, conversation.speakers()
    silences = conversation.silences if conversation.knows_silence else None
    return {
        "speech_seconds": _seconds(total(conversation.active)),
        "silence_seconds": None if silences is None else _seconds(total(silences)),
        "longest_silence_seconds": None
        if silences is None
        else _seconds(max((end - start for start, end in silences), default=0)),
        "overlap_seconds": None if overlaps is None else _seconds(total(overlaps)),
        "overlaps": None if overlaps is None else len(overlaps),
        "speakers": None if speakers is None else [_speaker(each) for each in speakers],
    }


def _speaker(figures: SpeakerFigures) -> dict[str, Any]:
    longest = figures.longest_monologue
    rate = words_per_minute(figures.words, figures.talk)
    return {
        "speaker": figures.voice.name,
        "channel": figures.voice.channel,
        "talk_seconds": _seconds(figures.talk),
        "talk_share": None if figures.share is None else round(figures.share, 4),
        "turns": figures.turns,
        "longest_monologue_seconds": None if longest is None else _seconds(longest.samples),
        "longest_monologue_at": None if longest is None else _seconds(longest.start),
        "response_latency": None if figures.latency is None else _latency(figures.latency),
        "interruptions_made": figures.interruptions_made,
        "interruptions_successful": figures.interruptions_successful,
        "interruptions_suffered": figures.interruptions_suffered,
        "backchannels": figures.backchannels,
        "words": figures.words,
        "words_per_minute": None if rate is None else round(rate, 1),
    }


def _latency(latency: Latency) -> dict[str, Any]:
    return {
        "count": latency.count,
        "p50_seconds": _seconds_or_none(latency.p50),
        "p90_seconds": _seconds_or_none(latency.p90),
        "max_seconds": _seconds_or_none(latency.max),
    }


def _error(measured: Mapping[str, Any], true: Mapping[str, Any]) -> dict[str, Any]:
    """Return measured less true for every figure; None where either is unknown."""
    return {
        key: _speakers_error(value, true[key]) if key == "speakers" else _less(value, true[key])
        for key, value in measured.items()
    }


def _speakers_error(
    measured: Sequence[Mapping[str, Any]] | None, true: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    if measured is None:
        return None
    # The true figures of a recording with separate speakers are of the same speakers, in order.
    names = ("speaker", "channel")
    return [
        {key: value if key in names else _less(value, other[key]) for key, value in each.items()}
        for each, other in zip(measured, true, strict=True)
    ]


def _less(measured: Any, true: Any) -> Any:
    if measured is None or true is None:
        return None
    if isinstance(measured, Mapping):
        return {key: _less(value, true[key]) for key, value in measured.items()}
    return round(measured - true, 4)


# -- events ---------------------------------------------------------------------------------


def _events(conversation: ConversationMeasures) -> dict[str, list[dict[str, Any]] | None]:
    """Return turns, interruptions and responses; None for those that are unknown."""
    voices = conversation.voices or ()

    def listed(events: Sequence[_Event] | None, shape: Callable[[_Event], dict[str, Any]]) -> Any:
        return None if events is None else [shape(each) for each in events]

    return {
        "turns": listed(
            conversation.turns,
            lambda turn: {
                "speaker": voices[turn.speaker].name,
                "channel": voices[turn.speaker].channel,
                "start": _seconds(turn.start),
                "end": _seconds(turn.end),
                "speech_seconds": _seconds(turn.speech),
            },
        ),
        "interruptions": listed(
            conversation.interruptions,
            lambda each: {
                "at": _seconds(each.at),
                "by": voices[each.by].name,
                "on": voices[each.on].name,
                "overlap_seconds": _seconds(each.overlap),
                "outcome": each.outcome,
            },
        ),
        "responses": listed(
            conversation.gaps,
            lambda each: {
                "at": _seconds(each.at),
                "by": voices[each.by].name,
                "to": voices[each.to].name,
                "latency_seconds": _seconds(each.latency),
            },
        ),
    }


def _transcript(analysis: Analysis) -> list[dict[str, Any]] | None:
    """Return the recognised words of each channel with their word error rate."""
    if analysis.transcript is None:
        return None
    voices = analysis.recording.voices
    found = []
    for number, heard in enumerate(analysis.transcript, start=1):
        rate = None
        if analysis.true_utterances is not None:
            said = [each for each in analysis.true_utterances if each.channel == number]
            if all(each.text is not None for each in said):
                rate = word_error_rate(
                    " ".join(each.text or "" for each in said),
                    " ".join(each.text for each in heard),
                )
        found.append(
            {
                "channel": number,
                "speaker": None if voices is None else voices[number - 1].name,
                "word_error_rate": None if rate is None else round(rate, 4),
                "words": [
                    {"start": _seconds(each.start), "end": _seconds(each.end), "text": each.text}
                    for each in heard
                ],
            }
        )
    return found
