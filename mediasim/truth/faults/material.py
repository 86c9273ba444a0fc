"""What a fault works on, and what it says it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "Fault", "FaultError", "FaultPlace", "Material", "Samples"]

Samples = NDArray[np.int16]
Span = tuple[int, int]


class FaultError(ValueError):
    """The fault cannot be asked for like that, or not of this recording; says why."""


@dataclass(frozen=True, slots=True)
class FaultPlace:
    """Where a fault is, in samples of the recording as the faults before it left it."""

    channel: int | None
    """Counted from 1; None for all of them."""
    start: int
    end: int
    moved: int = 0
    """Samples that what follows stands later, or if negative earlier, than it should."""

    def to_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "start": self.start,
            "end": self.end,
            "moved": self.moved,
        }


@dataclass(slots=True)
class Material:
    """A recording that is being broken."""

    pcm: Samples
    """(channels, samples)."""
    rate: int
    generator: np.random.Generator
    """Of this fault alone."""
    value: float | None
    """As asked for, in the fault's own unit; its default if none was."""
    channel: int
    """The channel meant, counted from 0; the last one unless another was asked for."""
    spoken: tuple[tuple[Span, ...], ...]
    """Per channel: where there is sound, in order."""
    places: list[FaultPlace] = field(default_factory=list)

    @property
    def channels(self) -> int:
        return int(self.pcm.shape[0])

    @property
    def samples(self) -> int:
        return int(self.pcm.shape[1])

    def samples_of_ms(self, milliseconds: float) -> int:
        return round(milliseconds * self.rate / 1000)

    def at(self, start: int, end: int, moved: int = 0, *, all_channels: bool = False) -> None:
        """Note where the fault is."""
        channel = None if all_channels else self.channel + 1
        self.places.append(FaultPlace(channel, start, end, moved))

    def replace_channel(self, samples: Samples) -> None:
        """Put other samples (n,) in the channel, silence behind them where there are fewer."""
        pcm = self.pcm.copy()
        length = min(len(samples), self.samples)
        pcm[self.channel, :length] = samples[:length]
        pcm[self.channel, length:] = 0
        self.pcm = pcm


Bytes = Callable[[bytes, float | None], bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the gallery."""

    name: str
    does: str
    """What it does to a recording, in words."""
    re_creates: str
    """Whose failure it is."""
    shows_as: tuple[str, ...]
    """The kinds of failure that ``mediasim verify`` is to find in it; any one of them will do."""
    samples: Callable[[Material], None] | None = None
    """Breaks samples; or None, and the file's bytes are broken."""
    bytes: Bytes | None = None
    unit: str = ""
    """Of the value; empty for a fault that takes none."""
    default: float | None = None
    low: float = 0.0
    high: float = 0.0
    of: Literal["channel", "recording"] = "recording"
    """Whether it strikes one channel, which may be chosen, or the recording as a whole."""
    fewest: int = 1
    """How many channels the recording must have."""
    also: tuple[str, ...] = ()
    """Kinds of failure that it brings along: a mix on both is crosstalk too."""
