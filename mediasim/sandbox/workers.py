"""The workers of a sandbox, as the rest of it knows them: how one begins, what all of them carry.

The processes themselves are in :mod:`mediasim.sandbox.fleet`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mediasim.sandbox.settings import Settings
from mediasim.twilio.fault_injection import FaultRule

__all__ = ["FleetBroke", "Orders", "Workers"]


class FleetBroke(Exception):
    """There is no worker to carry calls; says why."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the front starts a worker with."""

    settings: Settings
    base_url: str
    boot: int
    weather: Sequence[tuple[str, FaultRule]]
    """The front's, which may have changed since its own start."""


class Workers(Protocol):
    """All of them together."""

    @property
    def levels(self) -> Mapping[str, tuple[float, float]]:
        """Of their live legs, when they were last asked: dBFS in and out, by call SID."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with the workers; None: all are there."""

    @property
    def calls_in_progress(self) -> int: ...

    @property
    def busy(self) -> Sequence[float]:
        """What share of its time each worker needs, 0..1."""

    def party(self, call_sid: str) -> str | None:
        """Who is at a call's far end; None where that is not known."""

    async def heard(self) -> None:
        """Wait until everything that has happened so far has been told."""
