"""The engine ``hibari``: natural speech from one small neural voice inside the package.

The package bundles a single voice, an American woman's, and would fetch others from the network,
so only that one is used. Other voices are made of it:

- formants: the voice speaks at 1/f of the tempo and is then played f times as fast, which moves
  formants and pitch by f and leaves the tempo;
- pitch: the network reports the fundamental frequency it speaks at, by which pitch-synchronous
  overlap-add (Moulines and Charpentier, 1990) moves the pitch alone;
- accent: the package has British spelling-to-sound rules too, in whose symbols the voice was not
  trained; each of them is replaced by one that it knows and that sounds like it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.parties.voices.catalogue import Voice
from mediasim.parties.voices.engine import EngineError, EngineUnavailable, versions

__all__ = ["HibariEngine", "at_pitch"]

HOP: Final = 300
"""Samples of a frame of the network."""
BRITISH: Final = (
    *(("ɔːl", "ɔl"), ("ɔː", "ɔɹ"), ("ɑː", "ɑɹ"), ("ː", "")),
    *(("ɒ", "ɔ"), ("Q", "əʊ"), ("a", "æ")),
)
"""Replacements of British phonemes (misaki's symbols) by American ones, made in this order.

Without the r after a long vowel a recogniser takes "four" for "fall" and "last" for "lost".
"""

LOWEST_HZ: Final = 50.0
"""Lowest fundamental frequency; a lower one stands for a sound without pitch."""
UNVOICED_SECONDS: Final = 0.005
"""Length of half a grain without pitch, in seconds."""
SEARCHED: Final = 0.15
"""Largest distance of a period's place from the expected one, as a share of the period."""

_Floats = NDArray[np.float64]


class HibariEngine:
    """The engine, which loads its model at the first utterance and keeps it."""

    def __init__(self) -> None:
        self._models: dict[bool, Any] = {}

    def identity(self, voice: Voice) -> str | None:
        installed = versions("hibari-tts", "onnxruntime", "numpy", "soxr")
        return f"{installed}; {voice.recipe('hibari')}"

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        model = self._loaded(voice.british)
        import soxr

        try:
            sound, hertz = _spoken(model, text, voice.rate * voice.tempo / voice.formants)
        except Exception as failure:  # the runtime and the phonemiser document none
            raise EngineError(f"{type(failure).__name__}: {failure}") from failure
        factor = voice.raised * voice.fundamental / voice.formants
        if factor != 1.0:
            sound = at_pitch(sound, hertz, factor, model.sample_rate)
        spoken: NDArray[np.float32] = soxr.resample(
            sound.astype(np.float32), model.sample_rate * voice.formants, SAMPLE_RATE
        )
        return spoken

    def _loaded(self, british: bool) -> Any:
        """Return the model with the spelling-to-sound rules of one accent."""
        if british not in self._models:
            try:
                from hibari import Hibari  # type: ignore[import-untyped, unused-ignore]
                from hibari.g2p import G2P

                rules = G2P(british=british)
                self._models[british] = Hibari(g2p=_american_symbols(rules) if british else rules)
            except Exception as failure:  # a missing package, library, model file, CPU feature
                raise EngineUnavailable(f"it does not load: {failure}") from failure
        return self._models[british]


def _american_symbols(rules: Callable[[str], str]) -> Callable[[str], str]:
    def phonemes(text: str) -> str:
        found = rules(text)
        for british, american in BRITISH:
            found = found.replace(british, american)
        return found

    return phonemes


def _spoken(model: Any, text: str, speed: float) -> tuple[_Floats, _Floats]:
    """Return the sound of a text (samples,), and the fundamental frequency at each sample."""
    from hibari import dsp

    # The noise in breath and fricatives is drawn from the seed: the same one every time.
    noise = np.random.Generator(np.random.PCG64(0))
    sounds, pitches = [np.zeros(0)], [np.zeros(0)]
    for sentence in model.phonemize(text):
        ids = np.asarray([model.ids(sentence)], np.int64)
        if ids.size < 3:  # the silence before and after
            continue
        parts = model.sess.run(None, {"ids": ids, "speed": np.asarray([speed], np.float32)})
        *spectra, hertz = (part[0] for part in parts)
        sound = dsp.synth(*spectra, hertz, noise)
        at = (np.arange(sound.size) + 0.5) / HOP - 0.5
        pitches.append(np.interp(at, np.arange(hertz.size), hertz))
        sounds.append(sound)
    return np.concatenate(sounds), np.concatenate(pitches)


def at_pitch(sound: _Floats, hertz: _Floats, factor: float, rate: int) -> _Floats:
    """Return samples (samples,) at ``rate`` with their pitch ``hertz`` (samples,) times ``factor``.

    The sound is cut into grains of two periods, one around each period's peak, and the grains are
    laid out again at the periods of the new pitch, each repeated or left out as the tempo requires.
    Sound without pitch is laid out as it was.
    """
    places, periods, voiced = _periods(sound, hertz, rate)
    made = np.zeros(sound.size + 2 * int(rate / LOWEST_HZ) + 2)
    at, before = 0.0, -1
    while at < sound.size and places.size:
        after = min(int(np.searchsorted(places, at)), places.size - 1)
        near = after - (after > 0 and at - places[after - 1] <= places[after] - at)
        period, place = int(periods[near]), int(places[near])
        if near != before and not voiced[near]:
            at = float(place)
        before = near
        first, last = max(0, place - period), min(sound.size, place + period + 1)
        offsets = np.arange(first - place, last - place)
        grain = sound[first:last] * (0.5 + 0.5 * np.cos(np.pi * offsets / period))
        start = round(at) + first - place
        skipped = max(0, -start)
        made[start + skipped : start + grain.size] += grain[skipped:]
        at += period / factor if voiced[near] else period
    return made[: sound.size]


def _periods(
    sound: _Floats, hertz: _Floats, rate: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return of each period its place and length in samples, and whether it has a pitch."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    while at < sound.size:
        voiced = bool(hertz[at] > LOWEST_HZ)
        period = int(rate / hertz[at]) if voiced else int(rate * UNVOICED_SECONDS)
        place = at
        if voiced and found and found[-1][2]:
            place = max(_alike(sound, found[-1][0], at, period), found[-1][0] + period // 2)
        elif voiced:
            start = max(0, at - period // 2)
            place = start + int(np.argmax(np.abs(sound[start : at + period // 2])))
            place = max(place, found[-1][0] + 1 if found else 0)
        found.append((place, period, voiced))
        at = place + period
    places, periods, with_pitch = zip(*found, strict=True) if found else ((), (), ())
    return np.array(places, np.int64), np.array(periods, np.int64), np.array(with_pitch, np.bool_)


def _alike(sound: _Floats, before: int, at: int, period: int) -> int:
    """Return the sample near ``at`` at which the sound is most like the period at ``before``."""
    half, search = period // 2, int(period * SEARCHED)
    first, last = at - search - half, at + search + half
    if before < half or first < 0 or last > sound.size:
        return at
    near = sound[first:last]
    likeness = np.correlate(near, sound[before - half : before + half], "valid")
    energy = np.convolve(near * near, np.ones(2 * half), "valid")
    return at - search + int(np.argmax(likeness / np.sqrt(np.maximum(energy, 1e-12))))
