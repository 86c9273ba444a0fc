"""Datagrams changed at random, of every protocol, at a server that carries a call meanwhile.

Each example of hypothesis is a volley at a live port; afterwards the call still hears and is heard,
a new one is answered, and health says that all is well.
"""

from __future__ import annotations

import json
import logging
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sip_stage import Phone, SipStage, media_of, noise, place_of, sip_sandbox
from torture_messages import MESSAGES

pytestmark = pytest.mark.realtime

NUMBER = "+14155550100"
TWIML = "<Start><Recording channels='dual' trim='do-not-trim'/></Start><Pause length='60'/>"
CORPUS = [data for data, _ in MESSAGES.values()]
VOLLEYS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox({NUMBER: TWIML}, {"alice": "secret"}) as found:
        yield found


class Talk:
    """A call under way, and where its packets go."""

    def __init__(self, stage: SipStage) -> None:
        self.stage = stage
        self.phone = Phone(stage, said=noise(51, 60.0))
        self.aim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.rtp = media_of(self.phone.call(NUMBER))
            stage.until(lambda: len(self.phone.rtp.heard) > 5, "hearing it")
        except BaseException:
            self.close()
            raise

    def send(self, data: bytes, port: int) -> None:
        self.aim.sendto(data, ("127.0.0.1", port))

    def check(self) -> None:
        """It goes on, and others are served."""
        self.phone.sequence = 2**31 - 10  # above whatever a changed request has said
        self.phone.request("INVITE", body=self.phone.sdp())
        self.phone.acknowledge(self.phone.expect("SIP/2.0 200", f"{2**31 - 9} INVITE"))
        before = len(self.phone.rtp.heard)
        self.stage.until(lambda: len(self.phone.rtp.heard) > before + 5, "hearing it still")
        said = noise(52, 0.8)
        with Phone(self.stage, said=said) as other:
            other.call(NUMBER)
            time.sleep(1.1)
            other.hang_up()
        call = next(
            call
            for call in self.stage.calls()
            if call.sip is not None and call.sip.call_id == other.call_id
        )
        _, pcm = self.stage.recording_of(call)
        assert place_of(pcm[0], said)[1] > 0.85
        url = f"{self.stage.embedded.base_url}/_mediasim/health"
        with build_opener(ProxyHandler({})).open(url, timeout=4) as answer:
            health: dict[str, Any] = json.load(answer)
        assert (health["status"], health["sip"]) == ("ok", "ok")

    def close(self) -> None:
        self.phone.__exit__()
        self.aim.close()


@pytest.fixture
def talk(stage: SipStage, caplog: pytest.LogCaptureFixture) -> Iterator[Talk]:
    caplog.set_level(logging.WARNING)
    made = Talk(stage)
    try:
        yield made
        made.check()
        made.phone.hang_up()
    finally:
        made.close()
    told = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [each.getMessage() for each in told if each.exc_info or each.name == "asyncio"] == []


def changed(corpus: list[bytes]) -> st.SearchStrategy[bytes]:
    """A datagram of the corpus with some stretches replaced, or noise."""
    piece = st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\r\n", b"\0", b"<", b";;", b",", b'"', b"65536", b"%00", b"\xff" * 9]),
    )
    cuts = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), piece), min_size=1, max_size=4)

    def made(data: bytes, at: list[tuple[float, int, bytes]]) -> bytes:
        for place, length, put in at:
            start = int(place * len(data))
            data = data[:start] + put + data[start + length :]
        return data[:60_000]

    return st.one_of(st.builds(made, st.sampled_from(corpus), cuts), st.binary(max_size=80))


def volleys(corpus: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(changed(corpus), min_size=1, max_size=40)


def in_the_call(phone: Phone) -> list[bytes]:
    """Requests of a call as its telephone sends them."""
    made: list[bytes] = []
    for method, body, kind in (
        ("INVITE", phone.sdp(formats="8 0 101"), "application/sdp"),
        ("UPDATE", phone.sdp("sendonly"), "application/sdp"),
        ("INFO", "Signal=1\r\nDuration=100", "application/dtmf-relay"),
        ("ACK", "", ""),
        ("OPTIONS", "", ""),
    ):
        phone.sequence += 500
        made.append(phone.request(method, body=body, kind=kind).encode())
    return made


def test_sip(talk: Talk) -> None:
    corpus = [*CORPUS, *(each.replace(b"BYE", b"OPTIONS") for each in in_the_call(talk.phone))]

    @VOLLEYS
    @given(volleys(corpus))
    def work(volley: list[bytes]) -> None:
        for each in volley:
            talk.send(each, talk.stage.port)

    work()


def rtp(payload_type: int, number: int, payload: bytes, first: int = 0x80) -> bytes:
    return struct.pack(">BBHII", first, payload_type, number, number * 160, 7) + payload


RTP = [
    rtp(0, 9, b"\xff" * 160),
    rtp(0x80 | 101, 10, b"\x05\x0a\x00\xa0"),
    rtp(13, 11, b"\x30"),
    rtp(0, 12, b"\0\1\0\2" + b"\xff" * 160, first=0x92),
    rtp(0, 13, b"\xff" * 150 + bytes([200]), first=0xBF),
]
RTCP = [
    struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 1, 2, 3, 4, 5),
    struct.pack(">BBHIIIIIII", 0x81, 201, 7, 7, 7, 0xFF00_0000, 1, 2, 3, 4),
    struct.pack(">BBHI", 0x81, 202, 2, 7) + b"\x01\x03abc\0\0\0",
    struct.pack(">BBHI", 0x81, 203, 1, 7),
]


def test_rtp_and_rtcp(talk: Talk) -> None:
    _, port = talk.rtp

    @VOLLEYS
    @given(volleys(RTP), volleys(RTCP))
    def work(packets: list[bytes], reports: list[bytes]) -> None:
        for each in packets:
            talk.send(each, port)
        for each in reports:
            talk.send(each, port + 1)
            talk.send(each, port)

    work()
