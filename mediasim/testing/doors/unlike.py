"""What a scenario says and a sandbox has no words for: such scenarios are not drawn.

A sandbox's party without a script stays on the line, silent, until the app or the other hangs up;
a scenario's has nothing to do, and counts as done. A scenario's voicemail begins its caller's
script after the beep, and its conferences count their times from the conference's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mediasim.documents.durations import Duration

__all__ = ["UNLIKE", "unlike"]

Document = Mapping[str, Any]

_TIMES: Final = ("'at':", "'time':")


def unlike(document: Document) -> Iterator[str]:
    """The names of what in a scenario the doors do not do alike."""
    return (name for name, found in UNLIKE.items() if found(document))


def _call(document: Document) -> Mapping[str, Any]:
    """The call, or nothing."""
    calls = document.get("calls") or [{}]
    found: Mapping[str, Any] = calls[0]
    return found


def _conference(document: Document) -> Mapping[str, Any]:
    rooms = document.get("conferences") or [{}]
    found: Mapping[str, Any] = rooms[0]
    return found


def _script(document: Document, name: str) -> list[Any]:
    return document["parties"][name].get("script") or []


def _spoken_to(document: Document) -> list[str]:
    """Whom the caller is connected to, one after the other."""
    call = _call(document)
    return [each["to"] for each in (call, *call.get("transfers", ())) if "to" in each]


# -- calls ------------------------------------------------------------------------------------


def _nothing_to_do(document: Document) -> bool:
    """A sandbox waits for ever for who is called, or is in a conference, and has no script."""
    waited_for = _spoken_to(document) if _call(document) else document["parties"]
    return any(not _script(document, name) for name in waited_for)


def _speaks_before_the_beep(document: Document) -> bool:
    """A caller's script begins after the beep in a scenario, with its answer in a sandbox."""
    call = _call(document)
    beep = "voicemail" in call and call["voicemail"].get("beep", True)
    return beep and bool(_script(document, call["from"]))


def _counted_from_the_conference(document: Document) -> bool:
    """Times of a scenario's conference are the conference's, of a sandbox's leg its own."""
    late = [
        each["party"]
        for each in _conference(document).get("participants", ())
        if Duration.of(each.get("join", "0s"))
    ]
    return any(word in repr(_script(document, name)) for name in late for word in _TIMES)


def _transfer_unanswered(document: Document) -> bool:
    """A request to transfer a caller that is not answered is refused; a scenario's waits."""
    call = _call(document)
    answer = str(call.get("answer", "1s"))
    answered_ns = 0
    if call.get("answer_on_bridge"):
        answered_ns = int(Duration.of(answer if answer[:1].isdigit() else "4h"))
    return any(int(Duration.of(each["at"])) <= answered_ns for each in call.get("transfers", ()))


# -- conferences ------------------------------------------------------------------------------


def _alone(document: Document) -> bool:
    """Who is alone in a sandbox's conference waits for another for ever."""
    participants = _conference(document).get("participants", "--")
    return len(participants) < 2


def _left_alone(document: Document) -> bool:
    """Who hangs up before the next comes may leave a party alone in a new conference."""
    joins = {str(it.get("join")) for it in _conference(document).get("participants", ())}
    leaves = any("hangup" in _script(document, name) for name in document["parties"])
    return leaves and len(joins) > 1


def _ended_with_nothing_to_do(document: Document) -> bool:
    """Until the set end all stay in a scenario, while they have something to do in a sandbox."""
    scripts = [_script(document, name) for name in document["parties"]]
    return "end" in _conference(document) and any(
        script[-1:] != ["hangup"] and "'pause': '9" not in repr(script[-1:]) for script in scripts
    )


UNLIKE: Final[Mapping[str, Callable[[Document], bool]]] = {
    "nothing-to-do": _nothing_to_do,
    "speaks-before-the-beep": _speaks_before_the_beep,
    "transfer-unanswered": _transfer_unanswered,
    "alone": _alone,
    "left-alone": _left_alone,
    "counted-from-the-conference": _counted_from_the_conference,
    "ended-with-nothing-to-do": _ended_with_nothing_to_do,
}
"""By name, whether a scenario has it."""
