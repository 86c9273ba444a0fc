"""Two calls connected to each other, with hold.

Hold is kept per holder: who holds hears nothing, the other hears music, and they hear each other
again when neither holds any more. Holding twice is holding once.
"""

from __future__ import annotations

from mediasim.exchange.live_call import LiveCall
from mediasim.media.player import Player

__all__ = ["Bridge"]


class Bridge:
    """One connection of two calls, from when they are put through until they part."""

    def __init__(self, parent: LiveCall, child: LiveCall) -> None:
        self.calls = (parent, child)
        self._holders: set[LiveCall] = set()
        self._music: dict[LiveCall, Player] = {}
        """What is played to each call that is held."""

    def connect(self) -> None:
        """Let them hear each other from now on, and emit ``call.bridged`` of the child."""
        parent, child = self.calls
        self._join()
        child.tell("bridged", f"{parent.party.name} and {child.party.name} are bridged")

    def other(self, call: LiveCall) -> LiveCall:
        """The other of the two."""
        first, second = self.calls
        return second if call is first else first

    def hold(self, call: LiveCall) -> None:
        """The call's party puts the other on hold; nothing happens if it has done so."""
        other = self.other(call)
        if call in self._holders or not (call.active and other.active):
            return
        self._holders.add(call)
        for each in self.calls:
            each.room.hear(each.leg)
        self._music[other] = other.room.play(
            other.leg, other.exchange.hold_music, loop=True, label="hold music", speech=False
        )
        other.tell("held", f"{call.party.name} puts {other.party.name} on hold")

    def resume(self, call: LiveCall) -> None:
        """The call's party takes the other off hold; nothing happens if it does not hold it."""
        other = self.other(call)
        if call not in self._holders or not (call.active and other.active):
            return
        self._holders.remove(call)
        self._stop_music(other)
        if not self._holders:
            self._join()
        other.tell("resumed", f"{call.party.name} takes {other.party.name} off hold")

    def part(self) -> None:
        """Disconnect them: neither hears the other, or music, any more."""
        for call in self.calls:
            self._stop_music(call)
            if call.active:
                call.room.hear(call.leg)

    def _join(self) -> None:
        parent, child = self.calls
        parent.room.bridge(parent.leg, child.leg)
        parent.exchange.follow_recordings(parent.room)

    def _stop_music(self, held: LiveCall) -> None:
        music = self._music.pop(held, None)
        if music is not None and held.active:
            held.room.stop_player(music)
