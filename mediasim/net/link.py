"""The simulated link: the effect of a network on the packets of one direction of one leg.

A packet's fate is a function of the link's key and the packet's number alone (a counter-based
generator), never of how packets are grouped, of other links, or of when it is drawn. So the same
seed loses the same packets in virtual and in real time.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.net.network import GilbertElliott, Impairments, Jitter

__all__ = ["Link", "PacketFates"]

_MILLISECOND: Final = 1_000_000
_QUANTILES: Final = 4096
"""Entries of the table of a jitter's inverse distribution: 12 bits of a draw."""
_AHEAD: Final = 4096
"""Packets drawn for at once: a draw costs numpy calls, hardly more for many than for one."""
_KEPT: Final = 64
"""Packets of which the draws are kept once they were carried."""
_DRAWN: Final = np.dtype(
    [("held", np.int64), ("lost", np.bool_), ("reordered", np.bool_), ("copied", np.bool_)],
    align=True,
)
"""Draws of a packet; ``held`` are nanoseconds on top of the link's delay."""
# The constants of splitmix64, as numpy scalars made once.
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_S30: Final = np.uint64(30)
_S27: Final = np.uint64(27)
_S31: Final = np.uint64(31)


def _jitter_table(jitter: Jitter) -> NDArray[np.int64]:
    """Return the inverse distribution at ``_QUANTILES`` midpoints, in nanoseconds."""
    at = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    if jitter.kind == "uniform":
        draws = at
    elif jitter.kind == "exponential":
        draws = -np.log1p(-at)
    else:
        normal = NormalDist()
        draws = np.array([normal.inv_cdf(0.5 + share / 2) for share in at.tolist()])
    return np.rint(draws * int(jitter.scale)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class PacketFates:
    """The fates of n packets. ``arrival`` means nothing where ``lost``."""

    arrival: NDArray[np.int64]
    """(n,) loop times in nanoseconds."""
    lost: NDArray[np.bool_]
    reordered: NDArray[np.bool_]
    copied: NDArray[np.bool_]
    """Whether a second copy arrives one millisecond later."""


class Link:
    """One direction of one leg's network."""

    def __init__(self, impairments: Impairments, key: int, spacing_ns: int = FRAME_NS) -> None:
        """``spacing_ns`` is the time from one packet to the next."""
        self._spacing_ns = spacing_ns
        self.delay_ns = int(impairments.delay)
        self._network = impairments
        self.clean = impairments.clean
        """Whether packets are only delayed."""
        self._key = np.uint64(key)
        jitter, loss = impairments.jitter, impairments.loss
        self._jitter = _jitter_table(jitter) if jitter is not None and jitter.scale else None
        self._random_loss = None if loss is None else loss.random
        self._bursts = None if loss is None else loss.gilbert_elliott
        self._bad = False
        """Whether the chain of burst losses is in its bad state."""
        self._next = 0
        """Number of the next packet."""
        self._drawn = np.empty(0, _DRAWN)
        """Draws for the last packets, and for the next ones in advance."""
        self._drawn_from = 0
        """Number of the packet that the first draw is for."""

    @property
    def longest_ns(self) -> int:
        """Nanoseconds that a packet takes at most, copies included."""
        held = 0 if self._jitter is None else int(self._jitter.max())
        return self.delay_ns + held + self._spacing_ns + 2 * _MILLISECOND

    def carry(self, first: int, sent: NDArray[np.int64]) -> PacketFates:
        """Carry packets number ``first`` and following, sent at the given times (ns).

        Packets must be given in order, each once, because bursts have a memory. Raises ValueError
        otherwise.
        """
        if first != self._next:
            raise ValueError(f"packet {first} given to a link that expects {self._next}")
        self._next = first + len(sent)
        return self._fates(first, sent)

    def foresee(self, first: int, sent: NDArray[np.int64]) -> PacketFates | None:
        """Return the fates that packets number ``first`` and following have or will have.

        None if they are too long ago to be known.
        """
        if first < 0 or (not self.clean and first < self._drawn_from):
            return None
        return self._fates(first, sent)

    def _fates(self, first: int, sent: NDArray[np.int64]) -> PacketFates:
        count = len(sent)
        arrival = sent + self.delay_ns
        if self.clean:
            none = np.zeros(count, np.bool_)
            return PacketFates(arrival, none, none, none)
        end = self._drawn_from + len(self._drawn)
        if end < first + count:
            more = self._draw_fates(end, max(first + count - end, _AHEAD))
            old = max(0, min(first, self._next) - _KEPT - self._drawn_from)
            self._drawn = np.concatenate((self._drawn[old:], more))
            self._drawn_from += old
        drawn = self._drawn[first - self._drawn_from :][:count]
        arrival += drawn["held"]
        return PacketFates(arrival, drawn["lost"], drawn["reordered"], drawn["copied"])

    def _draw_fates(self, first: int, count: int) -> NDArray[np.void]:
        """Draw for packets that were not drawn for before: (count,) of ``_DRAWN``."""
        net = self._network
        number = np.arange(first, first + count, dtype=np.uint64)
        drawn = np.zeros(count, _DRAWN)
        lost = drawn["lost"]
        lost |= net.one_way
        if self._random_loss:
            lost |= self._chance(number, 1) < self._random_loss
        if self._bursts is not None:
            lost |= self._burst_loss(number, self._bursts)
        if self._jitter is not None:
            index = self._draw(number, 0) >> np.uint64(64 - 12)
            drawn["held"] = self._jitter.take(index.astype(np.int64))
        if net.reorder:
            reordered = self._chance(number, 2) < net.reorder
            # Held until just after the packet that follows it.
            drawn["held"] += reordered * (self._spacing_ns + _MILLISECOND)
            drawn["reordered"] = reordered & ~lost
        if net.duplicate:
            drawn["copied"] = (self._chance(number, 3) < net.duplicate) & ~lost
        return drawn

    def _burst_loss(self, number: NDArray[np.uint64], bursts: GilbertElliott) -> NDArray[np.bool_]:
        """Run the two-state chain over all packets at once.

        With one draw u per packet, good goes bad when u < enter and bad stays when
        u < 1 - leave: each packet sets the state, keeps it, or (only when enter + leave > 1)
        swaps it. The state after a packet is that of the last one that set it, swapped once
        for each swap since.
        """
        draw = self._chance(number, 4)
        from_good = draw < bursts.enter
        from_bad = draw < 1.0 - bursts.leave
        sets = from_good == from_bad
        swaps = np.cumsum(from_good & ~from_bad)
        count = len(number)
        at = np.where(sets, np.arange(count), -1)
        last = np.maximum.accumulate(at)
        known = last >= 0
        anchor = np.where(known, from_good[last], self._bad)
        since: NDArray[np.int64] = swaps - np.where(known, swaps[last], 0)
        bad = anchor ^ ((since & 1) == 1)
        if count:
            self._bad = bool(bad[-1])
        chance = np.where(bad, bursts.loss_bad, bursts.loss_good)
        return self._chance(number, 5) < chance

    def _draw(self, number: NDArray[np.uint64], purpose: int) -> NDArray[np.uint64]:
        """Return 64 random bits per packet and purpose (splitmix64 of a counter)."""
        # Room for eight purposes per packet, so no counter is used twice.
        x = number * np.uint64(8)
        x += np.uint64(purpose + 1)
        x *= _GOLDEN
        x += self._key
        x ^= x >> _S30
        x *= _MIX_1
        x ^= x >> _S27
        x *= _MIX_2
        x ^= x >> _S31
        return x

    def _chance(self, number: NDArray[np.uint64], purpose: int) -> NDArray[np.float64]:
        """Return a uniform number from 0 to 1 per packet and purpose."""
        return (self._draw(number, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53
