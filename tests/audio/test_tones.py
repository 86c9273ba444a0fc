from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.levels import peak_dbfs, rms_dbfs
from mediasim.audio.tones import (
    NoiseKind,
    beep,
    busy_tone,
    chirp,
    comfort_noise,
    hold_music,
    noise,
    ringback,
    tone,
)
from mediasim.seeds import Seeds

KINDS: tuple[NoiseKind, ...] = get_args(NoiseKind)


def generator(label: str = "test") -> np.random.Generator:
    return Seeds(1).generator(label)


def strongest(pcm: NDArray[np.int16], count: int) -> list[float]:
    """The ``count`` strongest frequencies of whole hertz in one second of audio."""
    spectrum = np.abs(np.fft.rfft(pcm[:8000] * np.hanning(8000)))
    found = []
    for _ in range(count):
        peak = int(spectrum.argmax())
        found.append(float(peak))
        spectrum[max(0, peak - 5) : peak + 6] = 0
    return sorted(found)


@pytest.mark.parametrize("hz", [440, (440, 480), [697.0, 1209.0, 2000.0]])
def test_a_tone_has_its_frequencies_at_its_level(hz: float | list[float]) -> None:
    pcm = tone(hz, 8000, dbfs=-15)
    wanted = [hz] if isinstance(hz, int) else list(hz)  # type: ignore[arg-type]
    assert strongest(pcm, len(wanted)) == sorted(wanted)
    assert rms_dbfs(pcm) == pytest.approx(-15, abs=0.05)


@given(cut=st.integers(0, 500))
def test_a_tone_made_in_pieces_has_no_seam(cut: int) -> None:
    whole = tone((440, 1000.5), 500)
    pieces = [tone((440, 1000.5), cut), tone((440, 1000.5), 500 - cut, phase_start=cut)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_a_fade_touches_only_the_ends() -> None:
    plain, faded = tone(440, 800), tone(440, 800, fade=40)
    np.testing.assert_array_equal(faded[40:-40], plain[40:-40])
    assert np.all(np.abs(faded[:4]) <= np.abs(plain[:4]) * 0.1 + 1)
    assert np.all(np.abs(faded) <= np.abs(plain))


def test_the_beep_is_half_a_second_of_1000_hz() -> None:
    pcm = beep()
    assert len(pcm) == 4000
    assert strongest(np.resize(pcm, 8000), 1) == [1000]
    assert abs(int(pcm[0])) < 20


def test_ringback_rings_two_seconds_in_six() -> None:
    pcm = ringback(8000 * 13)
    assert strongest(pcm[4000:], 2) == [440, 480]
    assert not pcm[16000:48000].any()
    np.testing.assert_array_equal(pcm[48000:96000], pcm[:48000])
    assert len(pcm) == 8000 * 13


def test_busy_tone_is_half_on_half_off() -> None:
    pcm = busy_tone(16000)
    assert rms_dbfs(pcm[:4000]) == pytest.approx(-24, abs=0.2)
    assert not pcm[4000:8000].any()
    assert pcm[8000:12000].any()


def test_a_chirp_moves_from_one_frequency_to_the_other() -> None:
    pcm = chirp(16000, 400, 3000)
    crossings = np.diff(np.signbit(pcm)).astype(np.int64)
    assert crossings[:800].sum() * 5 == pytest.approx(465, abs=30)
    assert crossings[-800:].sum() * 5 == pytest.approx(2935, abs=30)
    assert rms_dbfs(pcm) == pytest.approx(-12, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_has_its_level_and_its_seed(kind: NoiseKind) -> None:
    pcm = noise(kind, 40000, -20, generator())
    assert rms_dbfs(pcm) == pytest.approx(-20, abs=0.05)
    np.testing.assert_array_equal(pcm, noise(kind, 40000, -20, generator()))
    other = noise(kind, 40000, -20, generator("other"))
    assert abs(np.corrcoef(pcm, other)[0, 1]) < 0.2


def band(pcm: NDArray[np.int16], low: int, high: int) -> float:
    """Power between two frequencies, in dB."""
    spectrum = np.abs(np.fft.rfft(pcm.astype(np.float64))) ** 2
    scale = len(pcm) / 8000
    return float(10 * np.log10(spectrum[int(low * scale) : int(high * scale)].sum()))


def test_white_is_flat_and_pink_falls_three_decibels_an_octave() -> None:
    white = noise("white", 80000, -20, generator())
    assert band(white, 2000, 3000) == pytest.approx(band(white, 500, 1500), abs=0.5)
    pink = noise("pink", 80000, -20, generator())
    assert band(pink, 1000, 2000) == pytest.approx(band(pink, 250, 500), abs=0.7)


def test_babble_has_the_spectrum_and_the_pauses_of_speech() -> None:
    pcm = noise("babble", 80000, -20, generator())
    assert band(pcm, 200, 1000) > band(pcm, 1000, 4000)
    frames = np.abs(pcm.reshape(-1, 160).astype(np.int32)).max(axis=1)
    quiet = frames < 300
    assert 0.05 < quiet.mean() < 0.4
    assert frames[:10].max() > 1000


@given(samples=st.integers(0, 700))
def test_every_length_can_be_had(samples: int) -> None:
    made = [
        tone(440, samples, fade=40),
        ringback(samples),
        chirp(samples, 300, 3000),
        hold_music(samples, generator()),
        comfort_noise(0, samples, -50, 1),
        *(noise(kind, samples, -20, generator()) for kind in KINDS),
    ]
    assert {len(pcm) for pcm in made} == {samples}


def test_hold_music_is_quiet_seeded_and_loops() -> None:
    pcm = hold_music(8000 * 8 + 37, generator())
    assert rms_dbfs(pcm) == pytest.approx(-24, abs=0.05)
    assert peak_dbfs(pcm) < -6
    np.testing.assert_array_equal(pcm, hold_music(8000 * 8 + 37, generator()))
    assert not np.array_equal(pcm, hold_music(8000 * 8 + 37, generator("other")))
    steps = np.abs(np.diff(pcm.astype(np.int32)))
    assert abs(int(pcm[0]) - int(pcm[-1])) <= steps.max()


@given(
    position=st.integers(-(2**40), 2**40),
    key=st.integers(0, 2**64 - 1),
    cut=st.integers(0, 300),
)
def test_comfort_noise_is_the_same_in_any_blocks(position: int, key: int, cut: int) -> None:
    whole = comfort_noise(position, 300, -40, key)
    blocks = [
        comfort_noise(position, cut, -40, key),
        comfort_noise(position + cut, 300 - cut, -40, key),
    ]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_comfort_noise_is_white_at_its_level_and_its_own_for_each_key() -> None:
    pcm = comfort_noise(0, 80000, -50, 1)
    assert rms_dbfs(pcm) == pytest.approx(-50, abs=0.1)
    assert band(pcm, 2000, 3000) == pytest.approx(band(pcm, 500, 1500), abs=0.5)
    assert abs(np.corrcoef(pcm, comfort_noise(0, 80000, -50, 2))[0, 1]) < 0.02
    assert abs(np.corrcoef(pcm[1:], pcm[:-1])[0, 1]) < 0.02
