"""The engine ``hibari``: natural speech from one small neural voice inside the package.

The package bundles a single voice and would fetch others from the network, so it is only ever
asked for that one. Another person is the same voice spoken at 1/r of the tempo and then played
r times as fast: pitch and formants move by r, the tempo stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.parties.voices.catalogue import Voice
from mediasim.parties.voices.engine import EngineError, EngineUnavailable, versions

__all__ = ["HibariEngine"]


class HibariEngine:
    """Loads its model at the first utterance and keeps it."""

    def __init__(self) -> None:
        self._model: Any = None

    def identity(self, voice: Voice) -> str | None:
        installed = versions("hibari-tts", "onnxruntime", "numpy", "soxr")
        return f"{installed}; ratio {voice.ratio}"

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        model = self._loaded()
        import soxr

        # The noise in breath and fricatives is drawn from the seed: the same one every time.
        try:
            sound = model(text, speed=1 / voice.ratio, seed=0)
        except Exception as failure:  # whatever the runtime or the phonemiser meets
            raise EngineError(f"{type(failure).__name__}: {failure}") from failure
        spoken: NDArray[np.float32] = soxr.resample(
            sound, model.sample_rate * voice.ratio, SAMPLE_RATE
        )
        return spoken

    def _loaded(self) -> Any:
        if self._model is None:
            try:
                from hibari import Hibari  # type: ignore[import-untyped, unused-ignore]

                self._model = Hibari()
            except Exception as failure:  # a missing package, library, model file, CPU feature
                raise EngineUnavailable(f"it does not load: {failure}") from failure
        return self._model
