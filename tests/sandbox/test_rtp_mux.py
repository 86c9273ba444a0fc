"""Calls of RTP endpoints go over the batched sockets, and come out sample by sample as sent.

The telephones here answer each packet of the server with one of theirs, so that they keep the
server's pace on a busy machine too.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from serving import Sandbox, serving

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mediasim.audio.wav import read_wav
from mediasim.net.rtp_mux import RtpMux
from mediasim.rtp.packets import HEADER_SIZE
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.telephone_event import event_payloads
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.runner import run_scenario

Samples = NDArray[np.int16]

DECODE = {"PCMU": ulaw_decode, "PCMA": alaw_decode}
ENCODE = {"PCMU": ulaw_encode, "PCMA": alaw_encode}
FRAMES = 40
PATIENCE = 20.0


def said_by(seed: int, codec: str = "PCMU") -> Samples:
    """Noise that the codec does not change."""
    noise = np.random.default_rng(seed).normal(0, 3000, FRAMES * FRAME_SAMPLES)
    heard: Samples = DECODE[codec](ENCODE[codec](noise.astype(np.int16)))
    return heard


def packets_of(said: Samples, codec: str = "PCMU", key: str = "") -> list[bytes]:
    """RTP of what is said, and then of a key."""
    sender = RtpSender(codec, ssrc=9, first_sequence=65_520, first_timestamp=1)
    (audio,) = sender.packets(said.reshape(-1, FRAME_SAMPLES), 0)
    found = [packet.tobytes() for packet in audio]
    for payload, marker, _ in event_payloads(key, 800) if key else ():
        (packet,) = sender.wrap(
            np.frombuffer(payload, np.uint8)[None],
            np.array([len(said)]),
            payload_type=101,
            marker=np.array([marker]),
        )
        found.append(packet.tobytes())
    return found


class Telephone(threading.Thread):
    """Answers each packet that comes with its next one, the later half from another port."""

    def __init__(self, packets: Sequence[bytes]) -> None:
        super().__init__(daemon=True)
        self._waiting = list(packets)
        self._half = len(packets) // 2
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for made in self._sockets:
            made.bind(("127.0.0.1", 0))
            made.settimeout(0.1)
        self.at = f"127.0.0.1:{self._sockets[0].getsockname()[1]}"
        self.heard: list[bytes] = []
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                packet, server = self._sockets[0].recvfrom(2048)
            except TimeoutError:
                continue
            self.heard.append(packet)
            if self._waiting:
                later = len(self._waiting) <= self._half
                self._sockets[later].sendto(self._waiting.pop(0), server)

    def stop(self) -> None:
        self._over.set()
        self.join()
        for made in self._sockets:
            made.close()

    def audio(self, codec: str) -> Samples:
        """What it was sent, less what the network lost."""
        number = CODECS[codec].payload_type
        rtp = b"".join(each[HEADER_SIZE:] for each in self.heard if each[1] == number)
        heard: Samples = DECODE[codec](np.frombuffer(rtp, np.uint8))
        return heard


@contextmanager
def telephones(*packets: Sequence[bytes]) -> Iterator[list[Telephone]]:
    made = [Telephone(each) for each in packets]
    for each in made:
        each.start()
    try:
        yield made
    finally:
        for each in made:
            each.stop()


def start_of(sound: Samples, track: Samples) -> int | None:
    """Where a sound stands in a track, each of its samples in its place; None if nowhere."""
    for start in np.flatnonzero(track == sound[0]).tolist():
        if np.array_equal(track[start : start + len(sound)], sound):
            return int(start)
    return None


def call(peer: dict[str, Any], codec: str) -> dict[str, Any]:
    """Alice makes a noise and hangs up after a while; the peer hears it."""
    script = [{"noise": {"for": "500ms"}}, {"pause": "900ms"}, "hangup"]
    return {
        "parties": {"alice": {"script": script, "codec": codec}, "peer": {**peer, "codec": codec}},
        "call": {"from": "alice", "to": "peer", "recording": "dual", "answer": "0s"},
    }


@pytest.mark.realtime
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_run_in_real_time_records_an_endpoint_sample_by_sample(
    codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = said_by(1, codec)
    received, receive = [0], RtpMux.receive

    def counted(self: RtpMux, known_before: int) -> Iterator[Any]:
        for rows, block in receive(self, known_before):
            received[0] += len(rows)
            yield rows, block

    monkeypatch.setattr(RtpMux, "receive", counted)
    with telephones(packets_of(said, codec, key="5")) as (phone,):
        peer = {"endpoint": {"remote": phone.at}}
        run = run_scenario(parse_scenario(call(peer, codec)), tmp_path / "real", realtime=True)
    virtual = run_scenario(parse_scenario(call({}, codec)), tmp_path / "virtual")
    alice, theirs = pcm_of(run)
    simulated, _ = pcm_of(virtual)
    assert start_of(said, theirs) is not None
    assert np.array_equal(alice, simulated), "her channel is as it is in virtual time"
    words = simulated[np.flatnonzero(simulated)[0] :]
    words = words[: np.flatnonzero(words)[-1] + 1]
    assert start_of(words, phone.audio(codec)) is not None, "and it heard every sample of it"
    leg = run.exchange.calls[1]
    assert [digit for _, digit in leg.digits] == ["5"]
    assert run.exchange.plane.reception(leg.leg).lost == 0
    assert received[0] >= FRAMES + 5, "all of it came over the batch"
    assert (leg.leg.source, leg.leg.sink) == (None, None)


def pcm_of(run: Any) -> Samples:
    recording = run.exchange.recordings[0]
    pcm: Samples = read_wav(run.exchange.store.wav_path(recording.sid)).pcm
    return pcm


@pytest.mark.realtime
@pytest.mark.parametrize("lines", ["memory", "shared"])
def test_serve_bridges_and_records_endpoints_sample_by_sample(lines: str, tmp_path: Path) -> None:
    """Several calls at once, each with two telephones elsewhere."""
    calls = 3
    said = [said_by(10 + leg) for leg in range(2 * calls)]
    with telephones(*map(packets_of, said)) as phones:
        parties = {
            f"leg{leg}": {"number": number_of(leg), "endpoint": {"remote": phone.at}}
            for leg, phone in enumerate(phones)
        }
        plan = tmp_path / "plan.yaml"
        plan.write_text(json.dumps({"parties": parties}), "utf-8")
        options = ("--config", str(plan), "--data", str(tmp_path / "data"), "--lines", lines)
        with serving(*options) as sandbox:
            sids = [place(sandbox, call) for call in range(calls)]
            until(lambda: all(len(phone.heard) > FRAMES + 20 for phone in phones))
            for sid in sids:
                sandbox.rest("POST", f"/Calls/{sid}.json", Status="completed")
            recorded = [recording_of(sandbox, sid, tmp_path) for sid in sids]
    for number, channels in enumerate(recorded):
        legs = 2 * number, 2 * number + 1
        for channel, leg in zip(channels, legs, strict=True):
            assert start_of(said[leg], channel) is not None
        for leg, other in (legs, legs[::-1]):
            assert start_of(said[other], phones[leg].audio("PCMU")) is not None


def number_of(leg: int) -> str:
    return f"+1415555011{leg}"


def place(sandbox: Sandbox, call: int) -> str:
    dial = f"<Dial record='record-from-answer-dual'>{number_of(2 * call + 1)}</Dial>"
    twiml = f"<Response>{dial}</Response>"
    to, from_ = number_of(2 * call), "+14155550100"
    sid: str = sandbox.rest("POST", "/Calls.json", To=to, From=from_, Twiml=twiml)["sid"]
    return sid


def recording_of(sandbox: Sandbox, sid: str, folder: Path) -> Samples:
    """A call's recording, downloaded."""

    def completed() -> Any:
        found = sandbox.rest("GET", f"/Calls/{sid}/Recordings.json")["recordings"]
        return next((each for each in found if each["status"] == "completed"), None)

    recording = until(completed)["sid"]
    file = folder / f"{recording}.wav"
    file.write_bytes(sandbox.download(f"/Recordings/{recording}.wav?RequestedChannels=2"))
    pcm: Samples = read_wav(file).pcm
    return pcm


def until(happens: Any) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := happens():
            return found
        time.sleep(0.05)
    raise AssertionError("it has not happened")
