"""What a door left: samples and truth of its recordings, and its events, named alike everywhere."""

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

__all__ = ["RecordingLeft", "WhatIsLeft", "differences", "left_by"]

_BEFORE_ANSWER: Final = ("call.queued", "call.initiated", "call.ringing")
_ASKED_BY: Final = {"DialVerb": "dial", "RecordVerb": "record", "Conference": "conference"}
_TRANSFERRED: Final = "call.transferred"
"""A request that gives a call another document does not say that it is put through to somebody."""
_COMMON: Final = ("call", "recording", "conference")


@dataclass(frozen=True, slots=True)
class RecordingLeft:
    """One recording."""

    status: str
    pcm: NDArray[np.int16] | None
    """(channels, samples); None where there is no media."""
    truth: Mapping[str, Any] | None
    """Its sidecar, but for SIDs."""


@dataclass(frozen=True, slots=True, order=True)
class Happened:
    """An event, as all doors have it."""

    at_ns: int
    kind: str
    who: str
    """The number of the call's party, or the recording."""

    def __str__(self) -> str:
        return f"{self.kind} of {self.who or 'the conference'} at {self.at_ns / 1e9:g} s"


@dataclass(frozen=True, slots=True)
class WhatIsLeft:
    """All of a run."""

    recordings: Mapping[str, RecordingLeft]
    """By what asked for them, and their numbers among those."""
    events: Sequence[Happened]
    end_ns: int
    endless: bool = False
    """Calls were still going on long after they were over through another door."""


def left_by(exchange: Exchange) -> WhatIsLeft:
    """What an exchange has left once everything is over."""
    names = _names(exchange.catalogue.recordings())
    calls = {call.sid: call for call in exchange.catalogue.calls()}
    recordings = {
        name: _recorded(exchange.catalogue.recording(sid), exchange.store)
        for sid, name in names.items()
    }
    events = tuple(_events(exchange.events.log, calls, names))
    return WhatIsLeft(recordings, events, exchange.now_ns)


def _names(records: Sequence[RecordingRecord]) -> dict[str, str]:
    counts: dict[str, int] = {}
    names = {}
    for record in records:
        kind = _ASKED_BY.get(record.source, "request")
        counts[kind] = counts.get(kind, 0) + 1
        names[record.sid] = f"{kind}-{counts[kind]}"
    return names


def _recorded(record: RecordingRecord, store: MediaStore) -> RecordingLeft:
    pcm, truth = None, None
    with contextlib.suppress(MediaNotFound):
        truth = store.truth(record.sid)
        del truth["recording"], truth["reference"]
    with contextlib.suppress(MediaNotFound):
        pcm = read_wav(store.wav_path(record.sid)).pcm
    return RecordingLeft(record.status, pcm, truth)


def _events(
    log: Sequence[Event], calls: Mapping[str, CallRecord], names: Mapping[str, str]
) -> Iterator[Happened]:
    """What all doors tell: how a first leg came to be answered is each door's own."""
    # A room is lived through some frames at a time: what it tells may come after later events.
    for event in sorted(log, key=lambda event: event.at_ns):
        family, dot, _ = event.kind.partition(".")
        if (dot and family not in _COMMON) or event.kind == _TRANSFERRED:
            continue
        call = calls.get(getattr(event, "call_sid", None) or "")
        if call is not None and call.parent_call_sid is None and event.kind in _BEFORE_ANSWER:
            continue
        if isinstance(event, RecordingEvent):
            who = names[event.recording_sid]
        elif isinstance(event, ScriptEvent):
            who = event.party
        else:
            who = "" if call is None else _party(call)
        yield Happened(event.at_ns, event.kind, who)


def _party(call: CallRecord) -> str:
    """The number of a call's party, whoever dialled."""
    return call.from_ if call.direction == "inbound" else call.to


# -- compared -------------------------------------------------------------------------------


def differences(one: WhatIsLeft, two: WhatIsLeft, *, in_order: bool = True) -> Iterator[str]:
    """Where two doors left something else, in words; nothing where they left the same.

    ``in_order``: also what happens at one moment happens in one order. Else what was late when a
    recording was published is not compared either: that depends on whether its legs were down.
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
        where = _elsewhere(_truth(a, late=in_order), _truth(b, late=in_order))
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
        apart = np.flatnonzero(one[channel, :common] != two[channel, :common])
        if len(apart):
            at = apart[0] / SAMPLE_RATE
            yield f"channel {channel + 1}: {len(apart)} samples differ, the first at {at:.3f} s"


def _truth(recorded: RecordingLeft, *, late: bool) -> Mapping[str, Any] | None:
    if recorded.truth is None or late:
        return recorded.truth
    channels = [
        {**each, "missing": [gap for gap in each["missing"] if gap["why"] != "late"]}
        for each in recorded.truth["channels"]
    ]
    return {**recorded.truth, "channels": channels}


def _elsewhere(one: Any, two: Any, at: str = "") -> str | None:
    """The first place where two documents differ."""
    if isinstance(one, Mapping) and isinstance(two, Mapping) and one.keys() == two.keys():
        pairs = [(f"{at}.{key}", one[key], two[key]) for key in one]
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        pairs = [(f"{at}[{n}]", *each) for n, each in enumerate(zip(one, two, strict=True))]
    else:
        return None if one == two else f"{at.strip('.')}: {_short(one)} and {_short(two)}"
    found = (_elsewhere(first, second, where) for where, first, second in pairs)
    return next((each for each in found if each is not None), None)


def _short(value: Any) -> str:
    if isinstance(value, list):
        texts = [each.get("text", each.get("kind")) for each in value if isinstance(each, Mapping)]
        return f"{len(value)} of them ({', '.join(map(str, texts))})" if value else "none"
    return str(value)
