"""What the workers of a sandbox carry, as far as their front has to know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["Elsewhere", "FleetBroke"]


class FleetBroke(Exception):
    """There is no worker to carry calls; says why."""


class Elsewhere(Protocol):
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
