"""Parties that are apps: a bot calls a bot, a person calls one, and one calls a call's own app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.simulate import Result, simulate

BOT = """
import asyncio, base64, json, os
from websockets.asyncio.server import serve

LOUD = base64.b64encode(bytes(range(0, 32)) * 250).decode()  # a second of noise, mu-law

async def talk(call):
    frames, plan = 0, {}
    async for text in call:
        message = json.loads(text)
        if message["event"] == "start":
            plan = message["start"]["customParameters"]
        if message["event"] == "dtmf" and message["dtmf"]["digit"] == plan.get("answers"):
            await say(call, message)
        if message["event"] == "media":
            frames += 1
            if str(frames) == plan.get("speaks"):
                await say(call, message)
            if str(frames) == plan.get("closes"):
                return

async def say(call, message):
    await call.send(json.dumps(
        {"event": "media", "streamSid": message["streamSid"], "media": {"payload": LOUD}}))

async def main():
    async with serve(talk, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def bot(**plan: str) -> dict[str, Any]:
    return {"bot": "bot.py", "parameters": plan}


SCENARIO = {
    "name": "bots",
    "parties": {
        "hasty": {"app": bot(speaks="75")},
        "patient": {"app": bot(speaks="150", closes="250")},
        "alice": {"script": [{"dtmf": "5"}, {"wait_for": "other-stops"}]},
        "keyed": {"app": bot(answers="5")},
        "single": {"app": bot(speaks="25")},
        "early": {"app": bot(speaks="25", closes="100")},
        "bob": {"early_media": [{"tone": {"hz": 440, "for": "500ms"}}]},
    },
    "calls": [
        {"name": "both", "from": "hasty", "to": "patient", "recording": "dual"},
        {"name": "person", "from": "alice", "to": "keyed", "recording": "dual"},
        {
            "name": "own",
            "from": "single",
            "app": bot(speaks="100", closes="200"),
            "recording": "dual",
        },
        {"name": "rung", "from": "early", "to": "bob", "answer_on_bridge": True},
    ],
    "expect": [
        {"greeting": {"call": "both", "party": "patient", "within": "3s"}},
        {"response": {"call": "both", "party": "patient", "within": "2s"}},
        {"dead_air": {"call": "both", "party": "hasty", "most": "2s"}},
        {"response": {"call": "own", "within": "1s"}},
        {"greeting": {"call": "own", "party": "single", "within": "500ms"}},
        {"heard": {"recording": "main", "party": "hasty", "channel": 1}},
        {"heard": {"recording": "main", "party": "patient", "channel": 2}},
        {"heard": {"recording": "recording-2", "party": "keyed", "channel": 2}},
        {"heard": {"recording": "recording-3", "party": "single", "channel": 1}},
        {"no_crosstalk": {"recording": "main", "above": -50}},
    ],
}


def run(folder: Path) -> Result:
    folder.mkdir()
    (folder / "bot.py").write_text(BOT)
    return simulate(parse_scenario(SCENARIO, base=folder), directory=folder / "out")


def test_bots_call_each_other_and_are_called(tmp_path: Path) -> None:
    found, again = run(tmp_path / "once"), run(tmp_path / "again")

    assert [(it.check, it.found) for it in found.verdicts if not it.ok] == []
    assert sorted(found.run.streams) == [
        *("both/hasty", "both/patient", "own", "own/single", "person/keyed", "rung/early"),
    ]
    assert [(app["call"], app.get("party")) for app in found.report["apps"]] == [
        *(("both", "hasty"), ("both", "patient"), ("person", "keyed")),
        *(("own", None), ("own", "single"), ("rung", "early")),
    ]
    assert found.run.warnings == []
    assert {call.record.status for call in found.run.exchange.calls} == {"completed"}
    lines = [call.party.name for call in found.run.exchange.calls]
    assert {"hasty-app", "patient-app", "keyed-app", "single-app"} < set(lines)
    log = found.run.streams["person/keyed"].to_json()["log"]
    assert [(it["kind"], it["text"]) for it in log] == [("dtmf", "5")]
    for one, other in zip(found.recordings, again.recordings, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()


WRONG = [
    ({"parties": {"a": {"app": bot(), "script": [{"pause": "1s"}]}}}, "an app is not simulated"),
    ({"parties": {"a": {"app": bot(), "codec": "PCMA"}}}, "an app is not simulated"),
    ({"expect": [{"greeting": "1s"}]}, "which app? Write party: one of a, b"),
    ({"expect": [{"greeting": {"party": "c", "within": "1s"}}]}, "c is no app in main"),
    ({"expect": [{"greeting": {"party": "d", "within": "1s"}}]}, "unknown party 'd'"),
    ({"expect": [{"greeting": {"call": "x", "within": "1s"}}]}, "no call 'x' goes to an app"),
]


@pytest.mark.parametrize(("part", "words"), WRONG)
def test_what_is_wrong_is_named(part: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(BOT)
    parties = {"a": {"app": bot()}, "b": {"app": bot()}, "c": {}}
    scenario = {
        "call": {"from": "a", "to": "b"},
        "parties": {**parties, **part.get("parties", {})},
        "expect": part.get("expect", []),
    }
    with pytest.raises(ScenarioError) as error:
        parse_scenario(scenario, base=tmp_path)
    assert words in str(error.value)
