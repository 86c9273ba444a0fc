"""Media streams judged by the frameworks that voice bots are built with.

Each bot is a process of its own, made with the framework's own Twilio transport, and echoes. A
framework that is nowhere (:mod:`framework_bots`) is skipped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_bots import import_path, running_bot
from number_plan import APP_NUMBER, number_plan
from numpy.typing import NDArray
from sandbox_process import Sandbox, running_sandbox
from user_app import UserApp, twiml

pytestmark = pytest.mark.realtime

BOTS = Path(__file__).parent / "stream_bots"
STARTS_IN = 60.0
"""Seconds: these frameworks are large."""


@dataclass(frozen=True)
class Framework:
    """One that a bot is made with."""

    name: str
    package: str
    module: str
    path: str


FRAMEWORKS = (
    Framework("pipecat", "pipecat-ai", "pipecat", "/bot"),
    Framework("fastrtc", "fastrtc", "fastrtc", "/telephone/handler"),
    Framework("vision", "vision-agents-plugins-twilio", "vision_agents.plugins.twilio", "/bot"),
)


@contextmanager
def _bot(framework: Framework, sandbox: Sandbox, folder: Path) -> Iterator[str]:
    """The WebSocket's URL of a bot that runs; what it complains of goes to the folder."""
    paths = import_path(framework.name, framework.module)
    if paths is None:
        pytest.skip(f"{framework.package} is not installed")
    program = BOTS / f"{framework.name}_bot.py"
    with running_bot(program, paths, sandbox.env, folder) as port:
        yield f"ws://127.0.0.1:{port}{framework.path}"


@pytest.fixture(scope="module")
def real_sandbox(
    app_server: UserApp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    folder, config = tmp_path_factory.mktemp("real"), number_plan(app_server.url)
    with running_sandbox("--clock", "real", config=config, folder=folder) as sandbox:
        yield sandbox


def _ended(sandbox: Sandbox, sid: str, most: float = 20.0) -> dict[str, Any]:
    until = time.monotonic() + most
    while time.monotonic() < until:
        calls = sandbox.control("GET", "/calls")["calls"]
        (call,) = [each for each in calls if each["sid"] == sid]
        if call["status"] == "completed":
            return dict(call)
        time.sleep(0.1)
    raise AssertionError("the call does not end")


PIECE = 800


def _alike(said: NDArray[np.int16], heard: NDArray[np.int16]) -> float:
    """How well pieces of 100 ms of what was said are found again, wherever: of the median piece.

    A bot without a buffer of its own leaves gaps where this machine was late; so pieces.
    """
    one, other = said.astype(float), heard.astype(float)
    power = np.concatenate(([0.0], np.cumsum(other**2)))
    local = np.sqrt(np.maximum(power[PIECE:] - power[:-PIECE], 1.0))
    size = 1 << (len(other) + PIECE).bit_length()
    spectrum, found = np.fft.rfft(other, size), []
    for start in range(0, len(one) - PIECE, PIECE):
        piece = one[start : start + PIECE]
        norm = np.linalg.norm(piece)
        if norm > 300 * PIECE**0.5:
            match = np.fft.irfft(spectrum * np.fft.rfft(piece, size).conj(), size)
            found.append(float((match[: len(local)] / (norm * local)).max()))
    return float(np.median(found))


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda each: each.name)
@pytest.mark.timeout(120)
def test_an_echo_bot_of_a_framework(
    real_sandbox: Sandbox, app: UserApp, framework: Framework, tmp_path: Path
) -> None:
    sandbox = real_sandbox
    sandbox.control("POST", "/reset")
    app.auth_token = sandbox.auth_token
    with _bot(framework, sandbox, tmp_path) as url:
        app.replies["/voice"] = twiml(
            '<Start><Recording trim="do-not-trim"/></Start>'
            f'<Connect><Stream url="{url}"/></Connect>'
        )
        script: list[Any] = [{"pause": "1s"}, {"say": "The quick brown fox jumps over the dog."}]
        last: list[Any] = [{"pause": "2s"}, {"dtmf": "#"}, {"pause": "10s"}]
        if framework.name != "pipecat":
            last = [{"pause": "2s"}, "hangup"]
        sid = sandbox.call(APP_NUMBER, "+15550100001", *script, *last)
        call = _ended(sandbox, sid)
    (stream,) = sandbox.control("GET", "/streams")["streams"]
    assert stream["error"] is None, stream["error"]
    assert stream["audio_received_seconds"] > 2
    (recording,) = sandbox.control("GET", "/recordings")["recordings"]
    said, heard = sandbox.samples(recording["sid"])
    assert _alike(said, heard) > 0.9
    begins = [int(np.flatnonzero(np.abs(track) > 300)[0]) for track in (said, heard)]
    assert 0 < begins[1] - begins[0] < 16_000
    notes = [str(note) for note in _notes(sandbox)]
    assert notes == []
    if framework.name == "pipecat":  # it hung up itself, ten seconds before the caller
        assert int(call["duration"]) < 9


def _notes(sandbox: Sandbox) -> list[Any]:
    from judged_client import judged_client

    notes: list[Any] = judged_client(sandbox).notifications.list()
    return notes
