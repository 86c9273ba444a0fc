"""Packets of many streams made at once are those that each stream's sender would have made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.rtp.sender import RtpSender, WideSender


def sender(number: int) -> RtpSender:
    return RtpSender(
        "PCMA" if number % 3 == 0 else "PCMU",
        ssrc=1000 + number,
        first_sequence=65530 + number,
        first_timestamp=(1 << 32) - 800 * number - 1,
    )


def frame(count: int, seed: int) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-32768, 32767, (count, 160)).astype(np.int16)


def test_both_make_the_same_packets_over_both_wraps() -> None:
    alone, together = [sender(n) for n in range(40)], [sender(n) for n in range(40)]
    wide = WideSender()
    for each in together:
        wide.add(each)
    for number in range(20):
        pcm = frame(40, number)
        wide.make(pcm, number)
        for row, one, of_row, samples in zip(wide.rows, alone, wide.packets, pcm, strict=True):
            (packet,) = one.packets(samples[None], number)
            assert bytes(row) == of_row.tobytes() == packet.tobytes()
    for one, other in zip(alone, together, strict=True):
        assert (one.sent, one.octets, one.next_sequence) == (
            other.sent,
            other.octets,
            other.next_sequence,
        )
    assert together[0].sent == 20


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=30))
def test_senders_come_and_go_and_each_goes_on_where_it_was(steps: list[tuple[bool, int]]) -> None:
    wide, alone = WideSender(), {n: sender(n) for n in range(10)}
    together = {n: sender(n) for n in range(10)}
    here: list[int] = []
    for at, (comes, number) in enumerate(steps):
        if comes and number not in here:
            wide.add(together[number])
            here.append(number)
        elif not comes and number in here:
            place = wide.senders.index(together[number])
            wide.remove(place)
            here.remove(number)
        order = [each.ssrc - 1000 for each in wide.senders]
        assert sorted(order) == sorted(here)
        assert len(wide) == len(here)
        if not here:
            continue
        pcm = frame(len(order), at)
        wide.make(pcm, at)
        for row, n, samples in zip(wide.rows, order, pcm, strict=True):
            (packet,) = alone[n].packets(samples[None], at)
            assert bytes(row) == packet.tobytes()
    for n in range(10):
        assert alone[n].sent == together[n].sent
        assert alone[n].octets == together[n].octets


def test_codecs_with_a_coder_of_their_own_are_refused() -> None:
    with pytest.raises(ValueError, match="G722 frames are coded one by one"):
        WideSender().add(RtpSender("G722", ssrc=1))
