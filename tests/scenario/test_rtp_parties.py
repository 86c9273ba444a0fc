"""Parties that are not simulated: ffmpeg plays and records as a leg of a call, in real time."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner
from udp_ports import free_port, wait_until_open

import mediasim
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.levels import set_level
from mediasim.audio.tones import noise
from mediasim.audio.wav import write_wav
from mediasim.cli import app
from mediasim.documents.diagnostics import ScenarioError
from mediasim.net.sdp import answer, parse_sdp
from mediasim.rtp.sender import RtpSender
from mediasim.scenario.model.load import load_scenarios, parse_scenario
from mediasim.scenario.running.simulate import Result
from mediasim.truth.measure import find_within
from mediasim.truth.reference import coded

CALIBRATION = Path(__file__).parents[2] / "scenarios/calibration.yaml"
FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")


def words(seed: int, seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    samples = round(seconds * 8000)
    made = np.random.default_rng(seed).normal(0, 3000, samples).astype(np.int16)
    return set_level(made, -20.0)


def ffmpeg(*arguments: str | Path) -> subprocess.Popen[bytes]:
    assert FFMPEG is not None
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def play(scenario: dict[str, Any], directory: Path) -> Result:
    return mediasim.simulate(
        parse_scenario(scenario, base=directory), directory=directory / "out", realtime=True
    )


def call(endpoint: dict[str, Any] | str, *steps: Any, codec: str = "PCMU") -> dict[str, Any]:
    return {
        "parties": {
            "alice": {"script": list(steps)},
            "peer": {"endpoint": endpoint, "codec": codec, "network": {"jitter_buffer": "200ms"}},
        },
        "call": {"from": "alice", "to": "peer", "recording": "dual"},
        "expect": [{"heard": {"party": "peer", "channel": 2}}],
    }


@pytest.mark.realtime
@needs_ffmpeg
def test_what_ffmpeg_plays_is_in_its_channel_and_it_hears_the_other(tmp_path: Path) -> None:
    local, remote = free_port(), free_port()
    said = words(1, 1.0)
    write_wav(tmp_path / "said.wav", said[None])
    write_wav(tmp_path / "hello.wav", words(2, 1.0)[None])
    endpoint = {"local": f"127.0.0.1:{local}", "remote": f"127.0.0.1:{remote}"}
    scenario = call(endpoint, {"pause": "900ms"}, {"play": "hello.wav"}, {"pause": "900ms"})
    described = CliRunner().invoke(app, ["sdp", str(yaml_of(scenario, tmp_path)), "--of-peer"])
    (tmp_path / "peer.sdp").write_text(described.output)
    hears = ffmpeg(
        *("-protocol_whitelist", "file,udp,rtp", "-i", tmp_path / "peer.sdp", "-t", "2.4"),
        *("-f", "s16le", tmp_path / "heard.pcm"),
    )
    url = f"rtp://127.0.0.1:{local}?localrtpport={free_port()}&pkt_size=172"

    def plays() -> int:
        wait_until_open(local)
        # Frames of 20 ms, or it sends bursts of some at a time.
        source = f"amovie={tmp_path / 'said.wav'},asetnsamples=n={FRAME_SAMPLES}"
        sends = ffmpeg("-re", "-f", "lavfi", "-i", source, "-c:a", "pcm_mulaw", "-f", "rtp", url)
        return sends.wait(10)

    with ThreadPoolExecutor() as pool:
        playing = pool.submit(plays)
        result = play(scenario, tmp_path)
    assert playing.result() == 0
    assert hears.wait(10) == 0, hears.communicate()[1]

    assert result.ok, result.verdicts
    recording = result.recording()
    found = find_within(recording.pcm[1], coded(said, "PCMU"), (0, recording.pcm.shape[1]))
    assert found is not None
    assert found.correlation > 0.9, "in its place; a packet may be late on a busy machine"
    other = find_within(recording.pcm[0], coded(said, "PCMU"), (0, recording.pcm.shape[1]))
    assert other is None or other.correlation < 0.1
    assert recording.truth is not None
    assert [channel.unscripted for channel in recording.truth.channels] == [(), ("peer",)]

    hello = coded(coded(words(2, 1.0), "PCMU"), "PCMU")
    received = np.fromfile(tmp_path / "heard.pcm", "<i2")
    at_peer = find_within(received, hello, (0, len(received)))
    assert at_peer is not None
    assert at_peer.correlation > 0.9, "by ffmpeg's decoder"
    stream = result.report["calls"][1]["streams"][0]
    assert stream["lost"] == 0
    assert stream["received"] >= 50


def yaml_of(scenario: dict[str, Any], directory: Path) -> Path:
    import yaml

    file = directory / "scenario.yaml"
    file.write_text(yaml.safe_dump(scenario), "utf-8")
    return file


class Peer(threading.Thread):
    """Somebody who sends noise for two seconds, from a port that nobody was told."""

    def __init__(self, to: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self._to = to
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.received: list[bytes] = []

    def run(self) -> None:
        sender = RtpSender("PCMA", ssrc=3, payload_type=8, first_sequence=65500, first_timestamp=7)
        said = noise("white", 100 * FRAME_SAMPLES, -20, np.random.default_rng(1))
        (audio,) = sender.packets(said.reshape(-1, FRAME_SAMPLES), 0)
        wait_until_open(self._to[1])
        began = time.monotonic()
        self._socket.setblocking(False)
        for number, packet in enumerate(audio):
            time.sleep(max(0.0, began + number * 0.02 - time.monotonic()))
            self._socket.sendto(packet.tobytes(), self._to)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.received.append(self._socket.recv(2048))
        self._socket.close()


@pytest.mark.realtime
def test_it_latches_onto_whoever_sends(tmp_path: Path) -> None:
    local = free_port()
    endpoint = {"local": f"127.0.0.1:{local}"}
    peer = Peer(("127.0.0.1", local))
    peer.start()
    tone = {"tone": {"hz": 440, "for": "600ms", "level": -10}}
    result = play(call(endpoint, {"pause": "300ms"}, tone, "hangup", codec="PCMA"), tmp_path)
    peer.join()
    assert result.ok, result.verdicts
    assert {packet[1] & 127 for packet in peer.received if packet[1] < 192} == {8}
    assert len(peer.received) > 20


def test_virtual_time_is_refused(tmp_path: Path) -> None:
    file = yaml_of(call("127.0.0.1:6004"), tmp_path)
    done = CliRunner().invoke(app, ["run", str(file), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "parties.peer: is an endpoint elsewhere" in done.stderr
    assert "--realtime" in done.stderr
    with pytest.raises(ScenarioError, match="--realtime"):
        mediasim.simulate(parse_scenario(call("127.0.0.1:6004")))


def test_its_session_description_can_be_answered(tmp_path: Path) -> None:
    scenario = call({"local": "127.0.0.1:5004", "payload_type": 96}, codec="OPUS")
    done = CliRunner().invoke(app, ["sdp", str(yaml_of(scenario, tmp_path))])
    assert done.exit_code == 0
    made, format = answer(parse_sdp(done.output), "127.0.0.1", 7000)
    assert (format.codec, format.payload_type) == ("OPUS", 96)
    (tmp_path / "theirs.sdp").write_text(made.text())
    scenario["parties"]["peer"]["endpoint"] = {"local": "127.0.0.1:5004", "sdp": "theirs.sdp"}
    done = CliRunner().invoke(app, ["sdp", str(yaml_of(scenario, tmp_path)), "--of-peer"])
    again = parse_sdp(done.output)
    assert (again.port, again.find("OPUS")) == (7000, 96)


def test_the_calibration_for_others_plays_what_ours_plays() -> None:
    """So that the truth of the one holds for a recording of the other."""
    (ours,) = load_scenarios([CALIBRATION])
    (theirs,) = load_scenarios([CALIBRATION.parent / "endpoints/calibration.yaml"])
    assert theirs.name == ours.name
    for name in ("left", "right"):
        plain = repr(theirs.parties[name].script).replace("../clips", "clips")
        assert plain == repr(ours.parties[name].script)


@pytest.mark.parametrize(
    ("party", "message"),
    [
        ({"endpoint": "nowhere"}, "expected HOST:PORT, found 'nowhere'"),
        ({"endpoint": {"local": "h:99999"}}, "expected HOST:PORT"),
        ({"endpoint": {"sdp": "missing.sdp"}}, "there is no file"),
        ({"endpoint": {"sdp": "wrong.sdp"}}, "expected v=0 in the first line"),
        ({"endpoint": {"sdp": "right.sdp", "remote": "h:1"}}, "expected remote or sdp"),
        ({"endpoint": "h:1", "script": [{"say": "x"}]}, "an endpoint elsewhere is not simulated"),
        ({"endpoint": "h:1", "network": {"loss": 0.1}}, "network.loss: expected none"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, party: dict[str, Any], message: str) -> None:
    (tmp_path / "wrong.sdp").write_text("hello")
    (tmp_path / "right.sdp").write_text("v=0\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 0\n")
    scenario = {"parties": {"a": {}, "b": party}, "call": {"from": "a", "to": "b"}}
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(scenario, base=tmp_path)


def test_the_party_of_a_description_has_to_be_named(tmp_path: Path) -> None:
    simulated = {"parties": {"a": {}, "b": {}}, "call": {"from": "a", "to": "b"}}
    done = CliRunner().invoke(app, ["sdp", str(yaml_of(simulated, tmp_path))])
    assert done.exit_code == 2
    assert "there are: none" in done.stderr
    done = CliRunner().invoke(app, ["sdp", str(yaml_of(call("127.0.0.1:4"), tmp_path))])
    assert done.exit_code == 2
    assert "expected local with a port" in done.stderr
