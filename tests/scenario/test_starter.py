"""The starter scenario is valid, and small enough to read."""

from __future__ import annotations

import pytest

from mediasim.scenario.model.load import parse_scenario, parse_scenarios
from mediasim.scenario.model.starter import starter_scenario


@pytest.mark.parametrize("name", ["mine", "support-call", "0123", "no"])
def test_the_starter_is_valid(name: str) -> None:
    scenario = parse_scenario(starter_scenario(name))
    assert scenario.name == name
    assert list(scenario.parties) == ["alice", "bob"]
    assert [plan.layout(scenario.profile).stored_channels for plan in scenario.recordings] == [2]


def test_its_examples_in_comments_are_valid_too() -> None:
    text = starter_scenario("mine")
    matrix = text[text.index("# matrix:") :].replace("# ", "", 1).replace("\n# ", "\n")
    runs = parse_scenarios(text[: text.index("# matrix:")] + matrix)
    assert len(runs) == 9
    assert runs[-1].label == "codec=G722,seed=3"


def test_the_starter_is_small() -> None:
    lines = starter_scenario("mine").splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) <= 100


def test_what_cannot_be_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a name of letters"):
        starter_scenario("my call: 1")
