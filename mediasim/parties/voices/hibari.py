"""The engine ``hibari``: natural speech from one small neural voice inside the package.

The package bundles a single voice, an American woman's, and would fetch others from the network,
so it is only ever asked for that one. Other people are made of her:

- formants: she speaks at 1/f of the tempo and is then played f times as fast, which moves formants
  and pitch by f and leaves the tempo;
- pitch: her network tells the fundamental frequency it speaks at, by which `psola` moves the pitch
  alone;
- accent: the package has British spelling-to-sound rules too, in whose symbols she was not
  trained; each of them is replaced by one that she knows and that sounds like it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.parties.voices.catalogue import Voice
from mediasim.parties.voices.engine import EngineError, EngineUnavailable, versions
from mediasim.parties.voices.psola import at_pitch

__all__ = ["HibariEngine"]

HOP: Final = 300
"""Samples of a frame of the network's."""
BRITISH: Final = (
    *(("ɔːl", "ɔl"), ("ɔː", "ɔɹ"), ("ɑː", "ɑɹ"), ("ː", "")),
    *(("ɒ", "ɔ"), ("Q", "əʊ"), ("a", "æ")),
)
"""British phonemes (misaki's symbols) in those of American English, one after the other.

Without the r after a long vowel a recogniser takes "four" for "fall" and "last" for "lost".
"""


class HibariEngine:
    """Loads its model at the first utterance and keeps it."""

    def __init__(self) -> None:
        self._models: dict[bool, Any] = {}

    def identity(self, voice: Voice) -> str | None:
        installed = versions("hibari-tts", "onnxruntime", "numpy", "soxr")
        return f"{installed}; {voice.recipe('hibari')}"

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        model = self._loaded(voice.british)
        import soxr

        try:
            sound, hertz = _spoken(model, text, voice.tempo / voice.formants)
        except Exception as failure:  # whatever the runtime or the phonemiser meets
            raise EngineError(f"{type(failure).__name__}: {failure}") from failure
        if voice.fundamental != voice.formants:
            factor = voice.fundamental / voice.formants
            sound = at_pitch(sound, hertz, factor, model.sample_rate)
        spoken: NDArray[np.float32] = soxr.resample(
            sound.astype(np.float32), model.sample_rate * voice.formants, SAMPLE_RATE
        )
        return spoken

    def _loaded(self, british: bool) -> Any:
        """The model with the spelling-to-sound rules of one accent."""
        if british not in self._models:
            try:
                from hibari import Hibari  # type: ignore[import-untyped, unused-ignore]
                from hibari.g2p import G2P

                rules = G2P(british=british)
                self._models[british] = Hibari(g2p=_in_her_symbols(rules) if british else rules)
            except Exception as failure:  # a missing package, library, model file, CPU feature
                raise EngineUnavailable(f"it does not load: {failure}") from failure
        return self._models[british]


def _in_her_symbols(rules: Callable[[str], str]) -> Callable[[str], str]:
    def phonemes(text: str) -> str:
        found = rules(text)
        for british, american in BRITISH:
            found = found.replace(british, american)
        return found

    return phonemes


def _spoken(model: Any, text: str, speed: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the network makes of a text, and its fundamental frequency at each sample."""
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
