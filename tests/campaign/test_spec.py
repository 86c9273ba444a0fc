"""Specs of campaigns: what is wrong in one is said with its place, and what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from typer.testing import CliRunner

from mediasim.campaign import campaign_schema, load_campaign, parse_campaign
from mediasim.cli import app
from mediasim.documents.diagnostics import ScenarioError

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios" / "campaigns").glob("*.yaml"))
SOUND = """\
calls: 10
conversation:
  texts: [Hello there, Good bye]
  gaps: {normal: {mean: 200ms, sd: 100ms}}
scenario:
  parties:
    caller: {codec: {draw: {one_of: {PCMU: 70%, PCMA: 30%}}}}
    agent: {network: {loss: {draw: {uniform: [0%, 2%]}}}}
  call: {from: caller, to: agent, recording: dual}
"""
WRONG = {
    "calls: ten": "1:8: calls: expected a whole number",
    "gaps: {nomal: {mean: 200ms}}": "did you mean 'normal'?",
    "gaps: {normal: {mean: 200ms, sd: 0s}}": "4:36: conversation.gaps.normal.sd: expected more",
    "gaps: {uniform: [1s, 200ms]}": "expected the least first, found 1s and 200ms",
    "gaps: {uniform: [1, 200ms]}": "expected numbers of one unit, found 1 and 200ms",
    "gaps: {learnt: nothing.rttm}": "there is no file",
    "gaps: {histogram: {edges: [0s, 1s], weights: [1, 2]}}": "a weight for each of 1 bins, found 2",
    'texts: ["It is {ordr}"]': "3:11: conversation.texts[0]: {ordr} has no value",
    "texts: {file: nothing.txt}": "there is no file",
    "caller: {codec: {draw: {one_of: [PCMU, PCMX]}}}":
        "7:44: scenario.parties.caller.codec.draw.one_of[1]: expected one of PCMU",
    "caller: {codec: {draw: {one_off: [PCMU]}}}": "7:29: scenario.parties.caller.codec.draw.one_o",
    "caller: {codec: {draw: PCMU}}": "expected a distribution such as {one_of: [a, b]}",
    "caller: {voice: nobody}": "scenario.parties.caller.voice: there is no voice",
    "caller: {script: [hangup]}": "caller has a script of its own, and the conversation would",
    "agent: {network: {loss: {draw: {normal: {mean: 1%, sd: 1%}}}}}":
        "scenario.parties.agent.network.loss: expected a share such as 1% or 0.01",
    "agent: {network: {delay: {draw: {normal: {mean: 20ms, sd: 10ms}}}}}": "write a min of 0s or",
    "call: {from: caller, to: agent}": "scenario.call: expected a recording",
    "call: {from: caller, to: agnt, recording: dual}": "unknown party 'agnt'",
    "call: {from: caller, to: agent, recording: {fault: header-only}}": "of samples",
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_with_its_place(line: str, tmp_path: Path) -> None:
    key = line.split(":")[0] + ":"
    lines = [
        old[: len(old) - len(old.lstrip())] + line if old.lstrip().startswith(key) else old
        for old in SOUND.splitlines()
    ]
    file = tmp_path / "wrong.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(ScenarioError) as caught:
        load_campaign(file)
    assert WRONG[line] in str(caught.value)
    assert str(caught.value).startswith(f"{file}:"), "the file and the line"


def test_parts_take_what_all_calls_have_and_say_what_is_their_own() -> None:
    spec = yaml.safe_load(SOUND) | {
        "parts": {
            "plain": {"share": 3},
            "rooms": {
                "conference": {"size": 3},
                "conversation": {"texts": ["Hello all"], "parties": ["caller"]},
            },
        }
    }
    with pytest.raises(ScenarioError, match=r"parts.rooms.conversation.parties: expected none of"):
        parse_campaign(spec)
    del spec["parts"]["rooms"]["conversation"]["parties"]
    assert parse_campaign(spec).parts["plain"].share == 3


def test_the_schema_knows_shipped_specs_and_refuses_wrong_ones() -> None:
    schema = campaign_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in SHIPPED:
        errors: list[Any] = list(validator.iter_errors(yaml.safe_load(file.read_text())))
        assert not errors, f"{file.name}: {errors[:1]}"
        load_campaign(file)
    for wrong in ("calls: ten", "gaps: {nomal: 1}", "caller: {codec: PCMX}", "shards: 2"):
        key = wrong.split(":")[0]
        text = SOUND.replace("calls: 10", "calls: 10\n" + wrong) if key == "shards" else SOUND
        lines = [
            old[: len(old) - len(old.lstrip())] + wrong if old.lstrip().startswith(key) else old
            for old in text.splitlines()
        ]
        assert not validator.is_valid(yaml.safe_load("\n".join(lines))), wrong


def test_the_digest_is_of_what_decides_a_call(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Hello there\n# a remark\nGood bye\n")
    data = yaml.safe_load(SOUND)
    data["conversation"]["texts"] = {"file": "texts.txt"}
    first = parse_campaign(data, base=tmp_path).digest
    assert parse_campaign(data | {"calls": 99, "name": "other"}, base=tmp_path).digest == first
    texts.write_text("Hello there\nGood night\n")
    assert parse_campaign(data, base=tmp_path).digest != first


def test_commands_tell_a_campaign_from_a_scenario(tmp_path: Path) -> None:
    file = tmp_path / "set.yaml"
    file.write_text(SOUND)
    checked = CliRunner().invoke(app, ["check", str(file)])
    assert checked.output == f"{file}: a campaign of 10 calls in 1 shard\n"
    run = CliRunner().invoke(app, ["run", str(file)])
    assert run.exit_code == 2
    assert "no scenario: it is made by mediasim campaign" in run.output
    file.write_text(SOUND.replace("[Hello there, Good bye]", "[]"))
    wrong = CliRunner().invoke(app, ["check", str(file)])
    assert wrong.exit_code == 2
    assert f"{file}:3:10: conversation.texts: expected at least one text" in wrong.output
