"""Captures written here are read by tshark and by our own reader."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from mediasim.captures.pcap import Datagram, capture_bytes, datagram_in, read_capture

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
