"""Capture files: read, written, and what was written is read again."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.captures.pcap import (
    CapturedFrame,
    CaptureError,
    Datagram,
    capture_bytes,
    datagram_in,
    read_capture,
)
from mediasim.captures.rtp_streams import find_streams

_HEADS = [b"", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a"]


def _pcap(*frames: bytes) -> bytes:
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for second, frame in enumerate(frames):
        data += struct.pack("<IIII", second, 5, len(frame), len(frame)) + frame
    return data


@given(st.sampled_from(_HEADS), st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(head: bytes, rest: bytes) -> None:
    with contextlib.suppress(CaptureError):
        read_capture(head + rest)


@given(st.integers(24, 24 + 2 * 16 + 9))
def test_a_cut_capture_gives_its_whole_frames(size: int) -> None:
    found = read_capture(_pcap(b"abcd", b"efghi")[:size])
    ends = [24, 44, 65]
    assert len(found.frames) == sum(end <= size for end in ends[1:])
    assert found.truncated == (size not in ends)


def test_times_are_nanoseconds() -> None:
    found = read_capture(_pcap(b"abcd", b"efghi"))
    assert [frame.at_ns for frame in found.frames] == [5_000, 1_000_005_000]
    assert [frame.data for frame in found.frames] == [b"abcd", b"efghi"]


@pytest.mark.skipif(shutil.which("text2pcap") is None, reason="text2pcap is absent")
@pytest.mark.parametrize("kind", ["pcap", "pcapng", "nsecpcap"])
def test_a_foreign_writer_is_read(kind: str, tmp_path: Path) -> None:
    dump, written = tmp_path / "dump.txt", tmp_path / "foreign"
    dump.write_text("0000 80 00 00 01\n")
    subprocess.run(
        ["text2pcap", "-q", "-F", kind, "-u", "4000,5000", dump, written],
        check=True,
        capture_output=True,
    )
    (frame,) = read_capture(written.read_bytes()).frames
    assert frame.link_type == 1
    assert b"\x0f\xa0\x13\x88" in frame.data
    assert b"\x80\x00\x00\x01" in frame.data


_SENT = [
    Datagram(
        1_700_000_000_000_000_123 + number * 20_000_000,
        ("10.0.0.1", 4000),
        ("10.0.0.2", 5000),
        struct.pack(">BBHII", 0x80, 0, number, number * 160, 0x1234) + bytes(160),
    )
    for number in range(50)
    if number not in (7, 8, 30)
]


def test_what_was_written_is_read() -> None:
    found = read_capture(capture_bytes(_SENT))
    assert [datagram_in(frame) for frame in found.frames] == _SENT
    assert not found.truncated


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is absent")
def test_tshark_counts_the_same_packets_and_losses(tmp_path: Path) -> None:
    written = tmp_path / "sent.pcap"
    written.write_bytes(capture_bytes(_SENT))
    command = [
        "tshark",
        "-r",
        str(written),
        "-o",
        "rtp.heuristic_rtp:TRUE",
        "-q",
        "-z",
        "rtp,streams",
    ]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in table.splitlines() if "0x00001234" in line]
    assert re.search(r" 47 +3 \(6\.0%\)", line), line


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
