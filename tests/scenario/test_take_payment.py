"""A party of a scenario takes a payment: how it ends, and that its keys are recorded nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.simulate import Result, simulate

CARD = "4111111111111111"
MONTH = "1230"
BRIEF = {"take_payment": {"security_code": False, "postal_code": False}}


def ran(folder: Path, keys: Any, step: Any, wants: str = CARD) -> Result:
    pressed = [{"dtmf": {"digits": each, "in_band": True}} for each in keys]
    parties = {
        "payer": {"script": [{"wait_for": "other-stops"}, {"pause": "500ms"}, *pressed]},
        "clerk": {"script": [{"say": "Type it."}, *step, {"pause": "4s"}]},
    }
    call = {"from": "payer", "to": "clerk", "recording": "dual"}
    expect = [{"never_contains": wants}]
    scenario = parse_scenario({"parties": parties, "call": call, "expect": expect})
    return simulate(scenario, directory=folder)


def ends(result: Result) -> list[str]:
    return [each.kind for each in result.events if each.kind.startswith("payment.")]


@pytest.mark.parametrize(
    ("keys", "step", "end"),
    [
        ([CARD, MONTH, "123#", "94105"], "take_payment", "success"),
        (
            [CARD, MONTH],
            {"take_payment": {"security_code": False, "postal_code": False}},
            "success",
        ),
        ([CARD, MONTH, "123#94105#"], {"take_payment": "no"}, "payment-connector-error"),
        ([CARD, MONTH, "123#94105#"], {"take_payment": "expired"}, "payment-connector-error"),
        (["4111111111111112", "1#"], "take_payment", "too-many-failed-attempts"),
        ([CARD, MONTH, "*"], "take_payment", "caller-interrupted-with-star"),
        ([CARD, "0120"], {"take_payment": {"attempts": 1}}, "too-many-failed-attempts"),
    ],
)
def test_a_payment_ends_with_its_event_and_its_keys_are_not_recorded(
    tmp_path: Path, keys: Any, step: Any, end: str
) -> None:
    result = ran(tmp_path, keys, [step], keys[0])
    assert ends(result) == [f"payment.{end}"]
    assert [(each.ok, each.found) for each in result.verdicts] == [(True, "in none of 1 recording")]


def test_the_expectation_fails_without_the_payment(tmp_path: Path) -> None:
    result = ran(tmp_path, [CARD], [])
    (verdict,) = result.verdicts
    assert not verdict.ok
    assert "in channel 1" in verdict.found
    assert verdict.where is not None


def test_the_expectation_fails_for_what_nobody_says(tmp_path: Path) -> None:
    (verdict,) = ran(tmp_path, [CARD], [], "Fifty-five elephants").verdicts
    assert not verdict.ok


def test_payers_who_hang_up_are_told_of(tmp_path: Path) -> None:
    parties = {
        "payer": {"script": [{"wait_for": "other-stops"}, {"dtmf": "4111"}, "hangup"]},
        "clerk": {"script": [{"say": "Type it."}, "take_payment", {"say": "Hello?"}]},
    }
    call = {"from": "payer", "to": "clerk"}
    scenario = parse_scenario({"parties": parties, "call": call})
    assert ends(simulate(scenario, directory=tmp_path)) == ["payment.caller-hung-up"]


def test_connectors_say_one_of_three_things() -> None:
    script = [{"take_payment": "maybe"}]
    with pytest.raises(ScenarioError, match="yes, no"):
        parse_scenario(
            {"parties": {"a": {"script": script}, "b": {}}, "call": {"from": "a", "to": "b"}}
        )
