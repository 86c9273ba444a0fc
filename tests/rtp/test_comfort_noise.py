"""Comfort noise payloads (RFC 3389)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.rtp.comfort_noise import PAYLOAD_TYPE, build_comfort_noise, parse_comfort_noise


@pytest.mark.parametrize(
    ("dbfs", "payload"),
    [(0.0, b"\x00"), (-60.0, b"\x3c"), (-78.4, b"\x4e"), (-127.0, b"\x7f"), (-200.0, b"\x7f")],
)
def test_the_level_is_one_byte_of_minus_dbov(dbfs: float, payload: bytes) -> None:
    assert build_comfort_noise(dbfs) == payload


def test_no_noise_at_all_is_the_lowest_level() -> None:
    assert parse_comfort_noise(build_comfort_noise(-math.inf)) == -127.0


@given(level=st.floats(-127.0, 0.0))
def test_a_level_survives_to_the_nearest_decibel(level: float) -> None:
    heard = parse_comfort_noise(build_comfort_noise(level))
    assert heard is not None
    assert abs(heard - level) <= 0.5


@pytest.mark.parametrize("level", [0.1, 12.0, math.inf, math.nan])
def test_a_level_that_cannot_be_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="expected 0 or below"):
        build_comfort_noise(level)


def test_the_spectrum_and_the_reserved_bit_change_nothing() -> None:
    assert parse_comfort_noise(b"\x3c\x81\x90\x7f") == -60.0
    assert parse_comfort_noise(b"\xbc") == -60.0


@given(payload=st.binary(max_size=40))
def test_any_payload_is_a_level_or_nothing(payload: bytes) -> None:
    level = parse_comfort_noise(payload)
    assert (level is None) == (payload == b"")
    assert level is None or -127.0 <= level <= 0.0


def test_the_payload_type_is_static() -> None:
    assert PAYLOAD_TYPE == 13
