"""``mediasim worker``: workers that join a front by its URL, as from another machine."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from serving import App, Sandbox, app, eventually, serving
from softphones import babble, found_at, read_wav, write_wav
from websockets.asyncio.client import connect

from mediasim import __version__
from mediasim.sandbox.config import load_config
from mediasim.sandbox.fleet.joining import serve_worker
from mediasim.sandbox.fleet.orders import Orders, OrdersRefused, file_text, read_orders
from mediasim.sandbox.settings import Settings
from mediasim.truth.faults.order import parse_fault
from mediasim.twilio.fault_injection import FaultRule

pytestmark = pytest.mark.realtime
TOKEN = "a-token-of-the-fleet"
APP, BOB = "+14155550100", "+14155550102"
PLAN = f"""
parties:
  bob:
    number: "{BOB}"
    script: [{{play: clips/bob.wav}}, {{pause: 600s}}]
    answer: {{after: 0s}}
recordings: {{processing: 0s}}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    folder = tmp_path / "plan"
    (folder / "clips").mkdir(parents=True)
    write_wav(folder / "clips/bob.wav", babble(1, 1.5), 8000)
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    return folder / "plan.yaml"


@contextmanager
def joined(front: str, data: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """``mediasim worker``, whose lines are read from its output."""
    command = [sys.executable, "-m", "mediasim", "worker", "--front", front, "--data", str(data)]
    known = {**os.environ, "MEDIASIM_SPEECH": "babble", "MEDIASIM_TOKEN": TOKEN, **environment}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=known
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def says(process: subprocess.Popen[str], words: str) -> str:
    """Wait for a line with these words."""
    assert process.stdout is not None
    seen = list[str]()
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return line
    raise AssertionError(f"it never said {words!r}: {''.join(seen)}")


@pytest.fixture
def user_app() -> Iterator[App]:
    with app() as found:
        yield found


def place(sandbox: Sandbox, user_app: App) -> str:
    """Place a call that is recorded until it ends."""
    told = f"recordingStatusCallback='{user_app.url}/done'"
    sid: str = sandbox.rest(
        "POST",
        "/Calls.json",
        To=BOB,
        From=APP,
        Twiml=f"<Response><Start><Recording {told}/></Start><Pause length='600'/></Response>",
        StatusCallback=f"{user_app.url}/status",
    )["sid"]
    return sid


def status(sandbox: Sandbox, sid: str) -> str:
    found: str = sandbox.rest("GET", f"/Calls/{sid}.json")["status"]
    return found


def recording(sandbox: Sandbox, call: str) -> Any:
    """The call's recording, as the API has it."""
    where = f"/Calls/{call}/Recordings.json"
    return eventually(lambda: sandbox.rest("GET", where)["recordings"])[0]


def has_recorded(sandbox: Sandbox, data: Path, call: str) -> None:
    """Wait until two seconds of a call's recording are in the spool of a worker."""
    part = data / f"spool/{recording(sandbox, call)['sid']}.part"
    eventually(
        lambda: part.exists() and part.stat().st_size > 32_000, lambda: list(data.rglob("*"))
    )


def is_bobs(sandbox: Sandbox, found: Any) -> bool:
    """Whether a recording, downloaded of the front, has what bob plays."""
    heard = read_wav(sandbox.download(f"/Recordings/{found['sid']}.wav"))[:, 0]
    return bool(found_at(babble(1, 1.5)[:8000], heard)[0] > 0.95)


@pytest.mark.skipif(find_spec("obstore") is None, reason="obstore is not installed")
def test_workers_come_and_go(plan: Path, tmp_path: Path, user_app: App) -> None:
    """One joins, dies, comes back with what it recorded; its front dies, and it joins again."""
    state = ("--data", str(tmp_path / "front"), "--media", f"file://{tmp_path / 'store'}")
    options = ("--config", str(plan), "--workers", "0", *state)
    data = tmp_path / "worker"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDIASIM_TOKEN", TOKEN)
        with serving(*options) as front:
            health = front.control("GET", "/health")
            assert (health["status"], health["fleet"]) == ("degraded", [])
            with joined(front.url, tmp_path / "other", MEDIASIM_TOKEN="another-token") as refused:
                says(refused, "refuses this worker: expected its own token in the environment's")
                assert refused.wait() == 2
            assert "the same" in asyncio.run(_hello(front.url, {"version": "0.0.1"}))["refused"]
            with joined(front.url, data) as worker:
                says(worker, f"worker 1 of {front.url}")
                first = place(front, user_app)
                health = front.control("GET", "/health")
                [there] = health["fleet"]
                assert health["status"] == "ok"
                assert (there["number"], there["joined"], there["calls"]) == (1, True, 1)
                has_recorded(front, data, first)
                front.rest("POST", f"/Calls/{first}.json", Status="completed")
                eventually(lambda: recording(front, first)["status"] == "completed")
                assert is_bobs(front, recording(front, first))
                second = place(front, user_app)
                has_recorded(front, data, second)
                worker.kill()
            eventually(lambda: status(front, second) == "completed")
            assert recording(front, second)["status"] == "processing"  # it may come back
            with joined(front.url, data) as worker:
                says(worker, f"worker 2 of {front.url}")
                eventually(lambda: recording(front, second)["status"] == "completed")
                assert is_bobs(front, recording(front, second))
                eventually(lambda: len(user_app.of("/done")) == 2)
                third = place(front, user_app)
                has_recorded(front, data, third)
                front.process.kill()
                says(worker, "is lost: its calls have ended here, and it is joined again")
                port = front.url.rsplit(":", 1)[1]
                with serving(*options, "--port", port) as again:
                    says(worker, f"worker 1 of {front.url}")
                    eventually(lambda: recording(again, third)["status"] == "completed")
                    assert is_bobs(again, recording(again, third))
                    assert status(again, third) == "completed"
                    eventually(lambda: len(user_app.of("/done")) == 3)
                    fourth = place(again, user_app)
                    assert fourth not in (first, second, third)
                    has_recorded(again, data, fourth)
                    worker.send_signal(signal.SIGTERM)  # it publishes what it was recording
                    assert worker.wait() == 0
                    eventually(lambda: recording(again, fourth)["status"] == "completed")
                    assert is_bobs(again, recording(again, fourth))
                    assert again.control("GET", "/health")["fleet"] == []
    told = [(each["CallSid"], each["CallStatus"]) for each in user_app.of("/status")]
    assert sorted(told) == sorted((sid, "completed") for sid in (first, second, third, fourth))


async def _hello(front: str, said: dict[str, str], token: str = TOKEN) -> Any:
    """What a front answers a worker that says this of itself."""
    url = front.replace("http", "ws", 1) + "/_mediasim/workers"
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        hello = {"version": __version__, "id": "x", "host": "here", **said}
        await socket.send("." + json.dumps(hello))
        return json.loads(str(await socket.recv())[1:])


def answered(token: str, hello: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """What a sandbox without workers sends on the WebSocket of one that would join."""
    said = {"version": __version__, "id": "x", "host": "here"} if hello is None else hello
    messages = iter(
        [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "." + json.dumps(said)},
            {"type": "websocket.disconnect"},
        ]
    )
    sent = list[dict[str, Any]]()

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "headers": [(b"authorization", f"Bearer {token}".encode())]}
    asyncio.run(serve_worker(None, TOKEN, scope, receive, send))
    return sent


def test_who_may_not_join_is_told() -> None:
    assert [each["type"] for each in answered("another")] == ["websocket.close"]
    _, refused, _ = answered(TOKEN)
    assert "carries its calls itself: expected one that was started with" in refused["text"]
    _, refused, _ = answered(TOKEN, {"version": "0.0.1", "id": "x", "host": "here"})
    assert f"the front is mediasim {__version__}, the worker 0.0.1" in refused["text"]
    assert [each["type"] for each in answered(TOKEN, {"version": "0.0.1"})] == [
        "websocket.accept",
        "websocket.close",
    ]


def orders_of(plan: Path, **of_settings: Any) -> dict[str, Any]:
    """The orders of a front with this plan, as they come out of JSON."""
    settings = Settings(config=load_config(plan), data=None, **of_settings)
    rule = FaultRule(webhook_delay_ns=(1, 2), recorder_faults=(parse_fault("swapped"),))
    orders = Orders(settings, "http://front:8080", 3, [("1", rule)], logged=True)
    document: dict[str, Any] = json.loads(json.dumps(orders.to_json()))
    return document


def read(document: dict[str, Any], folder: Path, plan: Path) -> Orders:
    """Read orders, with the files of a front that has this plan."""

    async def fetch(path: str) -> bytes:
        return base64.b64decode(file_text(load_config(plan), path))

    return asyncio.run(read_orders(document, folder, fetch))


def test_orders_arrive_as_they_were_given(plan: Path, tmp_path: Path) -> None:
    given = orders_of(plan, spread="numbers", hosts=("a.example",), seed_override=7)
    found = read(given, tmp_path, plan)
    assert found.settings.hosts == ("a.example",)
    assert (found.settings.seed, found.settings.spread, found.boot) == (7, "numbers", 3)
    assert found.settings.config.base == plan.parent
    assert found.settings.config.parties == load_config(plan).parties
    [(name, rule)] = found.fault_rules
    assert (name, rule.webhook_delay_ns, str(rule.recorder_faults[0])) == ("1", (1, 2), "swapped")


def test_files_of_the_config_are_fetched_where_they_are_missing(plan: Path, tmp_path: Path) -> None:
    given = orders_of(plan)
    given["base"] = "/a/folder/of/the/front"
    found = read(given, tmp_path / "worker", plan)
    base = found.settings.config.base
    assert base == tmp_path / "worker/files"
    assert (base / "clips/bob.wav").read_bytes() == (plan.parent / "clips/bob.wav").read_bytes()
    assert (
        file_text(load_config(plan), "/etc/passwd") == ""
    )  # what it does not name it does not get
    (base / "clips/bob.wav").write_bytes(b"changed")
    read(given, tmp_path / "worker", plan)
    assert (base / "clips/bob.wav").read_bytes() == (plan.parent / "clips/bob.wav").read_bytes()
    given["files"] = {"/a/folder/bob.wav": "0"}
    with pytest.raises(OrdersRefused, match=r"/a/folder/bob\.wav is not here as the front has it"):
        read(given, tmp_path / "worker", plan)
