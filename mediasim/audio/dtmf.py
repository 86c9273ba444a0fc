"""In-band DTMF: making digits, and finding them in audio as it comes (ITU-T Q.23, Q.24).

The detector looks at windows of 25 ms, 5 ms apart. In each it measures the eight frequencies, and
takes it for a digit when one tone of each group is strong, both are near their nominal frequency,
neither is much louder than the other, and there is little else. How long the tones lasted is told
by where their strength crosses one half.

The sums are of whole numbers, exact in floating point in any order, so the way in which audio is
cut into blocks cannot change a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.tones import tone

__all__ = ["DTMF_DIGITS", "END_SHOWS_FRAMES", "DtmfDetector", "DtmfHit", "dtmf_digits", "dtmf_tone"]

_LOW_GROUP: Final = (697, 770, 852, 941)
_HIGH_GROUP: Final = (1209, 1336, 1477, 1633)
_KEYPAD: Final = "123A456B789C*0#D"
DTMF_DIGITS: Final = frozenset(_KEYPAD)
"""The sixteen digits."""
_PAUSES_MS: Final = {"w": 500, "W": 1000}
"""As in Twilio's SendDigits."""
_TONE_DBFS: Final = -10.0

_WINDOW: Final = 200
_HOP: Final = 40
_CHUNK: Final = 200
"""Windows measured at once; it bounds the memory a long feed takes."""
_LEAD: Final = _WINDOW // _HOP + 1
"""Windows before the first sure one in which a digit's tones may have begun."""

_SHORTEST: Final = 240
"""Samples that tones must last: 30 ms (40 ms are a digit, 20 ms are not)."""
_SURE_WINDOWS: Final = 3
"""Windows that must say the same digit."""
_FAINTEST: Final = 32768 * 10 ** (-42 / 20)
"""The least amplitude of either tone."""
_BRIDGED_WINDOWS: Final = 5
"""Windows for which tones may be gone, as when a packet is lost: 25 ms (40 ms are a pause)."""
_TWIST: Final = 10 ** (9 / 20)
"""How many times stronger one tone may be than the other: 9 dB."""
_PURITY: Final = 0.75
"""The least share of the two tones in a window's energy."""
END_SHOWS_FRAMES: Final = 3
"""Frames after which a digit's end has surely shown: a window, and the ones it is bridged for."""
_DEVIATION: Final = 0.025
"""The most by which a frequency may be off: 1.5 % must pass, 3.5 % must not."""
_PROBE_HZ: Final = 20.0
"""How far to either side a tone is measured too, to tell where between them it is."""


def dtmf_tone(digit: str, samples: int, dbfs: float = _TONE_DBFS) -> NDArray[np.int16]:
    """The two tones of a digit, ``dbfs`` being the level of each.

    Raises ValueError when it is no digit.
    """
    if digit not in DTMF_DIGITS:
        raise ValueError(f"{digit!r} is no DTMF digit: those are 0-9, A-D, * and #")
    row, column = divmod(_KEYPAD.index(digit), 4)
    both = dbfs + 10 * float(np.log10(2))
    return tone((_LOW_GROUP[row], _HIGH_GROUP[column]), samples, both)


def dtmf_digits(
    digits: str, *, tone_ms: int = 100, gap_ms: int = 100, dbfs: float = _TONE_DBFS
) -> NDArray[np.int16]:
    """Digits one after the other, each followed by a gap; ``w`` is half a second, ``W`` a second.

    Raises ValueError when anything else is among them.
    """
    parts = [np.zeros(0, np.int16)]
    for digit in digits:
        if digit in _PAUSES_MS:
            parts.append(_silence(_PAUSES_MS[digit]))
        else:
            parts.append(dtmf_tone(digit, _samples_of_ms(tone_ms), dbfs))
            parts.append(_silence(gap_ms))
    return np.concatenate(parts)


def _samples_of_ms(milliseconds: int) -> int:
    return milliseconds * SAMPLE_RATE // 1000


def _silence(milliseconds: int) -> NDArray[np.int16]:
    return np.zeros(_samples_of_ms(milliseconds), np.int16)


@dataclass(frozen=True, slots=True)
class DtmfHit:
    """A digit that was heard."""

    digit: str
    start: int
    """The first sample of its tones, good to about 2 ms."""
    end: int
    """The sample after its last."""


class DtmfDetector:
    """Finds digits in one track, fed in blocks of any size."""

    def __init__(self, start: int = 0) -> None:
        """``start`` is the number of the first sample that will be fed."""
        self._pcm = np.zeros(0, np.int16)
        self._next = start
        """Where the next window begins, and ``_pcm`` does."""
        self._past = np.zeros((0, 8))
        """Strengths in the last windows."""
        self._run: _Run | None = None

    def feed(self, pcm: NDArray[np.int16]) -> list[DtmfHit]:
        """The digits whose end shows in the next samples (samples,).

        An end shows some 40 ms after it, or when another digit follows.
        """
        self._pcm = np.concatenate((self._pcm, pcm))
        hits: list[DtmfHit] = []
        while (ready := (len(self._pcm) - _WINDOW) // _HOP + 1) > 0:
            count = min(ready, _CHUNK)
            strengths, codes = _measure(self._pcm[: (count - 1) * _HOP + _WINDOW])
            hits += self._follow(strengths, codes)
            self._pcm = self._pcm[count * _HOP :]
            self._next += count * _HOP
        return hits

    def _follow(self, strengths: NDArray[np.float64], codes: NDArray[np.intp]) -> list[DtmfHit]:
        """Take in some windows: strengths (windows, 8) and what digit each says, or -1."""
        known = np.concatenate((self._past, strengths))
        past = len(self._past)
        self._past = known[-_LEAD:]
        hits: list[DtmfHit] = []
        if self._run is None and codes.max() < 0:
            return hits
        for index, code in enumerate(codes.tolist()):
            run = self._run
            if run is not None and run.goes_on(strengths[index], code):
                continue
            if run is not None:
                hit = run.hit()
                hits += [hit] if hit else []
                self._run = None
            if code >= 0:
                here = past + index
                lead = known[max(0, here - _LEAD) : here]
                center = self._next + index * _HOP + _WINDOW // 2
                self._run = _Run(code, center - len(lead) * _HOP, len(lead))
                for row in (*lead, strengths[index]):
                    self._run.add(row)
        return hits


@dataclass(slots=True)
class _Run:
    """Windows in which a digit's tones may be heard, those just before them included."""

    code: int
    center: int
    """The middle of the first window."""
    first_sure: int
    """The first window that said the digit."""
    sure: int = 1
    strengths: list[float] = field(default_factory=list)
    peak: float = 0.0
    last_loud: int = 0
    """The last window with more than half the peak's strength."""

    def add(self, row: NDArray[np.float64]) -> None:
        low, high = divmod(self.code, 4)
        strength = min(float(row[low]), float(row[4 + high]))
        self.strengths.append(strength)
        if len(self.strengths) > self.first_sure:
            self.peak = max(self.peak, strength)
            if strength >= self.peak / 2:
                self.last_loud = len(self.strengths) - 1

    def goes_on(self, row: NDArray[np.float64], code: int) -> bool:
        """Take in a window, and say whether the digit may still be sounding."""
        self.add(row)
        self.sure += code == self.code
        gone = len(self.strengths) - 1 - self.last_loud
        return code in (self.code, -1) and gone <= _BRIDGED_WINDOWS

    def hit(self) -> DtmfHit | None:
        """What the run was, once a window has ended it."""
        start = self.first_sure
        while start > 0 and self.strengths[start - 1] >= self.peak / 2:
            start -= 1
        first = self._crossing(start) if start else self.center - _WINDOW // 2
        end = self._crossing(min(self.last_loud + 1, len(self.strengths) - 1))
        if self.sure < _SURE_WINDOWS or end - first < _SHORTEST:
            return None
        return DtmfHit(_KEYPAD[self.code], first, end)

    def _crossing(self, window: int) -> int:
        """The sample between this window's middle and the last one's where strength was half."""
        before, after = self.strengths[window - 1 : window + 1]
        share = (self.peak / 2 - before) / (after - before) if after != before else 1.0
        return self.center + round((window - 1 + min(max(share, 0.0), 1.0)) * _HOP)


_FREQUENCIES: Final = np.array(_LOW_GROUP + _HIGH_GROUP, np.float64)
_HANN: Final = np.hanning(_WINDOW + 2)[1:-1]
_PROBE_SCALE: Final = 2.0**20
_POWER_SCALE: Final = 2.0**14


def _hann_response(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """How strong a tone appears that is this far from where it is looked for: 1 at 0 Hz."""
    at = np.arange(_WINDOW) - (_WINDOW - 1) / 2
    turns = 2 * np.pi * np.multiply.outer(np.asarray(hertz), at) / SAMPLE_RATE
    response: NDArray[np.float64] = (np.cos(turns) * _HANN).sum(axis=-1) / _HANN.sum()
    return np.round(response, 12)  # the last digits of a cosine differ by machine


def _probes(offset: float) -> NDArray[np.float64]:
    """The window times cosine and sine, ``offset`` Hz from each frequency: (window, 8 * 2)."""
    turns = 2 * np.pi * np.multiply.outer(np.arange(_WINDOW), _FREQUENCIES + offset) / SAMPLE_RATE
    both = np.stack((np.cos(turns), np.sin(turns)), axis=-1) * _HANN[:, None, None]
    # 15 bits of sample, 20 of coefficient and 8 of window length: exact in 53.
    return np.rint(both * _PROBE_SCALE).reshape(_WINDOW, -1)


_LEFT: Final = _probes(-_PROBE_HZ)
_HERE: Final = _probes(0)
_RIGHT: Final = _probes(_PROBE_HZ)
_POWER_WEIGHTS: Final = np.rint(_HANN**2 * _POWER_SCALE)
_AMPLITUDE: Final = 2 / (_HANN.sum() * _PROBE_SCALE)
_POWER: Final = 1 / _POWER_WEIGHTS.sum()

_BESIDE: Final = _hann_response(_DEVIATION * _FREQUENCIES - _PROBE_HZ)
_BEYOND: Final = _hann_response(_DEVIATION * _FREQUENCIES + _PROBE_HZ)
_MOST_SLANT: Final = (_BESIDE - _BEYOND) / (_BESIDE + _BEYOND)
"""(right - left) / (right + left) of the outer probes for a tone as far off as may be."""
_SLANT_LOSS: Final = 1 / (-4 * float(np.log(_hann_response(_PROBE_HZ))))
"""A tone whose probes slant by s is 1 + s^2 times this stronger than it appears."""
_MOST_LOSS: Final = 1 + float(_MOST_SLANT.max()) ** 2 * _SLANT_LOSS


def _measure(pcm: NDArray[np.int16]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Of each window, the amplitudes (windows, 8) at the frequencies and the digit, or -1."""
    count = (len(pcm) - _WINDOW) // _HOP + 1
    if not pcm.any():  # as the sums below would find, at some cost
        return np.zeros((count, 8)), np.full(count, -1)
    signal = pcm.astype(np.float64)
    windows = np.ndarray((count, _WINDOW), np.float64, signal, strides=(8 * _HOP, 8)).copy()
    here = _amplitudes(windows, _HERE)
    power = (windows**2 @ _POWER_WEIGHTS) * _POWER
    codes = np.full(count, -1)

    strongest = here.reshape(count, 2, 4).max(axis=2)  # of each group
    appear = (strongest[:, 0] ** 2 + strongest[:, 1] ** 2) / 2
    maybe = np.flatnonzero((appear * _MOST_LOSS**2 >= power * _PURITY) & (appear > 0))
    if not len(maybe):
        return here, codes

    low, high = here[:, :4].argmax(axis=1), 4 + here[:, 4:].argmax(axis=1)
    row, tones = maybe[:, None], np.stack((low[maybe], high[maybe]), axis=1)
    left = _amplitudes(windows[maybe], _LEFT)[np.arange(len(maybe))[:, None], tones]
    right = _amplitudes(windows[maybe], _RIGHT)[np.arange(len(maybe))[:, None], tones]
    slant = (right - left) / np.maximum(right + left, 1e-9)
    amplitude = here[row, tones] * (1 + slant**2 * _SLANT_LOSS)
    weaker, stronger = amplitude.min(axis=1), amplitude.max(axis=1)
    sure = (
        (weaker >= _FAINTEST)
        & (stronger <= weaker * _TWIST)
        & (np.abs(slant) <= _MOST_SLANT[tones]).all(axis=1)
        & ((weaker**2 + stronger**2) / 2 >= power[maybe] * _PURITY)
    )
    found = maybe[sure]
    codes[found] = low[found] * 4 + high[found] - 4
    return here, codes


def _amplitudes(windows: NDArray[np.float64], probes: NDArray[np.float64]) -> NDArray[np.float64]:
    products = windows @ probes
    squares = products[:, ::2] ** 2 + products[:, 1::2] ** 2
    amplitudes: NDArray[np.float64] = np.sqrt(squares) * _AMPLITUDE
    return amplitudes
