"""One socket for many legs: whose packets are whose, and that offload changes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

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

    def read(self, now_ns: int = 5, most: int | None = None) -> int:
        self.far.wait(1)
        return self.far.read(now_ns, most)

    def rounds(self) -> list[list[tuple[int, bytes, int]]]:
        """(slot, datagram, arrival) of each, by round; slots in order within a round."""
        return [
            sorted(
                (slot, row[:size].tobytes(), at)
                for slot, row, size, at in zip(
                    taken.slots.tolist(),
                    taken.block.data,
                    taken.block.length.tolist(),
                    taken.block.arrival.tolist(),
                    strict=True,
                )
            )
            for taken in self.far.rounds()
        ]


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
    pair.near.send_each(range(200), [row.data for row in data], data)
    assert pair.read() == 200
    ((*found,),) = pair.rounds()
    assert found == [(slot, data[slot].tobytes(), 5) for slot in range(200)]
    assert (pair.near.sent, pair.far.received) == (200, 200)
    assert not pair.near.errors
    assert pair.rounds() == []


@both
def test_packets_of_several_sizes_keep_their_lengths_and_their_order(pair: Pair) -> None:
    sizes = [160, 160, 33, 160, 160, 160, 0, 1000]
    sent = [packet(1003, number, size) for number, size in enumerate(sizes)]
    assert pair.near.send_many([3] * len(sent), sent) == len(sent)
    assert pair.read() == len(sent)
    assert pair.rounds() == [[(3, each, 5)] for each in sent]


def test_what_is_not_due_yet_counts_as_coming_later(pair: Pair) -> None:
    sent = [packet(1000 + slot, number) for number in (0, 1, 2) for slot in (4, 9)]
    pair.near.send_many([4, 9] * 3, sent)
    pair.read(now_ns=10, most=1)
    assert pair.rounds() == [[(4, sent[0], 10), (9, sent[1], 10)]]
    pair.near.send_many([4], [packet(1004, 3)])
    pair.read(now_ns=20, most=1)
    assert pair.rounds() == [[(4, sent[2], 20), (9, sent[3], 20)]]
    pair.far.read(30)
    assert pair.rounds() == [[(4, sent[4], 30), (9, sent[5], 30)], [(4, packet(1004, 3), 30)]]


def test_strangers_and_unknown_streams_are_counted_and_given_to_nobody(pair: Pair) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(packet(1000, 0), pair.far.address())
    pair.near.send_many([0, 0, 0], [packet(999, 0), b"short", packet(1000, 1)])
    pair.read()
    pair.read()
    assert [each[:2] for each in pair.rounds()[0]] == [(0, packet(1000, 1))]
    assert pair.far.strange == 3


def test_rtcp_on_the_same_port_goes_by_its_sender(pair: Pair) -> None:
    report = bytes([0x80, 201, 0, 1]) + (1007).to_bytes(4, "big") + bytes(8)
    pair.near.send(7, report)
    pair.read()
    assert pair.rounds() == [[(7, report, 5)]]


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
        assert [taken.slots.tolist() for taken in shared.rounds()] == [[slot], [slot]]
        assert shared.send(slot, b"back")
        assert phone.recv(99) == b"back"
    shared.close_all()


def test_packets_for_several_addresses_go_to_theirs(pair: Pair) -> None:
    other = SharedSocket()
    for slot in (1, 3):
        pair.near.connect(slot, other.address())
    data = rows([1000 + slot for slot in range(5)], [0] * 5)
    pair.near.send_each(range(5), [row.data for row in data], data)
    assert pair.read() == 3
    other.wait(1)
    assert other.read(1) == 2
    assert [slot for slot, _, _ in pair.rounds()[0]] == [0, 2, 4]
    other.close_all()


def test_a_stream_is_one_slot_s_until_that_is_closed(pair: Pair) -> None:
    assert not pair.far.claim(8, 1007)
    pair.far.close(7)
    assert pair.far.claim(8, 1007)
    assert len(pair.far) == 199
    assert pair.far.open() == 7
    pair.near.send(7, packet(1007, 0))
    pair.read()
    assert [slot for slot, _, _ in pair.rounds()[0]] == [8]


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
    pair.near.send_each(range(3), [row.data for row in data], data)
    assert pair.read() == 3
    assert not pair.near.segments
    assert not pair.near.errors
    assert [slot for slot, _, _ in pair.rounds()[0]] == [0, 1, 2]


def test_more_than_the_room_for_one_reading_is_taken_whole(pair: Pair) -> None:
    for number in range(20):
        data = rows([1000 + slot for slot in range(200)], [number] * 200, 400)
        pair.near.send_each(range(200), [row.data for row in data], data)
    assert pair.read() == 4000
    rounds = pair.rounds()
    assert len(rounds) == 20
    assert all(len(found) == 200 for found in rounds)
    assert rounds[19][100][1] == packet(1100, 19, 400)


def test_a_clock_far_behind_gets_one_of_each_slot_a_frame_in_order(pair: Pair) -> None:
    """However raggedly they came; and nothing is looked at again for having waited."""
    sent: dict[int, list[bytes]] = {slot: [] for slot in range(3)}
    got: dict[int, list[bytes]] = {slot: [] for slot in range(3)}
    for number in range(60):
        for slot in range(3):
            for _ in range(number % (slot + 2)):
                each = packet(1000 + slot, len(sent[slot]))
                sent[slot].append(each)
                pair.near.send(slot, each)
        pair.far.read(number, most=1)
        for one in pair.rounds():
            assert len({slot for slot, _, _ in one}) == len(one)
            for slot, datagram, at in one:
                assert at == number
                got[slot].append(datagram)
    assert len(got[2]) < len(sent[2])
    pair.far.read(99)
    for one in pair.rounds():
        for slot, datagram, _ in one:
            got[slot].append(datagram)
    assert got == sent
