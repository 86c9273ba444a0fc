"""What the doors do not do alike yet: such scenarios are not drawn.

Each name goes from here when the doors agree; then such scenarios are drawn, and have to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mediasim.scenario.durations import Duration

__all__ = ["IN_ORDER", "NOT_YET", "not_yet_alike"]

Document = Mapping[str, Any]

IN_ORDER: Final = False
"""Whether what happens at one moment is compared in its order too."""

_TIMES: Final = ("'at':", "'time':")


def not_yet_alike(document: Document) -> Iterator[str]:
    """The names of what in a scenario the doors do not do alike."""
    return (name for name, found in NOT_YET.items() if found(document))


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


def _asked_by_request(document: Document) -> list[Mapping[str, Any]]:
    return [it for it in _call(document).get("recordings", ()) if it.get("of") in ("api", "call")]


def _answers_ns(call: Mapping[str, Any]) -> int | None:
    """When who is called answers, as the call's times count; None: it does not."""
    answer = str(call["answer"])
    if not answer[:1].isdigit():
        return None
    return int(Duration.of(answer)) + int(Duration.of(call.get("dial_after", "0s")))


# -- calls ------------------------------------------------------------------------------------


def _hold_twice(document: Document) -> bool:
    """A second hold begins a second music in a sandbox."""
    for name in document["parties"] if _call(document) else ():
        held = False
        for step in _script(document, name):
            if step == "hold" and held:
                return True
            held = (held or step == "hold") and step != "resume"
    return False


def _both_hold(document: Document) -> bool:
    """Who resumes hears both in a sandbox, though the other still holds."""
    holding = [name for name in document["parties"] if "hold" in _script(document, name)]
    return bool(_call(document)) and len(holding) > 1


def _transfer_on_hold(document: Document) -> bool:
    """A sandbox goes on playing the music of whoever has gone."""
    there = _spoken_to(document)
    return len(there) > 1 and any("hold" in _script(document, name) for name in there)


def _caller_is_answered_first(document: Document) -> bool:
    """A caller's script begins at its answer in a sandbox, at the bridge in a scenario."""
    call = _call(document)
    if "to" not in call or call.get("answer_on_bridge") or "dial_after" in call:
        return False
    return bool(_script(document, call["from"]))


def _nothing_to_do(document: Document) -> bool:
    """A sandbox waits for ever for who is called, or is in a conference, and has no script."""
    waited_for = _spoken_to(document) if _call(document) else document["parties"]
    return any(not _script(document, name) for name in waited_for)


def _nobody_hangs_up(document: Document) -> bool:
    """The caller goes first in a scenario, who was called in a sandbox: the end is later by the
    way from the one or from the other."""
    call, there = _call(document), _spoken_to(document)
    ends = [call["from"], there[-1]] if there else []
    if any("hangup" in _script(document, name) for name in ends):
        return False
    return len({repr(document["parties"][name].get("network")) for name in ends}) > 1


def _turned_away_unanswered(document: Document) -> bool:
    """The caller of a busy party gets no-answer in a sandbox where it was not answered."""
    call = _call(document)
    return bool(call.get("answer_on_bridge")) and call.get("answer") in ("busy", "reject")


def _ringing_unanswered(document: Document) -> bool:
    """A sandbox records no ringing of a caller that is answered with the bridge."""
    call = _call(document)
    starts = [it.get("start") for it in call.get("recordings", ())]
    return bool(call.get("answer_on_bridge")) and "ringing" in starts


def _two_tracks_by_request(document: Document) -> bool:
    """Beside what the caller says: what the callee says in a scenario, what the caller is sent in
    a sandbox, music too."""
    both = any(it.get("track", "both") == "both" for it in _asked_by_request(document))
    return both and any("hold" in _script(document, name) for name in document["parties"])


def _speaks_before_the_beep(document: Document) -> bool:
    """A caller's script begins after the beep in a scenario, with its answer in a sandbox."""
    call = _call(document)
    beep = "voicemail" in call and call["voicemail"].get("beep", True)
    return beep and bool(_script(document, call["from"]))


def _busy_at_once(document: Document) -> bool:
    """Of a call that is over at once a sandbox makes a recording, an absent one."""
    call = _call(document)
    rings = any(it.get("start") == "ringing" for it in call.get("recordings", ()))
    return call.get("answer") == "busy" and (rings or bool(_asked_by_request(document)))


def _transfer_while_ringing(document: Document) -> bool:
    """A scenario's transfer waits for the answer."""
    call = _call(document)
    for each in call.get("transfers", ()):
        answered = _answers_ns(call)
        if answered is None or Duration.of(each["at"]) <= answered:
            return True
    return False


def _late_at_the_end(document: Document) -> bool:
    """What is on its way at the end counts as late in a sandbox, whose legs are not yet down."""
    return bool(_call(document)) and "'stalls'" in repr(document["parties"])


def _counted_from_its_own_dialling(document: Document) -> bool:
    """Times of the call count from its first ring in a scenario, from each leg's in a sandbox."""
    call = _call(document)
    late = _spoken_to(document)[0 if "dial_after" in call else 1 :]
    late += [
        each["party"]
        for each in _conference(document).get("participants", ())
        if Duration.of(each.get("join", "0s"))
    ]
    return any(word in repr(_script(document, name)) for name in late for word in _TIMES)


# -- conferences ------------------------------------------------------------------------------


def _come_one_by_one(document: Document) -> bool:
    """A conference begins with its first participant in a scenario, its second in a sandbox."""
    return len({str(it.get("join")) for it in _conference(document).get("participants", ())}) > 1


def _alone(document: Document) -> bool:
    """Who is alone in a sandbox's conference waits for another for ever."""
    return len(_conference(document).get("participants", "--")) < 2


def _ended_with_nothing_to_do(document: Document) -> bool:
    """Until the set end all stay in a scenario, while they have something to do in a sandbox."""
    scripts = [_script(document, name) for name in document["parties"]]
    return "end" in _conference(document) and any(
        script[-1:] != ["hangup"] and "'pause': '9" not in repr(script[-1:]) for script in scripts
    )


NOT_YET: Final[Mapping[str, Callable[[Document], bool]]] = {
    "hold-twice": _hold_twice,
    "both-hold": _both_hold,
    "transfer-on-hold": _transfer_on_hold,
    "caller-is-answered-first": _caller_is_answered_first,
    "nothing-to-do": _nothing_to_do,
    "nobody-hangs-up": _nobody_hangs_up,
    "turned-away-unanswered": _turned_away_unanswered,
    "ringing-unanswered": _ringing_unanswered,
    "two-tracks-by-request": _two_tracks_by_request,
    "speaks-before-the-beep": _speaks_before_the_beep,
    "busy-at-once": _busy_at_once,
    "transfer-while-ringing": _transfer_while_ringing,
    "late-at-the-end": _late_at_the_end,
    "counted-from-its-own-dialling": _counted_from_its_own_dialling,
    "come-one-by-one": _come_one_by_one,
    "alone": _alone,
    "ended-with-nothing-to-do": _ended_with_nothing_to_do,
}
"""By name, whether a scenario has it."""
