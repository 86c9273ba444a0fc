"""The wall clock's loop keeps the virtual loop's order; what it ran equals what ran virtually.

When it is overloaded, and that it corrupts nothing then, is tried on a made-up clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from socket_stage import Kept

import mediasim
from mediasim.audio.frames import FRAME_NS
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.net.realtime import (
    WINDOW_NS,
    Events,
    Lateness,
    Load,
    Pace,
    RealtimeLoop,
    run_realtime,
)
from mediasim.parties.party import Line, Party
from mediasim.seeds import Seeds

MS = 1_000_000
FRAMES = 600


# -- figures --------------------------------------------------------------------------------


def test_lateness_is_told_by_shares() -> None:
    lateness = Lateness()
    for late in range(1, 101):
        lateness.note(late * 100_000 - 1, late * MS)
    assert (lateness.ticks, lateness.missed) == (100, 81)  # done at 20 ms or after
    assert lateness.percentile_ms(0.5) == pytest.approx(5.0, abs=0.051)
    assert lateness.percentile_ms(0.99) == pytest.approx(9.9, abs=0.051)
    assert lateness.as_ms()["max"] == 10.0


def test_nothing_was_late_where_nothing_ticked() -> None:
    assert Lateness().as_ms() == {"p50": 0.0, "p99": 0.0, "max": 0.0}


def test_a_tick_of_many_seconds_is_kept_exactly() -> None:
    lateness = Lateness()
    lateness.note(5_000 * MS, 5_001 * MS)
    assert lateness.as_ms()["max"] == 5000.0


def pace(**figures: Any) -> Pace:
    given = {"ticks": 100, "missed": 0, "late": 0, "lost": 0, "refused": 0, **figures}
    return Pace(lateness_ms={"p50": 0.1, "p99": 1.0, "max": 30.5}, **given)


def test_what_went_wrong_is_said_in_words() -> None:
    assert pace().warnings == []
    assert pace().on_time
    assert pace(missed=3).on_time  # late, and yet the same
    for figures, words in (
        ({"missed": 3}, "3 of 100 frames were not done in time (the latest began 30.5 ms late)"),
        ({"late": 4}, "4 packets were read too late"),
        ({"lost": 5}, "5 packets were lost between the sockets"),
        ({"refused": 6}, "6 lines got no sockets and stay silent: raise the limit"),
        ({"errors": {"ENOBUFS": 7}}, "refused a datagram with ENOBUFS 7 times"),
    ):
        (warning,) = pace(**figures).warnings
        assert words in warning
        assert pace(**figures).on_time == ("missed" in figures)


# -- time -----------------------------------------------------------------------------------


@pytest.mark.realtime
def test_timers_and_ticks_meet_in_the_order_of_their_times() -> None:
    loop = RealtimeLoop()
    met: list[tuple[str, int]] = []

    def meet(what: str) -> None:
        met.append((what, loop.now_ns // MS))

    loop.every_frame(lambda frame: meet(f"tick {frame}"))

    async def main() -> None:
        for at in (45, 10, 20, 70):
            loop.call_at(at / 1000, meet, f"timer {at}")
        await asyncio.sleep(0.07)
        loop.every_frame(None)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    assert met == [
        ("timer 10", 10),
        ("tick 1", 20),
        ("timer 20", 20),
        ("tick 2", 40),
        ("timer 45", 45),
        ("tick 3", 60),
        ("timer 70", 70),
    ]
    assert loop.lateness.ticks == 3


@pytest.mark.realtime
def test_a_loop_that_fell_behind_makes_up_for_it_without_leaving_anything_out() -> None:
    loop = RealtimeLoop()
    ticks: list[int] = []
    loop.every_frame(ticks.append)

    async def main() -> None:
        await asyncio.sleep(0.02)
        started = loop.wall_ns()
        while loop.wall_ns() < started + 90 * MS:
            pass
        await asyncio.sleep(0.1)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
        loop.every_frame(None)
    assert ticks[:6] == [1, 2, 3, 4, 5, 6]
    assert loop.lateness.missed >= 3
    assert loop.lateness.max_ns > 50 * MS


@pytest.mark.realtime
def test_what_a_run_raises_is_raised_and_the_sockets_are_closed() -> None:
    transports: list[Any] = []

    async def main(_plane: Any, transport: Any) -> None:
        transports.append(transport)
        await asyncio.sleep(0.03)
        raise KeyError("said")

    with pytest.raises(KeyError, match="said"):
        run_realtime(main)
    assert len(transports[0].server) == 0


@pytest.mark.realtime
def test_a_run_on_the_wall_clock_is_the_virtual_run_to_the_byte(tmp_path: Path) -> None:
    noise = {"noise": {"kind": "white", "for": "300ms", "level": -20}}
    network = {"up": {"delay": "20ms", "loss": "5%", "jitter": {"uniform": "10ms"}}}
    scenario = {
        "parties": {
            "ann": {"script": [noise, {"dtmf": "1"}], "network": network},
            "bob": {"script": [{"wait_for": {"speech": True}}, noise], "codec": "G722"},
        },
        "call": {"from": "ann", "to": "bob", "answer": {"after": "0s"}, "recording": "dual"},
    }
    real = mediasim.simulate(scenario, directory=tmp_path / "real", realtime=True)
    virtual = mediasim.simulate(scenario, directory=tmp_path / "virtual")
    assert real.run.lateness_ms is not None
    if not any("packets" in warning for warning in real.run.warnings):
        assert real.recording().path.read_bytes() == virtual.recording().path.read_bytes()
        assert [(it.kind, it.at_ns) for it in real.events] == [
            (it.kind, it.at_ns) for it in virtual.events
        ]
    assert real.recording().sid == virtual.recording().sid


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
