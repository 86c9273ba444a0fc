"""Hunts: many runs, one after the other or several at a time, and the violations they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.fuzz.judge import GOES_THROUGH, Violation
from mediasim.scenario.fuzz.properties import Invariants, Properties
from mediasim.scenario.fuzz.shrink import shrunk
from mediasim.threads import one_thread

__all__ = ["Find", "Hunt", "hunt", "one_run", "write_find"]

_MOST_FINDS: Final = 10
"""Finds after which no more runs are made: whatever is wrong is known by then."""
_INVARIANTS: Final = Invariants()


@dataclass(frozen=True, slots=True)
class Find:
    """A run that violated an invariant."""

    number: int
    broken: Violation
    document: dict[str, Any]
    file: Path | None = None
    """The small scenario file that repeats the violation; None before it is written."""


@dataclass(slots=True)
class Hunt:
    """The progress and the finds of a hunt."""

    seed: int
    runs: int = 0
    seconds: float = 0.0
    """Seconds of the wall clock since the hunt began."""
    finds: list[Find] = field(default_factory=list)


def one_run(seed: int, number: int, properties: Properties = _INVARIANTS) -> Find | None:
    """Draw a scenario and judge it; return None if everything holds."""
    document = properties.draw(seed, number)
    try:
        broken = next(properties.judge(document, seed, number), None)
    except ScenarioError as error:
        broken = Violation(*GOES_THROUGH, f"what was drawn is no scenario: {error}")
    return None if broken is None else Find(number, broken, document)


def hunt(
    seed: int,
    runs: int,
    *,
    properties: Properties = _INVARIANTS,
    first: int = 0,
    jobs: int = 1,
    minutes: float | None = None,
    out: Path | None = None,
    progress: Callable[[Hunt], None] | None = None,
) -> Hunt:
    """Make runs ``first`` to ``first + runs``, fewer if ``minutes`` are over before.

    Each find is made small; with ``out`` it is written to that folder.
    """
    began = time.monotonic()
    so_far, known = Hunt(seed), set[str]()
    for find in _all(seed, range(first, first + runs), jobs, properties):
        so_far.runs += 1
        so_far.seconds = time.monotonic() - began
        if find is not None:
            # Of the same invariant one find is made small: many have one cause.
            if find.broken.name not in known:
                find = _made_small(find, properties)
                known.add(find.broken.name)
            if out is not None:
                find = write_find(find, seed, out, properties)
            so_far.finds.append(find)
        if progress is not None:
            progress(so_far)
        over = minutes is not None and time.monotonic() - began >= 60 * minutes
        if over or len(so_far.finds) >= _MOST_FINDS:
            break
    so_far.seconds = time.monotonic() - began
    return so_far


def _all(seed: int, numbers: range, jobs: int, properties: Properties) -> Iterator[Find | None]:
    """Yield the finds of the runs in order of their numbers, whichever process made them."""
    if jobs == 1:
        for number in numbers:
            yield one_run(seed, number, properties)
        return
    import multiprocessing
    from concurrent.futures import Future, ProcessPoolExecutor

    # Spawned, as runs of scenarios are.
    context = multiprocessing.get_context("spawn")
    with one_thread(), ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting: list[Future[Find | None]] = []
        try:
            for number in numbers:
                waiting.append(pool.submit(one_run, seed, number, properties))
                # A few runs ahead of each process keep it busy, and are soon over when the hunt
                # ends early.
                if len(waiting) >= 4 * jobs:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            pool.shutdown(cancel_futures=True)


def _made_small(find: Find, properties: Properties) -> Find:
    """Return a find with the smallest scenario that violates the same."""
    try:
        trial = properties.trial(find.broken.name)
        document, broken = shrunk(find.document, find.broken, trial)
    except ScenarioError:
        return find  # it is no scenario in the first place
    return Find(find.number, broken, document)


def write_find(find: Find, seed: int, out: Path, properties: Properties = _INVARIANTS) -> Find:
    """Write a find as a scenario file that says what it violates and how to repeat it."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{find.broken.name}-{seed}-{find.number}.yaml"
    command = f"mediasim fuzz {properties.option}".rstrip()
    lines = [
        f"# Breaks {find.broken.name}: {find.broken.words}.",
        *(f"# {line}" for line in find.broken.where.splitlines()),
        f"# Found by: {command} --seed {seed} --first {find.number} --runs 1",
        f"# To repeat: {command} {file.name}",
        yaml.safe_dump(find.document, sort_keys=False, width=100),
    ]
    file.write_text("\n".join(lines), "utf-8")
    return Find(find.number, find.broken, find.document, file)
