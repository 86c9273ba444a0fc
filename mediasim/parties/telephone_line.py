"""A party's telephone line: the band, the level and the noise of what it sends.

The line stands between what a party says and its codec. A linear-phase filter keeps every clip at
its place to the sample. Its taps are whole numbers, so that every sum is exact in float64 in
whatever order a machine adds. What is said passes the filter when it is placed on the timeline,
and the truth holds it as it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import at_level, to_samples
from mediasim.audio.tones import NoiseKind, babble, noise
from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Level
from mediasim.parties.voices.level import DEFAULT_LEVEL_DBFS
from mediasim.seeds import Seeds

__all__ = ["SendingPath", "TelephoneLine"]

LineNoise = Literal["none", "white", "pink", "babble", "street"]

_BAND_HZ: Final = (300, 3400)
"""Band that a telephone carries, flat to 0.1 dB (the passband of ITU-T G.712)."""
_HALF: Final = 128
"""Taps on either side of the filter's middle one."""
_TRANSITION_HZ: Final = 100
"""Width from the band's end to where the filter is 50 dB down (G.712 asks for less)."""
_KAISER_BETA: Final = 4.55
_SCALE: Final = 2.0**24
"""Sum of taps that stands for a gain of 1. A product has 15 bits of sample and 25 of tap, a sum of
257 of them 9 more: exact in the 53 of float64."""
_LEVELS_DBFS: Final = (-35.0, -15.0)
"""Lowest and highest level of speech that is drawn."""
_TALKERS: Final = 6
"""Talkers in babble: one alone would be taken for somebody who speaks to the listener."""
_NOISE_SAMPLES: Final = 10 * SAMPLE_RATE
"""Length of the noise, which is repeated."""


class _Kind(NamedTuple):
    """The noise on a kind of line where the line does not say: soft enough for parties to hear
    pauses beside it."""

    noises: tuple[LineNoise, ...]
    levels_dbfs: tuple[float, float]


_KINDS: Final = {
    "telephone": _Kind(("white",), (-70.0, -55.0)),
    "mobile": _Kind(("babble", "street"), (-65.0, -52.0)),
}


class TelephoneLine(Model):
    """A telephone line: band, level and noise; a bare word is its ``kind``.

    Levels and noise that are absent are drawn by the seed for each call.
    """

    stands_for: ClassVar[str] = "kind"

    kind: Literal["clean", "telephone", "mobile"] = "clean"
    """clean changes nothing. telephone: 300 to 3400 Hz, a level of its own, hiss of -70 to -55
    dBFS. mobile: the same with babble or a street of -65 to -52 dBFS behind."""
    level: Level | None = None
    """dBFS at which speech of the ordinary level, -20, is sent, and all else with it; -35 to -15
    where absent."""
    noise: LineNoise | None = None
    """The noise on the line, all the time; by the kind where absent."""
    noise_level: Level | None = None
    """dBFS of the noise; by the kind where absent."""

    @property
    def noisy(self) -> bool:
        """Whether there is noise on it."""
        return self.kind != "clean" and self.noise != "none"

    @property
    def drawn_by_leg(self) -> bool:
        """Whether something of it is drawn under the name of its leg."""
        return self.kind != "clean" and (self.level is None or self.noise != "none")

    def troubles(self) -> Iterator[Misfit]:
        if self.kind == "clean":
            for key in sorted(self.model_fields_set - {"kind"}):
                yield (key,), "expected none of a clean line: write kind: telephone or mobile"
        elif self.noise == "none" and self.noise_level is not None:
            yield ("noise_level",), "expected none where there is no noise"


@dataclass(frozen=True, slots=True)
class SendingPath:
    """The sending direction of a telephone line in one call, with all that was drawn."""

    kind: str
    level_dbfs: float
    noise: LineNoise
    noise_dbfs: float | None
    """None where there is no noise."""

    @classmethod
    def of(cls, line: TelephoneLine, seeds: Seeds) -> SendingPath | None:
        """Draw what the line leaves open, each by a label of its own; None for a clean line."""
        if line.kind == "clean":
            return None
        kind = _KINDS[line.kind]
        behind = line.noise
        if behind is None:
            behind = kind.noises[int(seeds.generator("noise").integers(len(kind.noises)))]
        level, noise_level = line.level, line.noise_level
        if level is None:
            level = _drawn(_LEVELS_DBFS, seeds.generator("level"))
        if noise_level is None:
            noise_level = _drawn(kind.levels_dbfs, seeds.generator("noise-level"))
        return cls(line.kind, level, behind, None if behind == "none" else noise_level)

    def sent(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Filter and amplify samples int16 (n,); the result (n,) has the same places in time."""
        if not len(pcm):
            return pcm
        gain = 10 ** ((self.level_dbfs - DEFAULT_LEVEL_DBFS) / 20)
        filtered = np.convolve(pcm.astype(np.float64), _band_pass(gain))
        return to_samples(filtered[_HALF : _HALF + len(pcm)] / _SCALE)

    def to_json(self) -> dict[str, Any]:
        """The line as it is written into a recording's truth."""
        return {
            "kind": self.kind,
            "band_hz": list(_BAND_HZ),
            "level_dbfs": self.level_dbfs,
            "noise": self.noise,
            "noise_dbfs": self.noise_dbfs,
        }


def background(
    path: SendingPath | None, room_dbfs: float | None, seeds: Seeds
) -> NDArray[np.int16] | None:
    """Make the noise that is sent all the time (n,), to be repeated; None for digital silence.

    It is the sum of the room's noise, which passes the line, and of the line's own.
    """
    sounds = []
    if room_dbfs is not None:
        room = noise("pink", _NOISE_SAMPLES, room_dbfs, seeds.generator("background"))
        sounds.append(room if path is None else _round_and_round(room, room_dbfs))
    if path is not None and path.noise_dbfs is not None and path.noise != "none":
        generator = seeds.generator("line/background")
        sounds.append(_round_and_round(_behind(path.noise, generator), path.noise_dbfs))
    if not sounds:
        return None
    return to_samples(np.sum(sounds, axis=0, dtype=np.float64))


def _behind(kind: NoiseKind, generator: np.random.Generator) -> NDArray[np.int16]:
    if kind != "babble":
        return noise(kind, _NOISE_SAMPLES, DEFAULT_LEVEL_DBFS, generator)
    begin = generator.integers(_NOISE_SAMPLES, size=_TALKERS).tolist()
    crowd = [np.roll(talker, at) for talker, at in zip(_talkers(), begin, strict=True)]
    return at_level(np.sum(crowd, axis=0), DEFAULT_LEVEL_DBFS)


@cache
def _talkers() -> tuple[NDArray[np.float64], ...]:
    """The talkers of all babble, one array (n,) each; each party hears them begin elsewhere.

    They take a tenth of a second to make: too long for each call that is answered in real time.
    """
    generator = Seeds(0).generator("talkers")
    return tuple(babble(_NOISE_SAMPLES, generator) for _ in range(_TALKERS))


def _round_and_round(pcm: NDArray[np.int16], dbfs: float) -> NDArray[np.int16]:
    """Filter noise (n,) that is repeated, so that the result (n,) has no seam; set its level."""
    around = np.concatenate((pcm[-_HALF:], pcm, pcm[:_HALF])).astype(np.float64)
    return at_level(np.convolve(around, _band_pass(1.0), "valid"), dbfs)


def _band_pass(gain: float) -> NDArray[np.float64]:
    """The taps (2 * _HALF + 1,) of the band-pass filter, whole numbers."""
    at = np.arange(-_HALF, _HALF + 1)
    low, high = (
        hertz + side * _TRANSITION_HZ / 2 for hertz, side in zip(_BAND_HZ, (-1, 1), strict=True)
    )
    response = np.zeros(len(at))
    for hertz, sign in ((high, 1), (low, -1)):
        share = 2 * hertz / SAMPLE_RATE
        response += sign * share * np.sinc(share * at)
    response *= np.kaiser(len(at), _KAISER_BETA)
    return np.asarray(np.rint(response * (gain * _SCALE)))


def _drawn(between: tuple[float, float], generator: np.random.Generator) -> float:
    """Draw a level between two, to a tenth of a decibel."""
    return round(float(generator.uniform(*between)), 1)
