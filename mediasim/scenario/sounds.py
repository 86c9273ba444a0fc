"""What a scenario's parties say and play, as samples."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.parties.voices.speech import DEFAULT_LEVEL_DBFS, Speaker
from mediasim.scenario.model_steps import Noise, Play
from mediasim.seeds import Seeds

__all__ = ["ScenarioSounds"]


class ScenarioSounds:
    """Speech, files and noise of one run; each thing is made once."""

    def __init__(self, seeds: Seeds, speaker: Speaker, base: Path) -> None:
        """``base`` is the folder that files are relative to."""
        self._base = base
        self._seeds = seeds
        self._speaker = speaker
        self._played: dict[tuple[str, float | None], tuple[NDArray[np.int16], str]] = {}

    def say(self, text: str, voice: str, level: float | None) -> tuple[NDArray[np.int16], str]:
        """Speech, and its digest."""
        clip = self._speaker.say(
            text, voice, level_dbfs=DEFAULT_LEVEL_DBFS if level is None else level
        )
        return clip.pcm, clip.digest

    def play(self, step: Play) -> tuple[NDArray[np.int16], str]:
        """A file's samples, and their digest. Raises AudioFileError."""
        from mediasim.audio.files import load_clip
        from mediasim.audio.levels import set_level

        key = (str(step.file), step.level)
        if key not in self._played:
            pcm = load_clip(self._base / step.file)
            if step.level is not None:
                pcm = set_level(pcm, step.level)
            digest = blake2b(pcm.astype("<i2").tobytes(), digest_size=16).hexdigest()
            self._played[key] = (pcm, digest)
        return self._played[key]

    def noise(self, step: Noise, label: str) -> NDArray[np.int16]:
        """Noise of the run's seed."""
        from mediasim.audio.tones import noise

        samples = round(step.for_ * SAMPLE_RATE / NS_PER_SECOND)
        return noise(step.kind, samples, step.level, self._seeds.generator(f"noise/{label}"))
