"""Whatever happens in a room sounds the same however its time is cut into blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from wiring import Kept, Wiring, voice

from mediasim.media.leg import Leg
from mediasim.media.player import Player
from mediasim.media.recorder import PauseBehavior, Recorder

END = 120
NAMES = ("ann", "bob", "cleo")
VOICES = {name: voice(name, 90, -12.0) for name in (*NAMES, "late")}
MUSIC = voice("music", 7)[:-70]


class Life:
    """A room in which things are done by name, and everything that came out of it."""

    def __init__(self, max_lag: int) -> None:
        self.wiring = Wiring(max_lag)
        self.legs: dict[str, Leg] = {}
        for number, name in enumerate(NAMES):
            lost = {4, 5, 30 + number}
            self.legs[name] = self.wiring.leg(name, VOICES[name], lost=lost)
        self.all_legs = dict(self.legs)
        self.players: list[Player] = []
        self.recordings: list[tuple[Recorder, Kept]] = []
        self.start_recording()

    def do(self, action: str, who: int, other: int) -> None:
        names = list(self.legs)
        if names:
            one, two = names[who % len(names)], names[other % len(names)]
            getattr(self, action)(self.legs[one], self.legs[two])
        elif action == "arrive":
            self.arrive()

    # -- what may be done -------------------------------------------------------------------

    def bridge(self, one: Leg, other: Leg) -> None:
        self.wiring.room.bridge(one, other)

    def hear_all(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.hear(one, *self.legs.values())

    def hear_none(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.hear(one)

    def join(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.confer(one, "main")

    def join_muted(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.confer(one, "main", muted=True)

    def join_another(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.confer(one, "another")

    def leave(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.confer(one, None)

    def play(self, one: Leg, _other: Leg) -> None:
        self.players.append(self.wiring.room.play(one, MUSIC))

    def loop(self, one: Leg, _other: Leg) -> None:
        self.players.append(self.wiring.room.play(one, MUSIC, loop=True))

    def stop(self, _one: Leg, _other: Leg) -> None:
        for player in self.players:
            self.wiring.room.stop_player(player)

    def remove(self, one: Leg, _other: Leg) -> None:
        self.wiring.room.remove_leg(one)
        del self.legs[one.label]

    def arrive(self, *_legs: Leg) -> None:
        name = f"late-{len(self.all_legs)}"
        self.legs[name] = self.all_legs[name] = self.wiring.leg(name, VOICES["late"])

    def start_recording(self, *_legs: Leg) -> None:
        legs = self.legs.values()
        channels = [[leg.inbound for leg in legs], *([leg.outbound] for leg in legs)]
        self.recordings.append(self.wiring.record(*channels))

    def skip(self, _one: Leg, _other: Leg) -> None:
        self._each(lambda it: self.wiring.room.pause(it, PauseBehavior.SKIP))

    def silence(self, _one: Leg, _other: Leg) -> None:
        self._each(lambda it: self.wiring.room.pause(it, PauseBehavior.SILENCE))

    def resume(self, _one: Leg, _other: Leg) -> None:
        self._each(self.wiring.room.resume)

    def end_recording(self, _one: Leg, _other: Leg) -> None:
        self._each(self.wiring.room.stop)

    def _each(self, work: Callable[[Recorder], None]) -> None:
        for recorder in list(self.wiring.room.recorders):
            work(recorder)

    # -- what came of it --------------------------------------------------------------------

    def outcome(self) -> dict[str, Any]:
        self.wiring.go(END)
        self._each(self.wiring.room.stop)
        self.wiring.room.close()
        return {
            "sent": {name: heard.pcm.tobytes() for name, heard in self.wiring.heard.items()},
            "recorded": [kept.pcm.tobytes() for _, kept in self.recordings],
            "segments": [recorder.segments for recorder, _ in self.recordings],
            "missing": {name: leg.missing for name, leg in self.all_legs.items()},
            "received": {
                name: self.wiring.plane.reception(leg) for name, leg in self.all_legs.items()
            },
        }


TALKING = ["bridge", "hear_all", "hear_none", "join", "join_muted", "join_another", "leave"]
SOUNDING = ["play", "loop", "stop", "remove", "arrive"]
RECORDING = ["start_recording", "skip", "silence", "resume", "end_recording"]
ACTIONS = TALKING + SOUNDING + RECORDING

stories = st.lists(
    st.tuples(
        st.integers(0, END - 1), st.sampled_from(ACTIONS), st.integers(0, 5), st.integers(0, 5)
    ),
    max_size=14,
).map(lambda story: sorted(story, key=lambda it: it[0]))

Story = list[tuple[int, str, int, int]]


def told(story: Story, max_lag: int, looks: set[int], *, ticking: bool = False) -> dict[str, Any]:
    life = Life(max_lag)
    plane = life.wiring.plane
    acts = list(story)
    for frame in range(END):
        if ticking and frame:
            plane.tick(frame)
        if (acts and acts[0][0] == frame) or frame in looks:
            life.wiring.go(frame)
        if frame in looks:
            plane.catch_up(life.wiring.room)
        while acts and acts[0][0] == frame:
            life.do(*acts.pop(0)[1:])
    return life.outcome()


@settings(max_examples=15)
@given(
    story=stories,
    max_lag=st.sampled_from([1, 3, 60, 300]),
    looks=st.sets(st.integers(0, END - 1), max_size=20),
)
def test_a_room_is_the_same_however_its_time_is_cut(
    story: Story, max_lag: int, looks: set[int]
) -> None:
    assert told(story, max_lag, looks) == told(story, 256, set())


@settings(max_examples=8)
@given(story=stories)
def test_a_room_is_the_same_frame_by_frame(story: Story) -> None:
    assert told(story, 1, set(), ticking=True) == told(story, 256, set())


def test_the_stories_make_a_sound() -> None:
    story: Story = [(0, "join", 0, 0), (0, "join", 1, 0), (40, "arrive", 0, 0), (50, "skip", 0, 0)]
    outcome = told(story, 256, set())
    assert all(np.frombuffer(outcome["sent"][name], np.int16).any() for name in ("ann", "bob"))
    assert np.frombuffer(outcome["recorded"][0], np.int16).any()
