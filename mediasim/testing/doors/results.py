"""The results of a door: samples and truth of recordings, and events, with the same names for all.

:func:`differences` compares them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.exchange.events import Event, RecordingEvent, ScriptEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.records import CallRecord, RecordingRecord

__all__ = ["DoorResults", "RecordingResult", "differences", "results_of"]

_BEFORE_ANSWER: Final = ("call.queued", "call.initiated", "call.ringing")
_REQUESTED_BY: Final = {"DialVerb": "dial", "RecordVerb": "record", "Conference": "conference"}
"""What requested a recording, by its source."""
_TRANSFER: Final = "call.transferred"
"""Event of a transfer, which a request with another document does not emit."""
_COMMON_FAMILIES: Final = ("call", "recording", "conference")
"""Families of events that all doors emit."""


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """One recording."""

    status: str
    pcm: NDArray[np.int16] | None
    """Samples, int16 (channels, samples); None without media."""
    truth: Mapping[str, Any] | None
    """The recording's truth, without SIDs; None without one."""


@dataclass(frozen=True, slots=True, order=True)
class DoorEvent:
    """An event, as all doors have it."""

    at_ns: int
    """Loop time in nanoseconds."""
    kind: str
    subject: str
    """Number of the call's party, or name of the recording; empty for a conference."""

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject or 'the conference'} at {self.at_ns / 1e9:g} s"


@dataclass(frozen=True, slots=True)
class DoorResults:
    """All results of a run."""

    recordings: Mapping[str, RecordingResult]
    """Recordings by what requested them, and their numbers among those."""
    events: Sequence[DoorEvent]
    end_ns: int
    """Loop time of the end, in nanoseconds."""
    endless: bool = False
    """Whether calls were active long after they had ended through another door."""


def results_of(exchange: Exchange) -> DoorResults:
    """Return the results in an exchange whose calls have ended."""
    names = _names(exchange.catalogue.recordings())
    calls = {call.sid: call for call in exchange.catalogue.calls()}
    recordings = {
        name: _result(exchange.catalogue.recording(sid), exchange.store)
        for sid, name in names.items()
    }
    events = tuple(_events(exchange.events.log, calls, names))
    return DoorResults(recordings, events, exchange.now_ns)


def _names(records: Sequence[RecordingRecord]) -> dict[str, str]:
    """Return names of recordings that do not depend on the door, by SID."""
    counts: dict[str, int] = {}
    names = {}
    for record in records:
        kind = _REQUESTED_BY.get(record.source, "request")
        counts[kind] = counts.get(kind, 0) + 1
        names[record.sid] = f"{kind}-{counts[kind]}"
    return names


def _result(record: RecordingRecord, store: MediaStore) -> RecordingResult:
    """Return one recording's results."""
    pcm, truth = None, None
    with contextlib.suppress(MediaNotFound):
        truth = store.truth(record.sid)
        del truth["recording"], truth["reference"]
    with contextlib.suppress(MediaNotFound):
        pcm = read_wav(store.wav_path(record.sid)).pcm
    return RecordingResult(record.status, pcm, truth)


def _events(
    log: Sequence[Event], calls: Mapping[str, CallRecord], names: Mapping[str, str]
) -> Iterator[DoorEvent]:
    """Yield the events that all doors emit.

    Excluded are those before a first leg's answer, which differ by door.
    """
    # A room is processed some frames at a time: its events may come after later ones.
    for event in sorted(log, key=lambda event: event.at_ns):
        family, dot, _ = event.kind.partition(".")
        if (dot and family not in _COMMON_FAMILIES) or event.kind == _TRANSFER:
            continue
        call = calls.get(getattr(event, "call_sid", None) or "")
        if call is not None and call.parent_call_sid is None and event.kind in _BEFORE_ANSWER:
            continue
        if isinstance(event, RecordingEvent):
            subject = names[event.recording_sid]
        elif isinstance(event, ScriptEvent):
            subject = event.party
        else:
            subject = "" if call is None else _party(call)
        yield DoorEvent(event.at_ns, event.kind, subject)


def _party(call: CallRecord) -> str:
    """Return the number of a call's party."""
    return call.from_ if call.direction == "inbound" else call.to


# -- compared -------------------------------------------------------------------------------


def differences(one: DoorResults, two: DoorResults, *, in_order: bool = True) -> Iterator[str]:
    """Yield the differences between the results of two doors, in words.

    With ``in_order``, events of one moment have to be in the same order. Without it, packets that
    were late when a recording was published are not compared either: they depend on whether its
    legs had ended.
    """
    if one.endless or two.endless:
        yield f"it never ends through the {'first' if one.endless else 'second'} door"
    for name in sorted(one.recordings.keys() | two.recordings.keys()):
        a, b = one.recordings.get(name), two.recordings.get(name)
        if a is None or b is None:
            door = "second" if a is None else "first"
            yield f"recording {name} is made through the {door} door alone"
            continue
        if a.status != b.status:
            yield f"recording {name} is {a.status} and {b.status}"
        yield from (f"recording {name}: {words}" for words in _samples(a.pcm, b.pcm))
        where = _first_difference(_truth(a, late=in_order), _truth(b, late=in_order))
        if where is not None:
            yield f"the truth of {name}: {where}"
    first, second = one.events, two.events
    if not in_order:
        first, second = sorted(first), sorted(second)
    for number, (before, after) in enumerate(zip_longest(first, second), 1):
        if before != after:
            yield f"event {number}: {before or 'none'}; {after or 'none'}"
            break


def _samples(one: NDArray[np.int16] | None, two: NDArray[np.int16] | None) -> Iterator[str]:
    """Yield the differences of samples."""
    if one is None or two is None:
        if one is not two:
            yield "it has media through one door alone"
        return
    if len(one) != len(two):
        yield f"{len(one)} channels and {len(two)}"
        return
    if one.shape != two.shape:
        yield f"{one.shape[1]} samples and {two.shape[1]}"
    common = min(one.shape[1], two.shape[1])
    for channel in range(len(one)):
        differing = np.flatnonzero(one[channel, :common] != two[channel, :common])
        if len(differing):
            at = differing[0] / SAMPLE_RATE
            yield f"channel {channel + 1}: {len(differing)} samples differ, the first at {at:.3f} s"


def _truth(recorded: RecordingResult, *, late: bool) -> Mapping[str, Any] | None:
    """Return a recording's truth, without late packets unless ``late``."""
    if recorded.truth is None or late:
        return recorded.truth
    channels = [
        {**each, "missing": [gap for gap in each["missing"] if gap["why"] != "late"]}
        for each in recorded.truth["channels"]
    ]
    return {**recorded.truth, "channels": channels}


def _first_difference(one: Any, two: Any, at: str = "") -> str | None:
    """Return the first difference of two documents, with its place; None if they are equal."""
    if isinstance(one, Mapping) and isinstance(two, Mapping) and one.keys() == two.keys():
        pairs = [(f"{at}.{key}", one[key], two[key]) for key in one]
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        pairs = [(f"{at}[{n}]", *each) for n, each in enumerate(zip(one, two, strict=True))]
    else:
        return None if one == two else f"{at.strip('.')}: {_short(one)} and {_short(two)}"
    found = (_first_difference(first, second, where) for where, first, second in pairs)
    return next((each for each in found if each is not None), None)


def _short(value: Any) -> str:
    """Return a value in a few words."""
    if isinstance(value, list):
        texts = [each.get("text", each.get("kind")) for each in value if isinstance(each, Mapping)]
        return f"{len(value)} of them ({', '.join(map(str, texts))})" if value else "none"
    return str(value)
