"""Same seed, same bytes: what a sandbox on the virtual clock does, again in another process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from serving import App, Sandbox, app, serving

CONFIG = """
parties:
  bob:
    number: "+15550100003"
    network: {jitter: 15ms, loss: 2%}
    script: [{say: "Yes, who is there?"}, {wait_for: other-stops}, {say: "I see."}, hangup]
  alice:
    number: "+15550100001"
    script: [{pause: 3s}, {say: "It is me."}]
numbers:
  "+15550100002": {voice_url: APP/voice, status_callback: APP/status}
"""
VOICE = """<Response>
<Say>One moment</Say>
<Dial record="record-from-answer-dual" recordingStatusCallback="/recorded" action="/after">
<Number statusCallback="/child" statusCallbackEvent="initiated ringing answered completed"
>+15550100003</Number></Dial></Response>"""


def one_run(folder: Path, seed: int) -> tuple[list[Any], dict[str, bytes]]:
    """What the app was asked, in order, and the recordings' files."""
    folder.mkdir()
    answers = {"/voice": VOICE, "/after": "<Response><Hangup/></Response>"}
    with app() as found:
        found.documents.update(answers)
        config = folder / "sandbox.yaml"
        config.write_text(CONFIG.replace("APP", found.url))
        options = ["--config", str(config), "--data", str(folder / "data"), "--clock", "virtual"]
        options += ["--seed", str(seed), "--epoch", "2026-01-05"]
        with serving(*options) as sandbox:
            place(sandbox)
            asked = told(found, sandbox)
            sandbox.end()
    files = {
        path.name: path.read_bytes()
        for path in sorted((folder / "data" / "recordings").glob("RE*"))
        if path.suffix == ".wav" or path.name.endswith(".truth.json")
    }
    return asked, files


def place(sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.control("POST", "/calls", {"to": "+15550100002", "from": "alice"})
        sandbox.control("POST", "/clock/run-until-idle", {})


def told(found: App, sandbox: Sandbox) -> list[Any]:
    """The requests, with the ports of this process left out."""
    text = json.dumps(found.asked).replace(found.url, "APP").replace(sandbox.url, "SANDBOX")
    asked: list[Any] = json.loads(text)
    return asked


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], dict[str, bytes]]:
    return one_run(tmp_path_factory.mktemp("first") / "run", 5)


def test_the_same_seed_gives_the_same_webhooks_and_files(
    first: tuple[list[Any], dict[str, bytes]], tmp_path: Path
) -> None:
    again = one_run(tmp_path / "again", 5)
    assert len(first[1]) == 4
    assert first[0] == again[0]
    assert first[1] == again[1]


def test_another_seed_gives_others(
    first: tuple[list[Any], dict[str, bytes]], tmp_path: Path
) -> None:
    other = one_run(tmp_path / "other", 6)
    assert [path for path, _ in first[0]] == [path for path, _ in other[0]]
    assert not set(first[1]) & set(other[1])
    assert not set(first[1].values()) & set(other[1].values())
