"""Digits made and found, within the tolerances of ITU-T Q.24 and outside them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.dtmf import (
    DTMF_DIGITS,
    DtmfDetector,
    DtmfHit,
    dtmf_digits,
    dtmf_tone,
    feed_together,
)
from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mediasim.audio.levels import rms_dbfs
from mediasim.audio.tones import busy_tone, hold_music, noise, ringback, tone
from mediasim.seeds import Seeds

FREQUENCIES = {
    digit: (low, high)
    for (low, digits) in (
        (697, "123A"),
        (770, "456B"),
        (852, "789C"),
        (941, "*0#D"),
    )
    for digit, high in zip(digits, (1209, 1336, 1477, 1633), strict=True)
}
ALL_DIGITS = "".join(FREQUENCIES)
FORTY_MS = 320


def heard(pcm: NDArray[np.int16], start: int = 0) -> list[DtmfHit]:
    pause = np.zeros(FORTY_MS, np.int16)
    return DtmfDetector(start).feed(np.concatenate((pcm, pause)))


def digits_in(pcm: NDArray[np.int16]) -> str:
    return "".join(hit.digit for hit in heard(pcm))


def crooked(
    digit: str,
    samples: int = FORTY_MS,
    *,
    low: float = 0.0,
    high: float = 0.0,
    twist_db: float = 0.0,
    dbfs: float = -15.0,
    after: int = 437,
) -> NDArray[np.int16]:
    """A digit with its frequencies off by these shares, the high tone stronger by the twist."""
    low_hz, high_hz = FREQUENCIES[digit]
    both = tone(low_hz * (1 + low), samples, dbfs) + tone(
        high_hz * (1 + high), samples, dbfs + twist_db
    )
    return np.concatenate((np.zeros(after, np.int16), both, np.zeros(FORTY_MS, np.int16)))


@pytest.mark.parametrize("digit", sorted(DTMF_DIGITS))
def test_a_digit_is_its_two_tones_each_at_the_level(digit: str) -> None:
    pcm = dtmf_tone(digit, 8000, dbfs=-20)
    low, high = FREQUENCIES[digit]
    spectrum = np.abs(np.fft.rfft(pcm))
    assert sorted(np.argsort(spectrum)[-2:].tolist()) == [low, high]
    assert rms_dbfs(pcm) == pytest.approx(-17, abs=0.05)


def test_digits_have_gaps_and_pauses() -> None:
    pcm = dtmf_digits("1w2W3", tone_ms=50, gap_ms=60)
    assert len(pcm) == 3 * (400 + 480) + 4000 + 8000
    np.testing.assert_array_equal(pcm[:400], dtmf_tone("1", 400))
    assert not pcm[400:4880].any()
    np.testing.assert_array_equal(pcm[4880:5280], dtmf_tone("2", 400))
    assert len(dtmf_digits("")) == 0


@pytest.mark.parametrize("digits", ["12x", "12 3", "é"])
def test_what_is_no_digit_is_named(digits: str) -> None:
    with pytest.raises(ValueError, match="is no DTMF digit"):
        dtmf_digits(digits)


@pytest.mark.parametrize("length_ms", [40, 70, 100])
def test_all_digits_are_found_where_they_are(length_ms: int) -> None:
    pcm = dtmf_digits(ALL_DIGITS, tone_ms=length_ms, gap_ms=max(40, length_ms))
    hits = heard(pcm, start=1000)
    assert "".join(hit.digit for hit in hits) == ALL_DIGITS
    period = 8 * (length_ms + max(40, length_ms))
    for number, hit in enumerate(hits):
        assert hit.start == pytest.approx(1000 + number * period, abs=16)
        assert hit.end == pytest.approx(1000 + number * period + 8 * length_ms, abs=16)


@given(
    digits=st.text(ALL_DIGITS, min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    seed=st.integers(0, 99),
)
def test_blocks_do_not_matter(digits: str, cuts: list[int], seed: int) -> None:
    pcm = dtmf_digits(digits, tone_ms=60, gap_ms=45)
    hiss = noise("white", len(pcm), -25, Seeds(seed).generator("hiss"))
    pcm = np.concatenate((pcm + hiss, np.zeros(400, np.int16)))
    detector = DtmfDetector(5)
    hits: list[DtmfHit] = []
    bounds = [0, *sorted(min(cut, len(pcm)) for cut in cuts), len(pcm)]
    for start, end in itertools.pairwise(bounds):
        hits += detector.feed(pcm[start:end])
    assert hits == DtmfDetector(5).feed(pcm)
    assert "".join(hit.digit for hit in hits) == digits


def test_frames_give_what_the_whole_gives() -> None:
    pcm = noise("babble", 80000, -15, Seeds(1).generator("talk"))
    pcm[20000:20800] = dtmf_tone("7", 800)
    pcm[20800:21600] = 0
    detector = DtmfDetector()
    in_frames = [hit for frame in pcm.reshape(-1, 160) for hit in detector.feed(frame)]
    assert in_frames == DtmfDetector().feed(pcm)
    assert [hit.digit for hit in in_frames] == ["7"]


def test_tracks_fed_together_give_what_each_gives() -> None:
    """Tracks that began at different times, one of them silent, one far behind the others."""
    tracks = [
        np.concatenate((noise("white", 640 * n, -30, Seeds(n).generator("hiss")), pcm))
        for n, pcm in enumerate(dtmf_digits(digits) for digits in ("159#", "", "DD", "*0"))
    ]
    tracks[1] = np.zeros(40_000, np.int16)
    alone = [DtmfDetector(n).feed(pcm) for n, pcm in enumerate(tracks)]
    detectors = [DtmfDetector(n) for n in range(len(tracks))]
    together: list[list[DtmfHit]] = [[] for _ in tracks]
    starts = (*range(0, 3840, 320), *range(3840, max(map(len, tracks)), 640))
    for start, end in itertools.pairwise((*starts, max(map(len, tracks)))):
        late = slice(0, 0) if start < 1600 else slice(0 if start == 1600 else start, end)
        blocks = [pcm[late if n == 3 else slice(start, end)] for n, pcm in enumerate(tracks)]
        for found, hits in zip(together, feed_together(detectors, blocks), strict=True):
            found += hits
    assert together == alone
    assert ["".join(hit.digit for hit in hits) for hits in together] == ["159#", "", "DD", "*0"]


def test_an_end_is_told_within_50_ms() -> None:
    detector = DtmfDetector()
    assert detector.feed(dtmf_tone("5", 4000)) == []
    (hit,) = detector.feed(np.zeros(400, np.int16))
    assert (hit.digit, hit.start) == ("5", 0)
    assert hit.end == pytest.approx(4000, abs=16)


@pytest.mark.parametrize("digit", ALL_DIGITS)
@pytest.mark.parametrize("low", [-0.015, 0.0, 0.015])
@pytest.mark.parametrize("high", [-0.015, 0.0, 0.015])
def test_one_and_a_half_percent_off_is_a_digit(digit: str, low: float, high: float) -> None:
    assert digits_in(crooked(digit, low=low, high=high)) == digit


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_three_and_a_half_percent_off_is_none(digit: str) -> None:
    for low, high in ((0.035, 0), (-0.035, 0), (0, 0.035), (0, -0.035)):
        assert digits_in(crooked(digit, 800, low=low, high=high)) == ""


@pytest.mark.parametrize("digit", ALL_DIGITS)
@pytest.mark.parametrize("twist_db", [-8.0, -4.0, 4.0, 6.0])
def test_twist(digit: str, twist_db: float) -> None:
    assert digits_in(crooked(digit, low=0.01, high=-0.01, twist_db=twist_db)) == digit


@pytest.mark.parametrize("digit", ALL_DIGITS)
def test_one_tone_alone_is_no_digit(digit: str) -> None:
    assert digits_in(crooked(digit, 800, twist_db=-20)) == ""
    assert digits_in(crooked(digit, 800, dbfs=-35, twist_db=20)) == ""


@pytest.mark.parametrize("phase", [0, 13, 26, 39])
def test_forty_ms_are_a_digit_and_twenty_are_not(phase: int) -> None:
    for digit in ALL_DIGITS:
        assert digits_in(crooked(digit, FORTY_MS, after=400 + phase)) == digit
        assert digits_in(crooked(digit, 160, after=400 + phase)) == ""


def test_twelve_decibels_of_signal_to_noise() -> None:
    generator = Seeds(1).generator("noise")
    for digit, low in itertools.product(ALL_DIGITS, (-0.015, 0.0, 0.015)):
        pcm = crooked(digit, low=low, high=-low, dbfs=-15)
        assert digits_in(pcm + noise("white", len(pcm), -12 - 12, generator)) == digit


@pytest.mark.parametrize("dbfs", [-38.0, -10.0])
def test_faint_and_loud(dbfs: float) -> None:
    assert digits_in(dtmf_digits(ALL_DIGITS, dbfs=dbfs)) == ALL_DIGITS


def test_both_laws_of_g711() -> None:
    pcm = dtmf_digits(ALL_DIGITS, tone_ms=40, gap_ms=40)
    assert digits_in(ulaw_decode(ulaw_encode(pcm))) == ALL_DIGITS
    assert digits_in(alaw_decode(alaw_encode(pcm))) == ALL_DIGITS


def test_a_lost_packet_does_not_make_two_of_one() -> None:
    for at in range(240, 480, 20):
        pcm = dtmf_tone("8", 1000)
        pcm[at : at + 160] = 0
        assert digits_in(pcm) == "8"


def test_digits_without_a_gap_are_told_apart() -> None:
    pcm = np.concatenate([dtmf_tone(digit, 400) for digit in "12369"])
    assert digits_in(pcm) == "12369"


def test_nothing_is_found_in_other_sounds() -> None:
    def generator(label: str) -> np.random.Generator:
        return Seeds(1).generator(label)

    assert heard(noise("babble", 8000 * 40, -15, generator("babble"))) == []
    assert heard(noise("white", 8000 * 20, -15, generator("white"))) == []
    assert heard(hold_music(8000 * 20, generator("music"))) == []
    assert heard(np.concatenate((ringback(24000), busy_tone(24000)))) == []
    assert heard(tone((350, 440), 24000)) == []
    assert heard(np.zeros(0, np.int16)) == []
