"""Scenarios that all doors can express, drawn with seeds as the fuzzer's are.

Parties, their networks and scripts are the fuzzer's own. Calls and conferences are drawn such that
TwiML and requests can express them; :mod:`mediasim.testing.doors.compile` lists what they cannot.
Requests come at moments at which nothing else happens: 7 ms into a frame.

Scenarios on which the doors differ by design are not drawn (:data:`DESIGN_DIFFERENCES`). A
sandbox's party without a script stays on the line, silent, until the app or the other party hangs
up; a scenario's has ended its part. A scenario's voicemail begins its caller's script after the
beep, and its conferences count their times from the conference's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mediasim.documents.durations import Duration
from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.scenario.fuzz.draw_parties import SIGNALS, Draws, draw_party
from mediasim.seeds import Seeds

__all__ = ["DESIGN_DIFFERENCES", "design_differences", "draw_call"]

Document = dict[str, Any]

_NAMES: Final = ("ann", "bob", "cleo")
_FRAME_MS: Final = 20
_OFFSET_MS: Final = 7
"""Offset of requests into a frame, in milliseconds."""
_MAX_TRIES: Final = 1000


def draw_call(seed: int, number: int) -> Document:
    """Return the scenario of a run: one call, or one conference."""
    draws = Draws(Seeds(seed).fork("doors"), f"run/{number}")
    for attempt in range(_MAX_TRIES):
        document = _drawn(draws.fork(f"try/{attempt}"), f"doors-{seed}-{number}")
        if next(design_differences(document), None) is None:
            return document
    raise AssertionError(f"seed {seed}: run {number} cannot be drawn: too much is left out")


def _drawn(draws: Draws, name: str) -> Document:
    """Return one drawn scenario."""
    scenario: Document = {
        "name": name,
        "seed": draws.whole(0, 999),
        "profile": draws.pick(sorted((*PROFILES, DEFAULT_PROFILE))),
    }
    shape = draws.pick(("call",) * 7 + ("conference",) * 2 + ("voicemail",))
    if shape == "conference":
        return scenario | _with_conference(draws.fork("conference"))
    if shape == "voicemail":
        return scenario | _with_voicemail(draws.fork("voicemail"))
    return scenario | _with_call(draws.fork("call"))


def _moment(draws: Draws, low: int, high: int) -> int:
    """Return a time in milliseconds at which no frame begins."""
    return draws.whole(low, high) // _FRAME_MS * _FRAME_MS + _OFFSET_MS


# -- calls ------------------------------------------------------------------------------------


def _with_call(draws: Draws) -> Document:
    """Draw a call that the Dial verb answers."""
    answers = draws.whole(0, 3000) if draws.chance(0.9) else draws.whole(9000, 14_000)
    call: Document = {
        "from": "ann",
        "to": "bob",
        "timeout": f"{draws.whole(10, 13)}s",
        "answer": f"{answers}ms",
    }
    if draws.chance(0.15):
        call["answer"] = draws.pick(("busy", "reject", "no-answer"))
    if draws.chance(0.5):
        call["answer_on_bridge"] = True
    elif draws.chance(0.2):
        call["dial_after"] = f"{draws.whole(1, 2)}s"
    answered = answers + 1000 * int(call.get("dial_after", "0s")[0])
    members = ["ann", "bob"]
    if draws.chance(0.2):
        members.append("cleo")
        at = answered + _moment(draws, 300, 2500)
        answer = f"{draws.whole(0, 1500)}ms"
        call["transfers"] = [{"to": "cleo", "at": f"{at}ms", "timeout": "10s", "answer": answer}]
        if draws.chance(0.15):
            call["transfers"][0]["answer"] = draws.pick(("busy", "reject", "no-answer"))
    elif draws.chance(0.3):
        call["time_limit"] = f"{draws.whole(1, 6)}s"
    call["recordings"] = _recordings(draws.fork("recordings"), call, answered)
    parties = _parties(draws, members)
    if "transfers" in call:  # a sandbox does not know that there is something to wait for
        parties["bob"].setdefault("script", []).append({"pause": "9s"})
    return {"parties": parties, "calls": [call]}


def _with_voicemail(draws: Draws) -> Document:
    """Draw a call that the Record verb answers."""
    mail: Document = {
        "timeout": f"{draws.whole(1, 3)}s",
        "max_length": f"{draws.whole(1, 6)}s",
        "trim": draws.pick(("trim-silence", "do-not-trim")),
        "beep": draws.chance(0.6),
    }
    if draws.chance(0.4):
        mail["finish_on_key"] = draws.pick(("", "#", "1"))
    call: Document = {"from": "ann", "voicemail": mail}
    call["recordings"] = [
        _recording(draws.fork(f"recording/{number}"), draws.pick(("api", "api-at")), 0)
        for number in range(draws.pick((0, 1)))
    ]
    return {"parties": _parties(draws, ["ann"]), "calls": [call]}


def _parties(draws: Draws, members: list[str]) -> Document:
    """Draw the parties; usually one of them hangs up."""
    listens = draws.chance(0.5)
    parties = {name: draw_party(draws.fork(name), listens=listens) for name in members}
    if draws.chance(0.8):  # most calls end by a party
        parties[draws.pick(members)].setdefault("script", []).append("hangup")
    _raise_signals(parties)
    return parties


def _raise_signals(parties: Document) -> None:
    """Have the first party emit, at its start, all events that scripts wait for and none emits."""
    text = repr(parties)
    script = parties[next(iter(parties))].setdefault("script", [])
    missing = [name for name in SIGNALS if f"'event': '{name}'" in text]
    script[:0] = [{"emit": name} for name in missing if f"'emit': '{name}'" not in text]


def _recordings(draws: Draws, call: Document, answered: int) -> list[Document]:
    """Draw one or two recordings of a call."""
    kinds = ["dial", "dial", "api", "api-at"]
    if call.get("answer_on_bridge"):
        kinds.remove("api")
    if "transfers" in call:
        kinds = [kind for kind in kinds if kind != "dial"]
    found: list[Document] = []
    for number in range(draws.pick((1, 1, 2))):
        each = draws.fork(f"{number}")
        kind = each.pick(kinds)
        if kind == "dial":
            kinds = [kind for kind in kinds if kind != "dial"]
        found.append(_recording(each, kind, answered) | {"name": f"rec-{number + 1}"})
    return found


def _recording(draws: Draws, kind: str, answered: int) -> Document:
    """Draw a recording of a kind."""
    recording: Document = {
        "channels": draws.pick(("dual", "mono")),
        "track": draws.pick(("both", "both", "inbound", "outbound")),
        "trim": draws.pick(("do-not-trim", "do-not-trim", "trim-silence")),
        "of": kind.partition("-")[0],
    }
    begins = answered
    if kind == "dial":
        recording["start"] = draws.pick(("answer", "answer", "ringing"))
    elif kind == "api":
        recording["start"] = "answer"
    else:
        begins = _moment(draws, 0, answered + 2000)
        recording["start"] = {"at": f"{begins}ms"}
    return recording | _changes(draws.fork("changes"), begins)


def _changes(draws: Draws, begins: int) -> Document:
    """Draw pauses, and a stop before the call's end."""
    changes: Document = {}
    at = begins + _FRAME_MS
    for _ in range(draws.pick((0, 0, 1, 2))):
        start = at + _moment(draws, 0, 1200)
        length = draws.whole(1, 40) * _FRAME_MS
        pause: Document = {"at": f"{start}ms", "behavior": draws.pick(("silence", "skip"))}
        if draws.chance(0.9):
            pause["for"] = f"{length}ms"
        changes.setdefault("pauses", []).append(pause)
        at = start + length
        if "for" not in pause:
            break
    if draws.chance(0.2):
        changes["stop"] = f"{at + _moment(draws, 20, 2000)}ms"
    return changes


# -- conferences ------------------------------------------------------------------------------


def _with_conference(draws: Draws) -> Document:
    """Draw a conference of two or three participants."""
    members = list(_NAMES[: draws.pick((2, 2, 3))])
    participants: list[Document] = []
    together = draws.chance(0.5)
    for name in members:
        participant_draws = draws.fork(f"participant/{name}")
        join = 0 if together else participant_draws.whole(0, 1500)
        participant: Document = {"party": name, "join": f"{join}ms"}
        if participant_draws.chance(0.4):
            participant["muted"] = {"at": f"{join + _moment(participant_draws, 20, 2000)}ms"}
            if participant_draws.chance(0.8):
                participant["muted"]["for"] = f"{participant_draws.whole(1, 60) * _FRAME_MS}ms"
        participants.append(participant)
    conference: Document = {"name": "room", "participants": participants}
    if draws.chance(0.3):
        conference["end"] = f"{_moment(draws, 2500, 5000)}ms"
    conference["recording"] = {
        "name": "room",
        "channels": draws.pick(("mono", "dual")),
        "trim": draws.pick(("do-not-trim", "trim-silence")),
    }
    conference["recording"] |= _changes(draws.fork("changes"), 1500)
    parties = _parties(draws, members)
    stay = draws.chance(0.7)
    for name, party in parties.items():
        _remove_leg_draws(party, name)
        script = party.setdefault("script", [])
        if "end" in conference and stay and script[-1:] != ["hangup"]:
            script.append({"pause": "9s"})
    return {"parties": parties, "conferences": [conference]}


def _remove_leg_draws(party: Document, name: str) -> None:
    """Remove from a party what is drawn under the name of its leg, which differs in a sandbox."""
    party.pop("noise", None)
    if "line" in party:
        party["line"] = {"kind": "telephone", "level": -26, "noise": "none"}
    party["network"] = {"delay": "40ms"}
    if party["dtx"] == "comfort-noise":
        party["dtx"] = "silence"
    for number, step in enumerate(_steps(party.get("script", []))):
        if "noise" in step:
            step["noise"]["label"] = f"{name}-{number}"


def _steps(value: Any) -> list[Document]:
    """Return all steps, nested ones too."""
    if isinstance(value, dict):
        return [value, *(step for inner in value.values() for step in _steps(inner))]
    if isinstance(value, list):
        return [step for inner in value for step in _steps(inner)]
    return []


# -- differences by design ------------------------------------------------------------------

_TIMES: Final = ("'at':", "'time':")
"""Keys of steps whose times count from the start of a call or conference."""


def design_differences(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the features of a scenario on which the doors differ."""
    return (name for name, found in DESIGN_DIFFERENCES.items() if found(document))


def _call(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the call; empty without one."""
    calls = document.get("calls") or [{}]
    found: Mapping[str, Any] = calls[0]
    return found


def _conference(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the conference; empty without one."""
    rooms = document.get("conferences") or [{}]
    found: Mapping[str, Any] = rooms[0]
    return found


def _script(document: Mapping[str, Any], name: str) -> list[Any]:
    """Return the script of a party."""
    return document["parties"][name].get("script") or []


def _callees(document: Mapping[str, Any]) -> list[str]:
    """Return the parties that the caller is connected to, in order."""
    call = _call(document)
    return [each["to"] for each in (call, *call.get("transfers", ())) if "to" in each]


def _nothing_to_do(document: Mapping[str, Any]) -> bool:
    """A sandbox waits forever for a callee or participant without a script."""
    waited_for = _callees(document) if _call(document) else document["parties"]
    return any(not _script(document, name) for name in waited_for)


def _speaks_before_the_beep(document: Mapping[str, Any]) -> bool:
    """A caller's script begins after the beep in a scenario, with its answer in a sandbox."""
    call = _call(document)
    beep = "voicemail" in call and call["voicemail"].get("beep", True)
    return beep and bool(_script(document, call["from"]))


def _counted_from_the_conference(document: Mapping[str, Any]) -> bool:
    """Times count from the conference's start in a scenario, from the leg's in a sandbox."""
    late = [
        each["party"]
        for each in _conference(document).get("participants", ())
        if Duration.of(each.get("join", "0s"))
    ]
    return any(word in repr(_script(document, name)) for name in late for word in _TIMES)


def _transfer_unanswered(document: Mapping[str, Any]) -> bool:
    """A request to transfer an unanswered caller is refused; a scenario's transfer waits."""
    call = _call(document)
    answer = str(call.get("answer", "1s"))
    answered_ns = 0
    if call.get("answer_on_bridge"):
        answered_ns = int(Duration.of(answer if answer[:1].isdigit() else "4h"))
    return any(int(Duration.of(each["at"])) <= answered_ns for each in call.get("transfers", ()))


def _alone(document: Mapping[str, Any]) -> bool:
    """A participant alone in a sandbox's conference waits forever for another."""
    participants = _conference(document).get("participants", "--")
    return len(participants) < 2


def _left_alone(document: Mapping[str, Any]) -> bool:
    """A participant that hangs up before the next joins may leave one alone in a new conference."""
    joins = {str(each.get("join")) for each in _conference(document).get("participants", ())}
    leaves = any("hangup" in _script(document, name) for name in document["parties"])
    return leaves and len(joins) > 1


def _ended_with_nothing_to_do(document: Mapping[str, Any]) -> bool:
    """In a scenario all stay until the set end; in a sandbox only while their scripts last."""
    scripts = [_script(document, name) for name in document["parties"]]
    return "end" in _conference(document) and any(
        script[-1:] != ["hangup"] and "'pause': '9" not in repr(script[-1:]) for script in scripts
    )


DESIGN_DIFFERENCES: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "nothing-to-do": _nothing_to_do,
    "speaks-before-the-beep": _speaks_before_the_beep,
    "transfer-unanswered": _transfer_unanswered,
    "alone": _alone,
    "left-alone": _left_alone,
    "counted-from-the-conference": _counted_from_the_conference,
    "ended-with-nothing-to-do": _ended_with_nothing_to_do,
}
"""Predicates of scenarios by name of the feature."""
