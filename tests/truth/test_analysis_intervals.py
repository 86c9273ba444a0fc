"""The counting: spans against a set of samples, turns and cutting in against plain rules."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mediasim.truth.analysis.figures import Latency, latency_of, words_per_minute
from mediasim.truth.analysis.floor_changes import CutIn, Response, cut_ins, responses
from mediasim.truth.analysis.spans import (
    Span,
    at_least,
    complement,
    intersection,
    joined,
    total,
    union,
)
from mediasim.truth.analysis.turns import TURN_PAUSE, Turn, turns_of

SECOND = 8000
any_spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)
sets = any_spans.map(union)
"""In units small enough for neighbours and touching edges to be drawn."""
voices = st.lists(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), max_size=10).map(
        lambda spans: union((at * 800, (at + length) * 800) for at, length in spans)
    ),
    min_size=1,
    max_size=3,
)
"""Speech in tenths of a second."""


def samples(spans: list[Span]) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


def is_a_set(spans: list[Span]) -> bool:
    return all(start < end for start, end in spans) and all(
        first[1] < second[0] for first, second in pairwise(spans)
    )


@given(any_spans)
def test_a_union_has_the_samples_of_its_spans(spans: list[Span]) -> None:
    assert samples(union(spans)) == samples(spans)
    assert is_a_set(union(spans))
    assert total(union(spans)) == len(samples(spans))


@given(sets, st.integers(0, 10))
def test_joining_closes_the_short_pauses_alone(spans: list[Span], pause: int) -> None:
    closed = joined(spans, pause)
    gaps = [second[0] - first[1] for first, second in pairwise(spans)]
    assert total(closed) == total(spans) + sum(gap for gap in gaps if gap <= pause)
    assert all(second[0] - first[1] > pause for first, second in pairwise(closed))


@given(sets, st.integers(0, 70))
def test_a_complement_has_the_others(spans: list[Span], length: int) -> None:
    found = complement(spans, length)
    assert is_a_set(found)
    assert samples(found) == set(range(length)) - samples(spans)


@given(st.lists(sets, max_size=4), st.integers(1, 4))
def test_at_least_counts_the_sets_a_sample_is_in(many: list[list[Span]], count: int) -> None:
    found = at_least(many, count)
    each = [samples(spans) for spans in many]
    wanted = {at for at in range(61) if sum(at in one for one in each) >= count}
    assert is_a_set(found)
    assert samples(found) == wanted


@given(sets, sets)
def test_an_intersection_is_in_both(first: list[Span], second: list[Span]) -> None:
    assert samples(intersection(first, second)) == samples(first) & samples(second)


# -- turns ----------------------------------------------------------------------------------


@given(voices)
def test_turns_keep_all_speech_and_their_order(speech: list[list[Span]]) -> None:
    turns = turns_of(speech)
    assert turns == sorted(turns)
    for speaker, spans in enumerate(speech):
        own = [turn for turn in turns if turn.speaker == speaker]
        assert sum(turn.speech for turn in own) == total(spans)
        assert {turn.start for turn in own} <= {start for start, _ in spans}
        assert all(turn.speech <= turn.samples for turn in own)
        assert all(first.end < second.start for first, second in pairwise(own))


@given(voices)
def test_a_turn_goes_on_over_a_pause_only_if_it_is_short_and_silent(
    speech: list[list[Span]],
) -> None:
    turns = turns_of(speech)
    for speaker, spans in enumerate(speech):
        others = [other for number, other in enumerate(speech) if number != speaker]
        for (_, end), (start, _) in pairwise(spans):
            goes_on = any(t.speaker == speaker and t.start < end and t.end > start for t in turns)
            spoken = intersection([(end, start)], at_least(others, 1))
            assert goes_on == (start - end < TURN_PAUSE and not spoken)


def test_talking_over_a_turn_does_not_end_it() -> None:
    speech = [[(0, 5 * SECOND)], [(SECOND, 2 * SECOND)]]
    assert [turn.speaker for turn in turns_of(speech)] == [0, 1]


# -- how the floor changes ------------------------------------------------------------------


def said(*spans: tuple[float, float, int]) -> list[Turn]:
    return sorted(
        Turn(round(start * SECOND), round(end * SECOND), speaker, round((end - start) * SECOND))
        for start, end, speaker in spans
    )


def test_one_who_silences_the_other_has_cut_in_successfully() -> None:
    (found,) = cut_ins(said((0, 3, 0), (2, 5, 1)))
    assert found == CutIn(2 * SECOND, 1, 0, SECOND, "successful")


def test_one_who_gives_up_has_not() -> None:
    (found,) = cut_ins(said((0, 5, 0), (1, 3, 1)))
    assert (found.by, found.outcome, found.overlap) == (1, "unsuccessful", 2 * SECOND)


def test_a_short_word_in_between_is_a_backchannel() -> None:
    (found,) = cut_ins(said((0, 5, 0), (1, 1.5, 1)))
    assert found.outcome == "backchannel"


def test_starting_together_or_a_little_early_is_no_cutting_in() -> None:
    assert cut_ins(said((0, 3, 0), (0.19, 5, 1))) == []
    assert cut_ins(said((0, 3, 0), (2.81, 5, 1))) == []
    assert cut_ins(said((0, 3, 0), (2.8, 5, 1))) != []


def test_an_answer_comes_after_silence_and_after_somebody_else() -> None:
    found = responses(said((0, 1, 0), (1.5, 2, 1), (4, 5, 1), (4.5, 6, 0), (6.25, 7, 1)))
    assert found == [
        Response(12_000, 1, 0, 4000),
        Response(50_000, 1, 0, 2000),
    ]


def test_nobody_answers_from_within_a_turn() -> None:
    assert responses(said((0, 5, 0), (1, 2, 1), (5.5, 6, 0))) == []


@given(voices)
def test_a_turn_is_an_answer_or_cuts_in_but_not_both(speech: list[list[Span]]) -> None:
    turns = turns_of(speech)
    answers = {(each.at, each.by) for each in responses(turns)}
    interrupting = {(each.at, each.by) for each in cut_ins(turns)}
    assert not answers & interrupting
    for each in responses(turns):
        before = [(each.at - each.latency, each.at)]
        assert not intersection(before, at_least(speech, 1))


@given(voices)
def test_cutting_in_overlaps(speech: list[list[Span]]) -> None:
    turns = turns_of(speech)
    for each in cut_ins(turns):
        assert each.by != each.on
        assert each.overlap > 0


# -- distributions --------------------------------------------------------------------------


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_percentiles_are_latencies_that_so_many_do_not_exceed(latencies: list[int]) -> None:
    found = latency_of(latencies)
    assert found.p50 is not None
    assert found.p90 is not None
    assert found.max == max(latencies)
    for percent, value in ((50, found.p50), (90, found.p90)):
        assert value in latencies
        assert 100 * sum(each <= value for each in latencies) >= percent * len(latencies)
        assert 100 * sum(each < value for each in latencies) < percent * len(latencies)


def test_of_no_latencies_nothing_is_told() -> None:
    assert latency_of([]) == Latency(0, None, None, None)


def test_words_go_by_the_time_spent_talking() -> None:
    assert words_per_minute(30, 10 * SECOND) == 180
    assert words_per_minute(None, 10 * SECOND) is None
    assert words_per_minute(0, 0) is None
