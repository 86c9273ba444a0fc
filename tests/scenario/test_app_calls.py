"""Calls to an app under test: bots started, conversations measured, what is expected of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.model.load import load_scenarios, parse_scenario
from mediasim.scenario.running.runner import RunFailed
from mediasim.scenario.running.simulate import Result, simulate

VOICE_BOT = Path(__file__).parents[2] / "scenarios" / "voice-bot.yaml"
BOT = """
import asyncio, base64, json, os, sys
from websockets.asyncio.server import serve

LOUD = base64.b64encode(bytes(range(0, 32)) * 250).decode()  # a second of noise, mu-law

async def talk(call):
    frames = 0
    plan = json.loads(sys.argv[1])
    async for text in call:
        message = json.loads(text)
        if message["event"] == "media":
            frames += 1
            if frames in plan["speak"]:
                content = {"payload": LOUD}
                await call.send(json.dumps(
                    {"event": "media", "streamSid": message["streamSid"], "media": content}))
            if frames == plan.get("close"):
                return
            if frames == plan.get("die"):
                print("out of memory", flush=True)
                os._exit(3)
            if frames == plan.get("raise"):
                raise KeyError("model")
            if frames == plan.get("babble"):
                await call.send("no JSON")

async def main():
    async with serve(talk, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()

asyncio.run(main())
"""
SAYS = [{"tone": {"hz": 440, "for": "1s", "level": -12}}, {"pause": "2s"}]
"""From 0 to 1 s of the stream."""


def run(tmp_path: Path, expect: list[Any], script: list[Any] = SAYS, **plan: Any) -> Result:
    (tmp_path / "bot.py").write_text(BOT)
    scenario = {
        "parties": {"caller": {"script": script}},
        "call": {
            "from": "caller",
            "app": f"bot.py '{json.dumps({'speak': [], **plan})}'",
            "recording": "dual",
        },
        "expect": expect,
    }
    return simulate(parse_scenario(scenario, base=tmp_path), directory=tmp_path / "out")


def test_the_shipped_bot_does_the_same_every_time(tmp_path: Path) -> None:
    (scenario,) = load_scenarios([VOICE_BOT])
    one, two = (simulate(scenario, directory=tmp_path / name) for name in ("one", "two"))
    assert one.ok
    assert one.recording().path.read_bytes() == two.recording().path.read_bytes()
    assert one.report["apps"] == two.report["apps"]
    assert one.report["apps"][1]["parameters"] == {"language": "en"}
    assert [it.kind for it in one.events] == [it.kind for it in two.events]


def test_figures_stand_in_the_verdicts(tmp_path: Path) -> None:
    expect = [{"response": "1s"}, {"greeting": "3s"}, {"dead_air": "2s"}, {"talk_over": "0s"}]
    result = run(tmp_path, expect, speak=[80])
    assert [it.ok for it in result.verdicts] == [True] * 4
    (response,) = result.run.streams["main"].figures().responses
    assert response.latency_ms is not None
    assert 500 <= response.latency_ms <= 640
    assert result.verdicts[0].found.startswith(f"{response.latency_ms} ms at worst")


def test_a_late_answer_fails_where_it_came(tmp_path: Path) -> None:
    result = run(tmp_path, [{"response": "300ms"}], speak=[80])
    (verdict,) = result.verdicts
    assert not verdict.ok
    assert verdict.where is not None
    assert verdict.where["channel"] == 2
    assert verdict.where["time"] == pytest.approx(1.6, abs=0.06)


@pytest.mark.parametrize(
    ("expectation", "found"),
    [
        ({"response": "9s"}, "null: the app never answered what was said from"),
        ({"response": {"within": "9s", "unanswered": 1}}, "null: the app never answered"),
        ({"greeting": "9s"}, "null: the app never spoke"),
        ({"talk_over": "9s"}, "null: the app never spoke"),
        ({"dead_air": "9s"}, "null: the app never spoke"),
        ({"barge_in": "9s"}, "null: the caller never began to speak while the app spoke"),
    ],
)
def test_what_the_app_never_did_holds_nothing(
    tmp_path: Path, expectation: dict[str, Any], found: str
) -> None:
    (verdict,) = run(tmp_path, [expectation]).verdicts
    assert not verdict.ok
    assert found in verdict.found


def test_an_app_that_talks_on_is_told_where(tmp_path: Path) -> None:
    script = [{"pause": "500ms"}, *SAYS]
    expect = [{"barge_in": "100ms"}, {"talk_over": "100ms"}, {"dead_air": "100ms"}]
    barge_in, talk_over, dead_air = run(tmp_path, expect, script, speak=[2, 3, 4]).verdicts
    assert (barge_in.ok, talk_over.ok, dead_air.ok) == (False, False, False)
    assert "null: the caller began to speak over the app at 0.60 s" in barge_in.found
    assert talk_over.found in ("980 ms", "1000 ms", "1020 ms")
    assert talk_over.where is not None
    assert talk_over.where["time"] == pytest.approx(0.6, abs=0.02)


def test_the_call_is_over_when_the_app_closes(tmp_path: Path) -> None:
    result = run(tmp_path, [{"status": {"call": "main", "is": "completed"}}], close=40)
    assert result.ok
    assert result.recording().record.samples == pytest.approx(40 * 160, abs=5 * 160)


def test_wrong_messages_are_warned_of(tmp_path: Path) -> None:
    result = run(tmp_path, [{"status": {"call": "main", "is": "completed"}}], babble=3)
    assert "call main: 31951 Stream - Protocol - Invalid Message" in result.run.warnings[0]


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("die", 31903, r"ended with exit code 3: out of memory"),
        ("raise", 31921, r"said: .*KeyError: 'model'"),
    ],
)
def test_a_bot_that_breaks_in_a_call_says_why(
    tmp_path: Path, fault: str, code: int, words: str
) -> None:
    faults: dict[str, Any] = {fault: 10}
    broken, why = run(tmp_path, [], **faults).run.warnings
    assert f"call main: {code} " in broken
    assert re.search(f"the bot 'bot.py .*' {words}", why, re.DOTALL)


def test_an_app_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    result = simulate(
        {
            "parties": {"caller": {}},
            "call": {"from": "caller", "app": "ws://127.0.0.1:9/"},
            "expect": [{"greeting": "1s"}, {"events": ["stream.error", "call.completed"]}],
        },
        directory=tmp_path,
    )
    greeting, events = result.verdicts
    assert "its app: 31902 cannot connect: Connection refused" in greeting.found
    assert events.ok


def test_a_bot_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text("raise SystemExit('there is no model')")
    scenario = {"parties": {"caller": {}}, "call": {"from": "caller", "app": "bot.py"}}
    with pytest.raises(RunFailed, match=r"exit code 1 before it listened .*: there is no model"):
        simulate(parse_scenario(scenario, base=tmp_path), directory=tmp_path)
    scenario["call"] = {"from": "caller", "app": {"bot": "no-such-program --fast"}}
    with pytest.raises(RunFailed, match="cannot start the bot 'no-such-program --fast'"):
        simulate(parse_scenario(scenario, base=tmp_path), directory=tmp_path)


@pytest.mark.parametrize(
    ("call", "expect", "message"),
    [
        ({"app": "missing.py"}, [], "there is no file"),
        ({"app": {"url": "http://127.0.0.1/"}}, [], "begins with ws:// or wss://"),
        ({"app": "wss://example.com/"}, [], "an app on this machine .* found 'example.com'"),
        ({"app": {"bot": "x", "url": "ws://[::1]/"}}, [], "expected exactly one of url, bot"),
        ({"app": "ws://localhost/", "to": "bob"}, [], "expected exactly"),
        ({"app": "ws://localhost/", "answer_on_bridge": True}, [], "this one goes to an app"),
        ({"app": {"url": "ws://localhost/", "grace": "2s"}}, [], "at most 1s"),
        ({"to": "bob"}, [{"greeting": "1s"}], "no call goes to an app"),
        (
            {"app": "ws://localhost/"},
            [{"greeting": {"within": "1s", "call": "x"}}],
            "no call 'x' goes",
        ),
    ],
)
def test_mistakes_are_told(call: dict[str, Any], expect: list[Any], message: str) -> None:
    parties: dict[str, Any] = {"alice": {}, "bob": {}}
    with pytest.raises(ScenarioError, match=message):
        parse_scenario({"parties": parties, "call": {"from": "alice", **call}, "expect": expect})
