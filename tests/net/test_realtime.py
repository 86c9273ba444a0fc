"""The wall clock's loop keeps the virtual loop's order; what it ran equals what ran virtually."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import mediasim
from mediasim.net.realtime import Lateness, Pace, RealtimeLoop, run_realtime

MS = 1_000_000


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
