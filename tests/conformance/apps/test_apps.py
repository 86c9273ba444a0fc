"""Apps written as published ones are reach the sandbox by ``mediasim exec`` alone."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from exec_apps import APPS, ran, running
from node_programs import SDK_VERSIONS, node_packages

NUMBER, ALICE = "+14155550100", "+14155550101"
PLAN = f"parties: {{alice: {{number: '{ALICE}', script: [{{say: Hello.}}]}}}}\n"


def free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port: int = trying.getsockname()[1]
        return port


def test_a_voicemail_app_of_flask_and_the_sdk(tmp_path: Path) -> None:
    port = free_port()
    plan = f"{PLAN}numbers: {{'{NUMBER}': 'http://127.0.0.1:{port}/voice'}}\n"
    command = [sys.executable, str(APPS / "voicemail.py")]
    with running(plan, tmp_path, "--app-port", str(port), command=command) as app:
        app.until("Running on http")
        script = [{"wait_for": {"quiet": "1s"}}, {"say": "Please call me back."}]
        app.control("/calls", {"to": NUMBER, "script": script})
        assert app.until("message of").endswith(" s: 200 audio/mpeg")


def test_a_script_of_plain_requests(tmp_path: Path) -> None:
    output, log = ran(PLAN, tmp_path, command=[sys.executable, str(APPS / "notifier.py")])
    refused = ["not called: True", "refused", "not called: True"]
    assert output.splitlines() == [f"{ALICE} completed", "1 call", *refused]
    assert log.count("example.com was not called") == 3


@pytest.mark.parametrize("version", SDK_VERSIONS)
def test_a_node_app_of_the_sdk_fetch_and_ws(tmp_path: Path, version: str) -> None:
    (tmp_path / "node_modules").symlink_to(node_packages(f"twilio@{version}", "ws@8"))
    program = tmp_path / "dialler.mjs"
    program.write_bytes((APPS / program.name).read_bytes())
    name = ["--public-name", "demo.ngrok.app"]
    output, log = ran(PLAN, tmp_path, *name, command=["node", str(program)])
    assert output.splitlines() == [
        f"SDK: {ALICE} completed",
        "fetch: 1 call",
        "https: 200",
        "fetch of its own host: <Response><Pause/></Response>",
        "ws: demo.ngrok.app",
        "not called: true",
        "not called: true",
    ]
    assert log.count("example.com was not called") == 2
