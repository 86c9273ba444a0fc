"""Scenarios drawn at random: parties, networks, scripts, calls, conferences, recordings.

Everything is drawn as the dict that a scenario file would hold, so that a failure prints as one.
Strategies are kept (``cache``): making and checking one takes longer than to draw from it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

__all__ = ["calls", "conferences", "links", "networks", "parties", "scripts", "voicemails"]

Drawn = dict[str, Any]

_MS = st.integers(0, 60).map(lambda ms: f"{ms}ms")
_SHARES = st.sampled_from([0.02, 0.1, 0.3])
_LINES: list[Any] = [{"kind": "telephone", "noise": "none"}, "telephone", "mobile"]
"""The first one without noise."""


@cache
def _seconds(low: float, high: float) -> st.SearchStrategy[str]:
    return st.integers(int(low * 1000), int(high * 1000)).map(lambda ms: f"{ms}ms")


# -- what parties do ----------------------------------------------------------------------------


@cache
def sounds(*, pressing: bool = True) -> st.SearchStrategy[Drawn]:
    """One step that is heard."""
    kinds = [
        st.builds(
            lambda kind, for_, level: {"noise": {"kind": kind, "for": for_, "level": level}},
            st.sampled_from(["white", "pink", "babble"]),
            _seconds(0.02, 0.8),
            st.sampled_from([-12, -20, -35]),
        ),
        st.builds(
            lambda hz, for_: {"tone": {"hz": hz, "for": for_}},
            st.sampled_from([[440], [620, 1130], [2500]]),
            _seconds(0.05, 0.5),
        ),
        st.sampled_from([{"say": "Good morning"}, {"say": "What can I do for you?"}]),
    ]
    if pressing:
        kinds.append(
            st.builds(
                lambda digits, in_band: {"dtmf": {"digits": digits, "in_band": in_band}},
                st.sampled_from(["1", "42#", "0"]),
                st.booleans(),
            )
        )
    return st.one_of(*kinds)


@cache
def _pauses() -> st.SearchStrategy[Drawn]:
    return _seconds(0.01, 1.5).map(lambda time: {"pause": time})


@cache
@st.composite
def scripts(draw: st.DrawFn, *, acting: bool = False, pressing: bool = True) -> list[Any]:
    """Steps that speak and pause; ``acting`` adds muting, holding, waiting and hanging up."""
    step: st.SearchStrategy[Any] = sounds(pressing=pressing) | _pauses()
    steps = draw(st.lists(step, min_size=1, max_size=5))
    if not acting:
        return steps
    for begin, end in (("mute", "unmute"), ("hold", "resume")):
        if draw(st.integers(0, 3)) == 0:
            at = draw(st.integers(0, len(steps)))
            steps[at:at] = [begin, draw(_pauses()), end]
    if draw(st.integers(0, 3)) == 0:
        waits: list[Drawn] = [{"speech": True}, {"quiet": "300ms"}, {"digit": "1"}]
        wait = draw(st.sampled_from(waits))
        steps.insert(draw(st.integers(0, len(steps))), {"wait_for": {**wait, "timeout": "2s"}})
    if draw(st.integers(0, 3)) == 0:
        steps.append("hangup")
    return steps


# -- networks and parties -----------------------------------------------------------------------


@cache
@st.composite
def links(draw: st.DrawFn) -> Drawn:
    """One direction with anything wrong with it."""
    link: Drawn = {"delay": draw(_MS)}
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["uniform", "normal", "exponential"]))
        link["jitter"] = {kind: draw(st.sampled_from(["2ms", "15ms", "60ms"]))}
    loss = draw(st.sampled_from(["none", "random", "bursts"]))
    if loss == "random":
        link["loss"] = draw(_SHARES)
    elif loss == "bursts":
        link["loss"] = {
            "gilbert_elliott": {
                "enter": draw(st.sampled_from([0.02, 0.3, 0.9])),
                "leave": draw(st.sampled_from([0.1, 0.5, 0.9])),
                "loss_good": draw(st.sampled_from([0.0, 0.05])),
            }
        }
    for name in ("reorder", "duplicate"):
        if draw(st.integers(0, 2)) == 0:
            link[name] = draw(_SHARES)
    if draw(st.integers(0, 2)) == 0:
        link["skew"] = draw(st.integers(-5000, 5000))
    if draw(st.integers(0, 3)) == 0:
        link["stalls"] = [
            {
                "at": draw(_seconds(0, 3)),
                "for": draw(_seconds(0.02, 0.8)),
                "kind": draw(st.sampled_from(["gap", "pause"])),
            }
        ]
    return link


@cache
@st.composite
def networks(draw: st.DrawFn, *, clean: bool = False) -> Drawn:
    """A party's network; a clean one delays, and nothing else."""
    network: Drawn
    if clean:
        network = {"delay": draw(_MS)}
    else:
        network = {"up": draw(links()), "down": draw(links())}
        network["conceal"] = draw(st.sampled_from(["silence", "repeat"]))
    network["jitter_buffer"] = draw(st.sampled_from(["20ms", "60ms", "100ms"]))
    return network


@cache
@st.composite
def parties(
    draw: st.DrawFn,
    *,
    clean: bool = False,
    acting: bool = False,
    pressing: bool = True,
    background: bool = True,
    codecs: tuple[str, ...] = ("PCMU", "PCMA"),
    dtx: tuple[str, ...] = ("off", "silence", "comfort-noise"),
) -> Drawn:
    """A party with its script."""
    party: Drawn = {
        "codec": draw(st.sampled_from(codecs)),
        "dtx": draw(st.sampled_from(dtx)),
        "network": draw(networks(clean=clean)),
        "script": draw(scripts(acting=acting, pressing=pressing)),
    }
    if party["codec"] in ("PCMU", "PCMA"):
        party["ptime"] = draw(st.sampled_from([10, 20, 20, 30, 40, 50, 60]))
    if party["codec"] == "OPUS" and party["dtx"] == "comfort-noise":
        party["dtx"] = "silence"
    if background and draw(st.integers(0, 3)) == 0:
        party["noise"] = draw(st.sampled_from([-70, -50]))
    if draw(st.integers(0, 3)) == 0:
        party["line"] = draw(st.sampled_from(_LINES if background else _LINES[:1]))
    return party


# -- calls --------------------------------------------------------------------------------------


@cache
@st.composite
def recordings(draw: st.DrawFn, *, pausing: bool = True) -> Drawn:
    """A dual recording, perhaps with pauses, an early stop and trimmed ends."""
    recording: Drawn = {"channels": draw(st.sampled_from(["dual", "dual", "mono"]))}
    at = 0
    pauses = []
    for _ in range(draw(st.integers(0, 2)) if pausing else 0):
        begin = at + draw(st.integers(1, 1500))
        length = draw(st.integers(1, 900))
        behavior = draw(st.sampled_from(["silence", "skip"]))
        pauses.append({"at": f"{begin}ms", "for": f"{length}ms", "behavior": behavior})
        at = begin + length
    if pauses:
        recording["pauses"] = pauses
    recording["trim"] = draw(st.sampled_from(["do-not-trim", "do-not-trim", "trim-silence"]))
    recording["start"] = draw(st.sampled_from(["answer", "ringing"]))
    if draw(st.integers(0, 3)) == 0:
        recording["stop"] = f"{at + draw(st.integers(1, 3000))}ms"
    return recording


@cache
@st.composite
def calls(
    draw: st.DrawFn,
    *,
    clean: bool = False,
    acting: bool = True,
    pausing: bool = True,
    pressing: bool = True,
    background: bool = True,
    codecs: tuple[str, ...] = ("PCMU", "PCMA"),
    dtx: tuple[str, ...] = ("off", "silence", "comfort-noise"),
) -> Drawn:
    """A call between two parties, perhaps transferred to a third, recorded."""
    members = parties(
        clean=clean,
        acting=acting,
        pressing=pressing,
        background=background,
        codecs=codecs,
        dtx=dtx,
    )
    scenario: Drawn = {
        "seed": draw(st.integers(0, 9)),
        "parties": {"ann": draw(members), "bob": draw(members)},
        "call": {
            "from": "ann",
            "to": "bob",
            "answer": draw(_seconds(0, 1.2)),
            "dial_after": draw(st.sampled_from(["0s", "0s", "700ms"])),
            "time_limit": "12s",
            "recordings": [draw(recordings(pausing=pausing))],
        },
    }
    if scenario["call"]["dial_after"] == "0s":
        scenario["call"]["answer_on_bridge"] = draw(st.booleans())
    if acting and draw(st.integers(0, 3)) == 0:
        scenario["parties"]["eve"] = draw(members)
        scenario["call"]["transfer"] = {"to": "eve", "at": draw(_seconds(1.5, 3))}
    return scenario


@cache
@st.composite
def conferences(
    draw: st.DrawFn, *, clean: bool = False, acting: bool = True, background: bool = True
) -> Drawn:
    """Three who come and go, perhaps muted, recorded as one channel or two."""
    scenario: Drawn = {
        "seed": draw(st.integers(0, 9)),
        "profile": draw(st.sampled_from(["2022-05", "2025-09"])),
        "parties": {
            name: draw(parties(clean=clean, acting=acting, background=background))
            for name in ("ann", "bob", "eve")
        },
    }
    participants = []
    for name in scenario["parties"]:
        join = draw(st.integers(0, 1500))
        participant: Drawn = {"party": name, "join": f"{join}ms"}
        if draw(st.booleans()):
            participant["leave"] = f"{join + draw(st.integers(200, 3000))}ms"
        if draw(st.integers(0, 2)) == 0:
            participant["muted"] = {"at": draw(_seconds(0, 2)), "for": draw(_seconds(0.1, 1))}
        participants.append(participant)
    scenario["conference"] = {
        "participants": participants,
        "recording": {
            "channels": draw(st.sampled_from(["mono", "dual"])),
            "trim": draw(st.sampled_from(["do-not-trim", "trim-silence"])),
        },
    }
    return scenario


@cache
@st.composite
def voicemails(draw: st.DrawFn, *, clean: bool = False) -> Drawn:
    """A call that the record verb answers."""
    return {
        "seed": draw(st.integers(0, 9)),
        "parties": {"ann": draw(parties(clean=clean))},
        "call": {
            "from": "ann",
            "voicemail": {
                "greeting": draw(st.sampled_from([None, "Leave a message"])),
                "timeout": draw(_seconds(0.5, 2)),
                "max_length": draw(_seconds(1, 5)),
                "trim": draw(st.sampled_from(["trim-silence", "do-not-trim"])),
            },
            "recordings": draw(st.sampled_from([[], [{"channels": "dual"}]])),
        },
    }
