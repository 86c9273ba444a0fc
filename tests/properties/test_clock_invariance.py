"""Invariant 6: virtual and real time give the same recording for the same arrivals.

Several calls and a conference at once, over sockets, so that little time shows much.
"""

from __future__ import annotations

from typing import Any

import pytest
from playing import Played, play

BAD = {
    "up": {"delay": "20ms", "jitter": "15ms", "loss": 0.05, "reorder": 0.1, "duplicate": 0.05},
    "down": {"delay": "10ms", "loss": 0.1},
    "jitter_buffer": "100ms",
    "conceal": "repeat",
}
TALK: list[Any] = [
    {"noise": {"kind": "babble", "for": "350ms", "level": -15}},
    {"pause": "90ms"},
    {"tone": {"hz": [440, 700], "for": "200ms"}},
]

SCENARIO: dict[str, Any] = {
    "profile": "2025-09",
    "parties": {
        "ann": {"script": [*TALK, {"dtmf": "4"}, "mute", {"pause": "200ms"}, "unmute", *TALK]},
        "bob": {
            "codec": "PCMA",
            "ptime": 30,
            "network": BAD,
            "script": [{"wait_for": {"speech": True, "timeout": "1s"}}, *TALK, *TALK],
        },
        "cleo": {"dtx": "comfort-noise", "network": BAD, "script": [{"pause": "300ms"}, *TALK]},
        "dan": {
            "network": {"up": {"skew": 200, "stalls": [{"at": "800ms", "for": "200ms"}]}},
            "script": [*TALK, "hold", {"pause": "300ms"}, "resume", *TALK, "hangup"],
        },
        "eve": {"codec": "PCMA", "network": BAD, "noise": -60, "line": "mobile", "script": TALK},
        "fay": {"codec": "OPUS", "script": [{"pause": "400ms"}, *TALK]},
        "gus": {"codec": "G722", "network": {"delay": "35ms"}, "script": TALK},
    },
    "calls": [
        {
            "from": "ann",
            "to": "bob",
            "answer": "130ms",
            "recordings": [
                {"name": "cut", "pause": {"at": "500ms", "for": "310ms", "behavior": "skip"}},
                {"name": "ringing", "channels": "dual", "start": "ringing"},
            ],
        },
        {"from": "cleo", "to": "dan", "at": "70ms", "answer": "0s", "recording": "dual"},
    ],
    "conference": {
        "participants": ["eve", {"party": "fay", "join": "200ms"}, {"party": "gus", "leave": "1s"}],
        "recording": {"name": "room", "trim": "do-not-trim"},
    },
}


def in_real_time(scenario: dict[str, Any], *, shared_socket: bool) -> Played:
    """A run on the wall clock in which every packet was read when it came."""
    for _ in range(3):
        played = play(scenario, realtime=True, shared_socket=shared_socket)
        warnings = played.result.run.warnings
        if not any("packets" in words for words in warnings):
            return played
    pytest.skip(f"the machine is too busy for packets to be read when they come: {warnings}")


@pytest.mark.realtime
@pytest.mark.parametrize("shared", [False, True], ids=["ports", "shared"])
def test_the_wall_clock_changes_not_a_byte(shared: bool) -> None:
    virtual, real = play(SCENARIO), in_real_time(SCENARIO, shared_socket=shared)
    assert len(real.published) == 4
    assert real.went_through() == virtual.went_through()
    assert real.files == virtual.files
