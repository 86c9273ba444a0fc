from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.exchange.trim import (
    Absence,
    absence,
    kept_range,
    trim_silence,
)

LOUD, HUM = 3000, 30
"""Amplitudes of a square wave: -21 and -61 dBFS."""


def square(samples: int, amplitude: int) -> NDArray[np.int16]:
    wave = np.full(samples, amplitude, dtype=np.int16)
    wave[1::2] = -amplitude
    return wave


def recording(samples: int, *sounds: tuple[int, int, int], hum: int = 0) -> NDArray[np.int16]:
    """Two channels with a sound at each (channel, start, end)."""
    pcm = np.stack([square(samples, hum), square(samples, hum)])
    for channel, start, end in sounds:
        pcm[channel, start:end] = square(end - start, LOUD)
    return pcm


def test_both_ends_are_cut_where_all_channels_are_silent() -> None:
    pcm = recording(40_000, (0, 8000, 16_000), (1, 20_000, 24_000))
    assert trim_silence(pcm) == (8000, 24_000)


def test_the_cut_is_at_frames_and_loses_no_sound() -> None:
    pcm = recording(40_000, (1, 8100, 16_050))
    assert trim_silence(pcm) == (8000, 16_160)


def test_silence_between_sounds_stays() -> None:
    pcm = recording(200_000, (0, 160, 320), (0, 190_080, 190_240))
    assert trim_silence(pcm) == (160, 190_240)


def test_comfort_noise_is_silence() -> None:
    assert trim_silence(recording(40_000, (0, 8000, 16_000), hum=HUM)) == (8000, 16_000)


def test_all_silent_leaves_nothing() -> None:
    assert trim_silence(recording(40_000, hum=HUM)) == (0, 0)
    assert trim_silence(np.zeros((1, 0), dtype=np.int16)) == (0, 0)


def test_a_short_last_frame_counts() -> None:
    assert trim_silence(recording(8050, (0, 8000, 8050))) == (8000, 8050)


def test_do_not_trim_keeps_the_whole_file() -> None:
    pcm = recording(40_000, (0, 8000, 16_000))
    assert kept_range(pcm, "do-not-trim") == (0, 40_000)
    assert kept_range(pcm, "trim-silence") == (8000, 16_000)
    assert kept_range(recording(40_000), "do-not-trim") == (0, 40_000)
    assert kept_range(pcm, "do-not-trim", discards_silence=True) == (0, 40_000)
    for trim in ("do-not-trim", "trim-silence"):
        assert kept_range(recording(40_000), trim, discards_silence=True) == (0, 0)
        assert kept_range(recording(40_000), trim, keeps_silence=True) == (0, 40_000)


@given(
    st.integers(0, 30_000),
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 29_000), st.integers(1, 2000)), max_size=4
    ),
)
def test_what_is_cut_is_silent_and_what_is_kept_begins_and_ends_with_sound(
    samples: int, sounds: list[tuple[int, int, int]]
) -> None:
    pcm = recording(
        samples,
        *(
            (channel, start, min(start + length, samples))
            for channel, start, length in sounds
            if start < samples
        ),
    )
    start, end = trim_silence(pcm)
    energy = np.square(pcm.astype(np.int64)).sum(axis=0)
    threshold = 160 * (32768 * 10 ** (-50 / 20)) ** 2
    assert energy[:start].sum() < threshold
    assert energy[end:].sum() < threshold
    assert start % 160 == 0
    assert end == samples or end % 160 == 0
    if end:
        assert energy[start : start + 160].any()
        assert energy[(end - 1) // 160 * 160 : end].any()


@pytest.mark.parametrize(
    ("recorded", "kept", "why"),
    [(0, 0, "too-short"), (8000, 0, "silent"), (8000, 1, None), (8000, 8000, None)],
)
def test_a_recording_without_media_is_absent(recorded: int, kept: int, why: Absence | None) -> None:
    assert absence(recorded, kept) == why
