"""Routes: who hears whom in some rooms, made ready for arrays.

A room's own routes are made when the room has changed; those of many rooms are put together from
them, so that one call that begins or ends among thousands costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.media.leg import Leg, LegGroup
from mediasim.media.recorder import Recorder

__all__ = ["FLUSH_FRAMES", "Conferences", "RouteTable", "Routes"]

FLUSH_FRAMES: Final = 50
"""Recorders are written at least once a second, taking turns over the second."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conferences:
    """Conferences with the same number of members, to be mixed at once."""

    count: int
    rows: NDArray[np.int64]
    """Of the members, one conference after the other."""
    muted: NDArray[np.int64] | None
    """Which of these are not heard; None where all are."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One room's routes."""

    version: int
    legs: tuple[Leg, ...]
    copied: tuple[Leg, ...]
    mixed: tuple[Leg, ...]
    silent: tuple[Leg, ...]
    conferences: tuple[tuple[Leg, ...], ...]
    sourced: tuple[Leg, ...]
    sinking: tuple[Leg, ...]
    listened: tuple[Leg, ...]
    recorders: tuple[Recorder, ...]


@dataclass(frozen=True, slots=True)
class Routes:
    """Those of one room or of many."""

    legs: tuple[Leg, ...]
    rows: NDArray[np.int64]
    copied_to: NDArray[np.int64]
    """Rows whose outbound track is just another row's inbound one,"""
    copied_from: NDArray[np.int64]
    """and that other row."""
    mixed: tuple[Leg, ...]
    """Legs with players, or several to hear."""
    silent: NDArray[np.int64]
    conferences: tuple[Conferences, ...]
    sourced: tuple[Leg, ...]
    sinking: tuple[Leg, ...]
    listened: tuple[Leg, ...]
    turns: tuple[tuple[Recorder, ...], ...]
    """The recorders by the frame of the second in which they are written."""


class RouteTable:
    """Routes of a plane's rooms, kept until something changes."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        """Of rooms, by their identity,"""
        self._single: dict[int, tuple[int, Routes]] = {}
        """as are the routes of single rooms, with the versions they are of."""
        self._all: Routes | None = None

    def changed(self) -> None:
        """A room changed, came, or went."""
        self._all = None

    def forget(self, room: LegGroup) -> None:
        """A room is closed."""
        self._parts.pop(id(room), None)
        self._single.pop(id(room), None)
        self._all = None

    def of_room(self, room: LegGroup) -> Routes:
        known = self._single.get(id(room))
        if known is None or known[0] != room.version:
            known = self._single[id(room)] = room.version, _together([self._part(room)])
        return known[1]

    def of_all(self, rooms: Iterable[LegGroup]) -> Routes:
        """Of all rooms there are."""
        if self._all is None:
            self._all = _together([self._part(room) for room in rooms])
        return self._all

    def _part(self, room: LegGroup) -> _Part:
        part = self._parts.get(id(room))
        if part is None or part.version != room.version:
            part = self._parts[id(room)] = _part_of(room)
        return part


def _part_of(room: LegGroup) -> _Part:
    copied, mixed, silent = [], [], []
    conferences: dict[Hashable, list[Leg]] = {}
    for leg in room.legs:
        confers = leg.conference is not None
        if confers:
            conferences.setdefault(leg.conference, []).append(leg)
        if leg.players or len(leg.hears) + confers > 1:
            mixed.append(leg)
        elif leg.hears:
            copied.append(leg)
        elif not confers:
            silent.append(leg)
    return _Part(
        version=room.version,
        legs=tuple(room.legs),
        copied=tuple(copied),
        mixed=tuple(mixed),
        silent=tuple(silent),
        conferences=tuple(tuple(members) for members in conferences.values()),
        sourced=tuple(leg for leg in room.legs if leg.source is not None),
        sinking=tuple(leg for leg in room.legs if leg.sink is not None),
        listened=tuple(leg for leg in room.legs if leg.ears),
        recorders=tuple(room.recorders),
    )


def _together(parts: list[_Part]) -> Routes:
    def all_of(field: Callable[[_Part], tuple[T, ...]]) -> tuple[T, ...]:
        return tuple(chain.from_iterable(map(field, parts)))

    legs, copied = all_of(lambda part: part.legs), all_of(lambda part: part.copied)
    turns: list[list[Recorder]] = [[] for _ in range(FLUSH_FRAMES)]
    for recorder in all_of(lambda part: part.recorders):
        turns[recorder.turn].append(recorder)
    return Routes(
        legs=legs,
        rows=_rows(legs),
        copied_to=_rows(copied),
        copied_from=_rows([leg.hears[0] for leg in copied]),
        mixed=all_of(lambda part: part.mixed),
        silent=_rows(all_of(lambda part: part.silent)),
        conferences=_by_size(all_of(lambda part: part.conferences)),
        sourced=all_of(lambda part: part.sourced),
        sinking=all_of(lambda part: part.sinking),
        listened=all_of(lambda part: part.listened),
        turns=tuple(map(tuple, turns)),
    )


def _by_size(conferences: Iterable[tuple[Leg, ...]]) -> tuple[Conferences, ...]:
    of_size: dict[int, list[tuple[Leg, ...]]] = {}
    for members in conferences:
        of_size.setdefault(len(members), []).append(members)
    found = []
    for same in of_size.values():
        legs = list(chain.from_iterable(same))
        muted = np.flatnonzero([leg.muted for leg in legs])
        found.append(Conferences(len(same), _rows(legs), muted if len(muted) else None))
    return tuple(found)


def _rows(legs: Iterable[Leg]) -> NDArray[np.int64]:
    return np.array([leg.row for leg in legs], np.int64)
