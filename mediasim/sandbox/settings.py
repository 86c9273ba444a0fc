"""The settings of a sandbox's run, besides its config file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from mediasim.exchange.profiles import PROFILES
from mediasim.sandbox.clocks import (
    Clock,
    ClockKind,
    ClockRefuses,
    Lines,
    make_clock,
    only_real_time,
)
from mediasim.sandbox.config import Config
from mediasim.sandbox.config_account import SipAddress
from mediasim.sandbox.shards import Shard

__all__ = ["ONE_PROCESS", "Settings", "Spread", "clock_of"]

ONE_PROCESS: Final = "{} and the calls that ring them have to be in one process: --workers 1"
"""Why a feature and several workers exclude each other."""

Spread = Literal["calls", "numbers"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run."""

    config: Config = field(default_factory=Config)
    clock: ClockKind = "real"
    rate: float = 1.0
    """Speed of a real clock: seconds of loop time in one second of the wall clock."""
    lines: Lines = "memory"
    """How the packets of simulated parties travel."""
    data: Path | None = None
    """The folder that stores the sandbox's state; None stores nothing."""
    database: str | None = None
    """URL of a database to use instead of the one in the folder."""
    media: str | None = None
    """URL of an object store that holds recordings besides the folder."""
    workers: int = 1
    """Number of processes on this machine that carry calls; with 1 the sandbox carries them
    itself, with 0 all workers join from elsewhere."""
    spread: Spread = "calls"
    """What is spread over workers: single calls, or all calls of a number together."""
    shard: Shard | None = None
    """Which it is of several sandboxes behind a proxy that shares out accounts; None for one
    alone."""
    peers: str | None = None
    """URL of each of them, with ``{}`` for its place; None where none hands on to another."""
    worker: int | None = None
    """Number of the worker that these settings are for, from 1; None for a sandbox itself."""
    zero_ns: int | None = None
    """The front's loop time zero on the monotonic clock, in nanoseconds, for a worker's clock."""
    epoch: datetime | None = None
    """The date of loop time zero instead of the config's; for a worker the front's. A sandbox with
    stored state never goes back behind it."""
    today: bool = False
    """Whether a virtual clock begins with today's date, for people and apps to look at; otherwise
    with a fixed one, which repeats a run byte for byte."""
    recordings: Path | None = None
    """The folder of a worker's finished recordings; None for its own folder."""
    hosts: tuple[str, ...] = ()
    """Host names that requests may use besides this machine's and the public URL's; ``*`` for
    all."""
    seed_override: int | None = None
    """The seed to use instead of the config's."""
    profile_override: str | None = None
    """The behaviour profile to use instead of the config's."""
    sip_override: SipAddress | None = None
    """The address to listen on for SIP telephones instead of the config's."""

    @property
    def has_workers(self) -> bool:
        """Whether other processes carry the calls."""
        return self.workers != 1

    @property
    def seed(self) -> int:
        """The seed of every random draw."""
        return self.config.seed if self.seed_override is None else self.seed_override

    @property
    def sip(self) -> SipAddress | None:
        """The address to listen on for SIP telephones; None for no SIP."""
        return self.sip_override or self.config.sip.address

    def first_epoch(self, clock: Clock) -> datetime:
        """Return the date of loop time zero, if no state is stored of later ones."""
        return self.epoch or self.config.epoch or clock.first_epoch(today=self.today)

    @property
    def profile(self) -> str:
        """Name of the behaviour profile."""
        return self.profile_override or self.config.profile

    @property
    def keeps_silence(self) -> bool:
        """Whether a recording of nothing but silence is kept."""
        given = self.config.recordings.silent
        return PROFILES[self.profile].keeps_silence if given is None else given == "keep"

    @property
    def media_auth(self) -> bool:
        """Whether a download of media needs credentials."""
        given = self.config.media_auth
        return PROFILES[self.profile].media_auth if given is None else given


def clock_of(settings: Settings) -> Clock:
    """Make the clock of these settings. Raises ClockRefuses where they contradict each other."""
    clock = make_clock(
        settings.clock, rate=settings.rate, lines=settings.lines, zero_ns=settings.zero_ns
    )
    try:
        if settings.has_workers:
            only_real_time(clock, "workers")
        if settings.sip is not None:
            only_real_time(clock, "SIP telephones")
            if settings.has_workers:
                raise ClockRefuses(ONE_PROCESS.format("SIP telephones"))
        if settings.config.has_endpoints:
            only_real_time(clock, "RTP endpoints")
    except ClockRefuses:
        clock.close()
        raise
    return clock
