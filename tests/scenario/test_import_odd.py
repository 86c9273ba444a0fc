"""Captures of odd senders and odd captures: every frame is in the caller's channel once."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captured_calls import imported, pcm_of

from mediasim.audio.g711 import alaw_decode, ulaw_decode
from mediasim.captures.pcap import Datagram, capture_bytes

UNIX_NS = 1_700_000_000_000_000_000
HERE, THERE = ("10.9.0.1", 4000), ("10.9.0.2", 4002)
FRAME_NS = 20_000_000
FRAMES = 300
Sent = list[tuple[Datagram, bytes, int]]
"""Packets, with their payloads and payload types."""


def side(
    source: tuple[str, int] = HERE, to: tuple[str, int] = THERE, *, seed: int = 1, begins_s: int = 0
) -> Sent:
    """An ordinary side of 300 frames of noise."""
    rng = np.random.default_rng(seed)
    sent = []
    for number in range(FRAMES):
        payload = rng.integers(0, 127, 160, np.uint8).tobytes()
        at_ns = UNIX_NS + begins_s * 10**9 + number * FRAME_NS
        head = struct.pack(">BBHII", 0x80, 0, 1000 + number, 5000 + 160 * number, seed)
        sent.append((Datagram(at_ns, source, to, head + payload), payload, 0))
    return sent


def changed(sent: Sent, first: int, **how: int) -> Sent:
    """From a packet on with other numbers, timestamps, type, marker, time or port."""
    found = sent[:first]
    for number, (packet, payload, kind) in enumerate(sent[first:]):
        octet, _, sequence, stamp, ssrc = struct.unpack(">BBHII", packet.payload[:12])
        now = how.get("kind", kind)
        head = struct.pack(
            ">BBHII",
            octet,
            now | (128 if how.get("marker") and not number else 0),
            (sequence + how.get("numbers", 0)) & 0xFFFF,
            (stamp + how.get("ticks", 0)) & 0xFFFFFFFF,
            ssrc,
        )
        moved = replace(
            packet,
            at_ns=packet.at_ns + how.get("later_ms", 0) * 1_000_000,
            source=(packet.source[0], how.get("port", packet.source[1])),
            payload=head + payload,
        )
        found.append((moved, payload, now))
    return found


def looped() -> Sent:
    """The same 100 packets three times."""
    return [
        (replace(packet, at_ns=packet.at_ns + again * 100 * FRAME_NS), payload, kind)
        for again in range(3)
        for packet, payload, kind in side()[:100]
    ]


def told_of(tmp_path: Path, *datagrams: Datagram, words: tuple[str, ...] = ()) -> dict[str, Any]:
    path = tmp_path / "odd.pcap"
    path.write_bytes(capture_bytes(sorted(datagrams, key=lambda each: each.at_ns)))
    return imported(path, tmp_path, *words)


def assert_whole(channel: np.ndarray, sent: Sent) -> None:
    """All frames stand in a channel once, in order, and nothing else does."""
    wanted = [
        (alaw_decode if kind == 8 else ulaw_decode)(np.frombuffer(payload, np.uint8))
        for _, payload, kind in sent
    ]
    cursor = 0
    rest = channel.copy()
    for number, frame in enumerate(wanted):
        span = 100_000 if not number else 40_000
        ahead = channel[cursor : cursor + span]
        begins = np.flatnonzero(ahead[: len(ahead) - 159] == frame[0]).tolist()
        at = next((at for at in begins if np.array_equal(ahead[at : at + 160], frame)), -1)
        assert at >= 0, f"frame {number} is missing"
        rest[cursor + at : cursor + at + 160] = 0
        cursor += at + 160
    assert not rest.any()


ODD = {
    "timestamps begin at 0": (changed(side(), 100, ticks=-21_000), "timestamps began anew"),
    "timestamps go back 2 s": (changed(side(), 100, ticks=-16_000), "timestamps began anew"),
    "timestamps leap 2**31": (changed(side(), 100, ticks=1 << 31), "timestamps began anew"),
    "timestamps leap 0.3 s": (changed(side(), 100, ticks=2400), "timestamps began anew"),
    "it stops for 100 ms": (
        changed(changed(side(), 80, later_ms=100, marker=1), 200, later_ms=100, marker=1),
        "timestamps stood still while the sender stopped, for 0.200 s in all",
    ),
    "it stops unmarked": (changed(side(), 80, later_ms=700), "timestamps stood still"),
    "a loop": (looped(), "timestamps began anew with the same SSRC: placed by arrival (2 times)"),
    "numbers fall back": (changed(side(), 100, numbers=-100), "sequence numbers fell back"),
    "another payload type": (
        changed(side(), 150, kind=8),
        "the payload type changed between 0 (PCMU), 8 (PCMA)",
    ),
    "another port": (changed(side(), 150, port=4444), "came from 10.9.0.1:4444 since"),
    "another port and numbers": (
        changed(side(), 150, port=4444, ticks=99_999, numbers=77),
        "came from 10.9.0.1:4444 since",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_every_frame_of_an_odd_sender_is_there_and_it_is_named(name: str, tmp_path: Path) -> None:
    sent, words = ODD[name]
    other = side(THERE, HERE, seed=2)
    told = told_of(tmp_path, *(one[0] for one in sent), *(one[0] for one in other))
    pcm = pcm_of(told, tmp_path)
    assert_whole(pcm[0], sent)
    assert_whole(pcm[1], other)
    assert any(words in warning for warning in told["warnings"]), told["warnings"]
    truth = json.loads((tmp_path / told["recording"]["truth"]).read_text())
    if "port" not in name:
        assert [each["party"] for each in truth["channels"][0]["odd"]] == ["10.9.0.1:4000"]
    assert "odd" not in truth["channels"][1]


@pytest.mark.parametrize("copies", [2, 3])
def test_frames_captured_more_than_once_count_once(copies: int, tmp_path: Path) -> None:
    sent, other = side(), side(THERE, HERE, seed=2)
    once = [one[0] for one in sent + other]
    told = told_of(tmp_path, *(once * copies))
    pcm = pcm_of(told, tmp_path)
    assert_whole(pcm[0], sent)
    assert_whole(pcm[1], other)
    assert [each["duplicates"] for each in told["sides"]] == [(copies - 1) * FRAMES] * 2


def test_two_streams_at_a_recorder_are_the_two_sides(tmp_path: Path) -> None:
    recorder = ("10.9.0.7", 7000)
    sent, other = side(HERE, recorder), side(THERE, recorder, seed=2)
    told = told_of(tmp_path, *(one[0] for one in sent + other))
    pcm = pcm_of(told, tmp_path)
    assert_whole(pcm[0], sent)
    assert_whole(pcm[1], other)


def test_two_sides_that_never_overlap_are_a_call(tmp_path: Path) -> None:
    sent, other = side(), side(THERE, HERE, seed=2, begins_s=8)
    told = told_of(tmp_path, *(one[0] for one in sent + other))
    pcm = pcm_of(told, tmp_path)
    assert_whole(pcm[0], sent)
    assert_whole(pcm[1], other)


def test_the_same_ssrc_from_elsewhere_changes_nothing(tmp_path: Path) -> None:
    sent, other = side(), side(THERE, HERE, seed=2)
    forged = changed(side(("10.9.0.66", 4000)), 0, ticks=480_000)[50:200]
    plain = told_of(tmp_path, *(one[0] for one in sent + other))
    own = pcm_of(plain, tmp_path)
    told = told_of(tmp_path, *(one[0] for one in sent + other + forged))
    assert np.array_equal(pcm_of(told, tmp_path), own)
