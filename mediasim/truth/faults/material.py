"""A fault of the gallery, the recording it is applied to, and the places that it notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import to_samples

__all__ = ["Bytes", "Fault", "FaultError", "FaultPlace", "FaultValue", "Material", "Samples"]

Samples = NDArray[np.int16]
Span = tuple[int, int]


class FaultError(ValueError):
    """Raised when a fault is requested wrongly or is not applicable; the message says why."""


@dataclass(frozen=True, slots=True)
class FaultPlace:
    """A place of a fault, in samples of the recording after the faults before it."""

    channel: int | None
    """Number of the channel, counted from 1; None for all."""
    start: int
    end: int
    moved: int = 0
    """Samples by which what follows is later, or if negative earlier, than it should be."""

    def to_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "start": self.start,
            "end": self.end,
            "moved": self.moved,
        }


@dataclass(slots=True)
class Material:
    """A recording to which a fault is applied."""

    pcm: Samples
    """Samples (channels, samples)."""
    rate: int
    """Samples a second."""
    generator: np.random.Generator
    """Source of randomness for this fault alone."""
    value: float | None
    """Requested value in the fault's own unit, or its default; None if it has neither."""
    channel: int
    """Index of the channel to break."""
    spoken: tuple[tuple[Span, ...], ...]
    """For each channel the spans with sound, in order."""
    places: list[FaultPlace] = field(default_factory=list)

    @property
    def number(self) -> float:
        """The value of a fault that always has one."""
        assert self.value is not None
        return self.value

    @property
    def original(self) -> Samples:
        """Samples (n,) of the channel to break."""
        channel: Samples = self.pcm[self.channel]
        return channel

    @property
    def other(self) -> Samples:
        """Samples (n,) of the channel before the one to break."""
        channel: Samples = self.pcm[(self.channel - 1) % self.channels]
        return channel

    @property
    def channels(self) -> int:
        return int(self.pcm.shape[0])

    @property
    def samples(self) -> int:
        return int(self.pcm.shape[1])

    def samples_of_ms(self, milliseconds: float) -> int:
        return round(milliseconds * self.rate / 1000)

    def note(self, start: int, end: int, moved: int = 0, *, all_channels: bool = False) -> None:
        """Note a place of the fault."""
        channel = None if all_channels else self.channel + 1
        self.places.append(FaultPlace(channel, start, end, moved))

    def replace_channel(self, samples: Samples) -> None:
        """Replace the channel by samples (n,), cut or filled with silence to its length."""
        pcm = self.pcm.copy()
        length = min(len(samples), self.samples)
        pcm[self.channel, :length] = samples[:length]
        pcm[self.channel, length:] = 0
        self.pcm = pcm

    def overwrite(self, signal: NDArray[Any], moved: int = 0) -> None:
        """Replace the whole channel by values in sample units, rounded and clipped; note it."""
        self.replace_channel(to_samples(signal))
        self.note(0, self.samples, moved)


Bytes = Callable[[bytes, float | None], bytes]


@dataclass(frozen=True, slots=True)
class FaultValue:
    """The value that a fault takes: its unit, its default, and its range."""

    unit: str = ""
    """Unit of the value; empty for a fault that takes none."""
    default: float | None = None
    """Value if none is requested; None if the fault then decides for itself."""
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the gallery."""

    name: str
    does: str
    """Effect on a recording, in words."""
    re_creates: str
    """The real failure that it re-creates, in words."""
    shows_as: tuple[str, ...]
    """Kinds of failure of which ``mediasim verify`` must find at least one in it."""
    samples: Callable[[Material], None] | None = None
    """Function that breaks samples; None for a fault of the file's bytes."""
    bytes: Bytes | None = None
    """Function that breaks the bytes of a WAV file; None for a fault of samples."""
    value: FaultValue = FaultValue()
    scope: Literal["channel", "recording"] = "channel"
    """Whether it breaks one channel, which may be chosen, or the whole recording."""
    fewest: int = 1
    """Fewest channels of a recording to which it is applicable."""
    also: tuple[str, ...] = ()
    """Further kinds of failure that it may show as: a mix on both channels is crosstalk too."""
