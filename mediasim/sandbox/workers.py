"""The interface of a sandbox's workers, for the rest of the sandbox.

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
    """No worker can carry calls; the message says why."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the front starts a worker with."""

    settings: Settings
    base_url: str
    boot: int
    """Number of the front's start, from 1."""
    fault_rules: Sequence[tuple[str, FaultRule]]
    """Active fault rules of the front by their ids; they may differ from its config's."""
    logged: bool = False
    """Whether the worker sends the front entries of the log."""


class Workers(Protocol):
    """All workers of a sandbox."""

    @property
    def levels(self) -> Mapping[str, tuple[float, float]]:
        """Levels of live legs as last reported: dBFS received and sent, by call SID."""

    @property
    def problem(self) -> str | None:
        """Why workers are missing; None while all run."""

    @property
    def calls_in_progress(self) -> int:
        """Number of active calls in all workers."""

    @property
    def busy(self) -> Sequence[float]:
        """Share of its time that each worker needs, 0 to 1."""

    def party(self, call_sid: str) -> str | None:
        """Return the name of the party at a call's far end; None where it is unknown."""

    async def synchronize(self) -> None:
        """Wait until the workers have reported everything that has happened so far."""
