"""Calls drawn at random, as the documents that scenario files hold.

The seed and the run's number decide all of it. Calls are short, a few seconds, and every wait in
them ends; what they do in that time is anything that scenarios can say.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.scenario.fuzz.draw_parties import SIGNALS, Draws, draw_party
from mediasim.seeds import Seeds

__all__ = ["draw_scenario"]

Drawn = dict[str, Any]

_NAMES: Final = ("ann", "bob", "cleo", "dan", "eve")
_ANSWERS: Final = ("busy", "reject", "no-answer")


def draw_scenario(seed: int, number: int) -> Drawn:
    """Return the scenario of a run, decided by the seed and the run's number."""
    draws = Draws(Seeds(seed).fork("fuzz"), f"run/{number}")
    shape = draws.pick(("call",) * 6 + ("conference",) * 2 + ("voicemail",) * 2 + ("several",))
    scenario: Drawn = {
        "name": f"fuzz-{seed}-{number}",
        "seed": draws.whole(0, 999),
        "profile": draws.pick(sorted((*PROFILES, DEFAULT_PROFILE))),
    }
    listens = draws.chance(0.5)
    if shape == "call":
        call = _call(draws.fork("call"), _NAMES[:4], "")
        members = _members(call)
        scenario |= {"parties": {}, "calls": [call]}
    elif shape == "voicemail":
        members = ["ann"]
        scenario |= {"parties": {}, "calls": [_voicemail(draws.fork("call"))]}
    elif shape == "conference":
        conference = _conference(draws.fork("conference"), _NAMES)
        members = list(dict.fromkeys(each["party"] for each in conference["participants"]))
        scenario |= {"parties": {}, "conferences": [conference]}
    else:
        call = _call(draws.fork("call"), _NAMES[:2], "-call")
        conference = _conference(draws.fork("conference"), _NAMES[2:])
        members = [*_members(call), *(each["party"] for each in conference["participants"])]
        members = list(dict.fromkeys(members))
        scenario |= {"parties": {}, "calls": [call], "conferences": [conference]}
    scenario["parties"] = {
        name: draw_party(draws.fork(f"party/{name}"), listens=listens) for name in members
    }
    _raise_signals(scenario)
    return scenario


def _members(call: Drawn) -> list[str]:
    """Return the names of the parties of a call."""
    names = [call["from"], call["to"], *(each["to"] for each in call.get("transfers", ()))]
    return list(dict.fromkeys(names))


def _raise_signals(scenario: Drawn) -> None:
    """Let the first party emit every event that is waited for, so that no wait is without end."""
    script = next(iter(scenario["parties"].values())).setdefault("script", [])
    text = repr(scenario)
    script[:0] = [{"emit": name} for name in SIGNALS if f"'event': '{name}'" in text]


# -- calls --------------------------------------------------------------------------------------


def _call(draws: Draws, names: tuple[str, ...], suffix: str) -> Drawn:
    """Return a call between two parties, perhaps transferred to others."""
    call: Drawn = {
        "from": names[0],
        "to": names[1],
        "answer": draws.pick(_ANSWERS) if draws.chance(0.12) else draws.ms(0, 1500),
        "timeout": draws.pick(("800ms", "3s", "3s")),
        "time_limit": draws.ms(1500, 7000),
    }
    if draws.chance(0.2):
        call["at"] = draws.ms(0, 1000)
    if draws.chance(0.3):
        call["dial_after"] = draws.ms(1, 1200)
    elif draws.chance(0.4):
        call["answer_on_bridge"] = True
    spoken_to = names[1]
    transfers: list[Drawn] = []
    for number in range(draws.pick((0, 0, 0, 1, 2))):
        others = [name for name in names[1:] if name != spoken_to]
        if not others:
            break
        step = draws.fork(f"transfer/{number}")
        spoken_to = step.pick(others)
        transfer: Drawn = {"to": spoken_to, "timeout": "2s"}
        transfer["answer"] = step.pick(_ANSWERS) if step.chance(0.2) else step.ms(0, 1000)
        transfer |= _moment(step, 500 + 1000 * number, 3000)
        transfers.append(transfer)
    if transfers:
        call["transfers"] = transfers
    call["recordings"] = [
        _recording(draws.fork(f"recording/{number}"), f"rec-{number + 1}{suffix}", dialled=True)
        for number in range(draws.pick((1, 1, 2, 3)))
    ]
    return call


def _voicemail(draws: Draws) -> Drawn:
    mail: Drawn = {
        "name": "mail",
        "timeout": draws.ms(300, 2000),
        "max_length": draws.ms(500, 5000),
        "trim": draws.pick(("trim-silence", "do-not-trim")),
        "beep": draws.chance(0.7),
    }
    if draws.chance(0.4):
        mail["greeting"] = {"say": {"text": "Leave a message", "voice": "babble"}}
    if draws.chance(0.3):
        mail["finish_on_key"] = draws.pick(("", "#", "1"))
    call: Drawn = {"from": "ann", "voicemail": mail}
    call["recordings"] = [
        _recording(draws.fork(f"recording/{number}"), f"rec-{number + 1}", dialled=False)
        for number in range(draws.pick((0, 0, 1, 2)))
    ]
    return call


def _conference(draws: Draws, names: tuple[str, ...]) -> Drawn:
    """Return a conference whose participants join and leave, and perhaps join again."""
    participants: list[Drawn] = []
    for name in names[: draws.whole(1, len(names))]:
        who = draws.fork(name)
        join = who.whole(0, 2000)
        participant: Drawn = {"party": name, "join": f"{join}ms"}
        participants.append(participant)
        if who.chance(0.5):
            leave = join + who.whole(1, 2500)
            participant["leave"] = f"{leave}ms"
            if who.chance(0.3):
                again = leave + who.whole(600, 1500)
                participants.append({"party": name, "join": f"{again}ms"})
        if who.chance(0.4):
            participant["muted"] = {"at": who.ms(0, 2500)}
            if who.chance(0.7):
                participant["muted"]["for"] = who.ms(1, 1500)
    conference: Drawn = {"participants": participants, "end": draws.ms(5000, 7000)}
    if draws.chance(0.9):
        conference["recording"] = {
            "name": "room",
            "channels": draws.pick(("mono", "dual")),
            "trim": draws.pick(("do-not-trim", "do-not-trim", "trim-silence")),
        }
        conference["recording"] |= _cuts(draws.fork("recording"), 0)
    return conference


# -- recordings ---------------------------------------------------------------------------------


def _moment(draws: Draws, low: int, high: int) -> Drawn:
    """Return a time of the call, or an event that a script emits."""
    if draws.chance(0.2):
        return {"event": draws.pick(SIGNALS)}
    return {"at": draws.ms(low, high)}


def _recording(draws: Draws, name: str, *, dialled: bool) -> Drawn:
    recording: Drawn = {
        "name": name,
        "channels": draws.pick(("dual", "dual", "mono")),
        "track": draws.pick(("both", "both", "both", "inbound", "outbound")),
        "trim": draws.pick(("do-not-trim", "do-not-trim", "trim-silence")),
    }
    begin = 0
    start = draws.pick(("answer", "answer", "ringing", "at", "event"))
    if start == "at":
        begin = draws.whole(0, 2500)
        recording["start"] = {"at": f"{begin}ms"}
    elif start == "event":
        recording["start"] = {"event": draws.pick(SIGNALS)}
    elif start == "answer":
        recording["of"] = draws.pick(("dial", "call", "api")) if dialled else "call"
    elif dialled:
        recording["start"] = "ringing"
    return recording | _cuts(draws.fork("cuts"), begin)


def _cuts(draws: Draws, begin: int) -> Drawn:
    """Return pauses of a recording, and an end before the call's."""
    cuts: Drawn = {}
    at = begin
    for _ in range(draws.pick((0, 0, 1, 2, 3))):
        pause: Drawn = {"behavior": draws.pick(("silence", "skip"))}
        start = at + draws.whole(0, 1500)
        length = draws.whole(1, 900)
        at = start + length
        pause["at"] = f"{start}ms"
        if draws.chance(0.8):
            pause["for"] = f"{length}ms"
        elif draws.chance(0.5):
            pause["until"] = {"at": f"{at}ms"}
        elif draws.chance(0.5):
            pause["until"] = {"event": draws.pick(SIGNALS)}
        cuts.setdefault("pauses", []).append(pause)
    if draws.chance(0.25):
        cuts["stop"] = (
            {"event": draws.pick(SIGNALS)}
            if draws.chance(0.2)
            else f"{at + draws.whole(1, 3000)}ms"
        )
    return cuts
