"""The JSON Schema accepts what the loader accepts, and refuses what an editor should underline."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from mediasim.scenario.model.load import parse_scenarios, scenario_schema
from mediasim.scenario.model.starter import starter_scenario

jsonschema = pytest.importorskip("jsonschema")

HEAD = "parties: {alice: , bob: }\n"
CALL = f"{HEAD}call: {{from: alice, to: bob, recording: dual}}\n"


class Yaml12(yaml.SafeLoader):
    """Reads as editors do: ``no`` and ``0x1`` are texts, ``1`` and ``true`` are not."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for tag, pattern, first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    Yaml12.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first)
    )
# 1.2 has no sexagesimal and no octal with a bare 0.
Yaml12.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def seen_by_an_editor(text: str) -> Any:
    return yaml.load(text, Yaml12)


SCRIPTS = (
    "say: hello",
    "say: 0123",
    "say: true",
    "say: {text: hi, voice: amy, level: -20dB, at: 1:30}",
    "tone: {hz: 440, for: 2}",
    "tone: {hz: [440Hz, 480], for: 2s}",
    "noise: {for: 1m}",
    "noise: {kind: pink, for: 1.5, level: -40}",
    "dtmf: 0123",
    'dtmf: "12#"',
    "dtmf: {digits: 1, in_band: yes, tone: 80ms}",
    "pause: 500ms",
    "pause: 1",
    "pause: {for: 1h 2m}",
    "wait_for: other-stops",
    "wait_for: {quiet: 700ms, timeout: 10s}",
    "wait_for: {speech: true}",
    "wait_for: {digit: 1}",
    "wait_for: {event: call.answered}",
    "wait_for: {time: 12s}",
    "mute",
    "unmute",
    "hold",
    "resume",
    "hangup",
    "hangup: ",
    "emit: offered",
    "message: {content: {a: 1}}",
    "take_payment",
    "take_payment: no",
    "take_payment: {connector: expired, security_code: false, timeout: 3s, attempts: 1}",
    "repeat: {times: 3, steps: [mute, {say: x}]}",
    "together: [[say: a], [{say: b}, {pause: 1}]]",
)
PARTIES = (
    "",
    "{}",
    '{number: "+14155550100", voice: amy, codec: PCMA, ptime: 20, dtx: comfort-noise}',
    "{number: +14155550100, ptime: 20ms, dtx: silence, noise: -60, reaction: 0.2}",
    "{line: mobile}",
    "{line: {kind: telephone, level: -28, noise: street, noise_level: -48}}",
    "{network: {delay: 20ms, jitter: 10ms, loss: 1%, reorder: 0.01, skew: 120ppm}}",
    "{network: {up: {one_way: true}, down: {jitter: {normal: 5ms}}, jitter_buffer: 60ms}}",
    "{network: {loss: {gilbert_elliott: {enter: 1%, leave: 30%, loss_bad: 80%}}}}",
    "{network: {up: {stalls: [{at: 5s, for: 2s, kind: pause}], duplicate: 1%}, conceal: repeat}}",
)
CALLS = (
    "call: {from: alice, to: bob}",
    "call: [{from: alice, to: bob}]",
    "calls: [{from: alice, to: bob}, {from: alice, to: bob, at: 1m}]",
    "call: {from: alice, to: bob, answer: 2s, timeout: 1:00, time_limit: 4h}",
    "call: {from: alice, to: bob, answer: busy}",
    "call: {from: alice, to: bob, answer: {outcome: reject, after: 3}}",
    "call: {from: alice, to: bob, answer_on_bridge: yes}",
    "call: {from: alice, to: bob, dial_after: 5s}",
    "call: {from: alice, to: bob, recording: true}",
    "call: {from: alice, to: bob, recording: no}",
    "call: {from: alice, to: bob, recording: [mono, dual, {start: ringing, track: inbound}]}",
    "call: {from: alice, to: bob, recordings: [{start: {at: 5s}, stop: 9s, trim: trim-silence}]}",
    "call: {from: alice, to: bob, recording: {pause: {at: 3s, for: 2s, behavior: skip}}}",
    "call: {from: alice, to: bob, recording: {pauses: [{at: 3s, until: {at: 5s}}, {at: 7}]}}",
    "call: {from: alice, to: bob, recording: {start: {event: call.bridged}, of: api}}",
    "call: {from: alice, voicemail: true}",
    "call: {from: alice, voicemail: {greeting: Speak, beep: off, finish_on_key: ''}}",
    "call: {from: alice, voicemail: {greeting: {say: {text: x}}, finish_on_key: 1}}",
    "conference: {participants: [alice, {party: bob, join: 1, leave: 5s, muted: true}]}",
    "conference: {participants: [{party: bob, muted: [{at: 1s, for: 2s}]}], recording: true}",
    "conferences: [{name: a, participants: [bob], recording: {channels: dual}, end: 9s}]",
    "conference: {participants: [alice], recording: false}",
)
EXPECTATIONS = (
    "channels: 2",
    "channels: {recording: main, is: 2}",
    "duration: 12s",
    "duration: {is: 1:00, within: 40ms}",
    "status: completed",
    "status: {call: main, is: busy}",
    "heard: bob",
    "heard: {party: alice, channel: 1, between: [0s, 5]}",
    "silent: 2",
    "silent: {channel: 2, between: [3, 4], below: -60}",
    "no_crosstalk",
    "no_crosstalk: -50",
    "no_crosstalk: {above: -50}",
    "aligned",
    "aligned: 0",
    "aligned: {within: 8 samples, party: bob}",
    "events: [call.answered, recording.started]",
    "download: {}",
    "download: {requested_channels: absent, format: mp3, status: 200, channels: 2}",
    "download: {requested_channels: 3, status: 400}",
    "never_contains: 4 1 1 1",
    "never_contains: {text: the number}",
)
GOOD = [
    *(
        f"parties: {{alice: {{script: [{{{step}}}]}}, bob: }}\n" + CALL.removeprefix(HEAD)
        for step in SCRIPTS
        if ":" in step
    ),
    *(
        f"parties: {{alice: {{script: [{step}]}}, bob: }}\n" + CALL.removeprefix(HEAD)
        for step in SCRIPTS
        if ":" not in step
    ),
    *(f"parties:\n  alice: {party}\n  bob:\n" + CALL.removeprefix(HEAD) for party in PARTIES),
    *(f"{HEAD}{call}\n" for call in CALLS),
    *(f"{CALL}expect:\n  - {check}\n" for check in EXPECTATIONS),
    f"{CALL}name: 2022\nseed: 7\nprofile: 2025-09\ndescription: 3\n",
    f"{CALL}matrix: {{parties.alice.codec: [PCMU, PCMA], seed: [1, 2]}}\n",
    starter_scenario("mine"),
]
BAD = (
    f"{CALL}seeed: 1",
    f"{CALL}profile: 2022",
    f"{CALL}seed: -1",
    f"{CALL}matrix: {{seed: 3}}",
    f"{CALL}expect: [{{channels: 3}}]",
    f"{CALL}expect: [{{chanels: 2}}]",
    f"{CALL}expect: [duration]",
    "parties: {alice: {codec: pcmu}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {script: [{press: 1}]}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {script: [say]}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {script: [{say: x, level: -3}]}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {script: [{pause: soon}]}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {script: [{wait_for: {}}]}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {line: landline}}\ncall: {from: alice, voicemail: true}",
    "parties: {alice: {network: {loss: 5}}}\ncall: {from: alice, voicemail: true}",
    f"{HEAD}call: {{from: alice}}",
    f"{HEAD}call: {{to: bob}}",
    f"{HEAD}call: {{from: alice, to: bob, answer: bussy}}",
    f"{HEAD}call: {{from: alice, to: bob, recording: {{start: ringin}}}}",
    f"{HEAD}conference: {{recording: true}}",
)


@pytest.mark.parametrize("text", GOOD)
def test_an_editor_accepts_what_the_loader_accepts(validator: Any, text: str) -> None:
    assert parse_scenarios(text)
    assert [error.message for error in validator.iter_errors(seen_by_an_editor(text))] == []


@pytest.mark.parametrize("text", BAD)
def test_an_editor_underlines_what_the_loader_refuses(validator: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_scenarios(text)
    assert not validator.is_valid(seen_by_an_editor(text))


def test_every_key_has_a_description(validator: Any) -> None:
    schema = validator.schema
    bodies = [schema, *schema["$defs"].values()]
    bodies += [form for body in bodies for form in body.get("anyOf", ())]
    keys = [
        (body.get("title", ""), key, value)
        for body in bodies
        if "description" in body or len(body.get("properties", {})) > 1
        for key, value in body.get("properties", {}).items()
    ]
    assert len(keys) > 80
    assert [key for _, key, value in keys if not value.get("description")] == []
    assert schema["$defs"]["Say"]["anyOf"][1]["properties"]["text"]["description"] == "The words."


def test_it_is_plain_json_of_modest_size(validator: Any) -> None:
    assert len(json.dumps(validator.schema)) < 68_000
