"""Scenarios drawn in the language that all doors understand, seeded as the fuzzer's are.

Parties, their networks and what they do are the fuzzer's own. Calls and conferences are drawn so
that TwiML and requests have words for them; :mod:`mediasim.testing.doors.compile` says for what
they have none. Requests come at moments at which nothing else happens: 7 ms into a frame.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.scenario.fuzz.draw_parties import SIGNALS, Draws, draw_party
from mediasim.seeds import Seeds
from mediasim.testing.doors.unlike import unlike

__all__ = ["draw_call"]

Drawn = dict[str, Any]

_NAMES: Final = ("ann", "bob", "cleo")
_FRAME_MS: Final = 20
_OFF_MS: Final = 7
_MOST_TRIES: Final = 1000


def draw_call(seed: int, number: int) -> Drawn:
    """The scenario of a run: one call, or one conference."""
    draws = Draws(Seeds(seed).fork("doors"), f"run/{number}")
    for attempt in range(_MOST_TRIES):
        document = _drawn(draws.fork(f"try/{attempt}"), f"doors-{seed}-{number}")
        if next(unlike(document), None) is None:
            return document
    raise AssertionError(f"seed {seed}: run {number} cannot be drawn: too much is left out")


def _drawn(draws: Draws, name: str) -> Drawn:
    scenario: Drawn = {
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
    """Milliseconds, such that no frame begins then."""
    return draws.whole(low, high) // _FRAME_MS * _FRAME_MS + _OFF_MS


# -- calls ------------------------------------------------------------------------------------


def _with_call(draws: Draws) -> Drawn:
    answers = draws.whole(0, 3000) if draws.chance(0.9) else draws.whole(3000, 6000)
    call: Drawn = {
        "from": "ann",
        "to": "bob",
        "timeout": f"{draws.whole(1, 7)}s",
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
        call["transfers"] = [{"to": "cleo", "at": f"{at}ms", "timeout": "2s", "answer": answer}]
        if draws.chance(0.15):
            call["transfers"][0]["answer"] = draws.pick(("busy", "reject", "no-answer"))
    elif draws.chance(0.3):
        call["time_limit"] = f"{draws.whole(1, 6)}s"
    call["recordings"] = _recordings(draws.fork("recordings"), call, answered)
    parties = _parties(draws, members)
    if "transfers" in call:  # a sandbox does not know that there is something to wait for
        parties["bob"].setdefault("script", []).append({"pause": "9s"})
    return {"parties": parties, "calls": [call]}


def _with_voicemail(draws: Draws) -> Drawn:
    """A call that the Record verb answers."""
    mail: Drawn = {
        "timeout": f"{draws.whole(1, 3)}s",
        "max_length": f"{draws.whole(1, 6)}s",
        "trim": draws.pick(("trim-silence", "do-not-trim")),
        "beep": draws.chance(0.6),
    }
    if draws.chance(0.4):
        mail["finish_on_key"] = draws.pick(("", "#", "1"))
    call: Drawn = {"from": "ann", "voicemail": mail}
    call["recordings"] = [
        _recording(draws.fork(f"recording/{number}"), draws.pick(("api", "api-at")), 0)
        for number in range(draws.pick((0, 1)))
    ]
    return {"parties": _parties(draws, ["ann"]), "calls": [call]}


def _parties(draws: Draws, members: list[str]) -> Drawn:
    listens = draws.chance(0.5)
    parties = {name: draw_party(draws.fork(name), listens=listens) for name in members}
    if draws.chance(0.8):  # as a rule somebody hangs up
        parties[draws.pick(members)].setdefault("script", []).append("hangup")
    _raise_signals(parties)
    return parties


def _raise_signals(parties: Drawn) -> None:
    """Only what some script emits may be waited for: the first party emits the others at once."""
    text = repr(parties)
    script = parties[next(iter(parties))].setdefault("script", [])
    missing = [name for name in SIGNALS if f"'event': '{name}'" in text]
    script[:0] = [{"emit": name} for name in missing if f"'emit': '{name}'" not in text]


def _recordings(draws: Draws, call: Drawn, answered: int) -> list[Drawn]:
    kinds = ["dial", "dial", "api", "api-at"]
    if call.get("answer_on_bridge"):
        kinds.remove("api")
    if "transfers" in call:
        kinds = [kind for kind in kinds if kind != "dial"]
    found: list[Drawn] = []
    for number in range(draws.pick((1, 1, 2))):
        each = draws.fork(f"{number}")
        kind = each.pick(kinds)
        if kind == "dial":
            kinds = [kind for kind in kinds if kind != "dial"]
        found.append(_recording(each, kind, answered) | {"name": f"rec-{number + 1}"})
    return found


def _recording(draws: Draws, kind: str, answered: int) -> Drawn:
    recording: Drawn = {
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


def _changes(draws: Draws, begins: int) -> Drawn:
    """Pauses, and an end before the call's."""
    changes: Drawn = {}
    at = begins + _FRAME_MS
    for _ in range(draws.pick((0, 0, 1, 2))):
        start = at + _moment(draws, 0, 1200)
        length = draws.whole(1, 40) * _FRAME_MS
        pause: Drawn = {"at": f"{start}ms", "behavior": draws.pick(("silence", "skip"))}
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


def _with_conference(draws: Draws) -> Drawn:
    members = list(_NAMES[: draws.pick((2, 2, 3))])
    participants: list[Drawn] = []
    together = draws.chance(0.5)
    for name in members:
        who = draws.fork(f"participant/{name}")
        join = 0 if together else who.whole(0, 1500)
        participant: Drawn = {"party": name, "join": f"{join}ms"}
        if who.chance(0.4):
            participant["muted"] = {"at": f"{join + _moment(who, 20, 2000)}ms"}
            if who.chance(0.8):
                participant["muted"]["for"] = f"{who.whole(1, 60) * _FRAME_MS}ms"
        participants.append(participant)
    conference: Drawn = {"name": "room", "participants": participants}
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
        _said_alike(party, name)
        script = party.setdefault("script", [])
        if "end" in conference and stay and script[-1:] != ["hangup"]:
            script.append({"pause": "9s"})
    return {"parties": parties, "conferences": [conference]}


def _said_alike(party: Drawn, name: str) -> None:
    """Its legs have other names in a sandbox: nothing is drawn under them."""
    party.pop("noise", None)
    party["network"] = {"delay": "40ms"}
    if party["dtx"] == "comfort-noise":
        party["dtx"] = "silence"
    for number, step in enumerate(_steps(party.get("script", []))):
        if "noise" in step:
            step["noise"]["label"] = f"{name}-{number}"


def _steps(value: Any) -> list[Drawn]:
    """Every step, those inside others too."""
    if isinstance(value, dict):
        return [value, *(step for inner in value.values() for step in _steps(inner))]
    if isinstance(value, list):
        return [step for inner in value for step in _steps(inner)]
    return []
