"""What a sandbox is started with, beside its config file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from mediasim.sandbox.clocks import (
    Clock,
    ClockKind,
    ClockRefuses,
    Lines,
    make_clock,
    only_real_time,
)
from mediasim.sandbox.config import Config, SipAddress

__all__ = ["ONE_PROCESS", "Settings", "Spread", "clock_of"]

ONE_PROCESS: Final = "{} and the calls that ring them have to be in one process: --workers 1"

Spread = Literal["calls", "numbers"]


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it is for one run."""

    config: Config = field(default_factory=Config)
    clock: ClockKind = "real"
    rate: float = 1.0
    lines: Lines = "memory"
    """How simulated parties' packets travel."""
    data: Path | None = None
    """The folder that keeps its state; None: nothing is kept."""
    database: str | None = None
    """A database's URL, instead of one in the folder."""
    media: str | None = None
    """An object store's URL, to keep recordings in besides the folder."""
    workers: int = 1
    """Processes that calls are spread over; 1: this one carries them."""
    spread: Spread = "calls"
    """What is spread over workers: each call by itself, or all calls of a number together."""
    worker: int | None = None
    """Which worker this is, from 1; None: no worker."""
    zero_ns: int | None = None
    """A worker's loop time is its front's: when that was zero, on the monotonic clock,"""
    epoch: datetime | None = None
    """and the date then."""
    recordings: Path | None = None
    """The folder of a worker's finished recordings, instead of its own."""
    hosts: tuple[str, ...] = ()
    """Names by which it may be asked besides this machine's own and its public URL's, or ``*``."""
    asked_seed: int | None = None
    asked_profile: str | None = None
    asked_sip: SipAddress | None = None
    """Where SIP telephones are answered, instead of the config's."""

    @property
    def seed(self) -> int:
        return self.config.seed if self.asked_seed is None else self.asked_seed

    @property
    def sip(self) -> SipAddress | None:
        """Where SIP telephones are answered; None: nowhere."""
        return self.asked_sip or self.config.sip.address

    @property
    def profile(self) -> str:
        return self.asked_profile or self.config.profile


def clock_of(settings: Settings) -> Clock:
    """The clock that settings ask for. Raises ClockRefuses where they contradict each other."""
    clock = make_clock(
        settings.clock, rate=settings.rate, lines=settings.lines, zero_ns=settings.zero_ns
    )
    try:
        if settings.workers > 1:
            only_real_time(clock, "workers")
        if settings.sip is not None:
            only_real_time(clock, "SIP telephones")
            if settings.workers > 1:
                raise ClockRefuses(ONE_PROCESS.format("SIP telephones"))
        if settings.config.has_endpoints:
            only_real_time(clock, "RTP endpoints")
    except ClockRefuses:
        clock.close()
        raise
    return clock
