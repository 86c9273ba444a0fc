"""Datagrams and RTP streams out of captured frames, below every link layer that is read."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.captures.pcap import CapturedFrame, Datagram, datagram_in
from mediasim.captures.rtp_streams import find_streams

_PAYLOAD = b"spoken"
_UDP = struct.pack(">HHHH", 4000, 5000, 8 + len(_PAYLOAD), 0) + _PAYLOAD
_IP4 = struct.pack(">BBHHHBBH4B4B", 0x45, 0, 34, 1, 0, 64, 17, 0, 10, 0, 0, 1, 10, 0, 0, 2) + _UDP
_IP6 = struct.pack(">IHBB", 6 << 28, len(_UDP), 17, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"


@pytest.mark.parametrize(
    ("link_type", "data"),
    [
        (1, bytes(12) + b"\x08\x00" + _IP4),
        (1, bytes(12) + b"\x81\x00\x00\x07\x08\x00" + _IP4 + bytes(6)),
        (113, bytes(14) + b"\x08\x00" + _IP4),
        (276, b"\x08\x00" + bytes(18) + _IP4),
        (0, b"\2\0\0\0" + _IP4),
        (101, _IP4),
    ],
)
def test_link_layers(link_type: int, data: bytes) -> None:
    found = datagram_in(CapturedFrame(7, link_type, data))
    assert found == Datagram(7, ("10.0.0.1", 4000), ("10.0.0.2", 5000), _PAYLOAD)


def test_ipv6() -> None:
    found = datagram_in(CapturedFrame(7, 101, _IP6 + _UDP))
    assert found == Datagram(7, ("::1", 4000), ("::2", 5000), _PAYLOAD)


@given(st.sampled_from([0, 1, 12, 101, 113, 276, 999]), st.binary(max_size=120))
def test_random_frames_raise_nothing(link_type: int, data: bytes) -> None:
    datagram_in(CapturedFrame(0, link_type, data))


def _sent(numbers: list[int], second: int = 0, ssrc: int = 9) -> list[Datagram]:
    return [
        Datagram(at, ("a", 1), ("b", 2), struct.pack(">BBHII", 0x80, second, number, at, ssrc))
        for at, number in enumerate(numbers)
    ]


def test_a_stream_that_wraps_and_loses_is_found() -> None:
    (found,) = find_streams(_sent([65533, 65534, 0, 2, 1, 3, 7]))
    assert (found.ssrc, len(found.packets), found.payload_types) == (9, 7, (0,))


def test_rtcp_strangers_and_short_runs_are_none() -> None:
    others = [
        *_sent([1, 2, 3, 4, 5, 6], second=200),
        *_sent([5, 30000, 200, 60000, 17000, 9000], ssrc=10),
        *_sent([1, 2, 3], ssrc=11),
    ]
    assert find_streams(others) == []
