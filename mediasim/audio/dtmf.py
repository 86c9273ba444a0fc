"""In-band DTMF: generating digits, and detecting them in audio as it comes (ITU-T Q.23, Q.24).

The detector looks at windows of 25 ms, 5 ms apart. In each it measures the eight frequencies, and
takes it for a digit when one tone of each group is strong, both are near their nominal frequency,
neither is much louder than the other, and there is little else. The tones begin and end where their
strength crosses one half.

The sums are of whole numbers, exact in floating point in any order, so the way in which audio is
cut into blocks cannot change a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.products import rows_times
from mediasim.audio.tones import tone

__all__ = [
    "DTMF_DIGITS",
    "END_SHOWS_FRAMES",
    "DtmfClamp",
    "DtmfDetector",
    "DtmfHit",
    "dtmf_digits",
    "dtmf_tone",
    "feed_together",
]

_LOW_GROUP: Final = (697, 770, 852, 941)
_HIGH_GROUP: Final = (1209, 1336, 1477, 1633)
_KEYPAD: Final = "123A456B789C*0#D"
DTMF_DIGITS: Final = frozenset(_KEYPAD)
"""The sixteen digits of DTMF."""
_PAUSES_MS: Final = {"w": 500, "W": 1000}
"""Pauses in milliseconds that Twilio's SendDigits writes as letters."""
_TONE_DBFS: Final = -10.0

_WINDOW: Final = 200
"""Samples of a window: 25 ms."""
_HOP: Final = 40
"""Samples from one window to the next: 5 ms."""
_CHUNK: Final = 200
"""Windows measured at once, to bound the memory of a long feed."""
_LEAD: Final = _WINDOW // _HOP + 1
"""Windows before the first sure one in which a digit's tones may have begun."""

_SHORTEST: Final = 240
"""Samples that tones must last: 30 ms (40 ms are a digit, 20 ms are not)."""
_SURE_WINDOWS: Final = 3
"""Windows that must show the same digit."""
_FAINTEST: Final = 32768 * 10 ** (-42 / 20)
"""Least amplitude of either tone: -42 dBFS."""
_BRIDGED_WINDOWS: Final = 5
"""Windows for which tones may be absent, as when a packet is lost: 25 ms (40 ms are a pause)."""
_TWIST: Final = 10 ** (9 / 20)
"""Largest ratio of the two amplitudes: 9 dB."""
_PURITY: Final = 0.75
"""Least share of the two tones in a window's energy."""
END_SHOWS_FRAMES: Final = 3
"""Frames after a digit's end until it is reported at the latest: a window and the bridged ones."""
_DEVIATION: Final = 0.025
"""Largest relative deviation of a frequency: 1.5 % must pass, 3.5 % must not."""
_PROBE_HZ: Final = 20.0
"""Offset in Hz of the two outer probes by which a tone's deviation is measured."""


def dtmf_tone(digit: str, samples: int, dbfs: float = _TONE_DBFS) -> NDArray[np.int16]:
    """Generate the two tones of a digit, each at the level ``dbfs``: (samples,).

    Raises ValueError if it is no digit.
    """
    if digit not in DTMF_DIGITS:
        raise ValueError(f"{digit!r} is no DTMF digit: those are 0-9, A-D, * and #")
    row, column = divmod(_KEYPAD.index(digit), 4)
    both = dbfs + 10 * float(np.log10(2))
    return tone((_LOW_GROUP[row], _HIGH_GROUP[column]), samples, both)


def dtmf_digits(
    digits: str, *, tone_ms: int = 100, gap_ms: int = 100, dbfs: float = _TONE_DBFS
) -> NDArray[np.int16]:
    """Generate digits in sequence, each followed by a gap; ``w`` is 500 ms, ``W`` 1 s.

    Raises ValueError for any other character.
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
    """A detected digit."""

    digit: str
    start: int
    """First sample of its tones, accurate to about 2 ms."""
    end: int
    """Sample after its last."""


class DtmfDetector:
    """A DTMF detector of one track, fed in blocks of any size."""

    def __init__(self, start: int = 0) -> None:
        """Begin at sample number ``start``, the first that will be fed."""
        self._pcm = np.zeros(0, np.int16)
        self._next = start
        """Sample number at which the next window begins, the first of ``_pcm``."""
        self._past = np.zeros((0, 8))
        """Strengths in the last windows, (windows, 8)."""
        self._run: _Run | None = None
        """The digit that may be sounding; None for none."""

    def feed(self, pcm: NDArray[np.int16]) -> list[DtmfHit]:
        """Detect digits in the next samples (samples,); return those whose end has shown.

        An end shows some 40 ms after it, or when another digit follows.
        """
        self._pcm = np.concatenate((self._pcm, pcm))
        hits: list[DtmfHit] = []
        while count := self._ready():
            hits += self._measured(count, *_measure(self._windows(count)))
        return hits

    def _ready(self) -> int:
        """Return how many windows can be measured now, at most a chunk of them."""
        return min(max((len(self._pcm) - _WINDOW) // _HOP + 1, 0), _CHUNK)

    def _windows(self, count: int) -> NDArray[np.int16]:
        """Return the samples of the next windows."""
        return self._pcm[: (count - 1) * _HOP + _WINDOW]

    def _measured(
        self, count: int, strengths: NDArray[np.float64], codes: NDArray[np.intp]
    ) -> list[DtmfHit]:
        """Process the next windows, and go on behind them."""
        hits = self._follow(strengths, codes)
        self._pcm = self._pcm[count * _HOP :]
        self._next += count * _HOP
        return hits

    def _follow(self, strengths: NDArray[np.float64], codes: NDArray[np.intp]) -> list[DtmfHit]:
        """Process windows: strengths (windows, 8), and the digit's code in each, or -1."""
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


def feed_together(
    detectors: Sequence[DtmfDetector], blocks: Sequence[NDArray[np.int16]]
) -> list[list[DtmfHit]]:
    """Feed each detector its block (samples,), and return the hits of each.

    The hits are those of :meth:`DtmfDetector.feed`; many tracks cost little more than one.
    """
    hits: list[list[DtmfHit]] = []
    alike: dict[int, list[int]] = {}
    for index, (detector, block) in enumerate(zip(detectors, blocks, strict=True)):
        hits.append([])
        detector._pcm = np.concatenate((detector._pcm, block))
        if count := detector._ready():
            alike.setdefault(count, []).append(index)
    for count, indices in alike.items():
        some = max(1, _CHUNK // count)
        for first in range(0, len(indices), some):
            group = indices[first : first + some]
            rows = np.stack([detectors[index]._windows(count) for index in group])
            strengths, codes = _measure(rows)
            for place, index in enumerate(group):
                own = slice(place * count, (place + 1) * count)
                hits[index] += detectors[index]._measured(count, strengths[own], codes[own])
    nothing = np.zeros(0, np.int16)
    return [found + detector.feed(nothing) for found, detector in zip(hits, detectors, strict=True)]


class DtmfClamp:
    """Silences the frames of a track in which the tones of a key sound, as they come.

    A window shows a key when most of it is tones, so up to 20 ms of a key's beginning are left: too
    little for a key to be recognised by.
    """

    def __init__(self) -> None:
        self._past = np.zeros(_WINDOW - _HOP, np.int16)
        """The samples before the next frame that its windows reach back to."""
        self._held = 0
        """Windows for which a key may still sound that does not show."""

    def clamp(self, pcm: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Return the next frames (frames * 160,) without keys, and which frames (frames,) had any.

        The samples given are not changed.
        """
        heard = np.concatenate((self._past, pcm))
        self._past = heard[-len(self._past) :]
        silenced = np.zeros(len(pcm) // FRAME_SAMPLES, np.bool_)
        windows = FRAME_SAMPLES // _HOP
        for first in range(0, len(silenced), _CHUNK // windows):
            start = first * FRAME_SAMPLES
            count = min(_CHUNK // windows, len(silenced) - first)
            end = start + count * FRAME_SAMPLES + len(self._past)
            _, codes = _measure(heard[start:end])
            if self._held == 0 and codes.max() < 0:
                continue
            for window, code in enumerate(codes.tolist()):
                self._held = _BRIDGED_WINDOWS if code >= 0 else max(0, self._held - 1)
                silenced[first + window // windows] |= self._held > 0
        if not silenced.any():
            return pcm, silenced
        clamped = pcm.copy()
        clamped.reshape(-1, FRAME_SAMPLES)[silenced] = 0
        return clamped, silenced


@dataclass(slots=True)
class _Run:
    """Windows in which a digit's tones may sound, those just before them included."""

    code: int
    """Index of the digit on the keypad."""
    center: int
    """Sample in the middle of the first window."""
    first_sure: int
    """Index of the first window that showed the digit."""
    sure: int = 1
    """Windows that showed the digit."""
    strengths: list[float] = field(default_factory=list)
    """Strength of the weaker tone in each window."""
    peak: float = 0.0
    last_loud: int = 0
    """Index of the last window with at least half the peak's strength."""

    def add(self, row: NDArray[np.float64]) -> None:
        """Add a window's strengths (8,)."""
        low, high = divmod(self.code, 4)
        strength = min(float(row[low]), float(row[4 + high]))
        self.strengths.append(strength)
        if len(self.strengths) > self.first_sure:
            self.peak = max(self.peak, strength)
            if strength >= self.peak / 2:
                self.last_loud = len(self.strengths) - 1

    def goes_on(self, row: NDArray[np.float64], code: int) -> bool:
        """Add a window; return whether the digit may still be sounding."""
        self.add(row)
        self.sure += code == self.code
        gone = len(self.strengths) - 1 - self.last_loud
        return code in (self.code, -1) and gone <= _BRIDGED_WINDOWS

    def hit(self) -> DtmfHit | None:
        """Return the digit of a run that has ended; None if it was too short or unsure."""
        start = self.first_sure
        while start > 0 and self.strengths[start - 1] >= self.peak / 2:
            start -= 1
        first = self._crossing(start) if start else self.center - _WINDOW // 2
        end = self._crossing(min(self.last_loud + 1, len(self.strengths) - 1))
        if self.sure < _SURE_WINDOWS or end - first < _SHORTEST:
            return None
        return DtmfHit(_KEYPAD[self.code], first, end)

    def _crossing(self, window: int) -> int:
        """Return the sample between the middles of two windows at which strength was half.

        The windows are ``window`` and the one before it.
        """
        before, after = self.strengths[window - 1 : window + 1]
        share = (self.peak / 2 - before) / (after - before) if after != before else 1.0
        return self.center + round((window - 1 + min(max(share, 0.0), 1.0)) * _HOP)


_FREQUENCIES: Final = np.array(_LOW_GROUP + _HIGH_GROUP, np.float64)
_HANN: Final = np.hanning(_WINDOW + 2)[1:-1]
_PROBE_SCALE: Final = 2.0**20
_POWER_SCALE: Final = 2.0**14


def _hann_response(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the relative strength at which a tone appears that is off by ``hertz``: 1 at 0 Hz."""
    at = np.arange(_WINDOW) - (_WINDOW - 1) / 2
    turns = 2 * np.pi * np.multiply.outer(np.asarray(hertz), at) / SAMPLE_RATE
    response: NDArray[np.float64] = (np.cos(turns) * _HANN).sum(axis=-1) / _HANN.sum()
    return np.round(response, 12)  # the last digits of a cosine differ by machine


def _probes(offset: float) -> NDArray[np.float64]:
    """Return the window times cosine and sine, ``offset`` Hz off each frequency: (window, 16)."""
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
"""Slant of the outer probes, (right - left) / (right + left), at the largest deviation: (8,)."""
_SLANT_LOSS: Final = 1 / (-4 * float(np.log(_hann_response(_PROBE_HZ))))
"""Factor k by which a tone of slant s is 1 + k s^2 times stronger than it appears."""
_MOST_LOSS: Final = 1 + float(_MOST_SLANT.max()) ** 2 * _SLANT_LOSS


def _measure(pcm: NDArray[np.int16]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Measure windows: amplitudes (windows, 8) at the frequencies, and each one's digit, or -1.

    The samples are of one track (samples,), or of several (tracks, samples), whose windows follow
    each other.
    """
    tracks, samples = (1, *pcm.shape)[-2:]
    each = (samples - _WINDOW) // _HOP + 1
    count = tracks * each
    if not pcm.any():  # as the sums below would find, at some cost
        return np.zeros((count, 8)), np.full(count, -1)
    signal = pcm.astype(np.float64)
    steps = (8 * samples, 8 * _HOP, 8)
    windows = np.ndarray((tracks, each, _WINDOW), np.float64, signal, strides=steps).copy()
    windows = windows.reshape(count, _WINDOW)
    here = _amplitudes(windows, _HERE)
    power = rows_times(windows**2, _POWER_WEIGHTS[:, None])[:, 0] * _POWER
    codes = np.full(count, -1)

    strongest = here.reshape(count, 2, 4).max(axis=2)  # of each group
    appear = (strongest[:, 0] ** 2 + strongest[:, 1] ** 2) / 2
    # A cheap test with the largest correction that any tone can get: only what passes is probed.
    maybe = np.flatnonzero((appear * _MOST_LOSS**2 >= power * _PURITY) & (appear > 0))
    if not len(maybe):
        return here, codes

    low, high = here[:, :4].argmax(axis=1), 4 + here[:, 4:].argmax(axis=1)
    row, tones = maybe[:, None], np.stack((low[maybe], high[maybe]), axis=1)
    left = _amplitudes(windows[maybe], _LEFT)[np.arange(len(maybe))[:, None], tones]
    right = _amplitudes(windows[maybe], _RIGHT)[np.arange(len(maybe))[:, None], tones]
    # The slant between the outer probes shows how far a tone is off its nominal frequency, and by
    # how much it appears too weak there.
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
    products = rows_times(windows, probes)
    squares = products[:, ::2] ** 2 + products[:, 1::2] ** 2
    amplitudes: NDArray[np.float64] = np.sqrt(squares) * _AMPLITUDE
    return amplitudes
