"""Apps written as published ones are reach the sandbox by ``mediasim exec`` alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from exec_apps import APPS, environment, ran, running
from node_packages import node_packages
from node_programs import SDK_VERSIONS

import mediasim

NUMBER, ALICE, NAME = "+14155550100", "+14155550101", "demo.ngrok.app"
PARTIES = "parties: {{alice: {{number: '{}', script: [{}]}}}}\n"
PLAN = PARTIES.format(ALICE, "{say: Hello.}")
PUBLIC = ("--public-name", NAME)


def number(path: str) -> str:
    return f"numbers: {{'{NUMBER}': 'https://{NAME}/{path}'}}\n"


def program(name: str) -> list[str]:
    return [sys.executable, str(APPS / name)]


def test_a_voicemail_app_made_for_a_tunnel(tmp_path: Path) -> None:
    plan = PLAN + number("voice")
    with running(plan, tmp_path, *PUBLIC, command=program("voicemail.py")) as app:
        app.until("Running on http")
        script = [{"wait_for": {"quiet": "1s"}}, {"say": "Please call me back."}]
        app.control("/calls", {"to": NUMBER, "script": script})
        assert app.until("told by") == "200 audio/mpeg, told by SM"
        assert app.until("text message delivered")


def test_a_switchboard_with_screening_twimlets_and_a_call_to_itself(tmp_path: Path) -> None:
    plan = PARTIES.format(ALICE, "{wait_for: {quiet: 1s}}, {dtmf: '1'}, {pause: 2s}, hangup")
    command = program("switchboard.py")
    with running(plan + number("voice"), tmp_path, *PUBLIC, command=command) as app:
        app.until("Running on http")
        placed = app.control("/calls", {"to": NUMBER, "script": [{"pause": "60s"}]})
        app.until("accepted with 1")
        app.until("dial completed")
        app.until(f"{placed['sid'][:8]}  completed after")
        assert not any("error" in line for line in app.lines)
        app.ask_app("/test-call")
        assert app.until("greeting ") == "greeting outbound-api"


def test_a_voice_bot_on_wss_of_its_own_host(tmp_path: Path) -> None:
    plan = number("incoming-call")
    with running(plan, tmp_path, *PUBLIC, command=program("voice_bot.py")) as app:
        app.until("Running on http")
        app.control("/calls", {"to": NUMBER, "script": [{"pause": "3s"}, "hangup"]})
        assert app.until("heard") == "heard 3 s by https"


def test_a_transcriber_of_node_that_checks_signatures(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(node_packages(f"twilio@{SDK_VERSIONS[-1]}", "ws@8"))
    copy = tmp_path / "transcriber.js"
    copy.write_bytes((APPS / copy.name).read_bytes())
    with running(number("voice"), tmp_path, *PUBLIC, command=["node", str(copy)]) as app:
        app.until("listening")
        app.control("/calls", {"to": NUMBER, "script": [{"pause": "9s"}]})
        assert app.until("heard") == "heard 3 s at /live"


def test_a_script_of_plain_requests(tmp_path: Path) -> None:
    output, log = ran(PLAN, tmp_path, command=program("notifier.py"))
    refused = ["not called: True", "refused", "not called: True"]
    assert output.splitlines() == [f"{ALICE} completed", "1 call", *refused]
    assert log.count("example.com was not called") == 3


@pytest.mark.parametrize("version", SDK_VERSIONS)
def test_a_dialler_of_node_with_the_sdk_fetch_and_ws(tmp_path: Path, version: str) -> None:
    (tmp_path / "node_modules").symlink_to(node_packages(f"twilio@{version}", "ws@8"))
    copy = tmp_path / "dialler.mjs"
    copy.write_bytes((APPS / copy.name).read_bytes())
    output, log = ran(PLAN, tmp_path, *PUBLIC, command=["node", str(copy)])
    assert output.splitlines() == [
        f"SDK: {ALICE} completed",
        "fetch: 1 call",
        "https: 200",
        "fetch of its own host: <Response><Pause/></Response>",
        f"ws: {NAME}",
        "not called: true",
        "not called: true",
    ]
    assert log.count("example.com was not called") == 2


def test_the_helper_for_tests_of_node(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(node_packages(f"twilio@{SDK_VERSIONS[-1]}", "ws@8"))
    copy = tmp_path / "helped.js"
    copy.write_bytes((APPS / copy.name).read_bytes())
    (tmp_path / "plan.yaml").write_text(PLAN)
    helper = Path(mediasim.__path__[0]) / "sandbox" / "proxy" / "preload" / "node" / "mediasim.cjs"
    done = subprocess.run(
        ["node", str(copy), sys.executable, "-m", "mediasim"],
        cwd=tmp_path,
        env={**environment(), "MEDIASIM_NODE": str(helper)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [ALICE, "ended with 0 undefined", "fetch failed"], done
