"""The interface of a sandbox's workers, for the rest of the sandbox.

The processes themselves are in :mod:`mediasim.sandbox.fleet`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

__all__ = ["WORKERS", "FleetBroke", "Workers"]

WORKERS: Final = "/_mediasim/workers"
"""Path of the WebSocket by which workers join a front."""


class FleetBroke(Exception):
    """No worker can carry calls; the message says why."""


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

    def described(self) -> list[dict[str, Any]]:
        """Return which workers are there, as JSON has it."""

    def party(self, call_sid: str) -> str | None:
        """Return the name of the party at a call's far end; None where it is unknown."""

    async def synchronize(self) -> None:
        """Wait until the workers have reported everything that has happened so far."""
