"""The engine's thread, its gate, and what its clocks do with time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from mediasim.sandbox.clocks import ClockKind, ClockRefuses, make_clock
from mediasim.sandbox.engine import EngineStopped, EngineThread

SECOND = 1_000_000_000


@pytest.fixture(params=["virtual", "manual", "real"])
def engine(request: pytest.FixtureRequest) -> Iterator[EngineThread]:
    yield from _running(request.param)


@pytest.fixture
def virtual() -> Iterator[EngineThread]:
    yield from _running("virtual")


@pytest.fixture
def manual() -> Iterator[EngineThread]:
    yield from _running("manual")


def _running(kind: ClockKind) -> Iterator[EngineThread]:
    engine = EngineThread(make_clock(kind))
    engine.start()
    yield engine
    engine.stop()
    assert not engine.running


# -- the gate -------------------------------------------------------------------------------------


async def test_work_is_done_on_the_engines_thread_and_its_result_comes_back(
    engine: EngineThread,
) -> None:
    assert await engine.gate(lambda: threading.current_thread().name) == "mediasim-engine"


async def test_awaitable_work_is_awaited_there(engine: EngineThread) -> None:
    async def work() -> asyncio.AbstractEventLoop:
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    assert await engine.gate(work) is engine.clock.loop


async def test_what_work_raises_is_raised_by_the_gate(engine: EngineThread) -> None:
    def fail() -> None:
        raise LookupError("nobody there")

    with pytest.raises(LookupError, match="nobody there"):
        await engine.gate(fail)


async def test_the_gate_works_on_the_engines_own_loop(engine: EngineThread) -> None:
    async def outer() -> int:
        return await engine.gate(lambda: 42)

    assert await engine.gate(outer) == 42


async def test_work_goes_on_when_who_asked_for_it_is_cancelled(engine: EngineThread) -> None:
    begun, may_end, done = threading.Event(), threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.to_thread(may_end.wait, 5)
        done.set()

    asking = asyncio.ensure_future(engine.gate(work))
    await asyncio.to_thread(begun.wait, 5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    may_end.set()
    assert await asyncio.to_thread(done.wait, 5)


async def test_a_stopped_engine_refuses_work() -> None:
    engine = EngineThread(make_clock("virtual"))
    with pytest.raises(EngineStopped):
        await engine.gate(lambda: None)
    engine.start()
    engine.stop()
    engine.stop()
    with pytest.raises(EngineStopped):
        await engine.gate(lambda: None)


def test_stopping_cancels_what_still_runs() -> None:
    engine = EngineThread(make_clock("manual"))
    engine.start()
    ended = threading.Event()

    async def wait_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    engine.submit(wait_for_ever)
    engine.submit(lambda: None).result()
    engine.stop()
    assert ended.is_set()


def test_a_crash_of_the_loop_is_told() -> None:
    crashes: list[BaseException] = []
    engine = EngineThread(make_clock("virtual"), on_crash=crashes.append)
    engine.start()

    def break_it() -> None:
        raise SystemExit("broken")

    engine.clock.loop.call_soon_threadsafe(break_it)
    engine.stop()
    assert [str(crash) for crash in crashes] == ["broken"]


# -- virtual --------------------------------------------------------------------------------------


async def sleep_on(engine: EngineThread, seconds: float) -> int:
    async def work() -> int:
        await asyncio.sleep(seconds)
        return engine.clock.now_ns

    return await engine.gate(work)


async def test_virtual_time_takes_no_time(virtual: EngineThread) -> None:
    started = time.monotonic()
    assert await sleep_on(virtual, 600) == 600 * SECOND
    assert time.monotonic() - started < 2


async def test_with_nothing_to_do_virtual_time_stands_still_without_spinning(
    virtual: EngineThread,
) -> None:
    await sleep_on(virtual, 5)
    used = time.process_time()
    await asyncio.sleep(0.1)
    assert time.process_time() - used < 0.05
    assert await virtual.gate(lambda: virtual.clock.now_ns) == 5 * SECOND


async def test_a_hold_stops_virtual_time(virtual: EngineThread) -> None:
    release = threading.Event()

    async def work() -> tuple[int, int]:
        timer = asyncio.ensure_future(asyncio.sleep(3))
        with virtual.clock.hold():
            await asyncio.to_thread(release.wait, 5)
            during = virtual.clock.now_ns
        await timer
        return during, virtual.clock.now_ns

    working = asyncio.ensure_future(virtual.gate(work))
    await asyncio.sleep(0.02)
    release.set()
    assert await working == (0, 3 * SECOND)


async def test_virtual_time_can_be_made_to_pass_when_nothing_happens(virtual: EngineThread) -> None:
    clock = virtual.clock
    await virtual.gate(lambda: clock.advance(7 * SECOND))
    assert await virtual.gate(lambda: clock.now_ns) == 7 * SECOND


# -- manual ---------------------------------------------------------------------------------------


async def test_manual_time_stands_until_it_is_advanced(manual: EngineThread) -> None:
    clock, fired = manual.clock, list[int]()

    def set_timers() -> None:
        for at in (1, 2, 3):
            clock.loop.call_at(at, lambda: fired.append(clock.now_ns))

    await manual.gate(set_timers)
    await asyncio.sleep(0.02)
    assert fired == []
    await manual.gate(lambda: clock.advance(2 * SECOND))
    assert fired == [SECOND, 2 * SECOND]
    assert await manual.gate(lambda: clock.now_ns) == 2 * SECOND
    await manual.gate(lambda: clock.advance(SECOND // 2))
    assert await manual.gate(lambda: clock.now_ns) == 5 * SECOND // 2


async def test_an_advance_waits_for_what_it_caused(manual: EngineThread) -> None:
    """A request that begins at the very limit is over, answer and all, when advance returns."""
    clock, done = manual.clock, list[str]()

    async def at_the_limit() -> None:
        await asyncio.sleep(1)
        with clock.hold():
            await asyncio.to_thread(time.sleep, 0.03)
        for _ in range(100):
            await asyncio.sleep(0)
        done.append("done")

    asking = manual.submit(at_the_limit)
    await manual.gate(lambda: clock.advance(SECOND))
    assert done == ["done"]
    asking.result()


async def test_advances_add_up(manual: EngineThread) -> None:
    clock = manual.clock
    await asyncio.gather(*(manual.gate(lambda: clock.advance(SECOND)) for _ in range(3)))
    assert await manual.gate(lambda: clock.now_ns) == 3 * SECOND


@pytest.mark.parametrize("kind", ["virtual", "manual"])
async def test_run_until_idle_ends_with_the_last_timer(kind: ClockKind) -> None:
    async def chain() -> None:
        for _ in range(5):
            await asyncio.sleep(10)

    for engine in _running(kind):
        asking = engine.submit(chain)
        assert await engine.gate(partial(engine.clock.run_until_idle, 3600 * SECOND))
        asking.result()
        assert engine.clock.now_ns == 50 * SECOND


async def test_run_until_idle_gives_up_at_its_end(manual: EngineThread) -> None:
    clock = manual.clock

    async def for_ever() -> None:
        for _ in range(1000):
            await asyncio.sleep(60)

    manual.submit(for_ever)
    assert not await manual.gate(lambda: clock.run_until_idle(600 * SECOND))
    assert await manual.gate(lambda: clock.now_ns) == 600 * SECOND


async def test_a_virtual_clock_has_no_rate(virtual: EngineThread) -> None:
    with pytest.raises(ClockRefuses, match="real clock"):
        await virtual.gate(lambda: virtual.clock.set_rate(2))
    with pytest.raises(ClockRefuses):
        make_clock("manual", rate=2)


# -- real -----------------------------------------------------------------------------------------


@pytest.mark.realtime
async def test_the_real_clock_goes_at_its_rate() -> None:
    engine = EngineThread(make_clock("real", rate=100))
    engine.start()
    try:
        started = time.monotonic()
        at_ns = await sleep_on(engine, 10)
        took = time.monotonic() - started
        assert 10 * SECOND <= at_ns < 100 * SECOND
        assert 0.09 < took < 5
        await engine.gate(lambda: engine.clock.set_rate(200))
        assert engine.clock.rate == 200
        assert engine.clock.plane.now >= 500
        with pytest.raises(ClockRefuses, match=r"from 0\.001 to 1000"):
            await engine.gate(lambda: engine.clock.set_rate(0))
    finally:
        engine.stop()


async def test_nobody_moves_the_real_clock() -> None:
    for engine in _running("real"):
        for move in (engine.clock.advance, engine.clock.run_until_idle):
            with pytest.raises(ClockRefuses, match="moved by nobody"):
                await engine.gate(partial(move, 1))
