"""Parties of a number plan that are RTP endpoints: dialled, heard, recorded in their channel."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.wav import read_wav
from mediasim.documents.diagnostics import ScenarioError
from mediasim.exchange.phone import Phone
from mediasim.media.far_end import FarEndFormat
from mediasim.net.rtp_endpoint import RtpEndpoint
from mediasim.parties.party import Party
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat
from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.config import parse_callee, parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.number_plan import Conflict, act, place_call
from mediasim.sandbox.settings import Settings
from mediasim.truth.measure import find_within

APP, PEER = "+14155550100", "+14155550111"
DIAL = f"<Response><Dial record='record-from-answer-dual'>{PEER}</Dial></Response>"
PATIENCE = 8.0


def settings(endpoint: dict[str, str], **more: Any) -> Settings:
    plan = {
        "numbers": {APP: {"twiml": DIAL}},
        "parties": {
            "alice": {"script": [{"pause": "2s"}, {"noise": {"for": "500ms"}}, "hangup"]},
            "peer": {"number": PEER, "endpoint": endpoint},
        },
    }
    return Settings(config=parse_config(plan, base=Path()), **more)


def until(happens: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := happens():
            return found
        time.sleep(0.02)
    raise AssertionError("it has not happened")


def on_engine(embedded: EmbeddedSandbox, work: Callable[[], Any]) -> Any:
    return embedded.submit(work).result(PATIENCE)


def call(embedded: EmbeddedSandbox, from_: str) -> Any:
    """Somebody calls the app."""
    sandbox, callee = embedded.sandbox, parse_callee({}, base=Path())

    def placed() -> Any:
        service, phones = sandbox.service, sandbox.phones
        return place_call(service, phones, to=APP, from_=from_, callee=callee, scripted=False)

    return on_engine(embedded, placed)


class Peer:
    """Somebody with one RTP port, who answers the first packet with a second of noise."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.at: str = f"127.0.0.1:{self.socket.getsockname()[1]}"
        noise = np.random.default_rng(5).normal(0, 3000, 50 * FRAME_SAMPLES).astype(np.int16)
        self.said = ulaw_decode(ulaw_encode(noise))
        self.heard: list[bytes] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def _live(self) -> None:
        sender = RtpSender("PCMU", ssrc=9, first_sequence=1, first_timestamp=1)
        (packets,) = sender.packets(self.said.reshape(-1, FRAME_SAMPLES), 0)
        waiting = [packet.tobytes() for packet in packets]
        while not self._over.is_set():
            try:
                packet, sender_at = self.socket.recvfrom(2048)
            except (TimeoutError, ConnectionError):
                continue
            self.heard.append(packet)
            if waiting:  # one for one: the server's own pace
                self.socket.sendto(waiting.pop(0), sender_at)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.socket.close()


@pytest.mark.realtime
def test_a_dialled_endpoint_is_heard_and_recorded_in_its_channel() -> None:
    peer = Peer()
    try:
        with EmbeddedSandbox(settings({"remote": peer.at})) as embedded:
            with pytest.raises(Conflict, match="peer is an endpoint elsewhere: it can be called"):
                call(embedded, "peer")
            sid = call(embedded, "alice").sid
            service = embedded.sandbox.service
            catalogue = service.catalogue

            def completed() -> Any:
                records = catalogue.recordings()
                return next((it for it in records if it.status == "completed"), None)

            record = until(lambda: on_engine(embedded, completed))
            assert record.call_sid == sid
            pcm = read_wav(service.store.wav_path(record.sid)).pcm
            legs = on_engine(embedded, lambda: [(it.to, it.status) for it in catalogue.calls()])
    finally:
        peer.close()
    assert sorted(legs) == [(APP, "completed"), (PEER, "completed")]
    found = find_within(pcm[1], peer.said, (0, pcm.shape[1]))
    assert found is not None
    assert found.correlation > 0.9, "a packet may be late on a busy machine"
    other = find_within(pcm[0], peer.said, (0, pcm.shape[1]))
    assert other is None or other.correlation < 0.1
    audio = b"".join(each[12:] for each in peer.heard if each[1] == 0)
    received = ulaw_decode(np.frombuffer(audio, np.uint8))
    assert np.abs(received).max() > 1000, "alice's noise"


@pytest.mark.realtime
def test_a_named_port_carries_one_call_at_a_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trying:
        trying.bind(("127.0.0.1", 0))
        port = trying.getsockname()[1] & ~1
    with EmbeddedSandbox(settings({"local": f"127.0.0.1:{port}"})) as embedded:
        catalogue = embedded.sandbox.service.catalogue

        def statuses() -> list[str]:
            calls = on_engine(embedded, lambda: list(catalogue.calls()))
            return sorted(it.status for it in calls if it.to == PEER)

        call(embedded, "+14155550123")
        until(lambda: statuses() == ["in-progress"])
        call(embedded, "+14155550124")
        until(lambda: statuses() == ["busy", "in-progress"])


@pytest.mark.realtime
def test_nobody_acts_for_who_is_not_simulated() -> None:
    with EmbeddedSandbox(settings({"remote": "127.0.0.1:9"})) as embedded:
        sandbox = embedded.sandbox

        def called() -> str:
            loop, format = asyncio.get_running_loop(), FarEndFormat(StreamFormat())
            caller = Party(name="caller", number="+14155550123")
            phone = Phone(caller, far_end=RtpEndpoint(loop, format=format))
            return sandbox.service.place_inbound(caller.number, APP, phone).sid

        sid = on_engine(embedded, called)
        record = on_engine(embedded, lambda: sandbox.service.call_record(sid))
        until(lambda: record.status == "in-progress")
        keys = parse_callee({"script": [{"dtmf": "1"}]}, base=Path())
        with pytest.raises(Conflict, match=r"caller in call CA.* is not simulated"):
            on_engine(embedded, lambda: act(sandbox.service, sandbox.phones, sid, keys))
        gone = parse_callee({"script": ["hangup"]}, base=Path())
        on_engine(embedded, lambda: act(sandbox.service, sandbox.phones, sid, gone))
        until(lambda: record.status == "completed")


def test_it_lives_in_real_time_alone() -> None:
    with pytest.raises(ClockRefuses, match="RTP endpoints live in real time"):
        EmbeddedSandbox(settings({"remote": "127.0.0.1:4"}, clock="virtual"))


def test_it_is_of_the_number_plan() -> None:
    with pytest.raises(ScenarioError, match="parties of the number plan"):
        parse_callee({"endpoint": "127.0.0.1:4"}, base=Path())
