"""What a speaker hands out: sound, and what it is the sound of."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from mediasim.parties.voices.word_times import WordTime

__all__ = ["Clip"]


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance, starting with its first sound and ending with its last."""

    pcm: NDArray[np.int16] = field(repr=False, compare=False)
    """8 kHz mono samples, read-only: clips are shared."""
    text: str
    """The words as they were asked for."""
    voice: str
    """The catalogue name of the voice that was asked for."""
    engine: str
    """The engine that really spoke: not the voice's own if another had to take over."""
    words: tuple[WordTime, ...] = ()
    """When each word is said."""
    digest: str = field(init=False)
    """Fingerprint of the samples: equal digests, equal sound."""

    def __post_init__(self) -> None:
        self.pcm.setflags(write=False)
        samples = self.pcm.astype("<i2").tobytes()
        object.__setattr__(self, "digest", blake2b(samples, digest_size=16).hexdigest())
