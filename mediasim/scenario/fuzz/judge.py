"""The invariants that one run is judged by, each with a name and words.

Whether the statuses of calls, recordings and conferences follow Twilio's rules is judged here; the
tables are Twilio's, written anew (statuses of its API description), so that a mistake in the
exchange's own tables is seen. Two things are ours: a call that comes in begins ringing, and a
recording halted by its call's end is stopped before it is completed. Samples are judged in
``judge_audio``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediasim.exchange.events import ConferenceEvent
from mediasim.scenario.fuzz import judge_audio
from mediasim.scenario.fuzz.play import Played
from mediasim.scenario.report.build import run_report
from mediasim.scenario.report.model import report_json
from mediasim.twilio.representations import ABSENCE_CODES

__all__ = [
    "GOES_THROUGH",
    "INVARIANTS",
    "Invariant",
    "Violation",
    "broken_by",
    "media_matches_status",
    "participants_leave",
    "statuses_are_legal",
]

_UNANSWERED: Final = ("busy", "no-answer", "canceled", "failed")
_Table = Mapping[str | None, Sequence[str]]
_CALL: Final[_Table] = {
    None: ("queued", "ringing"),
    "queued": ("initiated", *_UNANSWERED),
    "initiated": ("ringing", *_UNANSWERED),
    "ringing": ("answered", *_UNANSWERED),
    "answered": ("completed",),
}
_RECORDING: Final[_Table] = {
    None: ("started", "ended"),
    "started": ("paused", "stopped"),
    "paused": ("resumed", "stopped"),
    "resumed": ("paused", "stopped"),
    "stopped": ("completed", "absent"),
}
_CONFERENCE: Final[_Table] = {None: ("started", "ended"), "started": ("ended",)}


# -- calls, recordings and conferences ----------------------------------------------------------


def statuses_are_legal(played: Played) -> Iterator[str]:
    """Yield statuses that do not follow Twilio's rules, and records that contradict the events.

    Each call, recording and conference begins once and ends once.
    """
    exchange = played.run.exchange
    calls = _histories(played, "call", _CALL)
    for call in exchange.calls:
        history = calls.pop(call.sid, [])
        yield from _illegal_moves(call.name, history, _CALL)
        record = call.record
        if history[-1:] != [record.status]:
            yield f"{call.name} is {record.status}, but went through {_in_words(history)}"
        if (record.answered_ns is not None) != ("answered" in history):
            way = _in_words(history)
            yield f"{call.name}: answered at {record.answered_ns}, but went through {way}"
        if (history[:1] == ["ringing"]) != (record.parent_call_sid is None):
            yield f"{call.name} began as {history[:1]}, with the parent {record.parent_call_sid}"
    recordings = _histories(played, "recording", _RECORDING)
    for recording in played.recordings:
        history = recordings.pop(recording.sid, [])
        yield from _illegal_moves(f"recording {recording.name}", history, _RECORDING)
        if history[-1:] != [recording.record.status]:
            status = recording.record.status
            yield f"recording {recording.name} is {status}, but went through {_in_words(history)}"
    conferences = _histories(played, "conference", _CONFERENCE)
    for conference in exchange.catalogue.conferences():
        history = conferences.pop(conference.sid, [])
        name = conference.friendly_name
        if history or conference.status != "init":
            yield from _illegal_moves(f"conference {name}", history, _CONFERENCE)
        if history and conference.status != "completed":
            yield f"conference {name} is {conference.status} in the end"
    for sid in (*calls, *recordings, *conferences):
        yield f"{sid} had events but no record"


def _histories(played: Played, noun: str, table: _Table) -> dict[str, list[str]]:
    """Return the statuses of each call, recording or conference in order, by SID."""
    words = {word for after in table.values() for word in after}
    found: dict[str, list[str]] = {}
    for event in played.events:
        kind, _, word = event.kind.partition(".")
        if kind == noun and word in words:
            # What an event of a conference is about is the conference.
            found.setdefault(event.subject, []).append(word)
    return found


def _illegal_moves(name: str, history: list[str], table: _Table) -> Iterator[str]:
    """Yield the steps of a history that the table does not allow."""
    for before, after in zip([None, *history], history, strict=False):
        if after not in table.get(before, ()):
            yield f"{name} went from {before or 'nothing'} to {after}, in {_in_words(history)}"
    if not history or history[-1] in table:
        yield f"{name} never ended: {_in_words(history)}"


def _in_words(history: list[str]) -> str:
    return " > ".join(history) or "nothing"


def media_matches_status(played: Played) -> Iterator[str]:
    """Yield completed recordings without media, and absent ones with media or without a reason."""
    for recording in played.recordings:
        name, sid = recording.name, recording.sid
        written = played.files.get(f"recordings/{sid}.json")
        if written is None:
            yield f"recording {name} has no JSON"
            continue
        document = json.loads(written)
        data = played.files.get(f"recordings/{sid}.wav")
        if document["status"] == "completed":
            channels = len(document["channel_map"]["channels"])
            samples = 0 if data is None else (len(data) - 44) // 2 // channels
            if data is None or samples <= 0:
                yield f"recording {name} is completed and has no media"
            if document["error_code"] is not None:
                yield f"recording {name} is completed with the error {document['error_code']}"
            if int(document["duration"]) != (2 * samples + 8000) // 16000:
                yield f"recording {name} of {samples} samples says {document['duration']} seconds"
        elif document["status"] == "absent":
            if document["error_code"] not in ABSENCE_CODES.values():
                yield f"recording {name} is absent for no reason: {document['error_code']}"
            if data is not None:
                yield f"recording {name} is absent and has media"
        else:
            yield f"recording {name} is {document['status']} in the end"
    for path in played.files:
        if path.startswith("spool") or path.endswith(".part"):
            yield f"{path} is left over"


def participants_leave(played: Played) -> Iterator[str]:
    """Yield participants who do not leave a conference exactly once before its end."""
    for conference in played.run.exchange.catalogue.conferences():
        name, inside, seen = conference.friendly_name, set[str](), set[str]()
        events = [
            event
            for event in played.events
            if isinstance(event, ConferenceEvent) and event.conference_sid == conference.sid
        ]
        kinds = [event.kind for event in events]
        if kinds and (kinds[0], kinds[-1]) != ("conference.joined", "conference.ended"):
            yield f"conference {name} went through {', '.join(kinds)}"
        for event in events:
            who = str(event.call_sid)
            if event.kind == "conference.joined":
                if who in seen:
                    yield f"{who} joined {name} twice"
                inside.add(who)
                seen.add(who)
            elif event.kind == "conference.left":
                if who not in inside:
                    yield f"{who} left {name} without being there"
                inside.discard(who)
        if inside:
            yield f"{len(inside)} never left {name}"


# -- all invariants of one run ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invariant:
    """A property that holds for every run."""

    name: str
    words: str
    """The property in words."""
    problems: Callable[[Played], Iterator[str]]
    """Yields where a run violates the property, in words."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that a run violated."""

    name: str
    words: str
    where: str
    """The first place of the violation, in words."""


def _report_is_made(played: Played) -> Iterator[str]:
    """Yield the error of a report that cannot be made."""
    try:
        json.dumps(report_json(run_report(played.run, [])), allow_nan=False)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield f"{type(error).__name__}: {error}"


GOES_THROUGH: Final = ("goes-through", "every scenario goes through to its end")
"""Name and words of the invariant that a run raises no error."""

INVARIANTS: Final = (
    Invariant(
        "equal-channels",
        "all channels of a recording have the same length, to the sample",
        judge_audio.channels_are_equal,
    ),
    Invariant(
        "said-or-missing",
        "each sample is what was said at that moment, or is listed as missing",
        judge_audio.said_or_missing,
    ),
    Invariant(
        "nothing-invented",
        "where nobody is heard there is silence: no crosstalk, nothing made up",
        judge_audio.nothing_invented,
    ),
    Invariant(
        "in-place",
        "a clip stands where it was said; with a clock that is off, within the stated bound",
        judge_audio.clips_in_place,
    ),
    Invariant(
        "legal-states",
        "calls, recordings and conferences move as Twilio documents, and each start has one end",
        statuses_are_legal,
    ),
    Invariant(
        "media",
        "a completed recording has media, an absent one none and a reason; nothing is left over",
        media_matches_status,
    ),
    Invariant(
        "everybody-leaves",
        "who joins a conference leaves it once",
        participants_leave,
    ),
    Invariant(
        "pause-map",
        "file time and call time convert both ways for any pauses, skips and trims",
        judge_audio.map_leads_both_ways,
    ),
    Invariant(
        "recordings-agree",
        "recordings of the same thing hold the same wherever both record",
        judge_audio.recordings_agree,
    ),
    Invariant("report", "every run can be reported", _report_is_made),
)
"""The invariants that every run is judged by."""


def broken_by(played: Played) -> Iterator[Violation]:
    """Yield every invariant that a run violates, with its first place."""
    for invariant in INVARIANTS:
        where = next(invariant.problems(played), None)
        if where is not None:
            yield Violation(invariant.name, invariant.words, where)
