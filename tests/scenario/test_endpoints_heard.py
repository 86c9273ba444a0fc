"""What endpoints elsewhere press and say: telephone events, and codecs by ffmpeg's encoders."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner
from udp_ports import free_port, wait_until_open

import mediasim
from mediasim.audio.wav import write_wav
from mediasim.cli import app
from mediasim.rtp.telephone_event import event_payloads
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.simulate import Result
from mediasim.truth.measure import find_within

FFMPEG = shutil.which("ffmpeg")


def play(endpoint: dict[str, Any], codec: str, script: list[Any], directory: Path) -> Result:
    peer = {"endpoint": endpoint, "codec": codec, "network": {"jitter_buffer": "200ms"}}
    scenario = {
        "parties": {"alice": {"script": script}, "peer": peer},
        "call": {"from": "alice", "to": "peer", "recording": "dual"},
    }
    return mediasim.simulate(
        parse_scenario(scenario, base=directory), directory=directory / "out", realtime=True
    )


@pytest.mark.realtime
def test_a_digit_pressed_elsewhere_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    script = [{"wait_for": {"digit": "7", "timeout": "5s"}}, "hangup"]

    def press() -> None:
        wait_until_open(port)
        time.sleep(0.3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sends:
            for number, (payload, marker, _) in enumerate(event_payloads("7", 800)):
                head = bytes([0x80, marker << 7 | 97]) + (100 + number).to_bytes(2, "big")
                packet = head + bytes(4) + b"peer" + payload
                sends.sendto(packet, ("127.0.0.1", port))
                time.sleep(0.02)

    pressing = threading.Thread(target=press, daemon=True)
    pressing.start()
    result = play({"local": f"127.0.0.1:{port}", "dtmf": 97}, "PCMU", script, tmp_path)
    pressing.join()
    assert result.ok, result.verdicts
    lasted = result.recording().pcm.shape[1] / 8000
    assert 0.2 < lasted < 4.0, "the key ended the wait, not its timeout"


@pytest.mark.realtime
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize(
    ("codec", "encoder", "number", "least"),
    [("PCMA", "pcm_alaw", 8, 0.95), ("G722", "g722", 9, 0.95), ("OPUS", "libopus", 111, 0.9)],
)
def test_codecs_by_other_encoders(
    tmp_path: Path, codec: str, encoder: str, number: int, least: float
) -> None:
    assert FFMPEG is not None
    port = free_port()
    rate = {"OPUS": 48_000, "G722": 16_000}.get(codec, 8000)
    said = np.random.default_rng(3).normal(0, 3000, 8000).astype(np.int16)
    slow = np.convolve(said, np.hanning(9) / np.hanning(9).sum(), "same").astype(np.int16)
    write_wav(tmp_path / "said.wav", slow[None])
    source = f"amovie={tmp_path / 'said.wav'},aresample={rate},asetnsamples=n={rate // 50}"
    sends: list[subprocess.Popen[bytes]] = []

    def speak() -> None:
        wait_until_open(port)
        command = [FFMPEG, "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", source]
        command += ["-c:a", encoder, "-payload_type", str(number), "-f", "rtp"]
        sends.append(
            subprocess.Popen([*command, f"rtp://127.0.0.1:{port}?localrtpport={free_port()}"])
        )

    speaking = threading.Thread(target=speak, daemon=True)
    speaking.start()
    result = play({"local": f"127.0.0.1:{port}"}, codec, [{"pause": "2500ms"}, "hangup"], tmp_path)
    speaking.join()
    assert sends[0].wait(10) == 0
    assert result.ok, result.verdicts
    pcm = result.recording().pcm
    found = find_within(pcm[1], slow, (0, pcm.shape[1]))
    assert found is not None
    assert found.correlation > least
    assert not pcm[0].any(), "alice has said nothing"
    stream = result.report["calls"][1]["streams"][0]
    assert stream["lost"] == 0, stream
    assert stream["received"] >= 45, stream
    assert 0 < stream["jitter_ms"] < 30, stream


def test_virtual_time_is_refused_where_the_party_is_written(tmp_path: Path) -> None:
    file = tmp_path / "call.yaml"
    file.write_text(
        "parties:\n  alice: {}\n  peer: {endpoint: 127.0.0.1:4}\ncall: {from: alice, to: peer}\n"
    )
    done = CliRunner().invoke(app, ["run", str(file), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "call.yaml:3" in done.stderr
    assert "--realtime" in done.stderr
