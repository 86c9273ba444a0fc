from __future__ import annotations

import numpy as np
import pytest

from mediasim.audio.levels import rms_dbfs
from mediasim.audio.ringing_tones import RINGING_TONES, ringing_tone
from mediasim.audio.tones import ringback


@pytest.mark.parametrize("name", RINGING_TONES)
def test_a_tone_has_its_countrys_frequencies_and_cadence(name: str) -> None:
    pcm, row = ringing_tone(name), RINGING_TONES[name]
    assert len(pcm) == sum(row.cadence) * 8
    at = 0
    for number, milliseconds in enumerate(row.cadence):
        part, at = pcm[at : at + milliseconds * 8], at + milliseconds * 8
        if number % 2:
            assert not part.any()
            continue
        assert -27 < rms_dbfs(part) < -18
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8000))
        peaks = []
        for _ in row.hz:
            peaks.append(int(spectrum.argmax()))
            spectrum[peaks[-1] - 5 : peaks[-1] + 6] = 0
        assert np.allclose(sorted(peaks), row.hz, atol=6)


def test_americas_is_the_default_ringback() -> None:
    assert np.array_equal(ringing_tone("us"), ringback(6 * 8000))
