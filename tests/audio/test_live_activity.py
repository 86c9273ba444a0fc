"""The ear of parties: noise is no speech, and blocks of any size hear the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.live_activity import LiveActivity
from mediasim.audio.tones import NoiseKind, noise
from mediasim.parties.hearing import SpeechTracker

Samples = NDArray[np.int16]
SECOND = 8000


def voice(seconds: float, dbfs: float = -21.0) -> Samples:
    return noise("babble", round(seconds * SECOND), dbfs, np.random.default_rng(1))


def in_noise(kind: NoiseKind, dbfs: float | None) -> Samples:
    """Six seconds of noise alone, three of a voice in it, four of noise alone."""
    behind = np.zeros(13 * SECOND, np.int32)
    if dbfs is not None:
        behind += noise(kind, 13 * SECOND, dbfs, np.random.default_rng(2))
    behind[6 * SECOND : 9 * SECOND] += voice(3)
    return np.clip(behind, -32768, 32767).astype(np.int16)


def stops(pcm: Samples) -> list[int]:
    """The frames at which a listener finds that the other has stopped."""
    found: list[int] = []
    ear = SpeechTracker()
    ear.wait_quiet(35, found.append)
    ear.hear(0, pcm)
    return found


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("dbfs", [-45.0, -40.0])
def test_other_stops_ends_in_noise_as_on_a_clean_line(kind: NoiseKind, dbfs: float) -> None:
    (clean,), (noisy,) = stops(in_noise(kind, None)), stops(in_noise(kind, dbfs))
    assert abs(noisy - clean) <= 25


def test_noise_alone_is_nobody_who_stops() -> None:
    assert stops(noise("white", 20 * SECOND, -40, np.random.default_rng(3))) == []


def test_a_loud_sound_is_heard_however_long_it_lasts() -> None:
    heard = [speech for speech, _ in LiveActivity().hear(voice(20, -15.0))]
    assert sum(heard) > 0.5 * len(heard)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30))
@settings(max_examples=15, deadline=None)
def test_blocks_of_any_size_hear_the_same(sizes: list[int]) -> None:
    pcm = in_noise("pink", -42.0)
    whole = list(LiveActivity().hear(pcm))
    ear, found, at = LiveActivity(), [], 0
    for size in [*sizes, len(pcm)]:
        piece = pcm[at * FRAME_SAMPLES : (at + size) * FRAME_SAMPLES]
        found += list(ear.hear(piece))
        at += size
    assert found == whole
