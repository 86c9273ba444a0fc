"""A behaviour profile is one row: one that a test adds works wherever a profile is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mediasim.cli import app
from mediasim.exchange.profiles import (
    DEFAULT_PROFILE,
    PROFILES,
    ChannelRole,
    Profile,
    StorageRule,
    profile_added,
)
from mediasim.sandbox import server
from mediasim.sandbox.settings import Settings
from mediasim.scenario.model.load import scenario_schema
from mediasim.testing import Mediasim, MediasimSandbox

CALLERS_ALONE = StorageRule(
    rule_id="callers-alone",
    kinds=("dial",),
    channels=("mono",),
    tracks=("both",),
    stored=(ChannelRole("parent", "inbound", "what the caller says"),),
    reason="In this toy's time one channel of two-party calls was stored, the caller's.",
    source="our choice",
)
TOY = Profile(
    "2031-01",
    "a toy",
    (
        *(it for it in PROFILES[DEFAULT_PROFILE].rules if it.rule_id != "dial-mono"),
        CALLERS_ALONE,
    ),
)


@pytest.fixture(autouse=True, scope="module")
def toy() -> Iterator[None]:
    with profile_added(TOY):
        yield


@pytest.fixture
def mediasim_config() -> Any:
    return {"profile": TOY.name, "parties": {"bob": {"number": "+14155550111"}}}


def test_in_a_scenario_and_in_explain(mediasim: Mediasim, tmp_path: Path) -> None:
    run = mediasim.simulate(
        profile=TOY.name,
        parties={"ann": {"script": [{"say": "hello"}]}, "bob": {}},
        call={"from": "ann", "to": "bob", "recording": "mono"},
    )
    (recording,) = run.recordings
    assert len(recording.pcm) == 1
    explained = CliRunner().invoke(app, ["explain", str(recording.path)])
    assert f"profile {TOY.name}" in explained.stdout
    assert CALLERS_ALONE.reason in explained.stdout
    assert TOY.name in scenario_schema()["properties"]["profile"]["enum"]


def test_in_a_sandbox(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app({"/voice": "<Dial record='true'><Number>+14155550111</Number></Dial>"})
    call = mediasim_sandbox.call(script=[{"pause": "1s"}, "hangup"])
    mediasim_sandbox.run_until_idle()
    (recording,) = call.recordings
    assert recording.record.layout.rule is CALLERS_ALONE
    assert len(recording.pcm) == 1


def test_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def serve(settings: Settings, *_: object) -> None:
        asked.append(settings.profile)

    monkeypatch.setattr(server, "serve", serve)
    found = CliRunner().invoke(app, ["serve", "--in-memory", "--profile", TOY.name])
    assert (found.exit_code, asked) == (0, [TOY.name])
    refused = CliRunner().invoke(app, ["serve", "--profile", "2031-02"])
    assert refused.exit_code == 2
    assert f"'{TOY.name}'" in refused.output
