"""How tests are shared among workers: those of real time in two lanes, ahead of the others.

Tests of real time wait most of their time and suffer from what runs beside them. So at most two of
them run at once, in workers that keep their priority, while the other workers compute at a lower
one. Tests of one file stay together: they share a sandbox or a browser.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final
from zlib import crc32

from xdist.scheduler import LoadScopeScheduling

__all__ = ["Lanes", "in_order", "lower_priority"]

_ROOT: Final = Path(__file__).parents[1]
_REALTIME: Final = "mark.realtime"
_LANES: Final = 2
_LONG: Final = ("test_fuzz.py", "test_same_recording_whichever_door.py", "test_scenarios.py")
"""Files whose tests take long, each of which may run by itself."""
_MANY_PROCESSES: Final = (
    "test_side_by_side.py",
    "test_fleet.py",
    "test_kill_rounds.py",
    "test_kills.py",
)
"""Files whose tests start many processes: they wait for what happens, and run at low priority, or
those that send packets in real time would be late beside them."""
_NICE: Final = 5


def _file_of(node_id: str) -> str:
    return node_id.partition("::")[0]


@cache
def _is_of_real_time(file: str) -> bool:
    """Tell whether a file has tests of real time, which need the processor when they need it."""
    if file.endswith(_MANY_PROCESSES):
        return False
    try:
        return _REALTIME in (_ROOT / file).read_text("utf-8")
    except OSError:
        return False


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """Shares out files of tests; those of real time in two lanes."""

    def _split_scope(self, nodeid: str) -> str:
        file = _file_of(nodeid)
        if _is_of_real_time(file):
            return f"lane {crc32(file.encode()) % _LANES}"
        return nodeid if file.endswith(_LONG) else file


def in_order(node_ids: Sequence[str]) -> list[int]:
    """Return the places of tests as they are to run: of real time first, then the long ones."""

    def rank(place: int) -> tuple[int, int]:
        file = _file_of(node_ids[place])
        long = file.endswith((*_LONG, *_MANY_PROCESSES))
        return (0 if _is_of_real_time(file) else 1 if long else 2), place

    return sorted(range(len(node_ids)), key=rank)


@cache
def _lower() -> None:
    os.nice(_NICE)


def lower_priority(node_id: str) -> None:
    """Lower the priority of a worker that has come to tests which are not of real time."""
    if "PYTEST_XDIST_WORKER" in os.environ and not _is_of_real_time(_file_of(node_id)):
        _lower()
