"""An RTP endpoint on loopback: who it listens to, where it sends, and where RTCP goes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from mediasim.media.far_end import FarEndFormat
from mediasim.net.rtp_endpoint import EndpointError, RtpEndpoint
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

FORMAT = FarEndFormat(StreamFormat())
PACKETS = RtpSender("PCMU", ssrc=5, first_sequence=1, first_timestamp=1).packets(
    np.zeros((3, 160), np.int16), 0
)[0]


class Peer:
    """Somebody with a UDP port."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(2)
        self.address: tuple[str, int] = self.socket.getsockname()

    def send(self, to: tuple[str, int], *packets: bytes) -> None:
        for packet in packets:
            self.socket.sendto(packet, to)

    def receive(self) -> bytes:
        return self.socket.recv(2048)


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.socket.close()


def taken(endpoint: RtpEndpoint, loop: asyncio.AbstractEventLoop) -> list[bytes]:
    """What it has to give once all that came has been read."""
    for _ in range(3):  # a datagram on loopback is there when it has been sent
        loop.run_until_complete(asyncio.sleep(0))
    block = endpoint.pull(1 << 62)
    if block is None:
        return []
    return [row[:size].tobytes() for row, size in zip(block.data, block.length, strict=True)]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def up(endpoint: RtpEndpoint) -> RtpEndpoint:
    endpoint.connect(None, None)  # type: ignore[arg-type]
    return endpoint


def test_it_latches_onto_who_sends_first(loop: asyncio.AbstractEventLoop, peer: Peer) -> None:
    endpoint = up(RtpEndpoint(loop, format=FORMAT))
    endpoint.push(0, [PACKETS])
    peer.send(endpoint.local, b"\x16\x03\x01 no RTP", PACKETS[0].tobytes(), PACKETS[1].tobytes())
    assert taken(endpoint, loop) == [PACKETS[0].tobytes(), PACKETS[1].tobytes()]
    assert (endpoint.remote, endpoint.foreign) == (peer.address, 1)
    endpoint.push(0, [PACKETS[:1]])
    assert peer.receive() == PACKETS[0].tobytes()
    endpoint.close()


def test_it_sends_where_it_is_told_to(loop: asyncio.AbstractEventLoop, peer: Peer) -> None:
    other = Peer()
    endpoint = up(RtpEndpoint(loop, format=FORMAT, remote=peer.address))
    other.send(endpoint.local, PACKETS[0].tobytes())
    assert taken(endpoint, loop) == [PACKETS[0].tobytes()], "it may send from another port"
    endpoint.push(0, [PACKETS[:1]])
    assert peer.receive() == PACKETS[0].tobytes()
    endpoint.set_remote(other.address)
    endpoint.push(1, [PACKETS[1:2]])
    assert other.receive() == PACKETS[1].tobytes()
    endpoint.hold(True)
    endpoint.push(2, [PACKETS[:1]])
    endpoint.hold(False)
    endpoint.push(3, [PACKETS[2:]])
    assert other.receive() == PACKETS[2].tobytes()
    endpoint.close()
    other.socket.close()


def test_what_comes_before_the_leg_is_up_is_not_heard(
    loop: asyncio.AbstractEventLoop, peer: Peer
) -> None:
    endpoint = RtpEndpoint(loop, format=FORMAT)
    peer.send(endpoint.local, PACKETS[0].tobytes())
    assert taken(endpoint, loop) == []
    peer.send(up(endpoint).local, PACKETS[1].tobytes())
    assert taken(endpoint, loop) == [PACKETS[1].tobytes()]
    endpoint.close()


@pytest.mark.parametrize("mux", [False, True])
def test_rtcp_has_the_next_port_or_the_same(
    loop: asyncio.AbstractEventLoop, peer: Peer, mux: bool
) -> None:
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 5])
    endpoint = up(RtpEndpoint(loop, format=FORMAT, rtcp_mux=mux))
    host, port = endpoint.local
    peer.send((host, port if mux else port + 1), report)
    assert taken(endpoint, loop) == []
    assert [packet for _, packet in endpoint.reports] == [report]
    endpoint.set_remote(("127.0.0.1", 1), rtcp=peer.address)
    endpoint.report(report)
    assert peer.receive() == report
    endpoint.close()


@pytest.mark.parametrize("mux", [False, True])
def test_rtcp_of_others_is_dropped(loop: asyncio.AbstractEventLoop, peer: Peer, mux: bool) -> None:
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 5])
    endpoint = up(RtpEndpoint(loop, format=FORMAT, rtcp_mux=mux, remote=peer.address))
    host, port = endpoint.local
    to = (host, port if mux else port + 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.sendto(report, to)
        assert taken(endpoint, loop) == []
    assert (endpoint.reports, endpoint.foreign) == ([], 1)
    peer.send(to, report)
    assert taken(endpoint, loop) == []
    assert [packet for _, packet in endpoint.reports] == [report]
    endpoint.close()


def test_packets_are_taken_up_to_a_time(loop: asyncio.AbstractEventLoop, peer: Peer) -> None:
    endpoint = up(RtpEndpoint(loop, format=FORMAT))
    before = loop.time()
    peer.send(endpoint.local, PACKETS[0].tobytes())
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))
    assert endpoint.pull(round(before * 1e9) - 1) is None
    block = endpoint.pull(1 << 62)
    assert block is not None
    assert block.arrival[0] >= before * 1e9 - 1
    endpoint.close()


def test_a_port_that_is_taken_is_told(loop: asyncio.AbstractEventLoop, peer: Peer) -> None:
    with pytest.raises(EndpointError, match=f"cannot open UDP port {peer.address[1]} on 127.0.0.1"):
        RtpEndpoint(loop, format=FORMAT, local=peer.address)
