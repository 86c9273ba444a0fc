"""A browser's media, with aiortc as the browser: the way, the encryption, the RTP as it came."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import aioice.ice
import aioice.stun as stun
import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from numpy.typing import NDArray

from mediasim.net.sdp import SdpError
from mediasim.net.udp import DROPPED
from mediasim.net.webrtc import NoMedia, WebRtcEndpoint

pytestmark = pytest.mark.realtime


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])


@pytest.fixture
async def browser() -> AsyncIterator[RTCPeerConnection]:
    found = RTCPeerConnection()
    found.addTrack(AudioStreamTrack())
    yield found
    await found.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[WebRtcEndpoint]:
    found = WebRtcEndpoint()
    yield found
    found.close()
    await found.closed()


async def offered(browser: RTCPeerConnection) -> str:
    await browser.setLocalDescription(await browser.createOffer())
    sdp: str = browser.localDescription.sdp
    return sdp


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def packet(number: int, kind: int) -> NDArray[np.uint8]:
    head = struct.pack("!BBHII", 0x80, kind, number, number * 160, 7)
    return np.frombuffer(head + b"\xff" * 160, np.uint8)[None]


async def test_rtp_goes_both_ways_as_it_is(
    browser: RTCPeerConnection, endpoint: WebRtcEndpoint
) -> None:
    heard = list[Any]()

    @browser.on("track")
    def _(track: Any) -> None:
        heard.append(track)

    sdp = re.sub(r"(?m)^(m=audio \d+ \S+).*$", r"\1 0", await offered(browser))
    answer = await endpoint.answer(sdp)
    assert endpoint.format.codec == "PCMU"
    assert answer.count("a=candidate:") == 1
    assert "127.0.0.1" in answer
    await browser.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await endpoint.established()
    assert endpoint.pull(1 << 62) is None  # nobody has answered yet
    source, sink = endpoint.connect(None, None)  # type: ignore[arg-type]
    for number in range(10):
        sink.push(number, [packet(number, 0)])
    frame = await asyncio.wait_for(heard[0].recv(), 5)
    assert frame.samples == 160
    await asyncio.sleep(0.3)
    block = source.pull(1 << 62)
    assert block is not None
    assert len(block.length) >= 8
    assert set(block.length.tolist()) == {172}
    stamps = [struct.unpack("!I", row[4:8].tobytes())[0] for row in block.data]
    assert set(np.diff(stamps).tolist()) == {160}


async def test_opus_is_agreed_on_with_its_events(
    browser: RTCPeerConnection, endpoint: WebRtcEndpoint
) -> None:
    sdp = await offered(browser)
    sdp = re.sub(r"(?m)^(m=audio .*?)(\r?)$", r"\1 110\2", sdp)
    await endpoint.answer(sdp + "a=rtpmap:110 telephone-event/48000\r\n")
    receives = endpoint.format.receives
    assert receives.codec == "OPUS"
    assert receives.event_payload_type == 110


async def test_who_goes_away_is_missed(
    browser: RTCPeerConnection, endpoint: WebRtcEndpoint
) -> None:
    lost = list[bool]()
    endpoint.on_lost = lambda: lost.append(True)
    answer = await endpoint.answer(await offered(browser))
    await browser.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await endpoint.established()
    await browser.close()
    await until(lambda: lost)
    assert lost == [True]


async def test_another_certificate_is_refused(
    browser: RTCPeerConnection, endpoint: WebRtcEndpoint
) -> None:
    sdp = await offered(browser)
    wrong = re.sub(r"(a=fingerprint:sha-256) [0-9A-F:]+", r"\1 " + ":".join(["00"] * 32), sdp)
    answer = await endpoint.answer(wrong)
    await browser.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    with pytest.raises(NoMedia, match="certificate"):
        await endpoint.established()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sdp: "", "one stream"),
        (lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "another protocol"),
        (lambda sdp: re.sub(r"a=ice-ufrag.*\r\n", "", sdp), "ice-ufrag"),
        (lambda sdp: re.sub(r"a=fingerprint.*\r\n", "", sdp), "fingerprint"),
        (lambda sdp: sdp.replace("a=setup:actpass", "a=setup:active"), "actpass"),
        (lambda sdp: re.sub(r"(?m)^(m=audio \d+ \S+).*$", r"\1 9", sdp), "OPUS, PCMU"),
        (lambda sdp: sdp + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "one stream"),
    ],
)
async def test_what_is_no_offer_of_a_browsers_is_refused(
    browser: RTCPeerConnection, endpoint: WebRtcEndpoint, change: Any, words: str
) -> None:
    with pytest.raises(SdpError, match=words):
        await endpoint.answer(change(await offered(browser)))


async def test_who_offers_and_does_not_come_is_not_waited_for(
    browser: RTCPeerConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediasim.net.webrtc._PATIENCE", 0.1)
    endpoint = WebRtcEndpoint()
    await endpoint.answer(await offered(browser))
    with pytest.raises(NoMedia, match="no way"):
        await endpoint.established()
    endpoint.close()
    await endpoint.closed()


def stun_messages() -> list[bytes]:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = "a:b"
    request.attributes["PRIORITY"] = 7
    request.add_message_integrity(b"key")
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 9)
    answer.attributes["ERROR-CODE"] = (487, "Role Conflict")
    dtls = bytes([22, 254, 253]) + bytes(8) + b"\0\x0c" + bytes(12)
    return [bytes(request), bytes(answer), dtls, b"\x80\x00" + bytes(30), b"\x80\xc8" + bytes(30)]


async def test_no_datagram_ends_the_way(
    browser: RTCPeerConnection, endpoint: WebRtcEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await endpoint.answer(await offered(browser))
    await browser.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await endpoint.established()
    found = re.search(r"a=candidate:\S+ 1 udp \d+ 127.0.0.1 (\d+)", answer)
    assert found is not None
    lost = list[bool]()
    endpoint.on_lost = lambda: lost.append(True)
    source, _ = endpoint.connect(None, None)  # type: ignore[arg-type]
    generator = np.random.default_rng(5)
    corpus = stun_messages()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as aim:
        aim.sendto(b"", ("127.0.0.1", int(found[1])))
        for number in range(600):
            data = bytearray(corpus[number % len(corpus)])
            for at in generator.integers(0, len(data), 3):
                data[at] = generator.integers(256)
            cut = generator.integers(0, len(data) + 1)
            for each in (bytes(data), bytes(data[:cut])):
                aim.sendto(each, ("127.0.0.1", int(found[1])))
            if number % 20 == 0:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        source.pull(1 << 62)
        await until(lambda: source.pull(1 << 62) is not None)  # the browser is heard still
    assert not lost
    assert sum(count for name, count in DROPPED.items() if name[:4] in ("STUN", "DTLS")) > 0
    assert [each for each in caplog.records if each.name == "asyncio"] == []
