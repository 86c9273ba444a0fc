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
from typing import Generic, TypeVar

__all__ = ["WorkerDied", "in_lanes"]

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(RuntimeError):
    """The process of a piece of work was killed, or ended by itself."""


class _Undone:
    """The result of work that was interrupted before it had a result."""


def in_lanes(
    work: Callable[[T], R], items: Sequence[T], lanes: int
) -> Iterator[tuple[T, R | WorkerDied]]:
    """Do the work on each item in as many processes as there are lanes; yield results in order of
    the items.

    On Ctrl-C the work in progress is interrupted in its process and its results follow, what had
    not begun is left out, and KeyboardInterrupt is raised at the end; at once when it comes again.
    """
    pool: _Lanes[T, R] = _Lanes(work, lanes)
    with ThreadPoolExecutor(lanes) as threads:
        waiting = [(item, threads.submit(pool.do, item)) for item in items]
        try:
            yield from _results(waiting, pool)
        finally:
            for _, future in waiting:
                future.cancel()
            pool.close()


def _results(
    waiting: list[tuple[T, Future[R | WorkerDied | _Undone]]], pool: _Lanes[T, R]
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
            interrupted = True
            for _, later in waiting:
                later.cancel()
            pool.interrupt()
            if future.cancelled():
                continue
            result = future.result()
        except CancelledError:
            continue
        if not isinstance(result, _Undone):
            yield item, result
        elif not interrupted:
            yield item, WorkerDied("its process was interrupted")
    if interrupted:
        raise KeyboardInterrupt


class _Lanes(Generic[T, R]):
    """The processes, with a queue of those that are free."""

    def __init__(self, work: Callable[[T], R], count: int) -> None:
        self._work = work
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        self._all = [_Lane() for _ in range(count)]
        for lane in self._all:
            self._free.put(lane)

    def do(self, item: T) -> R | WorkerDied | _Undone:
        """Do the work on an item in a free lane, and wait for one if need be."""
        lane = self._free.get()
        try:
            return lane.do(self._work, item)
        except BrokenProcessPool:
            return WorkerDied("its process was killed")
        finally:
            self._free.put(lane)

    def interrupt(self) -> None:
        """Interrupt the work of all lanes."""
        for lane in self._all:
            lane.interrupt()

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        for lane in self._all:
            lane.close()


class _Lane:
    """One process at a time, started when there is work."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._interrupted = False

    def do(self, work: Callable[[T], R], item: T) -> R | _Undone:
        """Do the work on an item in the lane's process. Raises BrokenProcessPool if the process
        dies."""
        if self._executor is None:
            import multiprocessing

            # Spawned, not forked: a voice engine's threads do not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_begin_apart)
            self._pid = self._executor.submit(os.getpid).result()
        if self._interrupted:
            return _Undone()
        try:
            return self._executor.submit(_interruptible, work, item).result()
        except BrokenProcessPool:
            self._executor.shutdown(wait=False)
            self._executor = self._pid = None
            raise

    def interrupt(self) -> None:
        self._interrupted = True
        self.tell(signal.SIGINT)

    def tell(self, number: int) -> None:
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def close(self) -> None:
        self.tell(signal.SIGKILL)
        if self._executor is not None:
            self._executor.shutdown(wait=False)


def _begin_apart() -> None:
    """Prepare a new process: Ctrl-C at the terminal is for the parent to pass on, and its end ends
    this one."""
    import multiprocessing

    signal.signal(signal.SIGINT, _note)
    os.setpgid(0, 0)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


_told = False
"""Whether this process was interrupted while it was idle."""


def _note(*_: object) -> None:
    """Remember that this process was interrupted."""
    global _told
    _told = True


def _interruptible(work: Callable[[T], R], item: T) -> R | _Undone:
    """Do the work on an item, and let an interrupt end it."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return _Undone() if _told else work(item)
    except KeyboardInterrupt:
        return _Undone()
    finally:
        signal.signal(signal.SIGINT, _note)
