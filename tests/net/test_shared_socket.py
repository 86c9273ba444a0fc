"""One socket for many legs: whose packets are whose, and that offload changes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from socket_stage import taken

from mediasim.net.shared_socket import SharedSocket
from mediasim.rtp.packets import build

pytestmark = pytest.mark.realtime


def packet(ssrc: int, number: int, size: int = 160) -> bytes:
    return bytes(rows([ssrc], [number], size)[0])


def rows(ssrcs: list[int], numbers: list[int], size: int = 160) -> NDArray[np.uint8]:
    """A packet of each SSRC; its payload says which."""
    marks = (np.array(ssrcs) * 7 + np.array(numbers)) % 251
    payload = np.repeat(marks[:, None], size, axis=1).astype(np.uint8)
    return build(
        payload,
        payload_type=0,
        sequence=np.array(numbers),
        timestamp=np.array(numbers) * 160,
        ssrc=np.array(ssrcs),
    )


class Pair:
    """Two sockets whose slots are connected one to one; slot n's SSRC is 1000 + n."""

    def __init__(self, slots: int, offload: bool) -> None:
        self.near, self.far = SharedSocket(offload=offload), SharedSocket(offload=offload)
        for slot in range(slots):
            for one, other in ((self.near, self.far), (self.far, self.near)):
                assert one.open() == slot
                one.connect(slot, other.address(slot))
                assert one.claim(slot, 1000 + slot)

    def send_each(self, data: NDArray[np.uint8]) -> None:
        """A row from each slot."""
        self.near.send_many(range(len(data)), [row.tobytes() for row in data])

    def read(self, now_ns: int = 5) -> int:
        self.far.wait(1)
        return self.far.read(now_ns)

    def taken(self) -> list[tuple[int, bytes, int]]:
        return taken(self.far)


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = Pair(200, getattr(request, "param", True))
    yield made
    made.near.close_all()
    made.far.close_all()


both = pytest.mark.parametrize("pair", [True, False], indirect=True, ids=["offload", "single"])


@both
def test_each_slot_gets_its_own_packets_though_they_come_as_one_train(pair: Pair) -> None:
    data = rows([1000 + slot for slot in range(200)], list(range(200)))
    pair.send_each(data)
    assert pair.read() == 200
    assert pair.taken() == [(slot, data[slot].tobytes(), 5) for slot in range(200)]
    assert (pair.near.sent, pair.far.received) == (200, 200)
    assert not pair.near.errors
    assert pair.taken() == []


@both
def test_packets_of_several_sizes_keep_their_lengths_and_their_order(pair: Pair) -> None:
    sizes = [160, 160, 33, 160, 160, 160, 0, 1000]
    sent = [packet(1003, number, size) for number, size in enumerate(sizes)]
    assert pair.near.send_many([3] * len(sent), sent) == len(sent)
    assert pair.read() == len(sent)
    assert pair.taken() == [(3, each, 5) for each in sent]


def test_strangers_and_unknown_streams_are_counted_and_given_to_nobody(pair: Pair) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(packet(1000, 0), pair.far.address())
    pair.near.send_many([0, 0, 0], [packet(999, 0), b"short", packet(1000, 1)])
    pair.read()
    pair.read()
    assert [each[:2] for each in pair.taken()] == [(0, packet(1000, 1))]
    assert pair.far.strange == 3


def test_rtcp_on_the_same_port_goes_by_its_sender(pair: Pair) -> None:
    report = bytes([0x80, 201, 0, 1]) + (1007).to_bytes(4, "big") + bytes(8)
    pair.near.send(7, report)
    pair.read()
    assert pair.taken() == [(7, report, 5)]


def test_an_address_that_one_slot_has_needs_no_ssrc() -> None:
    shared = SharedSocket()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        shared.connect(shared.open(), ("127.0.0.1", 9))
        slot = shared.open()
        shared.connect(slot, phone.getsockname())
        phone.sendto(packet(77, 0), shared.address())
        phone.sendto(packet(78, 1), shared.address())  # its SSRC may change
        shared.wait(1)
        assert shared.read(1) == 2
        found = shared.taken()
        assert found is not None
        assert found.slots.tolist() == [slot, slot]
        assert shared.send(slot, b"back")
        assert phone.recv(99) == b"back"
    shared.close_all()


def test_packets_for_several_addresses_go_to_theirs(pair: Pair) -> None:
    other = SharedSocket()
    for slot in (1, 3):
        pair.near.connect(slot, other.address())
    data = rows([1000 + slot for slot in range(5)], [0] * 5)
    pair.send_each(data)
    assert pair.read() == 3
    other.wait(1)
    assert other.read(1) == 2
    assert [slot for slot, _, _ in pair.taken()] == [0, 2, 4]
    other.close_all()


def test_a_stream_is_one_slot_s_until_that_is_closed(pair: Pair) -> None:
    assert not pair.far.claim(8, 1007)
    pair.far.close(7)
    assert pair.far.claim(8, 1007)
    assert len(pair.far) == 199
    assert pair.far.open() == 7
    pair.near.send(7, packet(1007, 0))
    pair.read()
    assert [slot for slot, _, _ in pair.taken()] == [8]


def test_where_the_kernel_refuses_segments_each_packet_goes_by_itself(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        """A socket on a device that cannot."""

        def __init__(self, real: socket.socket) -> None:
            self._real = real

        def sendmsg(self, *_: object) -> int:
            raise OSError(5, "Input/output error")

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    monkeypatch.setattr(pair.near, "_socket", Refusing(pair.near._socket))
    pair.near.segments = True
    data = rows([1000, 1001, 1002], [0, 0, 0])
    pair.send_each(data)
    assert pair.read() == 3
    assert not pair.near.segments
    assert not pair.near.errors
    assert [slot for slot, _, _ in pair.taken()] == [0, 1, 2]


def test_more_than_the_room_for_one_reading_is_taken_whole(pair: Pair) -> None:
    for number in range(20):
        data = rows([1000 + slot for slot in range(200)], [number] * 200, 400)
        pair.send_each(data)
    assert pair.read() == 4000
    found = pair.taken()
    assert [slot for slot, _, _ in found] == [slot for slot in range(200) for _ in range(20)]
    assert found[100 * 20 + 19][1] == packet(1100, 19, 400)
