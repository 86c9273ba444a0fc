"""Invariant 5: any split of a run into blocks gives the same bytes."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import patch

import drawn_scenarios as drawn
from hypothesis import given
from hypothesis import strategies as st
from playing import Played, examples, play

from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.parties.party import Line
from mediasim.scenario.running import runner

SCENARIOS = drawn.calls() | drawn.conferences() | drawn.voicemails()


def in_blocks_of(frames: int, scenario: dict[str, Any]) -> Played:
    """The run with its rooms never further behind than some frames."""
    with patch.object(runner, "VIRTUAL_BLOCK", frames):
        return play(scenario)


def cut_into(pieces: list[int], scenario: dict[str, Any]) -> Played:
    """The run lived through in pieces of so many frames, over and over."""

    class CutPlane(MediaPlane):
        lengths = itertools.cycle(pieces)

        def advance(self, to_frame: int) -> int:
            reached = super().advance(min(to_frame, self.now + next(self.lengths)))
            for room in tuple(self.rooms):
                self.catch_up(room)
            return reached

    with patch.object(runner, "MediaPlane", CutPlane):
        return play(scenario)


def same(one: Played, other: Played) -> None:
    assert one.went_through() == other.went_through()
    assert one.files == other.files


@examples(6)
@given(SCENARIOS, st.integers(1, 60))
def test_short_blocks_and_long_ones(scenario: dict[str, Any], frames: int) -> None:
    same(play(scenario), in_blocks_of(frames, scenario))


@examples(5)
@given(SCENARIOS, st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_blocks_of_all_lengths_mixed(scenario: dict[str, Any], pieces: list[int]) -> None:
    same(play(scenario), cut_into(pieces, scenario))


@examples(1)
@given(drawn.calls(codecs=("G722", "OPUS"), dtx=("off", "silence")), st.sampled_from([1, 7, 50]))
def test_codecs_that_remember(scenario: dict[str, Any], frames: int) -> None:
    same(play(scenario), in_blocks_of(frames, scenario))


@examples(6)
@given(SCENARIOS)
def test_looking_far_ahead_while_only_silence_can_come(scenario: dict[str, Any]) -> None:
    far = play(scenario)
    with patch.object(Room, "outlook", property(lambda room: room.horizon)):
        same(far, play(scenario))


NETWORKS: list[dict[str, Any]] = [
    {},
    {"up": {"delay": "20ms", "jitter": "30ms", "loss": "1%"}},
    {"delay": "10ms", "jitter": {"exponential": "20ms"}, "reorder": 0.05, "duplicate": 0.05},
    {"loss": {"gilbert_elliott": {"enter": 0.04, "leave": 0.05}}},
]
"""Of no trouble, with offsets that move, with packets that come too late, with losses in bursts."""
NOISE = {"noise": {"kind": "white", "for": "800ms", "level": -20}}


def conversation(network: dict[str, Any], codec: str, wait: str) -> dict[str, Any]:
    """A call of two parties who wait for each other, at times in vain."""
    line = {"codec": codec, "network": network}
    waits: Any = {"wait_for": {"quiet": wait, "timeout": "2500ms"}}
    first, second = [NOISE, waits], [waits, {"pause": "150ms"}, NOISE]
    return {
        "parties": {
            "a": {**line, "script": [{"repeat": {"times": 3, "steps": first}}, "hangup"]},
            "b": {**line, "script": [{"repeat": {"times": 3, "steps": second}}]},
        },
        "call": {"from": "a", "to": "b", "answer": "0s", "recording": "dual"},
    }


def test_what_is_known_ahead_changes_nothing_but_the_blocks() -> None:
    lengths: dict[str, list[int]] = {"known": [], "unknown": []}

    def counted(to: list[int], scenario: dict[str, Any]) -> Played:
        block = MediaPlane._block

        def count(plane: MediaPlane, rooms: Any, first: int, frames: int) -> None:
            to.append(frames)
            block(plane, rooms, first, frames)

        with patch.object(MediaPlane, "_block", count):
            return play(scenario)

    for network, (codec, wait) in itertools.product(
        NETWORKS, [("PCMU", "600ms"), ("PCMA", "200ms"), ("G722", "600ms")]
    ):
        scenario = conversation(network, codec, wait)
        known = counted(lengths["known"], scenario)
        with patch.object(Line, "heard_ahead", lambda line: None):
            same(known, counted(lengths["unknown"], scenario))
    assert len(lengths["known"]) < 0.8 * len(lengths["unknown"])
