"""When a real-time loop is overloaded, and that it corrupts nothing then: on a made-up clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.net.realtime import WINDOW_NS, Events, Load, RealtimeLoop
from mediasim.parties.party import Line, Party
from mediasim.seeds import Seeds

MS = 1_000_000
FRAMES = 600


def frames(load: Load, work_ns: list[int]) -> list[bool]:
    """Live through frames with so much work each; whether it was overloaded at each."""
    wall, told = 0, []
    for number, work in enumerate(work_ns):
        boundary = number * FRAME_NS
        if wall < boundary:
            load.waited(boundary - wall)
            wall = boundary
        load.mark(wall)
        told.append(load.overloaded)
        wall += work
    return told


def test_what_has_time_to_wait_is_not_overloaded() -> None:
    load = Load()
    assert not any(frames(load, [18 * MS] * 500))
    assert load.busy == pytest.approx(0.9)


def test_two_seconds_without_time_to_wait_are_an_overload() -> None:
    told = frames(Load(), [19 * MS + MS // 2] * 200)
    assert told.index(True) == WINDOW_NS // FRAME_NS
    assert all(told[told.index(True) :])


@pytest.mark.parametrize("stall_ms", [50, 500, 1400])
def test_a_stall_is_no_overload(stall_ms: int) -> None:
    assert not any(frames(Load(), [5 * MS] * 200 + [stall_ms * MS] + [5 * MS] * 200))


def test_it_is_over_only_when_there_is_time_to_spare() -> None:
    told = frames(Load(), [20 * MS] * 200 + [18 * MS] * 200 + [10 * MS] * 200)
    assert all(told[150:400])  # 90 % busy: no longer too much, but nothing to spare
    assert not any(told[510:])


class Machine(RealtimeLoop):
    """A loop whose wall clock goes on when it waits, and when something takes time."""

    def __init__(self) -> None:
        self.at_ns = 0
        super().__init__()

    def wall_ns(self) -> int:
        return self.at_ns

    def take(self, ns: int) -> None:
        """Something takes so long."""
        self.at_ns += ns

    def _wait(self, poll: Callable[[float | None], Events], ready: bool) -> Events:
        def pass_by(seconds: float | None) -> Events:
            self.at_ns += round((seconds or 0) * 1e9)
            return poll(0)

        return super()._wait(pass_by, ready)


class Kept:
    """A recorder's sink."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.int16]] = []

    def write(self, samples: NDArray[np.int16]) -> None:
        self.pieces.append(samples.copy())

    def close(self) -> None:
        pass


def recorded(work_ns: Callable[[int], int]) -> tuple[NDArray[np.int16], Machine, list[bool]]:
    """A recorded call on a machine whose frames take so long."""
    machine, kept = Machine(), Kept()
    plane = MediaPlane(max_lag=1)
    room = Room(plane)
    told: list[bool] = []
    for name in ("ann", "bob"):
        line = Line(Party(name, ""), room, name, Seeds(1), 0)
        line.connect(None, listens=False)
        pcm = Seeds(1).generator(name).integers(-8000, 8000, 500 * 160).astype(np.int16)
        line.timeline.place(pcm, 1600, kind="noise", text="")
    room.bridge(*room.legs)
    room.record([[leg.inbound] for leg in room.legs], kept)

    def tick(frame: int) -> None:
        plane.tick(frame)
        machine.take(work_ns(frame))
        told.append(machine.overloaded)

    machine.every_frame(tick)
    with asyncio.Runner(loop_factory=lambda: machine) as runner:
        runner.run(asyncio.sleep(FRAMES * 0.02))
        machine.every_frame(None)
    room.close()
    return np.concatenate(kept.pieces), machine, told


def test_an_overloaded_machine_says_so_and_records_the_same() -> None:
    quick, at_ease, never = recorded(lambda frame: MS)
    slow, pressed, told = recorded(lambda frame: 30 * MS if 100 <= frame < 300 else 4 * MS)
    assert not any(never)
    assert not any(told[:100])
    assert all(told[250:300])
    assert not told[-1]
    assert at_ease.lateness.missed == 0
    assert pressed.lateness.missed > 200
    assert pressed.lateness.max_ns > 1900 * MS
    assert slow.shape == quick.shape == (FRAMES * 160, 2)
    assert np.array_equal(slow, quick)
    assert quick[10_000:80_000].any(axis=0).all()


def test_a_clock_that_is_asked_to_go_fast_is_never_overloaded() -> None:
    _, machine, told = recorded(lambda frame: 40 * MS)
    assert told[-1]
    machine.rate = 2.0
    assert not machine.overloaded
