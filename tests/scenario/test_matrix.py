"""The matrix: which runs it gives, how they are called, and where its mistakes are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.documents.diagnostics import ScenarioError
from mediasim.documents.document import Node, from_python
from mediasim.scenario.model.load import load_scenarios, parse_scenario, parse_scenarios
from mediasim.scenario.model.matrix import expand

CALL = "parties:\n  alice:\n  bob: {network: {loss: 1%}}\ncall: {from: alice, to: bob}\nseed: 3\n"


def problems_of(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenarios(text)
    return [str(problem) for problem in caught.value.problems]


def test_every_combination_is_a_run_and_the_last_path_changes_fastest() -> None:
    runs = parse_scenarios(f"{CALL}matrix: {{parties.alice.codec: [PCMU, PCMA], seed: [1, 2, 3]}}")
    assert [(run.parties["alice"].codec, run.seed) for run in runs] == [
        ("PCMU", 1),
        ("PCMU", 2),
        ("PCMU", 3),
        ("PCMA", 1),
        ("PCMA", 2),
        ("PCMA", 3),
    ]
    assert runs[1].variant == {"parties.alice.codec": "PCMU", "seed": "2"}
    assert runs[1].label == "codec=PCMU,seed=2"
    assert {run.name for run in runs} == {"scenario"}


def test_no_matrix_is_one_run_without_a_label() -> None:
    (run,) = parse_scenarios(CALL)
    assert (run.label, run.variant) == ("", {})
    document = from_python({"seed": 1})
    assert [variant.document for variant in expand(document)] == [document]


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4), min_size=1, max_size=4))
def test_the_runs_are_the_product_and_all_differ(sizes: dict[str, int]) -> None:
    matrix = {key: list(range(size)) for key, size in sizes.items()}
    variants = expand(from_python({"matrix": matrix, "z": 9}))
    count = 1
    for size in sizes.values():
        count *= size
    assert len({variant.label for variant in variants}) == len(variants) == count
    for variant in variants:
        plain = variant.document.plain()
        assert plain.pop("z") == 9
        assert {key: str(value) for key, value in plain.items()} == variant.values


def test_values_may_be_parts_and_make_the_mappings_on_the_way() -> None:
    runs = parse_scenarios(
        f"{CALL}matrix:\n  parties.alice.network: [{{loss: 1%}}, {{up: {{delay: 5ms}}}}]\n"
        "  parties.bob.network.jitter_buffer: [20ms, 100ms]\n  call.answer.after: [1s]\n"
    )
    assert [run.label for run in runs] == [
        "network={loss: 1%},jitter_buffer=20ms,after=1s",
        "network={loss: 1%},jitter_buffer=100ms,after=1s",
        "network={up: {delay: 5ms}},jitter_buffer=20ms,after=1s",
        "network={up: {delay: 5ms}},jitter_buffer=100ms,after=1s",
    ]
    bob = runs[1].parties["bob"].network
    assert bob.jitter_buffer == 100_000_000
    assert bob.loss is not None
    assert bob.loss.random == 0.01
    assert runs[2].parties["alice"].network.towards_server.delay == 5_000_000
    assert runs[0].calls[0].answer.after == 1_000_000_000


def test_a_list_is_reached_by_index() -> None:
    text = "parties: {a: {script: [{say: x}, {pause: 1}]}, b: }\ncall: {from: a, to: b}\n"
    runs = parse_scenarios(f"{text}matrix: {{'parties.a.script[1]': [{{say: y}}, hangup]}}")
    assert [run.parties["a"].script[1].keyword for run in runs] == ["say", "hangup"]
    assert [run.label for run in runs] == ["script[1]={say: y}", "script[1]=hangup"]


def test_labels_are_as_short_as_can_be_told_apart() -> None:
    runs = parse_scenarios(
        f"{CALL}matrix: {{parties.alice.codec: [PCMU], parties.bob.codec: [PCMA], seed: [5]}}"
    )
    assert runs[0].label == "alice.codec=PCMU,bob.codec=PCMA,seed=5"


def test_the_matrix_shares_what_it_does_not_change() -> None:
    document = from_python({"matrix": {"seed": [1, 2]}, "parties": {"a": None}})
    first, second = (variant.document.child("parties") for variant in expand(document))
    assert isinstance(first, Node)
    assert first is second


def test_a_wrong_value_is_told_where_it_stands_in_the_matrix() -> None:
    text = f"{CALL}matrix:\n  parties.alice.codec: [PCMU, PCM]\n  seed: [1, 2, x]\n"
    assert problems_of(text) == [
        "7:31: matrix.parties.alice.codec: expected one of PCMU, PCMA, G722, OPUS, found 'PCM'; "
        "did you mean 'PCMU'?",
        "8:16: matrix.seed: expected a whole number from 0 to 9223372036854775807, found 'x'",
    ]


def test_mistakes_that_all_runs_share_are_told_once() -> None:
    text = CALL.replace("1%", "5") + "matrix: {seed: [1, 2, 3], sed: [1, 2]}"
    problems = problems_of(text)
    assert len(problems) == 2
    assert problems[0].startswith("3:25: parties.bob.network.loss: expected a share")
    assert problems[1].startswith("6:27: matrix.sed: unknown key; expected one of name")


@pytest.mark.parametrize(
    ("matrix", "problem"),
    [
        ("3", "6:9: matrix: expected a mapping of paths to lists"),
        ("{}", "6:9: matrix: expected a mapping of paths to lists"),
        ("{seed: 1}", "6:16: matrix.seed: expected a list of values"),
        ("{seed: []}", "6:16: matrix.seed: expected a list of values"),
        ("{seed: [1, 2, 1]}", "6:16: matrix.seed: holds 1 twice"),
        (
            "{parties.alcie.codec: [PCMU]}",
            "6:31: matrix.parties.alcie.codec: unknown party 'alcie'; expected one of alice, bob; "
            "did you mean 'alice'?",
        ),
        ("{seed.x: [1]}", "6:18: matrix.seed.x: cannot reach into seed: it is no mapping"),
        ("{'call[1].at': [1]}", "6:24: matrix.call[1].at: cannot reach into call"),
    ],
)
def test_what_a_matrix_cannot_be(matrix: str, problem: str) -> None:
    (found,) = problems_of(f"{CALL}matrix: {matrix}")
    assert found.startswith(problem)


def test_a_wrong_matrix_does_not_hide_the_other_mistakes() -> None:
    assert len(problems_of(f"{CALL}prof: x\nmatrix: {{seed: 1}}")) == 2


def test_too_many_runs_are_refused() -> None:
    numbers = list(range(101))
    with pytest.raises(ScenarioError, match="gives 10,201 runs; the most is 10,000"):
        parse_scenarios({"parties": {}, "matrix": {"seed": numbers, "call.at": numbers}})


def test_one_scenario_is_asked_for_and_a_matrix_gives_several() -> None:
    with pytest.raises(ScenarioError, match="gives 2 runs, expected one"):
        parse_scenario(f"{CALL}matrix: {{seed: [1, 2]}}")


def test_a_matrix_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(f"{CALL}matrix: {{seed: [1, 2]}}", encoding="utf-8")
    assert [(run.name, run.label) for run in load_scenarios([file])] == [
        ("many", "seed=1"),
        ("many", "seed=2"),
    ]
