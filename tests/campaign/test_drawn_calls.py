"""What is drawn for a call: each by its own label, and each where it is asked for."""

from __future__ import annotations

import copy
import itertools
from statistics import fmean, quantiles
from typing import Any

import pytest
from still_clips import StillClips

from mediasim.campaign import Campaign, parse_campaign
from mediasim.campaign.spec.distributions import Drawn
from mediasim.campaign.spec.quantity import Quantity
from mediasim.documents.model import Model

LINES = ["Yes", "No, thank you", "The order is on its way", "When will it be here", "Good bye"]
BASE: dict[str, Any] = {
    "calls": 1000,
    "conversation": {
        "texts": {"lines": LINES},
        "turns": {"whole": [4, 9]},
        "gaps": {"normal": {"mean": "150ms", "sd": "400ms"}},
    },
    "scenario": {
        "parties": {
            "caller": {
                "codec": {"draw": {"one_of": {"PCMU": "60%", "PCMA": "40%"}}},
                "network": {"loss": {"draw": {"uniform": ["0%", "2%"]}}},
            },
            "agent": {},
        },
        "call": {"from": "caller", "to": "agent", "answer": "500ms", "recording": "dual"},
    },
}
OPTIONS: dict[str, tuple[str, Any]] = {
    "a level": ("conversation.level", {"uniform": ["-30", "-20"]}),
    "backchannels": ("conversation.backchannels", {"share": "50%"}),
    "values": ("conversation.texts.values", {"order": {"whole": [1, 9]}}),
    "a start": ("conversation.starts", {"uniform": ["1s", "3s"]}),
    "an end": ("conversation.ends", {"uniform": ["1s", "3s"]}),
    "a line": ("scenario.parties.caller.line", {"draw": {"one_of": ["clean", "telephone"]}}),
    "noise": ("scenario.parties.agent.noise", {"draw": {"uniform": [-70, -50]}}),
    "delay": ("scenario.parties.caller.network.delay", {"draw": {"uniform": ["0s", "80ms"]}}),
    "a fault": ("scenario.call.recording", {"fault": {"draw": {"one_of": ["swapped", "no"]}}}),
    "an answer": ("scenario.call.answer", {"draw": {"uniform": ["0s", "3s"]}}),
    "a party": ("scenario.parties.other", {}),
    "a description": ("description", "What it is."),
    "fewer calls": ("calls", 10),
}


def with_option(path: str, value: Any) -> dict[str, Any]:
    spec = copy.deepcopy(BASE)
    *keys, last = path.split(".")
    part = spec
    for key in keys:
        part = part[key]
    part[last] = value
    if path == "scenario.parties.other":
        spec["conversation"]["parties"] = ["caller", "agent"]
    return spec


def campaign(spec: dict[str, Any], seed: int = 1) -> Campaign:
    return Campaign(parse_campaign(spec), seed, StillClips())


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_moves_nothing_that_is_drawn_besides(option: str) -> None:
    before, after = campaign(BASE), campaign(with_option(*OPTIONS[option]))
    for index in (0, 3, 7):
        one, other = before.composed(index), after.composed(index)
        kept = {label: other.drawn.get(label) for label in one.drawn}
        assert kept == one.drawn, "every label has what it had"
        assert other.seed == one.seed
        turns = [[it for it in call.planned if it.kind == "turn"] for call in (one, other)]
        assert [it.clip for it in turns[0]] == [it.clip for it in turns[1]]
        gaps = [[b.start - a.end for a, b in itertools.pairwise(them)] for them in turns]
        assert gaps[0] == gaps[1], "each turn begins as long after the one before as it did"


def test_another_seed_and_another_index_draw_something_else() -> None:
    drawn = [campaign(BASE, seed).composed(index).drawn for seed in (1, 2) for index in (0, 1)]
    assert len({str(each) for each in drawn}) == 4


def test_calls_draw_what_the_spec_says_on_average() -> None:
    """Asked is got: of codecs, gaps, turns and losses of 300 calls."""
    made = campaign(BASE)
    drawn = [made.composed(index).drawn for index in range(300)]
    codecs = [each["parties.caller.codec"] for each in drawn]
    assert 0.52 < codecs.count("PCMU") / 300 < 0.68
    gaps = [value / 1e9 for each in drawn for key, value in each.items() if key.endswith("/gap")]
    assert abs(fmean(gaps) - 0.15) < 0.03
    assert abs(quantiles(gaps, n=100)[15] - (0.15 - 0.4)) < 0.06
    turns = [each["turns"] for each in drawn]
    assert set(turns) == {4, 5, 6, 7, 8, 9}


class _Holder(Model):
    value: Drawn


@pytest.mark.parametrize(
    ("written", "least", "middle", "largest"),
    [
        ("250ms", 250e6, 250e6, 250e6),
        ({"uniform": ["1s", "3s"]}, 1e9, 2e9, 3e9),
        ({"whole": [1, 5]}, 1, 3, 5),
        ({"normal": {"mean": "-100ms", "sd": "1s", "min": "-1.1s", "max": "900ms"}},
         -1.1e9, -0.1e9, 0.9e9),
        ({"lognormal": {"median": "200ms", "sigma": 0.5, "max": "2s"}}, 0, 200e6, 2e9),
        ({"exponential": {"mean": "1s", "max": "4s"}}, 0, 0.675e9, 4e9),
        ({"histogram": {"edges": ["-1s", "0s", "2s"], "weights": [1, 1]}}, -1e9, 0, 2e9),
        ({"one_of": {"1": 1, "2": 2, "3": 1}}, 1, 2, 3),
    ],
)  # fmt: skip
def test_distributions_have_the_bounds_and_the_middle_that_they_say(
    written: Any, least: float, middle: float, largest: float
) -> None:
    drawn = _Holder.model_validate({"value": written}).value
    found = [Quantity.of(drawn.at(share)).number for share in (1e-9, 0.5, 1 - 1e-9)]
    scale = max(abs(least), abs(largest))
    assert found == pytest.approx([least, middle, largest], abs=scale * 1e-2)
    shares = [number / 500 for number in range(1, 500)]
    values = [Quantity.of(drawn.at(share)).number for share in shares]
    assert values == sorted(values), "a larger share is a larger value"
