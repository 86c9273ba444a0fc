from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mediasim.audio.concealment import CONCEALED_SAMPLES, repeat_and_fade
from mediasim.audio.tones import tone

SPEECH = tone((200, 650), 160 * 20, -10)


def test_the_last_frame_fades_over_60_ms() -> None:
    gap = repeat_and_fade(np.full(160, 12000, np.int16), 0, 960).astype(np.int32)
    assert gap[0] == 12000
    assert np.all(np.diff(gap[:CONCEALED_SAMPLES]) == -25)
    assert not gap[CONCEALED_SAMPLES:].any()


def test_a_repeat_has_the_period_of_a_frame() -> None:
    last = np.arange(160, dtype=np.int16) + 1000
    filling = repeat_and_fade(last, 0, 320)
    np.testing.assert_array_equal(filling[:160], np.rint(last * (1 - np.arange(160) / 480)))
    np.testing.assert_array_equal(filling[160:], np.rint(last * (1 - np.arange(160, 320) / 480)))


@given(cut=st.integers(0, 700))
def test_a_filling_made_in_pieces_has_no_seam(cut: int) -> None:
    last = SPEECH[:160]
    pieces = [repeat_and_fade(last, 0, cut), repeat_and_fade(last, cut, 700 - cut)]
    np.testing.assert_array_equal(np.concatenate(pieces), repeat_and_fade(last, 0, 700))
