"""Senders with several oddities at once: every frame that arrived is played once, and in order.

The policy is the table of :mod:`mediasim.rtp.lines`; ``odd_senders`` draws the senders.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from odd_senders import FRAME, FRAME_NS, Frame, OddSender, odd_sender
from test_playout import Bench

from mediasim.audio.g711 import alaw_decode, ulaw_decode
from mediasim.rtp.oddities import oddities_of

FRAMES: Final = 2000
AHEAD: Final = 8
"""Frames that audio received before may still have to be played when a new beginning comes."""


def sound_of(frame: Frame) -> NDArray[np.int16]:
    codes = np.frombuffer(frame.codes, np.uint8)
    return alaw_decode(codes) if frame.payload_type == 8 else ulaw_decode(codes)


def places_of(played: NDArray[np.int16], frames: list[Frame]) -> list[int]:
    """Where each frame stands; those with the same sound one after the other; -1: nowhere."""
    grid = np.lib.stride_tricks.sliding_window_view(played, FRAME)[::80]
    found: dict[bytes, list[int]] = {}
    for index in np.flatnonzero(grid.any(axis=1)).tolist():
        found.setdefault(grid[index].tobytes(), []).append(index * 80)
    places = []
    for frame in frames:
        at = found.get(sound_of(frame).tobytes(), [])
        places.append(at.pop(0) if at else -1)
    return places


def check(sender: OddSender, played: NDArray[np.int16]) -> None:
    """Each frame once, in order, by its arrival."""
    places = places_of(played, sender.frames)
    gone = [number for number, at in enumerate(places) if at < 0]
    assert not gone, f"{sender.how}: {len(gone)} frames are missing: {gone[:9]}"
    spoken = np.zeros(len(played), np.int64)
    for at in places:
        spoken[at : at + FRAME] += 1
    assert spoken.max() == 1, sender.how
    assert not played[spoken == 0].any(), f"{sender.how}: something is played that was not sent"
    assert places == sorted(places), sender.how
    for frame, at in zip(sender.frames, places, strict=True):
        usable = frame.arrival // FRAME_NS + 1
        waited = at // FRAME - usable
        assert 0 <= waited <= 3 + 1 + AHEAD, f"{sender.how}: waited {waited} frames"


def named(bench: Bench) -> str:
    return "; ".join(str(oddity) for oddity in oddities_of(bench.stream))


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_every_frame_that_arrived_is_played_once_and_in_order(first: int) -> None:
    for seed in range(first, first + 50):
        sender = odd_sender(seed)
        bench = Bench(max_block=FRAMES)
        check(sender, bench.play(sender.datagrams, FRAMES, (seed % 97, 333, 334, 600)))
        words = named(bench)
        how = sender.how
        if how["timestamp"] not in ("ordinary", "stand still"):
            assert "timestamps began anew" in words, how
        if how["payload type"] != "one":
            assert "the payload type changed between 0 (PCMU), 8 (PCMA)" in words, how
        # A copy of what came before a new beginning is no duplicate after it, but a stray.
        dropped = bench.playout.reception.of(0).duplicates + bench.stream.late + bench.stream.early
        assert dropped == len(sender.datagrams) - len(sender.frames), how
