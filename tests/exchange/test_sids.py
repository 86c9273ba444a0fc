from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.exchange.sids import PREFIXES, SidFactory, check_sid
from mediasim.seeds import Seeds


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_sid_is_its_prefix_and_32_hexadecimal_digits(prefix: str) -> None:
    assert re.fullmatch(f"{prefix}[0-9a-f]{{32}}", SidFactory(Seeds(1)).new(prefix))


def test_the_seed_decides_every_sid() -> None:
    first, second = SidFactory(Seeds(7)), SidFactory(Seeds(7))
    assert [first.new("CA") for _ in range(3)] == [second.new("CA") for _ in range(3)]
    assert SidFactory(Seeds(8)).new("CA") != SidFactory(Seeds(7)).new("CA")


@given(st.lists(st.sampled_from(["CA", "RE", "CF"]), max_size=30))
def test_no_sid_is_moved_by_those_of_other_prefixes(order: list[str]) -> None:
    mixed, alone = SidFactory(Seeds(3)), SidFactory(Seeds(3))
    made = [mixed.new(prefix) for prefix in order]
    assert len(set(made)) == len(made)
    calls = [sid for sid in made if sid.startswith("CA")]
    assert calls == [alone.new("CA") for _ in calls]


def test_a_prefix_not_in_use_is_refused() -> None:
    with pytest.raises(ValueError, match="'XX' is no SID prefix: AC, "):
        SidFactory(Seeds(1)).new("XX")


def test_check_sid_passes_what_the_factory_makes() -> None:
    sid = SidFactory(Seeds(1)).new("RE")
    assert check_sid(sid, "RE") == sid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RE",
        "RE" + "a" * 31,
        "RE" + "a" * 33,
        "RE" + "A" * 32,
        "CA" + "a" * 32,
        "../RE" + "a" * 32,
        "RE" + "a" * 31 + "/",
        "RE" + "a" * 32 + "\n",
    ],
)
def test_check_sid_refuses_any_other_form(text: str) -> None:
    with pytest.raises(ValueError, match="recording SID"):
        check_sid(text, "RE")
