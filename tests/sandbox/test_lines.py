"""Simulated parties' packets over sockets: the recording is the same as in memory."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from serving import app, serving
from typer.testing import CliRunner

from mediasim.audio.wav import read_wav
from mediasim.cli import app as commands
from mediasim.sandbox.clocks import ClockRefuses, make_clock

PLAN = """\
numbers:
  "+14155550100": {{voice_url: "{url}/voice"}}
parties:
  alice: {{script: [{{tone: {{hz: 440, for: 2s}}}}, hangup]}}
"""


@pytest.mark.realtime
@pytest.mark.parametrize("lines", ["ports", "shared"])
def test_who_is_called_over_sockets_is_heard_and_recorded(tmp_path: Path, lines: str) -> None:
    with app(voice="<Start><Recording/></Start><Pause length='60'/>") as user_app:
        config = tmp_path / "plan.yaml"
        config.write_text(PLAN.format(url=user_app.url), "utf-8")
        data = tmp_path / "data"
        options = ("--data", str(data), "--config", str(config), "--lines", lines)
        with serving(*options, "--rate", "4") as sandbox:
            sandbox.control("POST", "/calls", {"to": "+14155550100", "from": "alice"})
            deadline = time.monotonic() + 15
            while not (wavs := list((data / "recordings").glob("*.wav"))):
                assert time.monotonic() < deadline
                time.sleep(0.05)
    heard = read_wav(wavs[0]).pcm
    sounding = np.flatnonzero(np.abs(heard.astype(np.int32)).max(axis=0) > 1000)
    assert 1.5 * 8000 < sounding[-1] - sounding[0] < 2.5 * 8000


@pytest.mark.parametrize("clock", ["virtual", "manual"])
def test_sockets_need_the_real_clock(clock: str) -> None:
    with pytest.raises(ClockRefuses, match="lines are in memory; sockets need --clock real"):
        make_clock(clock, lines="shared")  # type: ignore[arg-type]


def test_a_shared_socket_is_for_real_time() -> None:
    ended = CliRunner().invoke(commands, ["run", "nothing.yaml", "--shared-socket"])
    assert ended.exit_code == 2
    assert "--shared-socket says how packets travel with --realtime" in ended.stderr
