from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, Parsed, build, joined, parse


def block_of(datagrams: list[bytes], stride: int | None = None) -> PacketBlock:
    width = max((len(datagram) for datagram in datagrams), default=0)
    data = np.zeros((len(datagrams), width if stride is None else stride), np.uint8)
    for row, datagram in enumerate(datagrams):
        data[row, : len(datagram)] = np.frombuffer(datagram, np.uint8)
    return PacketBlock(
        data,
        np.array([len(datagram) for datagram in datagrams], np.int64),
        np.arange(len(datagrams), dtype=np.int64),
    )


def parsed(datagrams: list[bytes], stride: int | None = None) -> Parsed:
    block = block_of(datagrams, stride)
    return parse(block.data, block.length)


def payload_of(datagram: bytes) -> bytes | None:
    """What the parser takes for the payload; None where it takes it for no RTP."""
    found = parsed([datagram])
    if not found.ok[0]:
        return None
    start = int(found.offset[0])
    return datagram[start : start + int(found.size[0])]


@dataclass(frozen=True)
class Header:
    """An RTP header put together by hand, field by field (RFC 3550 section 5.1)."""

    version: int = 2
    payload_type: int = 0
    marker: bool = False
    sequence: int = 1
    timestamp: int = 2
    ssrc: int = 3
    csrc: tuple[int, ...] = ()
    extension: bytes | None = None
    padding: int = 0

    def around(self, payload: bytes) -> bytes:
        first = self.version << 6 | len(self.csrc)
        first |= (self.extension is not None) << 4 | (self.padding > 0) << 5
        second = self.marker << 7 | self.payload_type
        head = struct.pack("!BBHII", first, second, self.sequence, self.timestamp, self.ssrc)
        head += b"".join(struct.pack("!I", source) for source in self.csrc)
        if self.extension is not None:
            words = len(self.extension) // 4
            head += struct.pack("!HH", 0xBEDE, words) + self.extension
        tail = b"\0" * (self.padding - 1) + bytes((self.padding,)) if self.padding else b""
        return head + payload + tail


HEADERS = st.builds(
    Header,
    # 64 to 95 with the marker would be RTCP's numbers (RFC 5761).
    payload_type=st.integers(0, 63) | st.integers(96, 127),
    marker=st.booleans(),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    csrc=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | st.integers(0, 5).map(lambda words: bytes(range(4 * words))),
    padding=st.integers(0, 255),
)


# -- building -----------------------------------------------------------------------------------


def test_a_packet_byte_by_byte() -> None:
    data = build(
        np.array([[0xAA, 0xBB]], np.uint8),
        payload_type=8,
        sequence=np.array([0x1234]),
        timestamp=np.array([0x89ABCDEF]),
        ssrc=0x01020304,
        marker=np.array([True]),
    )
    assert data.tobytes() == bytes.fromhex("80 88 1234 89abcdef 01020304 aabb")


def test_numbers_wrap_in_the_header() -> None:
    data = build(
        np.zeros((2, 0), np.uint8),
        payload_type=0,
        sequence=np.array([0xFFFF, 0x10000]),
        timestamp=np.array([0xFFFFFFFF, 0x100000000 + 159]),
        ssrc=np.array([1, 2]),
    )
    found = parse(data, np.array([12, 12]))
    assert found.sequence.tolist() == [0xFFFF, 0]
    assert found.timestamp.tolist() == [0xFFFFFFFF, 159]
    assert found.ssrc.tolist() == [1, 2]
    assert found.size.tolist() == [0, 0]


def test_only_packets_marked_have_the_marker() -> None:
    data = build(
        np.zeros((3, 4), np.uint8),
        payload_type=101,
        sequence=np.arange(3),
        timestamp=np.zeros(3, np.int64),
        ssrc=9,
        marker=np.array([True, False, True]),
    )
    found = parse(data, np.full(3, 16))
    assert found.marker.tolist() == [True, False, True]
    assert found.payload_type.tolist() == [101] * 3


# -- reading ------------------------------------------------------------------------------------


@given(header=HEADERS, payload=st.binary(max_size=200))
def test_every_header_is_read_back(header: Header, payload: bytes) -> None:
    datagram = header.around(payload)
    found = parsed([datagram])
    assert found.ok[0]
    assert found.payload_type[0] == header.payload_type
    assert found.marker[0] == header.marker
    assert found.sequence[0] == header.sequence
    assert found.timestamp[0] == header.timestamp
    assert found.ssrc[0] == header.ssrc
    assert payload_of(datagram) == payload


@given(
    headers=st.lists(HEADERS, max_size=6),
    junk=st.lists(st.binary(max_size=40), max_size=4),
    extra=st.integers(0, 9),
)
def test_a_block_is_read_like_its_packets_one_by_one(
    headers: list[Header], junk: list[bytes], extra: int
) -> None:
    datagrams = [header.around(b"payload") for header in headers] + junk
    if not datagrams:
        return
    width = max(map(len, datagrams)) + extra
    together = parsed(datagrams, width)
    for row, datagram in enumerate(datagrams):
        alone = parsed([datagram])
        assert together.ok[row] == alone.ok[0]
        if alone.ok[0]:
            for name in ("sequence", "timestamp", "ssrc", "offset", "size", "marker"):
                assert getattr(together, name)[row] == getattr(alone, name)[0]


@given(datagrams=st.lists(st.binary(max_size=80), min_size=1, max_size=8))
def test_any_bytes_at_all_raise_nothing(datagrams: list[bytes]) -> None:
    found = parsed(datagrams)
    for row, datagram in enumerate(datagrams):
        if found.ok[row]:
            assert len(datagram) >= HEADER_SIZE
            assert found.offset[row] >= HEADER_SIZE
            assert found.size[row] >= 0
            assert found.offset[row] + found.size[row] <= len(datagram)


@pytest.mark.parametrize(
    ("why", "datagram"),
    [
        ("nothing at all", b""),
        ("shorter than a header", Header().around(b"")[:11]),
        ("version 0 (STUN)", Header(version=0).around(b"x" * 20)),
        ("version 1", Header(version=1).around(b"x" * 20)),
        ("version 3", Header(version=3).around(b"x" * 20)),
        ("CSRC list cut short", Header(csrc=(1, 2, 3)).around(b"")[:20]),
        ("extension header cut short", Header(extension=b"").around(b"")[:14]),
        ("extension cut short", Header(extension=b"12345678").around(b"")[:20]),
        ("more padding than packet", Header(padding=5).around(b"")[:-1] + b"\xff"),
        ("padding of 0", Header(padding=1).around(b"abc")[:-1] + b"\0"),
    ],
)
def test_malformed_packets_are_no_rtp(why: str, datagram: bytes) -> None:
    assert payload_of(datagram) is None, why


@pytest.mark.parametrize("kind", [192, 200, 201, 202, 203, 204, 205, 206, 207, 223])
def test_rtcp_on_the_same_port_is_no_rtp(kind: int) -> None:
    assert payload_of(bytes((0x80, kind)) + b"\0" * 26) is None


@pytest.mark.parametrize("second", [0, 8, 101, 127, 0x80, 0x80 | 8, 191, 224, 255])
def test_payload_types_beside_those_of_rtcp_are_rtp(second: int) -> None:
    assert payload_of(bytes((0x80, second)) + b"\0" * 10) == b""


def test_a_packet_may_be_all_padding() -> None:
    assert payload_of(Header(padding=7).around(b"")) == b""


def test_no_packets_are_read_as_none() -> None:
    found = parse(np.zeros((0, 172), np.uint8), np.zeros(0, np.int64))
    assert len(found.ok) == 0


def test_rows_need_not_be_next_to_each_other_in_memory() -> None:
    datagram = Header(csrc=(7,), sequence=77).around(b"payload")
    wide: NDArray[np.uint8] = np.zeros((4, 2 * len(datagram)), np.uint8)
    wide[:, ::2] = np.frombuffer(datagram, np.uint8)
    found = parse(wide[::2, ::2], np.full(2, len(datagram)))
    assert found.ok.all()
    assert found.sequence.tolist() == [77, 77]


# -- blocks -------------------------------------------------------------------------------------


def test_blocks_are_chosen_from_and_put_after_each_other() -> None:
    narrow, wide = block_of([b"one", b"two"]), block_of([b"three", b"4"])
    both = joined([narrow, wide])
    texts = [bytes(row[:size]) for row, size in zip(both.data, both.length, strict=True)]
    assert texts == [b"one", b"two", b"three", b"4"]
    assert len(both) == 4
    chosen = both.select(np.array([2, 0]))
    assert chosen.length.tolist() == [5, 3]
    assert bytes(chosen.data[0]) == b"three"
    chosen.arrival[0] = 99
    assert both.arrival.tolist() == [0, 1, 0, 1]
