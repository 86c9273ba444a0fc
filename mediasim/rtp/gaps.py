"""Filling of gaps where nothing arrived: silence, comfort noise (RFC 3389), or repeat-and-fade.

Silence is the default, for a lost packet then is exactly its own 160 samples of nothing. A stream
that announced comfort noise is filled with noise of its level until it speaks again. Concealment
repeats the last 20 ms that arrived, fading out over 60 ms; only the missing samples are written, so
that a loss stays where it happened: what was received is never changed, cross-faded or moved. What
concealment and comfort noise put in is noted, for the truth.

The first byte of a comfort noise payload is the level in -dBov, 0 to 127; bytes after it describe
the noise's spectrum and are not used here. 0 dBov is the loudest square wave the codec can carry,
for mu-law 0.17 dB below that of 16-bit samples, which is less than the byte can express: dBov and
dBFS are taken as one.
"""

from __future__ import annotations

from bisect import insort
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.tones import comfort_noise
from mediasim.rtp.packets import equal_runs

__all__ = [
    "CONCEALED_SAMPLES",
    "GapFiller",
    "build_comfort_noise",
    "parse_comfort_noise",
    "repeat_and_fade",
]


_QUIETEST: Final = 127
"""Lowest level of a comfort noise payload, in -dBov."""
CONCEALED_SAMPLES: Final = 480
"""Missing samples after which concealment has faded to silence: 60 ms."""


def build_comfort_noise(dbfs: float) -> bytes:
    """Build the payload for noise of this level (rms, dBFS); levels below -127 are sent as -127.

    Raises ValueError for a level above 0, or for none at all (NaN).
    """
    if not dbfs <= 0.0:
        raise ValueError(f"a noise level of {dbfs} dBFS: expected 0 or below")
    return bytes((round(min(-dbfs, _QUIETEST)),))


def parse_comfort_noise(payload: bytes) -> float | None:
    """Return the level (dBFS) of a payload; None if it is empty."""
    # The top bit is always 0 (section 3.1), so nothing is lost by not looking at it.
    return float(-(payload[0] & 0x7F)) if payload else None


def repeat_and_fade(last: NDArray[np.int16], first: int, samples: int) -> NDArray[np.int16]:
    """Return samples ``first .. first + samples`` of a gap's filling, counted from its beginning.

    ``last`` (160,) are the samples before the gap.
    """
    filling = np.zeros(samples, np.int16)
    at = np.arange(first, min(first + samples, CONCEALED_SAMPLES))
    share = 1 - at / CONCEALED_SAMPLES
    filling[: len(at)] = np.rint(last[at % FRAME_SAMPLES] * share)
    return filling


class GapFiller:
    """The gap filler of one row: the last samples received, and the noise announced."""

    def __init__(self, *, conceal: bool, noise_key: int) -> None:
        self._conceal = conceal
        self._key = noise_key
        self._last = np.zeros(FRAME_SAMPLES, np.int16)
        """The last 160 samples that arrived."""
        self._missing = CONCEALED_SAMPLES
        """Samples missing up to the block's start; at first as if faded out long ago."""
        self._announced: list[tuple[int, float | None]] = []
        """Levels and the output samples they hold from; None where a new stream begins."""
        self._level: float | None = None
        """Level of the comfort noise that holds, in dBFS; None for none."""
        self.filled: list[tuple[int, int, str]] = []
        """Output samples (start, end) that were filled, and how: ``repeat`` or
        ``comfort-noise``."""

    @property
    def active(self) -> bool:
        """Whether gaps are filled with anything but silence."""
        return self._conceal or bool(self._announced) or self._level is not None

    def forget(self, output: int) -> None:
        """Begin a new stream: noise announced before does not hold from this output sample on."""
        if self.active:
            self._announced = [each for each in self._announced if each[0] < output]
            self._announced.append((output, None))

    def noise(self, output: int, payload: bytes) -> None:
        """Announce comfort noise from an output sample on that has not been played yet."""
        level = parse_comfort_noise(payload)
        if level is not None:
            insort(self._announced, (output, level), key=itemgetter(0))

    def fill(self, pcm: NDArray[np.int16], have: NDArray[np.bool_], first: int) -> None:
        """Fill one block in place: ``pcm`` (samples,) starting at output sample ``first``.

        ``have`` says for each sample, or for each of its equal parts, whether it arrived.
        """
        unit = len(pcm) // len(have)
        if have.all() and not self._announced:
            self._remember(pcm, 0, len(pcm))
            self._level = None
            return
        for low, high in equal_runs(have):
            start, end = low * unit, high * unit
            if have[low]:
                self._remember(pcm, start, end)
                self._level = None
                while self._announced and self._announced[0][0] < first + end:
                    del self._announced[0]  # spoken over
            else:
                self._fill_gap(pcm, start, end, first)

    def _remember(self, pcm: NDArray[np.int16], start: int, end: int) -> None:
        self._missing = 0
        if not self._conceal:
            return
        tail = pcm[max(start, end - FRAME_SAMPLES) : end]
        self._last = np.concatenate((self._last[len(tail) :], tail))

    def _fill_gap(self, pcm: NDArray[np.int16], start: int, end: int, first: int) -> None:
        cursor = start
        while cursor < end:
            stop = end
            if self._announced:
                output, level = self._announced[0]
                if output <= first + cursor:
                    self._level = level
                    if level is None:
                        self._missing = CONCEALED_SAMPLES
                    del self._announced[0]
                    continue
                stop = min(end, output - first)
            if self._level is not None:
                pcm[cursor:stop] = comfort_noise(
                    first + cursor, stop - cursor, self._level, self._key
                )
                self._note(first + cursor, first + stop, "comfort-noise")
            elif self._conceal and self._missing < CONCEALED_SAMPLES:
                pcm[cursor:stop] = repeat_and_fade(self._last, self._missing, stop - cursor)
                heard = min(stop, cursor + CONCEALED_SAMPLES - self._missing)
                self._note(first + cursor, first + heard, "repeat")
            self._missing += stop - cursor
            cursor = stop

    def _note(self, start: int, end: int, what: str) -> None:
        if self.filled and self.filled[-1][1:] == (start, what):
            start = self.filled.pop()[0]
        self.filled.append((start, end, what))
