from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.rtp.ring import UNIT, FrameRing

SLOTS = 12


def ring_of(rows: int = 1, slots: int = SLOTS) -> FrameRing:
    ring = FrameRing(slots)
    ring.ensure(rows)
    return ring


def write(ring: FrameRing, row: int, output: int, pcm: NDArray[np.int16]) -> None:
    ring.write(np.array([row]), np.array([output]), pcm[None])


def read(
    ring: FrameRing, first: int, count: int, rows: tuple[int, ...] = (0,)
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    out = np.full((len(rows), count * FRAME_SAMPLES), 99, np.int16)
    return out, ring.read(np.array(rows), first, count, out)


def ramp(samples: int, start: int = 1) -> NDArray[np.int16]:
    return np.arange(start, start + samples).astype(np.int16)


def test_what_was_written_is_read_where_it_belongs() -> None:
    ring = ring_of()
    write(ring, 0, 160, ramp(160))
    out, have = read(ring, 0, 3)
    assert out[0].tolist() == [0] * 160 + ramp(160).tolist() + [0] * 160
    assert have[0].tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("count", [1, 2, 4, 5, 8])
def test_what_has_been_read_is_silence_again(count: int) -> None:
    ring = ring_of()
    write(ring, 0, 0, ramp(160))
    read(ring, 0, count)
    out, have = read(ring, SLOTS, count)
    assert not out.any()
    assert not have.any()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_reading_and_writing_go_round(count: int) -> None:
    ring = ring_of()
    for first in range(0, 60, count):
        for frame in range(first, first + count):
            write(ring, 0, frame * 160, ramp(160, frame))
        out, have = read(ring, first, count)
        wanted = [value for frame in range(first, first + count) for value in ramp(160, frame)]
        assert out[0].tolist() == wanted
        assert have.all()


def test_rows_are_apart() -> None:
    ring = ring_of(3)
    ring.write(np.array([0, 2]), np.array([0, 80]), np.stack([ramp(160), ramp(160, 500)]))
    out, have = read(ring, 0, 2, rows=(2, 0, 1))
    assert out[0, 80:240].tolist() == ramp(160, 500).tolist()
    assert out[1, :160].tolist() == ramp(160).tolist()
    assert not out[2].any()
    assert have.tolist() == [
        [False, True, True, False],
        [True, True, False, False],
        [False] * 4,
    ]


def test_of_overlapping_packets_the_last_one_given_stays() -> None:
    """However they are grouped: a stream that moved forward writes over its own end."""
    one, other = ramp(160), ramp(160, 1000)
    together, apart = ring_of(), ring_of()
    together.write(np.array([0, 0]), np.array([80, 0]), np.stack([other, one]))
    write(apart, 0, 80, other)
    write(apart, 0, 0, one)
    assert read(together, 0, 2)[0].tolist() == read(apart, 0, 2)[0].tolist()


def test_payloads_of_any_length_stand_on_the_sample() -> None:
    ring = ring_of()
    write(ring, 0, 37, ramp(101))
    out, have = read(ring, 0, 2)
    assert out[0, 37:138].tolist() == ramp(101).tolist()
    assert not out[0, :37].any()
    assert not out[0, 138:].any()
    assert have[0].tolist() == [False] * 4  # no unit as a whole, but
    assert np.flatnonzero(ring.exact[0]).tolist() == list(range(37, 138))


def test_a_lost_payload_off_the_grid_is_missing_to_the_sample() -> None:
    ring = ring_of()
    for number in (0, 1, 3, 4):
        write(ring, 0, 117 + 160 * number, ramp(160))
    _, have = read(ring, 0, 6)
    gone = np.flatnonzero(~ring.exact[0])
    assert gone.tolist() == [*range(117), *range(437, 597), *range(917, 960)]
    assert have[0].tolist() == [False, False, *[True] * 3, *[False] * 3, *[True] * 3, False]


def test_a_payload_of_nothing_writes_nothing() -> None:
    ring = ring_of()
    write(ring, 0, 40, ramp(0))
    out, have = read(ring, 0, 1)
    assert not out.any()
    assert not have.any()


def test_a_cleared_row_is_silent_and_others_are_not() -> None:
    ring = ring_of(2)
    for row in (0, 1):
        write(ring, row, 0, ramp(160))
    ring.clear(0)
    out, have = read(ring, 0, 1, rows=(0, 1))
    assert not out[0].any()
    assert not have[0].any()
    assert out[1].all()


def test_growing_keeps_what_is_there() -> None:
    ring = ring_of(1)
    write(ring, 0, 0, ramp(160))
    ring.ensure(7)
    write(ring, 6, 0, ramp(160, 300))
    out, _ = read(ring, 0, 1, rows=(0, 6))
    assert out[0].tolist() == ramp(160).tolist()
    assert out[1].tolist() == ramp(160, 300).tolist()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_it_is_a_plain_array_seen_through_a_window(data: st.DataObject) -> None:
    """Any packets, in any groups, read in any blocks: the same as one long array.

    Blocks longer than the ring are read in memory of their own.
    """
    rows, frames = 2, 90
    plain = np.zeros((rows, frames * FRAME_SAMPLES), np.int16)
    there = np.zeros(plain.shape, np.bool_)
    ring = ring_of(rows, 16)
    at = 0
    while at < frames:
        count = data.draw(st.integers(1, min(30, frames - at)))
        stretched = count > 4 or data.draw(st.booleans())
        pcm = np.empty((rows, count * 160), np.int16)
        if stretched:
            pcm = ring.stretch(np.arange(rows), at, count)
            assert ring.stretched
        for row in range(rows):
            outputs = data.draw(
                st.lists(st.integers(at * 160, min(at + count + 8, frames - 2) * 160), max_size=4)
                if at < frames - 2
                else st.just([])
            )
            size = data.draw(st.sampled_from([80, 160, 240, 37]))
            if data.draw(st.booleans()):
                outputs = [output // UNIT * UNIT for output in outputs]
            if not outputs:
                continue
            payload = np.stack([ramp(size, output % 900 + 1) for output in outputs])
            ring.write(np.full(len(outputs), row), np.array(outputs), payload)
            for output, samples in zip(outputs, payload, strict=True):
                plain[row, output : output + size] = samples
                there[row, output : output + size] = True
        if stretched and data.draw(st.booleans()):
            pcm = np.empty((rows, count * 160), np.int16)  # or wherever else it is wanted
        have = ring.read(np.arange(rows), at, count, pcm)
        assert not ring.stretched
        assert np.array_equal(pcm, plain[:, at * 160 : (at + count) * 160])
        arrived = there[:, at * 160 : (at + count) * 160]
        assert np.array_equal(have, arrived.reshape(rows, -1, UNIT).all(axis=2))
        for row, exact in ring.exact.items():
            assert np.array_equal(exact, arrived[row])
        at += count
