"""Sockets on loopback, read and written in batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from socket_stage import taken

from mediasim.net.batch_reader import DATAGRAM_BYTES
from mediasim.net.udp import UdpSockets

pytestmark = pytest.mark.realtime


@pytest.fixture
def ends() -> Iterator[tuple[UdpSockets, UdpSockets]]:
    """Three sockets each, connected one to one."""
    near, far = UdpSockets(), UdpSockets()
    for _ in range(3):
        one, other = near.open(), far.open()
        near.connect(one, far.address(other))
        far.connect(other, near.address(one))
    yield near, far
    near.close_all()
    far.close_all()


def test_datagrams_come_each_from_its_own_socket_in_order(
    ends: tuple[UdpSockets, UdpSockets],
) -> None:
    near, far = ends
    for slot, datagram in ((0, b"a"), (2, b"b"), (2, b"longer"), (0, b""), (2, b"d")):
        assert near.send(slot, datagram)
    assert far.wait(1)
    assert far.read(77) == 5
    assert taken(far) == [
        (0, b"a", 77),
        (0, b"", 77),
        (2, b"b", 77),
        (2, b"longer", 77),
        (2, b"d", 77),
    ]
    assert taken(far) == []
    assert (near.sent, far.received) == (5, 5)


def test_a_batch_is_sent_each_from_its_own_socket(ends: tuple[UdpSockets, UdpSockets]) -> None:
    near, far = ends
    assert near.send_many([2, 0], [bytes([0, 1, 2]), bytes([3, 4, 5])]) == 2
    far.wait(1)
    far.read(5)
    assert taken(far) == [(0, bytes([3, 4, 5]), 5), (2, bytes([0, 1, 2]), 5)]


def test_a_stranger_is_not_heard(ends: tuple[UdpSockets, UdpSockets]) -> None:
    _, far = ends
    stranger = UdpSockets()
    slot = stranger.open()
    stranger.connect(slot, far.address(0))
    stranger.send(slot, b"let me in")
    assert not far.wait(0.01)
    assert far.read(1) == 0
    stranger.close_all()


def test_a_closed_slot_s_number_is_used_again(ends: tuple[UdpSockets, UdpSockets]) -> None:
    near, _ = ends
    near.close(1)
    assert len(near) == 2
    assert near.open() == 1
    assert near.open() == 3
    assert len(near) == 4
    near.close_all()
    assert len(near) == 0


def test_what_the_system_refuses_is_counted_and_never_raised(
    ends: tuple[UdpSockets, UdpSockets],
) -> None:
    near, far = ends
    assert not near.send(0, bytes(70_000))
    assert near.errors == {"EMSGSIZE": 1}
    far.close(1)
    near.send(1, b"to nobody")
    near.send(1, b"to nobody")
    assert near.errors["ECONNREFUSED"] >= 1
    assert near.sent <= 1


def test_one_socket_refused_when_reading_does_not_disturb_the_others(
    ends: tuple[UdpSockets, UdpSockets],
) -> None:
    near, far = ends
    far.close(1)
    near.send(1, b"to nobody")  # the refusal is met when the socket is read
    far.send(0, b"a")
    far.send(2, b"c")
    near.wait(1)
    assert near.read(5) == 2
    assert taken(near) == [(0, b"a", 5), (2, b"c", 5)]
    assert near.received == 2


def test_the_longest_datagram_is_taken_whole(ends: tuple[UdpSockets, UdpSockets]) -> None:
    near, far = ends
    near.send(0, bytes(DATAGRAM_BYTES))
    far.wait(1)
    far.read(1)
    ((_, datagram, _),) = taken(far)
    assert len(datagram) == DATAGRAM_BYTES
