"""The analysis for a person: measured beside true, and by how much they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

__all__ = ["analysis_text"]

_Show = Callable[[float], str]
_Figure = tuple[str, str, _Show]
"""What it is called, its key, how it is written."""


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.0f} ms"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _count(value: float) -> str:
    return f"{value:.0f}"


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
    """The text of an analysis, from its JSON. ``-`` stands for what cannot be told."""
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
        row = f"    {name:<24}{_shown(_found(measured, key), show):>11}"
        if true is not None:
            wrong = _found(error or {}, key)
            row += f"{_shown(_found(true, key), show):>11}{_shown(wrong, show, signed=True):>11}"
        yield row


def _found(document: Mapping[str, Any], key: str) -> float | None:
    value: Any = document
    for part in key.split("."):
        value = None if value is None else value.get(part)
    return value if isinstance(value, int | float) else None


def _shown(value: float | None, show: _Show, *, signed: bool = False) -> str:
    if value is None:
        return _UNKNOWN
    text = show(abs(value))
    if not any(digit in text for digit in "123456789"):
        return text
    return ("-" if value < 0 else "+" if signed else "") + text


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
