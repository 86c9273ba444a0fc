"""Work in several processes: one that dies takes its own work with it, and no other's.

A pool of processes breaks as a whole when one is killed; here each lane has a process of its own,
and a new one when that has died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from queue import SimpleQueue
from typing import Generic, Self, TypeVar

from mediasim.threads import one_thread

__all__ = ["Interrupted", "Lanes", "WorkerDied", "in_lanes"]

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(RuntimeError):
    """The process of a piece of work was killed, or ended by itself."""


class Interrupted:
    """The result of work that was interrupted before it had a result."""


class Lanes(Generic[T, R]):
    """Processes that do one kind of work, each an item at a time; closed as a context."""

    def __init__(self, work: Callable[[T], R], lanes: int) -> None:
        """``work`` is a function that processes can be given: one of a module, or a partial."""
        self._work = work
        self._lanes = [_Lane() for _ in range(lanes)]
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        for lane in self._lanes:
            self._free.put(lane)
        self._threads = ThreadPoolExecutor(lanes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, item: T) -> Future[R | WorkerDied | Interrupted]:
        """Have an item done as soon as a process is free."""
        return self._threads.submit(self._do, item)

    def _do(self, item: T) -> R | WorkerDied | Interrupted:
        lane = self._free.get()
        try:
            return lane.do(self._work, item)
        except BrokenProcessPool:
            return WorkerDied("its process was killed")
        finally:
            self._free.put(lane)

    def interrupt(self) -> None:
        """Interrupt the work in progress, each in its process, and begin no other."""
        for lane in self._lanes:
            lane.interrupt()

    def close(self) -> None:
        """Kill the processes; what has not begun is cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for lane in self._lanes:
            lane.close()
        self._threads.shutdown()


def in_lanes(
    work: Callable[[T], R], items: Sequence[T], lanes: int
) -> Iterator[tuple[T, R | WorkerDied]]:
    """Do the work on each item in as many processes as there are lanes; yield results in order of
    the items.

    On Ctrl-C the work in progress is interrupted in its process and its results follow, what had
    not begun is left out, and KeyboardInterrupt is raised at the end; at once when it comes again.
    """
    with Lanes(work, lanes) as open_lanes:
        waiting = [(item, open_lanes.submit(item)) for item in items]
        yield from _results(waiting, open_lanes)


def _results(
    waiting: list[tuple[T, Future[R | WorkerDied | Interrupted]]], lanes: Lanes[T, R]
) -> Iterator[tuple[T, R | WorkerDied]]:
    """Yield the results in order, and pass an interrupt on to the processes."""
    interrupted = False
    for item, future in waiting:
        if interrupted and future.cancelled():
            continue
        try:
            result = future.result()
        except KeyboardInterrupt:
            if interrupted:
                raise
            # Ctrl-C reaches this thread, which waits here; the threads that wait for the
            # processes go on.
            interrupted = True
            for _, later in waiting:
                later.cancel()
            lanes.interrupt()
            if future.cancelled():
                continue
            result = future.result()
        except CancelledError:
            continue
        if not isinstance(result, Interrupted):
            yield item, result
        elif not interrupted:
            yield item, WorkerDied("its process was interrupted")
    if interrupted:
        raise KeyboardInterrupt


class _Lane:
    """One process at a time, started when there is work."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._interrupted = False

    def do(self, work: Callable[[T], R], item: T) -> R | Interrupted:
        """Do the work on an item in the lane's process. Raises BrokenProcessPool if the process
        dies."""
        if self._executor is None:
            import multiprocessing

            # Spawned, not forked: a voice engine's threads do not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_set_up_process)
        try:
            if self._pid is None:
                # The process starts with the first work it is given; its pid is needed before the
                # real work.
                with one_thread():
                    self._pid = self._executor.submit(os.getpid).result()
            # Also when the interrupt came while the process was starting.
            if self._interrupted:
                return Interrupted()
            return self._executor.submit(_interruptible, work, item).result()
        except BrokenProcessPool:
            self._executor.shutdown(wait=False)
            self._executor = self._pid = None
            raise

    def interrupt(self) -> None:
        self._interrupted = True
        self._signal(signal.SIGINT)

    def _signal(self, number: int) -> None:
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        if (executor := self._executor) is not None:
            executor.shutdown(cancel_futures=True)  # waits until it has ended


def _set_up_process() -> None:
    """Prepare a new process: Ctrl-C at the terminal is for the parent to pass on, and its end ends
    this one."""
    import multiprocessing

    signal.signal(signal.SIGINT, _note_interrupt)
    # The terminal sends Ctrl-C to the whole foreground group: this process leaves it, so that the
    # parent alone decides who is interrupted.
    os.setpgid(0, 0)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


_interrupted_idle = False
"""Whether this process was interrupted while it was idle."""


def _note_interrupt(*_: object) -> None:
    """Remember that this process was interrupted."""
    global _interrupted_idle
    _interrupted_idle = True


def _interruptible(work: Callable[[T], R], item: T) -> R | Interrupted:
    """Do the work on an item, and let an interrupt end it."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return Interrupted() if _interrupted_idle else work(item)
    except KeyboardInterrupt:
        return Interrupted()
    finally:
        signal.signal(signal.SIGINT, _note_interrupt)
