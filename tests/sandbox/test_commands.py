"""The commands that ask a running sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Sandbox, app, serving
from typer.testing import CliRunner, Result

from mediasim.cli import app as commands

pytestmark = pytest.mark.realtime
NUMBER = "+14155550100"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with app(voice="<Start><Recording/></Start><Pause length='5'/>") as user_app:
        file = tmp_path_factory.mktemp("plan") / "plan.yaml"
        file.write_text(f"numbers: {{{NUMBER}: {user_app.url}/voice}}\nparties: {{alice: {{}}}}\n")
        with serving("--in-memory", "--clock", "virtual", "--config", str(file)) as found:
            yield found


def run(sandbox: Sandbox, *words: str) -> Result:
    return CliRunner().invoke(commands, list(words), env={"MEDIASIM_BASE_URL": sandbox.url})


def test_calls_are_placed_and_listed_with_their_recordings(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    steps = tmp_path / "steps.yaml"
    steps.write_text("- say: one\n- pause: 500ms\n- hangup\n")
    placed = [
        run(sandbox, "call", NUMBER, "--say", "hello there"),
        run(sandbox, "call", NUMBER, "--from", "alice", "--script", str(steps)),
    ]
    sids = [each.stdout.strip() for each in placed]
    sandbox.control("POST", "/clock/run-until-idle")
    head, *rows = run(sandbox, "calls").stdout.splitlines()
    assert head.split() == ["sid", "direction", "from", "to", "status", "duration"]
    assert [row.split()[0] for row in rows] == sids
    assert [row.split()[1:5] for row in rows] == [
        ["inbound", "+14155550123", NUMBER, "completed"],
        ["inbound", "+14155550101", NUMBER, "completed"],
    ]
    listed = json.loads(run(sandbox, "calls", "--json").stdout)
    assert [call["sid"] for call in listed] == sids
    _, *rows = run(sandbox, "recordings").stdout.splitlines()
    assert [row.split()[1] for row in rows] == sids
    found = json.loads(run(sandbox, "recordings", "--json").stdout)
    assert {each["status"] for each in found} == {"completed"}
    assert "channel_map" in found[0]


def test_what_is_refused_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    refused = run(sandbox, "call", NUMBER, "--from", "nobody")
    assert refused.exit_code == 2
    assert "nor a party's name" in refused.stderr
    (tmp_path / "wrong.yaml").write_text("- sing: la\n")
    refused = run(sandbox, "call", NUMBER, "--script", str(tmp_path / "wrong.yaml"))
    assert refused.exit_code == 2
    assert "unknown step" in refused.stderr
    refused = run(sandbox, "call", NUMBER, "--script", str(tmp_path / "none.yaml"))
    assert refused.exit_code == 2
    assert "cannot be read" in refused.stderr


def test_no_sandbox_there() -> None:
    for command in ("env", "calls", "recordings"):
        missed = CliRunner().invoke(commands, [command, "--url", "http://127.0.0.1:9"])
        assert missed.exit_code == 2
        assert "no sandbox answers at http://127.0.0.1:9" in missed.stderr


def test_something_else_there() -> None:
    with app() as user_app:
        missed = CliRunner().invoke(commands, ["calls", "--url", user_app.url])
        assert missed.exit_code == 2
        assert "no sandbox answers" in missed.stderr
    with app(**{"_mediasim/calls": "no JSON"}) as user_app:
        missed = CliRunner().invoke(commands, ["calls", "--url", user_app.url])
        assert missed.exit_code == 2


def test_the_schema_of_config_files() -> None:
    printed = CliRunner().invoke(commands, ["schema", "--config"])
    assert json.loads(printed.stdout)["title"] == "mediasim sandbox"


def test_its_health_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    well = run(sandbox, "health")
    assert (well.exit_code, well.stdout) == (0, "ok; storage: in memory; clock: virtual\n")
    trouble = {"status": "degraded", "storage": "the disk is full", "clock": {"kind": "real"}}
    monkeypatch.setattr("mediasim.commands.sandbox._request", lambda *_: trouble)
    unwell = run(sandbox, "health")
    assert unwell.exit_code == 1
    assert unwell.stdout == "degraded; storage: the disk is full; clock: real\n"
