"""Reading scenario files: what YAML does to values, and the place of every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasim.documents import document
from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.scenario.model.load import load_scenarios, parse_scenario, parse_scenarios
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Dtmf, Pause, Say

CALL = "call: {from: alice, to: bob}\n"
PARTIES = "parties:\n  alice:\n  bob:\n"
EVERYTHING = """\
name: everything
seed: 7
profile: 2022-05
description: One of each
parties:
  alice:
    number: "+14155550100"
    voice: amy
    codec: G722
    ptime: 20
    dtx: silence
    noise: -60
    reaction: 300ms
    network:
      up: {delay: 20ms, jitter: {exponential: 5ms}, loss: {random: 1%}, reorder: 2%}
      down: {one_way: true, duplicate: 1%, skew: -120ppm, stalls: [{at: 5s, for: 2s}]}
      jitter_buffer: 80ms
      conceal: repeat
    script:
      - say: Hello
      - {repeat: {times: 2, steps: [{say: again}, pause: 1]}}
      - together: [[say: one], [{tone: {hz: [440, 480], for: 2s}}]]
      - wait_for: {digit: "#", timeout: 10s}
      - hangup
  bob: {script: [{emit: offered}, {dtmf: "1#"}]}
  carol:
calls:
  - from: alice
    to: bob
    answer: 2s
    transfer: {event: offered, to: carol}
    recordings: [dual, {name: late, start: {at: 5s}, pause: {at: 6s, for: 2s}}]
  - {from: carol, voicemail: {greeting: Speak}, at: 2m}
conference: {participants: [{party: bob, join: 10m}, {party: carol, join: 10m}], recording: true}
expect:
  - channels: {recording: main, is: 2}
  - heard: {recording: late, party: alice, channel: 1, text: again}
  - events: [call.answered, offered]
"""


def problems_of(text: str, **more: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenarios(text, **more)
    return [str(problem) for problem in caught.value.problems]


def both_parties(script: str) -> Scenario:
    return parse_scenario(f"parties:\n  alice: {{script: [{script}]}}\n  bob:\n{CALL}")


# -- values -------------------------------------------------------------------------------------


def test_everything_at_once() -> None:
    scenario = parse_scenario(EVERYTHING)
    assert scenario.name == "everything"
    assert [plan.name for plan in scenario.recordings] == [
        "main",
        "late",
        "recording-3",
        "recording-4",
    ]
    assert scenario.numbers["bob"] == "+14155550101"


def test_what_yaml_would_change_stays_what_it_looks_like() -> None:
    text = (
        "parties:\n  no: {script: [{dtmf: 0123}, {pause: 1:30}, {say: on}, {say: 1e3}, {say: ~}]}\n"
        "  on: {number: +14155550123}\n  0x1F:\ncall: {from: no, to: on}\n"
    )
    scenario = parse_scenario(text)
    assert list(scenario.parties) == ["no", "on", "0x1F"]
    assert scenario.parties["on"].number == "+14155550123"
    dtmf, pause, *said = scenario.parties["no"].script
    assert isinstance(dtmf, Dtmf)
    assert isinstance(pause, Pause)
    assert dtmf.digits == "0123"
    assert pause.for_.seconds == 90
    assert [step.text for step in said if isinstance(step, Say)] == ["on", "1e3", "~"]


def test_nothing_written_is_nothing_and_quotes_are_text() -> None:
    scenario = parse_scenario(f"{PARTIES}call: {{from: alice, voicemail: {{finish_on_key: ''}}}}")
    voicemail = scenario.calls[0].voicemail
    assert voicemail is not None
    assert voicemail.finish_on_key == ""
    text = f"{PARTIES}call:\n  from: alice\n  to: bob\n  at: # soon\n"
    assert problems_of(text) == [
        "7:6: call.at: is empty; expected a duration such as 1.5s, 500ms, 2m, 1h or 1:30"
    ]


def test_anchors_aliases_and_merge_keys() -> None:
    scenario = parse_scenario(
        "parties:\n"
        "  alice: &base\n    codec: PCMA\n    network: &net {loss: 2%, delay: 10ms}\n"
        "  bob: {<<: *base, noise: -50}\n"
        "  carol: {<<: [{codec: OPUS}, *base], network: {<<: *net, loss: 1%}}\n" + CALL
    )
    bob, carol = scenario.parties["bob"], scenario.parties["carol"]
    assert (bob.codec, bob.noise, bob.network.loss) == (
        "PCMA",
        -50,
        carol.network.loss and bob.network.loss,
    )
    assert carol.codec == "OPUS"
    assert carol.network.loss is not None
    assert carol.network.loss.random == 0.01
    assert carol.network.delay == 10_000_000


def test_a_quoted_merge_key_is_a_key() -> None:
    (problem,) = problems_of(f"parties: {{alice: {{'<<': x}}, bob: }}\n{CALL}")
    assert problem.startswith("1:19: parties.alice.<<: unknown key")


def test_a_mistake_in_what_an_alias_repeats_is_one_mistake() -> None:
    text = "parties:\n  alice: &a {codec: PCM}\n  bob: *a\n  carol: {<<: *a}\n" + CALL
    (problem,) = problems_of(text)
    assert problem.startswith("2:21: parties.alice.codec: expected one of PCMU")


# -- places -------------------------------------------------------------------------------------


def test_the_place_of_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text(
        "seeed: 4\n"  # 1
        "parties:\n"  # 2
        "  alice:\n"  # 3
        "    codec: PCM\n"  # 4
        "    script:\n"  # 5
        "      - say: hello\n"  # 6
        "        level: -3\n"  # 7
        "      - pause: soon\n"  # 8
        "  no:\n"  # 9
        "    script: [ {press: 1} ]\n"  # 10
        "  b b:\n"  # 11
        "  bob:\n"  # 12
        "  bob:\n"  # 13
        "call:\n"  # 14
        "  from: alcie\n"  # 15
        "  to: bob\n"  # 16
        "  recording: {start: ringin}\n"  # 17
        "  transfer: {at: 3s}\n"  # 18
        "expect:\n"  # 19
        "  - heard: bobb\n",  # 20
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        load_scenarios([file])
    steps = (
        "say, play, tone, noise, dtmf, pause, wait_for, mute, unmute, hold, resume, hangup, emit, "
        "message, take_payment, repeat, together, answer_as"
    )
    assert str(caught.value).splitlines() == [
        f"{file}:1:1: seeed: unknown key; expected one of name, description, seed, profile, "
        "recogniser, parties, call, calls, conference, conferences, expect, matrix; "
        "did you mean 'seed'?",
        f"{file}:4:12: parties.alice.codec: expected one of PCMU, PCMA, G722, OPUS, found 'PCM'; "
        "did you mean 'PCMU'?",
        f"{file}:7:9: parties.alice.script[0].level: belongs inside say: write say: "
        "{..., level: ...}",
        f"{file}:8:16: parties.alice.script[1].pause: expected a duration such as 1.5s, 500ms, "
        "2m, 1h or 1:30, found 'soon'",
        f"{file}:10:16: parties.no.script[0].press: unknown step; expected one of {steps}",
        f"{file}:11:3: parties.b b: expected a name of letters, digits, '-' and '_', found 'b b'",
        f"{file}:13:3: parties.bob: is given twice, first on line 12",
        f"{file}:15:9: call.from: unknown party 'alcie'; expected one of alice, no, bob; did you "
        "mean 'alice'?",
        f"{file}:17:22: call.recording.start: expected one of answer, ringing, found 'ringin'; did "
        "you mean 'ringing'?",
        f"{file}:18:13: call.transfer: 'to' is missing",
        f"{file}:20:12: expect[0].heard: unknown party 'bobb'; expected one of alice, no, bob; did "
        "you mean 'bob'?",
    ]


def test_problems_are_values() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(f"{PARTIES}call: {{from: alice, to: bo}}")
    assert caught.value.problems == (
        Diagnostic(
            "unknown party 'bo'; expected one of alice, bob; did you mean 'bob'?",
            "call.to",
            None,
            4,
            25,
        ),
    )


def test_a_problem_found_later_has_its_place() -> None:
    scenario = parse_scenario(EVERYTHING)
    assert str(scenario.problem(("parties", "alice", "voice"), "unknown voice")) == (
        "8:12: parties.alice.voice: unknown voice"
    )
    where = ("parties", "alice", "script", 1, "repeat", "steps", 0, "say", "voice")
    assert str(scenario.problem(where, "unknown voice")) == (
        "21:43: parties.alice.script[1].repeat.steps[0].say: unknown voice"
    )
    assert str(scenario.problem(("conferences", 0, "recording"), "no")).startswith("34:93: conf")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: there is nothing in it"),
        ("# only a comment\n", "1:1: there is nothing in it"),
        ("hello", "1:1: expected a mapping with one of name, description"),
        ("- a\n- b\n", "1:1: expected a mapping"),
        ("parties: {a: \n", "1:10: is not YAML: "),
        (
            "description: Hello: world\n",
            "1:19: is not YAML: mapping values are not allowed in this c",
        ),
        ("description: *\n", "1:15: is not YAML: "),
        ("seed: 1\n\tname: x\n", "2:1: is not YAML: found a tab character that violates ind"),
        ("seed: 1\n---\nseed: 2\n", "2:1: a second document begins here"),
        ("seed: !!int 3\n", "1:7: seed: tags such as tag:yaml.org,2002:int are not used here"),
        ("seed: !x 3\n", "1:7: seed: tags such as !x are not used here"),
        ("? [a, b]\n: c\n", "1:3: a key must be a word"),
        ("'': c\n", "1:1: a key must be a word"),
        ("seed: *nobody\n", "1:7: seed: alias *nobody refers to no anchor above it"),
        ("seed: &s [*s]\n", "1:11: seed[0]: alias *s stands inside what it refers to"),
        ("parties: {<<: 3}\n", "1:11: parties.<<: expected an alias of a mapping"),
        ("seed: " + "[" * 100_000, "1:47: seed[0]"),
        (
            "parties: {a: {script: [hold: b]}}\n",
            "1:30: parties.a.script[0].hold: takes no value",
        ),
        (
            "parties: {a: {script: [hangup: {x: 1}]}}\n",
            "1:33: parties.a.script[0].hangup.x: unknown key; expected no keys",
        ),
        ("seed: \0", "1:7: is not YAML: "),
        ("seed: \ud800", "1:1: is not Unicode text"),
    ],
)
def test_what_is_no_scenario_at_all(text: str, problem: str) -> None:
    assert problems_of(text)[0].startswith(problem)


def test_a_hint_where_yaml_misreads_plain_text() -> None:
    (problem,) = problems_of("description: Hello: world\n")
    assert problem.endswith("(a text that holds ': ' must stand in quotes)")


def test_aliases_that_multiply_without_bound_are_refused() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (problem,) = problems_of("\n".join(["a0: &a0 [x, x]", *levels]))
    assert "holds more than 50,000 values" in problem


def test_a_mistake_in_an_alias_itself_is_where_it_is_used() -> None:
    text = f"name: &n x\nprofile: *n\nseed: 1\n{PARTIES}{CALL}"
    (problem,) = problems_of(text)
    assert problem.startswith("2:10: profile: expected one of 2016-legacy")


def test_deep_python_data_is_refused() -> None:
    data: dict[str, Any] = {}
    data["parties"] = data
    with pytest.raises(ScenarioError, match="nested more than 40 deep"):
        parse_scenario(data)


def test_the_slow_reader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = parse_scenario(EVERYTHING)
    place = problems_of(EVERYTHING.replace("to: bob", "to: bop"))
    monkeypatch.setattr(document, "_LOADER", yaml.BaseLoader)
    assert parse_scenario(EVERYTHING) == fast
    assert problems_of(EVERYTHING.replace("to: bob", "to: bop")) == place


# -- several mistakes ---------------------------------------------------------------------------


def test_a_misspelt_key_is_not_reported_as_missing_too() -> None:
    assert len(problems_of(f"{PARTIES}call: {{form: alice, to: bob}}")) == 1
    assert len(problems_of(f"{PARTIES}call: {{xxxx: alice, to: bob}}")) == 2


def test_unknown_parties_are_told_beside_other_mistakes() -> None:
    text = (
        "parties:\n  alice: 5\n  bob:\n  carol: {script: [x]}\ncall: {from: alice, to: dave, at: x}"
    )
    assert [problem.split(": ")[1] for problem in problems_of(text)] == [
        "parties.alice",
        "parties.carol.script[0]",
        "call.to",
        "call.at",
    ]


# -- files --------------------------------------------------------------------------------------


def test_files_and_patterns(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.yaml", "a.yaml", "deep/my call.yaml"):
        (tmp_path / name).write_text(PARTIES + CALL, encoding="utf-8-sig")
    scenarios = load_scenarios([tmp_path / "b.yaml", str(tmp_path / "**" / "*.yaml")])
    assert [scenario.name for scenario in scenarios] == ["b", "a", "my-call"]
    assert scenarios[0].source == tmp_path / "b.yaml"
    assert scenarios[0].base == tmp_path


def test_all_problems_of_all_files_come_together(tmp_path: Path) -> None:
    bad, worse, binary = tmp_path / "bad.yaml", tmp_path / "worse.yaml", tmp_path / "binary.yaml"
    bad.write_text(f"{PARTIES}call: {{from: alice, to: eve}}\nseed: x\n", encoding="utf-8")
    worse.write_text("a: b: c\n", encoding="utf-8")
    binary.write_bytes(b"seed: \xff\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenarios([bad, worse, binary, tmp_path / "none*.yaml", tmp_path])
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [
        (tmp_path / "none*.yaml", None),
        (tmp_path, None),
        (bad, 4),
        (bad, 5),
        (worse, 1),
        (binary, 1),
    ]


def test_files_that_scenarios_play_are_looked_for_beside_them(tmp_path: Path) -> None:
    (tmp_path / "ring.wav").touch()
    file = tmp_path / "x.yaml"
    file.write_text(
        "parties:\n  alice:\n    script:\n      - play: ring.wav\n      - play: {file: rong.wav}\n"
        "  bob:\n" + CALL,
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        load_scenarios([file])
    assert str(caught.value) == (
        f"{file}:5:22: parties.alice.script[1].play.file: "
        f"there is no file {str(tmp_path / 'rong.wav')!r}"
    )


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    file.write_text("#" * 1_000_001, encoding="utf-8")
    with pytest.raises(ScenarioError, match="larger than 1,000,000 bytes"):
        load_scenarios([file])


# -- anything at all ----------------------------------------------------------------------------

_MARKS = "[]{}:,-&*!|>'\"%@`#?~ \n\t"
_PARTS = ("\n  ", "- ", ": ", "parties", "alice", "script", "say", "call", "from", "to", "expect")
_OTHERS = ("channels", "matrix", "seed", "<<", "*a", "&a ", "1:30", "---", "hold", "together")
_WORDS = st.sampled_from([*_MARKS, *_PARTS, *_OTHERS])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=12,
)


def accepts_or_refuses(data: Any) -> None:
    """Anything but ScenarioError goes through to the test."""
    try:
        scenarios = parse_scenarios(data)
    except ScenarioError as error:
        told = all(problem.message for problem in error.problems) and str(error) != ""
    else:
        told = all(isinstance(scenario, Scenario) for scenario in scenarios)
    assert told


@given(st.lists(_WORDS, max_size=40).map("".join) | st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_scenario_or_a_scenario_error(text: str) -> None:
    accepts_or_refuses(text)


@given(st.integers(0, len(EVERYTHING) - 1), st.integers(0, 12), _WORDS)
@settings(max_examples=300, deadline=None)
def test_a_damaged_scenario_is_a_scenario_or_a_scenario_error(at: int, cut: int, new: str) -> None:
    accepts_or_refuses(EVERYTHING[:at] + new + EVERYTHING[at + cut :])


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_value_anywhere_is_a_scenario_or_a_scenario_error(data: st.DataObject) -> None:
    document: Any = yaml.load(EVERYTHING, yaml.BaseLoader)
    here = document
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = data.draw(st.sampled_from(keys))
        deeper = isinstance(here[key], dict | list) and len(here[key]) > 0
        if not deeper or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = data.draw(_JSON)
    accepts_or_refuses(document)
