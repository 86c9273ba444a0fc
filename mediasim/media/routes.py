"""Routes: which legs hear which, prepared for array operations.

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
"""Frames within which each recorder is written once, taking turns: a second."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conferences:
    """Conferences with the same number of members, to be mixed at once."""

    count: int
    """The number of conferences."""
    rows: NDArray[np.int64]
    """Rows of the members, one conference after the other."""
    muted: NDArray[np.int64] | None
    """Indices in ``rows`` of the muted members; None if there are none."""


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
    clamped: tuple[Leg, ...]
    recorders: tuple[Recorder, ...]


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes of one room or of many."""

    legs: tuple[Leg, ...]
    rows: NDArray[np.int64]
    copied_to: NDArray[np.int64]
    """Rows whose outbound track is just another row's inbound one."""
    copied_from: NDArray[np.int64]
    """For each row of ``copied_to``, the row it hears."""
    mixed: tuple[Leg, ...]
    """Legs with players, or several legs to hear."""
    silent: NDArray[np.int64]
    """Rows whose outbound track is silent."""
    conferences: tuple[Conferences, ...]
    sourced: tuple[Leg, ...]
    """Legs that have a source."""
    sinking: tuple[Leg, ...]
    """Legs that have a sink."""
    listened: tuple[Leg, ...]
    """Legs that have listeners."""
    clamped: tuple[Leg, ...]
    """Legs whose keys are taken out of their inbound tracks."""
    turns: tuple[tuple[Recorder, ...], ...]
    """The recorders by the frame of the second in which they are written."""


class RouteTable:
    """Routes of a plane's rooms, kept until something changes."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        """Parts of rooms, by the rooms' identities."""
        self._single: dict[int, tuple[int, Routes]] = {}
        """Routes of single rooms and the versions they are of, by the rooms' identities."""
        self._all: Routes | None = None
        """Routes of all rooms; None once something has changed."""

    def changed(self) -> None:
        """Forget the routes of all rooms: one has changed, come, or gone."""
        self._all = None

    def forget(self, room: LegGroup) -> None:
        """Forget a closed room."""
        self._parts.pop(id(room), None)
        self._single.pop(id(room), None)
        self._all = None

    def of_room(self, room: LegGroup) -> Routes:
        """Return the routes of one room."""
        known = self._single.get(id(room))
        if known is None or known[0] != room.version:
            known = self._single[id(room)] = room.version, _together([self._part(room)])
        return known[1]

    def of_all(self, rooms: Iterable[LegGroup]) -> Routes:
        """Return the routes of all rooms."""
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
        listened=tuple(leg for leg in room.legs if leg.listeners),
        clamped=tuple(leg for leg in room.legs if leg.clamp is not None),
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
        clamped=all_of(lambda part: part.clamped),
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
