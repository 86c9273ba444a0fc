"""Capture files as frames; whatever the bytes, nothing but CaptureError is raised."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.captures.pcap import CaptureError, read_capture

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
