"""Making what is missing of a campaign: resumed, cleaned, counted, and written down."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Final

from mediasim.campaign.engines.engine import Engine, ShardFailed
from mediasim.campaign.engines.failures import (
    failed_shards,
    forget_failure,
    gather_failures,
    note_failure,
)
from mediasim.campaign.engines.layout import Layout, Part
from mediasim.campaign.engines.pace import Pace
from mediasim.campaign.engines.shards_made import run_shards
from mediasim.campaign.engines.status import Whole
from mediasim.campaign.storage import Storage

__all__ = ["Making"]

_LOOK: Final = 30.0
"""Seconds after which the shards are listed anew, for those of other machines."""


class Making:
    """One run that makes what is missing of a campaign, or of a part of it."""

    def __init__(
        self,
        out: Storage,
        layout: Layout,
        seed: int,
        command: Callable[[Part], str],
        only: Part | None = None,
    ) -> None:
        """``command`` returns the one that makes a part of the campaign, as failures name it.

        Removes what killed runs left half written. Raises OSError.
        """
        self._out = out
        self._layout = layout
        self._seed = seed
        self._command = command
        self._part = layout.part(only)
        self._began = time.time()
        out.clean()
        self._whole = Whole(out, layout)
        self._failed_once = failed_shards(out)
        self.made = 0
        """Shards that this run has made."""
        self.failed = 0
        """Shards that this run has given up."""

    @property
    def missing(self) -> list[int]:
        """The shards of this run's part that are not whole."""
        return [shard for shard in self._part if shard not in self._whole.finished]

    @property
    def pace(self) -> Pace:
        """How far the whole campaign is, and how fast it goes."""
        return self._whole.pace(self._began)

    def run(
        self, engine: Callable[[], Engine], tell: Callable[[Pace], None] = lambda pace: None
    ) -> None:
        """Make the missing shards by an engine, which is opened if there are any.

        ``tell`` is told the pace again and again. Ctrl-C raises KeyboardInterrupt as always, once
        the workers have ended. Raises CampaignStopped, and OSError if the storage refuses.
        """
        tell(self.pace)
        looked = time.monotonic()
        try:
            if missing := self.missing:
                for made in run_shards(engine(), missing):
                    if isinstance(made, ShardFailed):
                        self._give_up(made)
                    elif made is not None:
                        self._take(made.shard)
                    if time.monotonic() - looked > _LOOK:
                        self._whole.look()
                        looked = time.monotonic()
                    tell(self.pace)
            gather_failures(self._out)
        finally:
            with contextlib.suppress(OSError):  # it is told as the reason why this ends
                self._out.clean()
                self._whole.look()

    def _take(self, shard: int) -> None:
        self.made += 1
        self._whole.add(shard)
        if shard in self._failed_once:
            forget_failure(self._out, shard)

    def _give_up(self, failed: ShardFailed) -> None:
        self.failed += 1
        indexes = self._layout.indexes(failed.shard)
        command = self._command(self._layout.alone(failed.shard))
        note_failure(self._out, failed, indexes, self._seed, command)
