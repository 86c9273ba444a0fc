from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.rtp.quality import emodel_mos


@pytest.mark.parametrize(
    ("loss", "delay_ms", "r", "mos"),
    [
        (0.0, 0.0, 93.2, 4.41),
        (0.0, 100.0, 93.2, 4.41),
        (0.0, 150.0, 93.04, 4.40),
        (0.0, 400.0, 69.13, 3.56),
        (0.01, 50.0, 75.28, 3.83),
        (0.05, 50.0, 42.13, 2.17),
        (0.20, 50.0, 15.01, 1.12),
    ],
)
def test_g711_without_concealment(loss: float, delay_ms: float, r: float, mos: float) -> None:
    """Figures worked out by hand from the formulas of G.107."""
    opinion = emodel_mos(loss, 1.0, delay_ms, "PCMU")
    assert opinion.r == pytest.approx(r, abs=0.01)
    assert opinion.mos == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(
    ("r", "mos"), [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
)
def test_ratings_stand_for_the_scores_of_g107_table_b1(r: float, mos: float) -> None:
    """The loss that brings R to a rating: (95 p) / (p + 4.3) = 93.2 - R."""
    taken = 93.2 - r
    opinion = emodel_mos(taken * 4.3 / (95.0 - taken) / 100.0, 1.0, 0.0, "PCMA")
    assert opinion.r == pytest.approx(r)
    assert opinion.mos == pytest.approx(mos, abs=0.01)


def test_concealment_helps_and_bursts_hurt() -> None:
    silent = emodel_mos(0.03, 1.0, 80.0, "PCMU")
    assert emodel_mos(0.03, 1.0, 80.0, "PCMU", concealed=True).mos > silent.mos + 0.5
    assert emodel_mos(0.03, 4.0, 80.0, "PCMU").mos < silent.mos


@given(
    loss=st.floats(0.0, 1.0),
    burst_ratio=st.floats(0.1, 50.0),
    delay_ms=st.floats(0.0, 5000.0),
    codec=st.sampled_from(["PCMU", "PCMA", "G722", "OPUS"]),
    concealed=st.booleans(),
)
def test_any_connection_has_a_score_on_the_scale(
    loss: float, burst_ratio: float, delay_ms: float, codec: str, concealed: bool
) -> None:
    r, mos = emodel_mos(loss, burst_ratio, delay_ms, codec, concealed=concealed)
    assert 0.0 <= r <= 93.2
    assert 1.0 <= mos <= 4.5
    worse = emodel_mos(min(1.0, loss + 0.1), burst_ratio, delay_ms + 50, codec, concealed=concealed)
    assert worse.r <= r
    assert worse.mos <= mos + 1e-9


@pytest.mark.parametrize(
    ("loss", "burst_ratio", "codec", "problem"),
    [
        (0.0, 1.0, "G729", "expected one of PCMU, PCMA, G722, OPUS"),
        (1.5, 1.0, "PCMU", "loss rate of 1.5"),
        (0.1, 0.0, "PCMU", "burst ratio of 0.0"),
    ],
)
def test_what_cannot_be_rated(loss: float, burst_ratio: float, codec: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        emodel_mos(loss, burst_ratio, 0.0, codec)
