"""A party's telephone line: the band, the level, the noise and the echo of what it sends.

The line stands between what a party says and its codec. A linear-phase filter keeps every clip at
its place to the sample. Its taps are whole numbers, so that every sum is exact in float64 in
whatever order a machine adds. What is said passes the filter when it is placed on the timeline,
and the truth holds it as it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import at_level, to_samples
from mediasim.audio.tones import NoiseKind, babble, noise
from mediasim.documents.durations import Duration
from mediasim.net.telephone_line import LineNoise, TelephoneLine
from mediasim.parties.voices.level import DEFAULT_LEVEL_DBFS
from mediasim.seeds import Seeds

__all__ = ["HALF_SAMPLES", "SendingPath", "background", "band_limited"]

_BAND_HZ: Final = (300, 3400)
"""Band that a telephone carries, flat to 0.1 dB (the passband of ITU-T G.712)."""
HALF_SAMPLES: Final = 128
"""Taps on either side of the filter's middle one, and so its delay in samples."""
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
    agc_db: tuple[float, float]
    """Range of the gain control; none if it is empty."""


_KINDS: Final = {
    "telephone": _Kind(("white",), (-70.0, -55.0), (0.0, 0.0)),
    "mobile": _Kind(("babble", "street"), (-65.0, -52.0), (6.0, 12.0)),
}
_ECHO_MS: Final = (120, 400)
"""Least and most delay of a mobile's echo that is drawn."""
_ECHO_LOSS_DB: Final = (40.0, 55.0)
"""Least and most loss of an echo that is drawn: soft enough for parties not to hear it as talk."""


@dataclass(frozen=True, slots=True)
class SendingPath:
    """The sending direction of a telephone line in one call, with all that was drawn."""

    kind: str
    level_dbfs: float
    noise: LineNoise
    noise_dbfs: float | None
    """None where there is no noise."""
    agc_db: float | None = None
    """Most gain of the automatic gain control either way; None without."""
    echo_ms: float | None = None
    """Delay of the echo of what is heard; None without."""
    echo_loss_db: float | None = None
    """Decibels by which the echo is softer than what is heard; None without."""

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
        agc, echo = line.agc, line.echo
        if agc is None:
            agc = _drawn(kind.agc_db, seeds.generator("agc"))
        if line.echoes and echo is None:
            echo = Duration(int(seeds.generator("echo").integers(*_ECHO_MS)) * 1_000_000)
        loss = line.echo_loss
        if line.echoes and loss is None:
            loss = _drawn(_ECHO_LOSS_DB, seeds.generator("echo-loss"))
        return cls(
            line.kind,
            level,
            behind,
            None if behind == "none" else noise_level,
            agc or None,
            echo / 1e6 if echo else None,
            loss,
        )

    def sent(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Filter and amplify samples int16 (n,); the result (n,) has the same places in time."""
        if not len(pcm):
            return pcm
        gain = 10 ** ((self.level_dbfs - DEFAULT_LEVEL_DBFS) / 20)
        silence = np.zeros(HALF_SAMPLES, np.int16)
        return band_limited(np.concatenate((silence, pcm, silence)), gain)

    def to_json(self) -> dict[str, Any]:
        """The line as it is written into a recording's truth."""
        return {
            "kind": self.kind,
            "band_hz": list(_BAND_HZ),
            "level_dbfs": self.level_dbfs,
            "noise": self.noise,
            "noise_dbfs": self.noise_dbfs,
            "agc_db": self.agc_db,
            "echo_ms": self.echo_ms,
            "echo_loss_db": self.echo_loss_db,
        }


def band_limited(pcm: NDArray[np.int16], gain: float) -> NDArray[np.int16]:
    """Filter samples (n,) to the band of a telephone: the middle ones, that all taps reach."""
    filtered = np.convolve(pcm.astype(np.float64), _band_pass(gain), "valid")
    return to_samples(filtered / _SCALE)


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
    around = np.concatenate((pcm[-HALF_SAMPLES:], pcm, pcm[:HALF_SAMPLES])).astype(np.float64)
    return at_level(np.convolve(around, _band_pass(1.0), "valid"), dbfs)


@lru_cache(maxsize=512)
def _band_pass(gain: float) -> NDArray[np.float64]:
    """The taps (2 * HALF_SAMPLES + 1,) of the band-pass filter, whole numbers; not to be written
    to."""
    at = np.arange(-HALF_SAMPLES, HALF_SAMPLES + 1)
    low, high = (
        hertz + side * _TRANSITION_HZ / 2 for hertz, side in zip(_BAND_HZ, (-1, 1), strict=True)
    )
    response = np.zeros(len(at))
    for hertz, sign in ((high, 1), (low, -1)):
        share = 2 * hertz / SAMPLE_RATE
        response += sign * share * np.sinc(share * at)
    response *= np.kaiser(len(at), _KAISER_BETA)
    taps = np.asarray(np.rint(response * (gain * _SCALE)))
    taps.setflags(write=False)
    return taps


def _drawn(between: tuple[float, float], generator: np.random.Generator) -> float:
    """Draw a level between two, to a tenth of a decibel."""
    return round(float(generator.uniform(*between)), 1)
