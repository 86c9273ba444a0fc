"""Sums of tracks against plain arithmetic in wide integers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mediasim.audio.mixing import downmix, mix, mix_minus

TRACKS = hnp.arrays(np.int16, st.tuples(st.integers(1, 6), st.integers(0, 40)))


def saturated(total: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(total, -32768, 32767)


@given(tracks=TRACKS)
def test_mix_is_the_saturating_sum(tracks: NDArray[np.int16]) -> None:
    mixed = mix(tracks)
    assert mixed.dtype == np.int16
    np.testing.assert_array_equal(mixed, saturated(tracks.astype(np.int64).sum(axis=0)))
    np.testing.assert_array_equal(downmix(tracks), mixed)


@given(tracks=TRACKS)
def test_mix_minus_leaves_out_each_leg_itself(tracks: NDArray[np.int16]) -> None:
    heard = mix_minus(tracks)
    assert heard.dtype == np.int16
    assert heard.shape == tracks.shape
    for leg in range(len(tracks)):
        others = np.delete(tracks, leg, axis=0).astype(np.int64)
        np.testing.assert_array_equal(heard[leg], saturated(others.sum(axis=0)))


def test_own_clipping_does_not_reach_the_others() -> None:
    """The sum is clipped after a leg is taken out of it, not before."""
    tracks = np.array([[30000], [30000], [-30000]], np.int16)
    assert mix_minus(tracks).tolist() == [[0], [0], [32767]]


def test_mix_sums_over_the_first_axis_of_any_block() -> None:
    tracks = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    np.testing.assert_array_equal(mix(tracks), tracks[0] + tracks[1])


def test_no_tracks_are_silence() -> None:
    assert mix(np.zeros((0, 5), np.int16)).tolist() == [0] * 5


def test_a_lone_leg_hears_nothing() -> None:
    assert mix_minus(np.full((1, 4), 1234, np.int16)).tolist() == [[0] * 4]


def test_a_downmix_keeps_each_speakers_level() -> None:
    channels = np.zeros((2, 6), np.int16)
    channels[0, :3] = 5000
    channels[1, 3:] = -7000
    assert downmix(channels).tolist() == [5000] * 3 + [-7000] * 3
