from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.levels import rms_dbfs
from mediasim.audio.resampling import RESAMPLING_DELAY, Downsampler, Upsampler

FACTORS = pytest.mark.parametrize("factor", [2, 6])


def sine(hertz: float, rate: int, samples: int, late: float = 0) -> NDArray[np.int16]:
    at = np.arange(samples) - late
    wave: NDArray[np.float64] = 10000 * np.sin(2 * np.pi * hertz * at / rate)
    return np.rint(wave).astype(np.int16)


@FACTORS
@pytest.mark.parametrize("hertz", [50, 1000, 3300])
def test_a_sine_comes_out_later_by_the_delay_and_unchanged(factor: int, hertz: float) -> None:
    settled = 2 * RESAMPLING_DELAY
    up = Upsampler(factor).feed(sine(hertz, 8000, 400))
    wanted = sine(hertz, 8000 * factor, 400 * factor, late=RESAMPLING_DELAY * factor)
    np.testing.assert_allclose(up[settled * factor :], wanted[settled * factor :], atol=30)

    down = Downsampler(factor).feed(sine(hertz, 8000 * factor, 400 * factor))
    wanted = sine(hertz, 8000, 400, late=RESAMPLING_DELAY)
    np.testing.assert_allclose(down[settled:], wanted[settled:], atol=30)


@FACTORS
def test_what_8_khz_cannot_hold_is_left_out(factor: int) -> None:
    down = Downsampler(factor).feed(sine(5000, 8000 * factor, 800 * factor))
    assert rms_dbfs(down[100:]) < -75


@FACTORS
def test_blocks_do_not_matter(factor: int) -> None:
    low = sine(700, 8000, 480)
    high = sine(700, 8000 * factor, 480 * factor)
    upsampler, downsampler = Upsampler(factor), Downsampler(factor)
    ups, downs = [], []
    for start, end in ((0, 160), (160, 180), (180, 480)):
        ups.append(upsampler.feed(low[start:end]))
        downs.append(downsampler.feed(high[start * factor : end * factor]))
        assert len(ups[-1]) == (end - start) * factor
        assert len(downs[-1]) == end - start
    np.testing.assert_array_equal(np.concatenate(ups), Upsampler(factor).feed(low))
    np.testing.assert_array_equal(np.concatenate(downs), Downsampler(factor).feed(high))


@FACTORS
def test_full_scale_clips_and_does_not_wrap(factor: int) -> None:
    loud = np.where(np.arange(400) // 20 % 2, 32767, -32768).astype(np.int16)
    up = Upsampler(factor).feed(loud)
    assert up.max() == 32767
    assert up.min() == -32768
    assert np.abs(np.diff(up.astype(np.int32))).max() < 65535 / factor * 1.5
