from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.documents.durations import Duration
from mediasim.net.link import Link, PacketFates
from mediasim.net.network import GilbertElliott, Impairments, Jitter, Loss

FRAME = 20_000_000
MS = 1_000_000


def sent(count: int) -> NDArray[np.int64]:
    return np.arange(count) * FRAME


def carry(impairments: Impairments, count: int, key: int = 1) -> PacketFates:
    return Link(impairments, key).carry(0, sent(count))


ROUGH = Impairments(
    delay=Duration(30 * MS),
    jitter=Jitter(exponential=Duration(15 * MS)),
    loss=Loss(gilbert_elliott=GilbertElliott(enter=0.2, leave=0.5, loss_bad=0.9, loss_good=0.01)),
    reorder=0.1,
    duplicate=0.1,
)


def columns(fates: PacketFates) -> list[list[int]]:
    return [
        column.tolist() for column in (fates.arrival, fates.lost, fates.reordered, fates.copied)
    ]


# -- what a link does ---------------------------------------------------------------------------


def test_a_clean_link_delays_and_nothing_else() -> None:
    fates = carry(Impairments(delay=Duration(7 * MS)), 50)
    assert np.array_equal(fates.arrival, sent(50) + 7 * MS)
    assert not (fates.lost | fates.reordered | fates.copied).any()


def test_clean_means_that_nothing_is_drawn() -> None:
    assert Impairments(delay=Duration(99)).clean
    assert not ROUGH.clean
    for one in (
        Impairments(loss=Loss(random=0.1)),
        Impairments(jitter=Jitter(uniform=Duration(1))),
        Impairments(loss=Loss(gilbert_elliott=GilbertElliott(enter=0.1, leave=0.1))),
        Impairments(reorder=0.1),
        Impairments(duplicate=0.1),
        Impairments(one_way=True),
    ):
        assert not one.clean


def test_one_way_audio_lets_nothing_through() -> None:
    assert carry(Impairments(one_way=True), 100).lost.all()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 1.0])
def test_random_loss_is_as_frequent_as_asked(share: float) -> None:
    lost = carry(Impairments(loss=Loss(random=share)), 40_000).lost
    assert lost.mean() == pytest.approx(share, abs=4 * (share * (1 - share) / 40_000) ** 0.5)


def test_random_losses_do_not_depend_on_each_other() -> None:
    lost = carry(Impairments(loss=Loss(random=0.2)), 100_000).lost
    after_a_loss = lost[1:][lost[:-1]].mean()
    assert after_a_loss == pytest.approx(0.2, abs=0.01)


def test_reordered_packets_come_just_after_the_next_one() -> None:
    fates = carry(Impairments(reorder=0.2), 20_000)
    assert fates.reordered.mean() == pytest.approx(0.2, abs=0.02)
    held = np.flatnonzero(fates.reordered[:-1] & ~fates.reordered[1:])
    assert (fates.arrival[held] - fates.arrival[held + 1] == MS).all()
    kept = ~fates.reordered
    assert np.array_equal(fates.arrival[kept], sent(20_000)[kept])


@pytest.mark.parametrize("ptime_ms", [10, 30, 60])
def test_packets_of_any_length_are_overtaken(ptime_ms: int) -> None:
    link = Link(Impairments(reorder=0.3), 5, ptime_ms * MS)
    fates = link.carry(0, np.arange(1000) * ptime_ms * MS)
    held = np.flatnonzero(fates.reordered[:-1] & ~fates.reordered[1:])
    assert len(held)
    assert (fates.arrival[held] > fates.arrival[held + 1]).all()


def test_copies_are_of_packets_that_arrive() -> None:
    fates = carry(Impairments(duplicate=0.5, loss=Loss(random=0.5)), 10_000)
    assert fates.copied.any()
    assert not (fates.copied & fates.lost).any()


def test_a_lost_packet_is_not_called_reordered() -> None:
    fates = carry(Impairments(reorder=0.5, loss=Loss(random=0.5)), 10_000)
    assert fates.reordered.any()
    assert not (fates.reordered & fates.lost).any()


# -- jitter -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jitter", "mean_ms", "deviation_ms"),
    [
        (Jitter(uniform=Duration(60 * MS)), 30, 60 / 12**0.5),
        (Jitter(exponential=Duration(10 * MS)), 10, 10),
        (Jitter(normal=Duration(10 * MS)), 10 * (2 / np.pi) ** 0.5, 10 * (1 - 2 / np.pi) ** 0.5),
    ],
)
def test_jitter_has_its_distribution(jitter: Jitter, mean_ms: float, deviation_ms: float) -> None:
    extra = (carry(Impairments(jitter=jitter), 50_000).arrival - sent(50_000)) / MS
    assert extra.min() >= 0
    assert extra.mean() == pytest.approx(mean_ms, rel=0.03)
    assert extra.std() == pytest.approx(deviation_ms, rel=0.03)


def test_uniform_jitter_stays_below_its_most() -> None:
    extra = carry(Impairments(jitter=Jitter(uniform=Duration(5 * MS))), 10_000).arrival - sent(
        10_000
    )
    assert extra.max() < 5 * MS


# -- bursts -------------------------------------------------------------------------------------


def walked(bursts: GilbertElliott, draws: list[float], chances: list[float]) -> list[bool]:
    """The chain packet by packet, as its definition says."""
    bad = False
    lost = []
    for draw, chance in zip(draws, chances, strict=True):
        bad = draw < 1.0 - bursts.leave if bad else draw < bursts.enter
        lost.append(chance < (bursts.loss_bad if bad else bursts.loss_good))
    return lost


@settings(max_examples=60, deadline=None)
@given(
    enter=st.sampled_from([0.0, 0.01, 0.3, 0.7, 1.0]),
    leave=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    loss_bad=st.sampled_from([1.0, 0.6]),
    loss_good=st.sampled_from([0.0, 0.1]),
    key=st.integers(0, 2**64 - 1),
    cuts=st.lists(st.integers(0, 300), max_size=4),
)
def test_bursts_follow_the_two_state_chain(
    enter: float, leave: float, loss_bad: float, loss_good: float, key: int, cuts: list[int]
) -> None:
    bursts = GilbertElliott(enter=enter, leave=leave, loss_bad=loss_bad, loss_good=loss_good)
    link = Link(Impairments(loss=Loss(gilbert_elliott=bursts)), key)
    number = np.arange(300, dtype=np.uint64)
    wanted = walked(bursts, link._chance(number, 4).tolist(), link._chance(number, 5).tolist())
    edges = [0, *sorted(cuts), 300]
    found = [link.carry(a, sent(300)[a:b]).lost for a, b in itertools.pairwise(edges)]
    assert np.concatenate(found).tolist() == wanted


def test_bursts_are_as_long_as_the_chance_to_leave_says() -> None:
    lost = carry(
        Impairments(loss=Loss(gilbert_elliott=GilbertElliott(enter=0.01, leave=0.25))), 200_000
    ).lost
    edges = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(int), [0]))))
    lengths = edges[1::2] - edges[::2]
    assert lengths.mean() == pytest.approx(4, rel=0.05)
    assert lost.mean() == pytest.approx(0.01 / 0.26, rel=0.1)


# -- determinism --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 500), max_size=8), key=st.integers(0, 2**64 - 1))
def test_a_packets_fate_does_not_depend_on_its_block(cuts: list[int], key: int) -> None:
    whole = columns(carry(ROUGH, 500, key))
    link = Link(ROUGH, key)
    edges = [0, *sorted(cuts), 500]
    pieces = [columns(link.carry(a, sent(500)[a:b])) for a, b in itertools.pairwise(edges)]
    joined = [list(itertools.chain(*column)) for column in zip(*pieces, strict=True)]
    assert joined == whole


def test_links_of_other_keys_do_other_things() -> None:
    a, b = carry(ROUGH, 5000, 1), carry(ROUGH, 5000, 2)
    both = (a.lost & b.lost).mean()
    assert both == pytest.approx(a.lost.mean() * b.lost.mean(), rel=0.25)


def test_one_impairment_does_not_move_the_draws_of_another() -> None:
    alone = carry(Impairments(loss=Loss(random=0.1)), 2000)
    beside = carry(
        Impairments(loss=Loss(random=0.1), jitter=Jitter(uniform=Duration(MS)), duplicate=0.3), 2000
    )
    assert np.array_equal(alone.lost, beside.lost)


def test_packets_must_come_in_order() -> None:
    link = Link(ROUGH, 1)
    link.carry(0, sent(3))
    with pytest.raises(ValueError, match="packet 4 given to a link that expects 3"):
        link.carry(4, sent(1))


def test_no_packets_are_no_trouble() -> None:
    link = Link(ROUGH, 1)
    assert columns(link.carry(0, sent(0))) == [[], [], [], []]
    assert len(link.carry(0, sent(5)).arrival) == 5
