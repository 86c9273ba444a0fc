"""The network between a party and the server, as it is described: one link for each direction.

``link`` applies it to packets; the sender's clock stalls and runs by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mediasim.documents.durations import Duration, in_steps, positive
from mediasim.documents.model import Many, Misfit, Model
from mediasim.documents.values import Flag, PartsPerMillion, Ratio
from mediasim.net.telephone_line import TelephoneLine

__all__ = ["GilbertElliott", "Impairments", "Jitter", "Loss", "Network", "Stall"]


class Jitter(Model):
    """Extra delay drawn for each packet; ``jitter: 10ms`` is short for ``uniform: 10ms``."""

    stands_for: ClassVar[str] = "uniform"
    exactly_one: ClassVar[tuple[str, ...]] = ("uniform", "normal", "exponential")

    uniform: Duration | None = None
    """Anything from nothing to this."""
    normal: Duration | None = None
    """The size of a normal draw of this standard deviation."""
    exponential: Duration | None = None
    """An exponential draw of this mean."""

    @property
    def kind(self) -> Literal["uniform", "normal", "exponential"]:
        """The distribution that was given."""
        if self.uniform is not None:
            return "uniform"
        return "normal" if self.normal is not None else "exponential"

    @property
    def scale(self) -> Duration:
        """The maximum, the standard deviation or the mean in nanoseconds, by the distribution."""
        return self.uniform or self.normal or self.exponential or Duration(0)


class GilbertElliott(Model):
    """Loss in bursts: a good state and a bad one, each with its own loss."""

    enter: Ratio
    """Chance per packet to go from good to bad."""
    leave: Ratio
    """Chance per packet to go from bad to good."""
    loss_bad: Ratio = 1.0
    """Loss in the bad state."""
    loss_good: Ratio = 0.0
    """Loss in the good state."""


class Loss(Model):
    """Packets that never arrive; ``loss: 1%`` is short for ``random: 1%``."""

    stands_for: ClassVar[str] = "random"
    exactly_one: ClassVar[tuple[str, ...]] = ("random", "gilbert_elliott")

    random: Ratio | None = None
    """Each packet has this chance to be lost, whatever became of others."""
    gilbert_elliott: GilbertElliott | None = None
    """Loss in bursts."""


class Stall(Model):
    """The sender stops sending for a while."""

    at: Duration
    """When, counted from when the party's leg is answered, by its own clock."""
    for_: Annotated[Duration, positive()] = Field(validation_alias="for", serialization_alias="for")
    """How long."""
    kind: Literal["gap", "pause"] = "gap"
    """gap: what would have been sent is never sent, and timestamps jump over it. pause: the
    sender's media clock stands still too, timestamps go on without a jump, and all later media is
    late by the stall."""


class Impairments(Model):
    """What one direction does to packets. All absent: a clean link without delay."""

    delay: Duration = Duration(0)
    """From sender to receiver."""
    jitter: Jitter | None = None
    """Delay that varies from packet to packet."""
    loss: Loss | None = None
    """Packets that never arrive."""
    reorder: Ratio = 0.0
    """Share of packets that arrive after the one that follows them."""
    duplicate: Ratio = 0.0
    """Share of packets that arrive twice."""
    skew: PartsPerMillion = 0.0
    """How fast the sender's media clock runs."""
    one_way: Flag = False
    """Nothing gets through in this direction: the audio of the call is one-way."""
    stalls: Many[Stall] = ()
    """When the sender stops."""

    @property
    def clean(self) -> bool:
        """Whether packets are only delayed, all alike."""
        jitter, loss = self.jitter is not None and self.jitter.scale, self.loss
        lossy = loss is not None and (loss.random or loss.gilbert_elliott is not None)
        return not (jitter or lossy or self.reorder or self.duplicate or self.one_way)

    def troubles(self) -> Iterator[Misfit]:
        end = 0
        for number, stall in enumerate(self.stalls):
            if stall.at < end:
                yield ("stalls", number, "at"), "begins before the stall above it has ended"
            end = stall.at + stall.for_


class Network(Impairments):
    """The network of a party's leg. Link keys without ``up`` or ``down`` hold for both ways."""

    up: Impairments | None = None
    """From the party to the server."""
    down: Impairments | None = None
    """From the server to the party."""
    jitter_buffer: Annotated[Duration, in_steps("20ms", "20ms", "1s")] = Duration.of("60ms")
    """How deep the server's playout buffer for this party is."""
    conceal: Literal["silence", "repeat"] = "silence"
    """What stands in the server's audio for a frame that never came: silence, or the frame before
    it, fading."""

    line: TelephoneLine = TelephoneLine.model_construct()
    """Telephone line that what the party says passes, unless the party has one: clean, telephone or
    mobile."""

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        both_ways = [name for name in Impairments.known_keys() if name in self.model_fields_set]
        if (self.up or self.down) and both_ways:
            yield (both_ways[0],), "write it under up or down, or leave out up and down"
        elif self.one_way:
            yield ("one_way",), "say which way is blocked: write it under up or under down"

    @property
    def towards_server(self) -> Impairments:
        """The link from the party to the server."""
        return self.up or self._unless_split()

    @property
    def towards_party(self) -> Impairments:
        """The link from the server to the party."""
        return self.down or self._unless_split()

    def _unless_split(self) -> Impairments:
        """Return both ways alike, or a clean link beside the one that was described."""
        if self.up or self.down:
            return Impairments()
        return Impairments.model_construct(
            **{name: getattr(self, name) for name in Impairments.model_fields}
        )
