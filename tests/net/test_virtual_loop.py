from __future__ import annotations

import asyncio
import heapq
import selectors
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from mediasim.net.virtual_loop import VirtualDeadlock, VirtualLoop

T = TypeVar("T")
SECOND = 1_000_000_000


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


def run(loop: VirtualLoop, main: Coroutine[Any, Any, T]) -> T:
    return loop.run_until_complete(main)


# -- time ---------------------------------------------------------------------------------------


def test_waiting_moves_the_clock_and_takes_no_time(loop: VirtualLoop) -> None:
    started = time.monotonic()
    run(loop, asyncio.sleep(24 * 3600))
    assert loop.now_ns == 24 * 3600 * SECOND
    assert loop.time() == 24 * 3600
    assert time.monotonic() - started < 1


def test_it_begins_at_zero_and_stands_still_while_there_is_work(loop: VirtualLoop) -> None:
    async def work() -> int:
        for _ in range(1000):
            await asyncio.sleep(0)
        return loop.now_ns

    assert run(loop, work()) == 0


def test_nothing_creeps_in_thousands_of_timers(loop: VirtualLoop) -> None:
    fired: list[int] = []

    def again(number: int) -> None:
        fired.append(loop.now_ns)
        if number < 5000:
            # 20 ms is no binary fraction: each deadline is counted from the start.
            loop.call_at((number + 1) * 20_000_000 / 1e9, again, number + 1)

    loop.call_at(0, again, 0)
    run(loop, asyncio.sleep(101))
    assert fired == [number * 20_000_000 for number in range(5001)]


def test_timers_fire_in_order_of_time_and_then_of_setting(loop: VirtualLoop) -> None:
    fired: list[tuple[str, int]] = []

    def fire(name: str) -> None:
        fired.append((name, loop.now_ns))

    async def main() -> None:
        for name, at in (("late", 3.0), ("first", 1.0), ("second", 1.0), ("middle", 2.0)):
            loop.call_at(at, fire, name)
        await asyncio.sleep(4)

    run(loop, main())
    names = [name for name, _ in fired]
    assert names[2:] == ["middle", "late"]
    assert sorted(names[:2]) == ["first", "second"]
    assert [at for _, at in fired] == [SECOND, SECOND, 2 * SECOND, 3 * SECOND]


def test_a_cancelled_timer_does_not_fire(loop: VirtualLoop) -> None:
    fired: list[str] = []

    async def main() -> None:
        handle = loop.call_later(1, fired.append, "cancelled")
        loop.call_later(2, fired.append, "kept")
        handle.cancel()
        await asyncio.sleep(3)

    run(loop, main())
    assert fired == ["kept"]


# -- asyncio's own tools ------------------------------------------------------------------------


def test_timeouts_are_of_virtual_time(loop: VirtualLoop) -> None:
    async def main() -> list[int]:
        times = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        times.append(loop.now_ns)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 7)
        times.append(loop.now_ns)
        assert await asyncio.wait_for(asyncio.sleep(1, "done"), 7) == "done"
        times.append(loop.now_ns)
        return times

    assert run(loop, main()) == [5 * SECOND, 12 * SECOND, 13 * SECOND]


def test_gather_wait_queues_and_locks(loop: VirtualLoop) -> None:
    async def main() -> tuple[list[int], list[tuple[int, str]], int]:
        slept = await asyncio.gather(*(asyncio.sleep(n, n) for n in (3, 1, 2)))
        queue: asyncio.Queue[str] = asyncio.Queue()
        heard: list[tuple[int, str]] = []

        async def producer() -> None:
            for word in ("a", "b"):
                await asyncio.sleep(2)
                await queue.put(word)

        async def consumer() -> None:
            for _ in range(2):
                heard.append((loop.now_ns // SECOND, await queue.get()))

        async with asyncio.TaskGroup() as group:
            group.create_task(producer())
            group.create_task(consumer())
        fast, slow = (asyncio.ensure_future(asyncio.sleep(n)) for n in (1, 60))
        done, _ = await asyncio.wait([fast, slow], return_when=asyncio.FIRST_COMPLETED)
        assert done == {fast}
        slow.cancel()
        return slept, heard, loop.now_ns // SECOND

    assert run(loop, main()) == ([3, 1, 2], [(3, "a"), (5, "b")], 8)


def test_errors_come_out_and_the_loop_goes_on(loop: VirtualLoop) -> None:
    async def fails() -> None:
        await asyncio.sleep(1)
        raise KeyError("said")

    with pytest.raises(KeyError, match="said"):
        run(loop, fails())
    run(loop, asyncio.sleep(1))
    assert loop.now_ns == 2 * SECOND


# -- waiting for ever ---------------------------------------------------------------------------


def test_waiting_for_what_never_comes_is_an_error(loop: VirtualLoop) -> None:
    async def main() -> None:
        await asyncio.sleep(3)
        await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlock, match="never comes"):
        run(loop, main())
    assert loop.now_ns == 3 * SECOND


def test_two_that_wait_for_each_other_are_a_deadlock(loop: VirtualLoop) -> None:
    async def main() -> None:
        one, other = asyncio.Event(), asyncio.Event()

        async def turn(mine: asyncio.Event, theirs: asyncio.Event) -> None:
            await theirs.wait()
            mine.set()

        await asyncio.gather(turn(one, other), turn(other, one))

    with pytest.raises(VirtualDeadlock):
        run(loop, main())


# -- holding the clock --------------------------------------------------------------------------


def test_while_held_the_clock_stands_still_and_timers_wait(loop: VirtualLoop) -> None:
    fired: list[int] = []

    async def main() -> int:
        loop.call_later(5, lambda: fired.append(loop.now_ns))
        with loop.hold():
            assert await asyncio.to_thread(_work, 7) == 7
            held_at = loop.now_ns
            assert not fired
        await asyncio.sleep(6)
        return held_at

    assert run(loop, main()) == 0
    assert fired == [5 * SECOND]


def test_holds_nest(loop: VirtualLoop) -> None:
    held = []
    with loop.hold():
        with loop.hold():
            held.append(loop.held)
        held.append(loop.held)
    held.append(loop.held)
    assert held == [True, True, False]


def test_a_hold_ends_with_an_error_too(loop: VirtualLoop) -> None:
    with pytest.raises(ValueError, match="said"), loop.hold():
        raise ValueError("said")
    assert not loop.held


def test_bytes_from_a_socket_are_taken_before_the_clock_moves(loop: VirtualLoop) -> None:
    import socket

    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.sendall(b"here")

        async def main() -> tuple[bytes, int]:
            loop.call_later(60, lambda: None)
            return await loop.sock_recv(near, 16), loop.now_ns

        assert run(loop, main()) == (b"here", 0)


def test_a_runner_closes_it_even_after_threads_were_used() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        with loop.hold():
            return await asyncio.to_thread(_work, 3)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == 3


def _work(number: int) -> int:
    return number


# -- living through the gaps --------------------------------------------------------------------


def test_every_gap_is_lived_through_before_the_clock_moves(loop: VirtualLoop) -> None:
    steps: list[tuple[int, int]] = []

    def advance(target: int) -> int:
        steps.append((loop.now_ns, target))
        return target

    loop.before_jump(advance)

    async def main() -> None:
        await asyncio.sleep(1)
        await asyncio.sleep(0.5)

    run(loop, main())
    assert steps == [(0, SECOND), (SECOND, 3 * SECOND // 2)]


def test_it_may_be_lived_through_in_steps(loop: VirtualLoop) -> None:
    reached: list[int] = []

    def advance(target: int) -> int:
        reached.append(min(target, loop.now_ns + 300_000_000))
        return reached[-1]

    loop.before_jump(advance)
    run(loop, asyncio.sleep(1))
    assert reached == [300_000_000, 600_000_000, 900_000_000, SECOND]
    assert loop.now_ns == SECOND


def test_a_step_that_wakes_somebody_ends_the_jump_there(loop: VirtualLoop) -> None:
    """What happens while a gap is lived through happens at its own time, not after the gap."""

    async def main() -> list[int]:
        heard: asyncio.Future[None] = loop.create_future()
        times = []

        def advance(target: int) -> int:
            here = min(target, loop.now_ns + 100_000_000)
            if here == 400_000_000 and not heard.done():
                heard.set_result(None)
            return here

        loop.before_jump(advance)
        sleeper = asyncio.ensure_future(asyncio.sleep(10))
        await heard
        times.append(loop.now_ns)
        await sleeper
        return [*times, loop.now_ns]

    assert run(loop, main()) == [400_000_000, 10 * SECOND]


def test_a_step_may_set_an_earlier_timer(loop: VirtualLoop) -> None:
    fired: list[int] = []

    async def main() -> None:
        def advance(target: int) -> int:
            if loop.now_ns == 0:
                loop.call_at(0.75, lambda: fired.append(loop.now_ns))
            return min(target, loop.now_ns + 500_000_000)

        loop.before_jump(advance)
        await asyncio.sleep(2)

    run(loop, main())
    assert fired == [750_000_000]


def test_a_step_beyond_the_target_does_not_take_the_clock_along(loop: VirtualLoop) -> None:
    loop.before_jump(lambda target: target + SECOND)
    run(loop, asyncio.sleep(1))
    assert loop.now_ns == SECOND


def test_what_advance_raises_ends_the_run(loop: VirtualLoop) -> None:
    def advance(target: int) -> int:
        raise RuntimeError("the plane broke")

    loop.before_jump(advance)
    with pytest.raises(RuntimeError, match="the plane broke"):
        run(loop, asyncio.sleep(1))


def test_nobody_lives_through_gaps_any_more(loop: VirtualLoop) -> None:
    steps: list[int] = []

    def advance(target: int) -> int:
        steps.append(target)
        return target

    loop.before_jump(advance)
    loop.before_jump(None)
    run(loop, asyncio.sleep(1))
    assert not steps


# -- what is asyncio's own ----------------------------------------------------------------------


def test_the_private_parts_of_asyncio_that_are_used_are_there(loop: VirtualLoop) -> None:
    """``_scheduled`` is a heap of timer handles, ``_ready`` the callbacks of this round,
    ``_clock_resolution`` how much too early a timer may fire, and the loop asks its selector with
    a timeout only when nothing is ready."""
    assert loop._scheduled == []  # type: ignore[attr-defined]
    assert not loop._ready  # type: ignore[attr-defined]
    assert loop._clock_resolution == 1e-9
    handles = [loop.call_at(when, lambda: None) for when in (3.0, 1.0, 2.0)]
    scheduled = loop._scheduled  # type: ignore[attr-defined]
    assert scheduled[0] is handles[1]
    assert scheduled[0].when() == 1.0
    assert [heapq.heappop(scheduled).when() for _ in range(3)] == [1.0, 2.0, 3.0]
    for handle in handles:
        handle._scheduled = False  # type: ignore[attr-defined]
    loop.call_soon(lambda: None)
    assert len(loop._ready) == 1  # type: ignore[attr-defined]
    assert isinstance(loop._selector, selectors.BaseSelector)  # type: ignore[attr-defined]
