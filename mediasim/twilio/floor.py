"""What simulated parties may know of the calls they are in, and do to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from mediasim.exchange.live_call import LiveCall
from mediasim.media.player import Player

__all__ = ["LineFloor"]


class LineFloor:
    """One party's view of its call: a :class:`mediasim.exchange.flow.Floor`."""

    def __init__(
        self,
        call: LiveCall,
        heard: Callable[[LiveCall], list[LiveCall]],
        spawn: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]],
        stand_aside: Callable[[LiveCall, bool], bool] | None = None,
    ) -> None:
        """``heard`` tells whom a call hears.

        ``stand_aside`` takes a call out of its conference or back into it; False: it is in none.
        """
        self.dialled_ns = call.dialled_ns
        self.spawn = spawn
        self.peers = heard
        self._stand_aside = stand_aside
        self._music: dict[LiveCall, Player] = {}

    def hold(self, call: LiveCall) -> None:
        """The party's own telephone puts the other side on hold."""
        if self._stand_aside is not None and self._stand_aside(call, True):
            return
        for other in self.peers(call):
            call.room.hear(call.leg)
            call.room.hear(other.leg)
            self._music[other] = call.room.play(
                other.leg, call.exchange.hold_music, loop=True, label="hold music"
            )
            other.tell("held", f"{call.party.name} puts {other.party.name} on hold")

    def resume(self, call: LiveCall) -> None:
        if self._stand_aside is not None and self._stand_aside(call, False):
            return
        for other, music in list(self._music.items()):
            del self._music[other]
            if other.active and call.active:
                call.room.stop_player(music)
                call.room.bridge(call.leg, other.leg)
                other.tell("resumed", f"{call.party.name} takes {other.party.name} off hold")
