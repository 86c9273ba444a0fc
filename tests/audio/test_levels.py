"""Levels, gains, waveforms and sums of tracks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mediasim.audio.levels import (
    FLOOR_DBFS,
    at_level,
    downmix,
    gain,
    mix,
    mix_minus,
    peak_dbfs,
    rms_dbfs,
    set_level,
    waveform_peaks,
)

SINE = np.rint(16384 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)).astype(np.int16)


def test_a_sine_of_half_scale_is_at_minus_nine() -> None:
    assert rms_dbfs(SINE) == pytest.approx(-9.03, abs=0.01)
    assert peak_dbfs(SINE) == pytest.approx(-6.02, abs=0.01)


def test_full_scale_is_zero() -> None:
    square = np.full(100, -32768, np.int16)
    assert rms_dbfs(square) == 0
    assert peak_dbfs(square) == 0


@pytest.mark.parametrize("pcm", [np.zeros(100, np.int16), np.zeros(0, np.int16)])
def test_silence_is_at_the_floor(pcm: NDArray[np.int16]) -> None:
    assert rms_dbfs(pcm) == peak_dbfs(pcm) == FLOOR_DBFS
    assert set_level(pcm, -20).tolist() == pcm.tolist()


def test_nothing_is_below_the_floor() -> None:
    click = np.zeros(800_000, np.int16)
    click[0] = 1
    assert rms_dbfs(click) == FLOOR_DBFS


def test_levels_of_a_block_are_those_of_all_its_samples() -> None:
    assert rms_dbfs(SINE.reshape(50, 160)) == rms_dbfs(SINE)


@pytest.mark.parametrize("db", [-20.0, -6.0, 3.0])
def test_gain_moves_the_level(db: float) -> None:
    assert rms_dbfs(gain(SINE, db)) == pytest.approx(rms_dbfs(SINE) + db, abs=0.01)


def test_gain_clips_at_both_ends() -> None:
    assert gain(np.array([20000, -20000], np.int16), 20).tolist() == [32767, -32768]


@given(dbfs=st.floats(-45, -12))
def test_set_level_sets_it(dbfs: float) -> None:
    assert rms_dbfs(set_level(SINE, dbfs)) == pytest.approx(dbfs, abs=0.05)


def test_at_level_takes_any_scale() -> None:
    np.testing.assert_array_equal(at_level(SINE / 1e6, -20), at_level(SINE.astype(np.float64), -20))


@given(
    pcm=hnp.arrays(np.int16, st.integers(1, 200)),
    buckets=st.integers(1, 60),
)
def test_peaks_are_those_of_each_part(pcm: NDArray[np.int16], buckets: int) -> None:
    peaks = waveform_peaks(pcm, buckets)
    assert peaks.shape == (buckets, 2)
    assert peaks.dtype == np.int16
    bounds = [bucket * len(pcm) // buckets for bucket in range(buckets + 1)]
    for bucket, (low, high) in enumerate(peaks):
        part = pcm[bounds[bucket] : max(bounds[bucket + 1], bounds[bucket] + 1)]
        assert (low, high) == (part.min(), part.max())


def test_peaks_of_nothing_are_flat() -> None:
    assert waveform_peaks(np.zeros(0, np.int16), 3).tolist() == [[0, 0]] * 3


def test_a_waveform_needs_a_bucket() -> None:
    with pytest.raises(ValueError, match="at least one bucket, not 0"):
        waveform_peaks(SINE, 0)


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
