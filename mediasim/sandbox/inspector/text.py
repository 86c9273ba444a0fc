"""The timelines of a sandbox's calls as text, for a terminal. On the engine's loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from mediasim.documents.diagnostics import printable
from mediasim.exchange.events import Event
from mediasim.sandbox.inspector.legs import Legs
from mediasim.sandbox.inspector.timeline import timeline
from mediasim.sandbox.inspector.waits import who_waits
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["events_text", "timelines", "timelines_text"]

_MOST_LINES: Final = 160
"""Most lines of one call; of more, the first and the last are shown."""
_LONGEST: Final = 300
"""Most characters of a line."""
_TOLD_ELSEWHERE: Final = ("recording.", "stream.", "relay.")
_OF_CALLBACKS: Final = (15003,)
"""Codes of notifications about the app's answers to callbacks."""
_CALL_STATES: Final = ("call.bridged", "call.held", "call.resumed", "call.transferred")
Moment = tuple[float, str]
"""Seconds of the loop, and what happened."""


def timelines(sandbox: Sandbox, legs: Legs) -> list[dict[str, Any]]:
    """Return the timeline of each call with its legs, oldest first."""
    roots = [each for each in sandbox.service.catalogue.calls() if each.parent_call_sid is None]
    return [timeline(sandbox, legs, each.sid) for each in roots]


def events_text(events: Iterable[Event]) -> str:
    """Return the events of a run as text, a line for each."""
    told = (each for each in events if each.kind != "twiml.verb-ended")
    lines = [_line(each.at_ns / 1e9, f"{each.kind}  {each.text}") for each in told]
    return "\n".join(_shortened(lines))


def timelines_text(sandbox: Sandbox, found: Iterable[dict[str, Any]]) -> str:
    """Return timelines as text: a line for each thing that happened, and who waits at the end."""
    waits = who_waits(sandbox)
    now = sandbox.clock.now_ns / 1e9
    lines: list[str] = []
    for each in found:
        lines += [_title(each["legs"][0]), *_shortened(list(_lines(each)))]
        for leg in each["legs"]:
            lines += [_line(now, f"now: {words}") for words in waits.get(leg["sid"], ())]
        lines.append("")
    known = {leg["sid"] for each in found for leg in each["legs"]}
    others = [note for note in sandbox.service.notifications if note.call_sid not in known]
    if others:
        lines.append("of no call:")
        lines += [
            _line(
                note.created_ns / 1e9,
                _note_words(note.error_code, note.log == "1", note.message_text),
            )
            for note in others
        ]
    return "\n".join(lines).rstrip()


def _title(leg: dict[str, Any]) -> str:
    return f"call {leg['sid']} from {leg['from']} to {leg['to']}, {leg['direction']}"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one timeline by time; what is of one time comes in order of its cause."""
    names = {leg["sid"]: leg["to"] for leg in found["legs"][1:]}
    last = max((leg["ended"] or 0.0 for leg in found["legs"]), default=0.0)

    def about_the_end(at: float, kind: str) -> bool:
        return kind.endswith("-status") and at >= last > 0

    moments = [
        *((at, 0, words) for at, words in _begins(found["legs"])),
        *((at, 8 if about_the_end(at, kind) else 1, words)
          for at, kind, words in _of_requests(found["deliveries"])),
        *((note["at"], 9 if note["code"] in _OF_CALLBACKS else 2, _note_words(
            note["code"], note["warning"], note["text"])) for note in found["notes"]),
        *((at, 3, words) for at, words in _answers(found["legs"])),
        *((verb["start"], 4, _of(names, verb, f"<{verb['verb']}> on line {verb['line']}"
           + _said(verb))) for verb in found["verbs"]),
        *((key["at"], 5, _of(names, key, f"key {key['digit']}")) for key in found["keys"]),
        *((at, 5, words) for at, words in _of_streams(found["streams"])),
        *((each["at"], 5, each["text"]) for each in found["moments"] if _is_told(each["kind"])),
        *((at, 6, words) for at, words in _of_recordings(found["recordings"])),
        *((at, 7, words) for at, words in _ends(found["legs"])),
    ]  # fmt: skip
    for at, _, words in sorted(moments, key=lambda each: each[:2]):
        yield _line(at, words)


def _line(at: float, words: str) -> str:
    words = printable(" ".join(words.split()))
    if len(words) > _LONGEST:
        words = words[:_LONGEST] + "…"
    return f"{at:9.3f}s  {words}"


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    half = _MOST_LINES // 2
    left_out = f"{'':10}  … {len(lines) - _MOST_LINES} lines more, which the report has"
    return [*lines[:half], left_out, *lines[-half:]]


def _of(names: dict[str, str], entry: dict[str, Any], words: str) -> str:
    """Return words about a leg, with its number where it is not the call's first."""
    name = names.get(entry["call"])
    return words if name is None else f"{name}: {words}"


def _said(verb: dict[str, Any]) -> str:
    _, colon, said = verb["text"].partition(": ")
    return f": {said}" if colon else ""


def _is_told(kind: str) -> bool:
    if kind.startswith("call."):
        return kind in _CALL_STATES
    return not kind.startswith(_TOLD_ELSEWHERE)


def _begins(legs: list[dict[str, Any]]) -> Iterator[Moment]:
    for leg in legs:
        first = leg is legs[0]
        yield leg["created"], "the call begins" if first else f"{leg['to']}: dialled"


def _answers(legs: list[dict[str, Any]]) -> Iterator[Moment]:
    for leg in legs:
        if leg["answered"] is not None:
            yield leg["answered"], "answered" if leg is legs[0] else f"{leg['to']}: answered"


def _ends(legs: list[dict[str, Any]]) -> Iterator[Moment]:
    for leg in legs:
        if leg["ended"] is None:
            continue
        words = leg["status"] if leg is legs[0] else f"{leg['to']}: {leg['status']}"
        if leg["answered"] is not None:
            words += f" after {leg['ended'] - leg['answered']:.1f} s"
        yield leg["ended"], words


def _of_requests(deliveries: list[dict[str, Any]]) -> Iterator[tuple[float, str, str]]:
    for each in deliveries:
        came = each["status"] or each["state"]
        words = f"{each['method']} {each['url']} → {came} ({each['kind']})"
        if each["error"]:
            words += f": {each['error']}"
        if each["attempts"] > 1:
            words += f", {each['attempts']} attempts"
        if each["injected"]:
            words += f" [injected: {'; '.join(each['injected'])}]"
        yield each["queued"] if each["sent"] is None else each["sent"], each["kind"], words


def _note_words(code: int, warning: bool, text: str) -> str:
    return f"{'warning' if warning else 'ERROR'} {code}: {text}"


def _of_recordings(recordings: list[dict[str, Any]]) -> Iterator[Moment]:
    for each in recordings:
        yield each["started"], f"recording {each['sid']} begins, {each['source']}"
        if each["seconds"] is not None:
            channels = f"{each['channels']} channel{'s' if each['channels'] > 1 else ''}"
            pauses = sum((to or from_) - from_ for from_, to in each["pauses"])
            words = f"recording {each['sid']} {each['status']}: {each['seconds']:.1f} s, {channels}"
            yield each["started"] + each["seconds"] + pauses, words


_SPOKEN: Final = {
    "prompt": "relay: the app is told",
    "text": "relay: the app says",
    "interrupt": "relay: the caller interrupts after",
    "preempted": "relay: the app cuts itself off after",
    "wrong": "relay",
}
"""What a relay's log has of words, and how it is told."""


def _of_streams(streams: list[dict[str, Any]]) -> Iterator[Moment]:
    for each in streams:
        name = each["name"] or each["sid"]
        kind = each["kind"]
        yield each["asked"], f"{kind} {name} to {each['url']} ({each['direction']})"
        if kind == "relay":
            words = (one for one in each["log"] if one["kind"] in _SPOKEN)
            yield from ((one["at"], f"{_SPOKEN[one['kind']]}: {one['text']}") for one in words)
        if each["ended"] is not None:
            error = each["error"]
            why = f": error {error['code']}: {error['text']}" if error else ""
            messages = f"{each['messages']['sent']} sent, {each['messages']['received']} received"
            yield each["ended"], f"{kind} {name} ended, messages: {messages}{why}"
