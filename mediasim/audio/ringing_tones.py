"""Ringing tones of countries: what a caller there hears while the other side rings.

The names are the values of Dial's ``ringTone`` (https://www.twilio.com/docs/voice/twiml/dial);
frequencies and cadences are those of ITU-T E.180, supplement 2. A row is the frequencies in Hz,
that of the modulation, if any, and the cadence: milliseconds of tone and of silence by turns.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import to_samples
from mediasim.audio.tones import tone

__all__ = ["RINGING_TONES", "ringing_tone"]

_DBFS: Final = -19.0
"""Level of the tones in dBFS, that of the default ringback."""
_FADE: Final = 40
"""Samples over which a tone sets in and dies away: 5 ms."""
_ONCE: Final = (1000, 4000)
_TWICE: Final = (400, 200, 400, 2000)


class _Row(NamedTuple):
    hz: tuple[float, ...]
    cadence: tuple[int, ...] = _ONCE
    modulation: float = 0.0


RINGING_TONES: Final = {
    "at": _Row((420,), (1000, 5000)),
    "au": _Row((413, 438), _TWICE),
    "be": _Row((425,), (1000, 3000)),
    "bg": _Row((425,)),
    "br": _Row((425,)),
    "ch": _Row((425,)),
    "cl": _Row((400,), (1000, 3000)),
    "cn": _Row((450,)),
    "cz": _Row((425,)),
    "de": _Row((425,)),
    "dk": _Row((425,)),
    "ee": _Row((425,)),
    "es": _Row((425,), (1500, 3000)),
    "fi": _Row((425,)),
    "fr": _Row((440,), (1500, 3500)),
    "gr": _Row((425,)),
    "hu": _Row((425,), (1250, 3750)),
    "il": _Row((400,), (1000, 3000)),
    "in": _Row((400,), _TWICE, 25.0),
    "it": _Row((425,)),
    "jp": _Row((400,), (1000, 2000), 16.0),
    "lt": _Row((425,)),
    "mx": _Row((425,)),
    "my": _Row((425,), _TWICE),
    "nl": _Row((425,)),
    "no": _Row((425,)),
    "nz": _Row((400, 450), _TWICE),
    "ph": _Row((425, 480)),
    "pl": _Row((425,)),
    "pt": _Row((425,), (1000, 5000)),
    "ru": _Row((425,), (800, 3200)),
    "se": _Row((425,), (1000, 5000)),
    "sg": _Row((425,), _TWICE, 24.0),
    "th": _Row((400,)),
    "tw": _Row((440, 480), (1000, 2000)),
    "uk": _Row((400, 450), _TWICE),
    "us": _Row((440, 480), (2000, 4000)),
    "us-old": _Row((420,), (2000, 4000), 40.0),
    "ve": _Row((425,)),
    "za": _Row((400,), _TWICE, 33.0),
}
"""The tones by name."""


def ringing_tone(name: str) -> NDArray[np.int16]:
    """Return one period of a country's ringing tone, int16 (n,) at 8 kHz, to be looped.

    Raises KeyError for a name that is not in `RINGING_TONES`.
    """
    row = RINGING_TONES[name]
    parts: list[NDArray[np.int16]] = []
    for number, milliseconds in enumerate(row.cadence):
        samples = milliseconds * SAMPLE_RATE // 1000
        parts.append(np.zeros(samples, np.int16) if number % 2 else _sounded(row, samples))
    return np.concatenate(parts)


def _sounded(row: _Row, samples: int) -> NDArray[np.int16]:
    plain = tone(row.hz, samples, _DBFS, fade=_FADE)
    if not row.modulation:
        return plain
    swing = np.cos(2 * np.pi * row.modulation / SAMPLE_RATE * np.arange(samples))
    loudness: NDArray[np.float64] = plain * (0.6 + 0.4 * swing)
    return to_samples(loudness)
