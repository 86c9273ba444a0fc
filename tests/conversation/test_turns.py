"""The counting: spans against a set of samples, turns and interruptions against plain rules."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import mediasim
from mediasim.conversation.spans import (
    Span,
    at_least,
    complement,
    intersection,
    joined,
    total,
    union,
)
from mediasim.conversation.turns import (
    DEAD_AIR,
    PAUSE,
    REACTION,
    TURN_PAUSE,
    Interruption,
    ResponseGap,
    Turn,
    gaps,
    interruptions,
    responses,
    turns_of,
    utterances,
)

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


def test_the_documentation_has_the_lengths() -> None:
    page = (Path(mediasim.__file__).parent / "docs" / "reference" / "conversations.md").read_text(
        "utf-8"
    )
    for length, words in (
        (PAUSE, "silences of up to 450 ms"),
        (TURN_PAUSE, "no pause reaches 1.5 s"),
        (REACTION, "200 ms or more after its start"),
        (DEAD_AIR, "nobody speaks; for 2 s or longer"),
    ):
        assert words in page
        number, unit = re.findall(r"([0-9.]+) (ms|s)\b", words)[0]
        assert length == float(number) * {"ms": 8, "s": SECOND}[unit]


def test_an_utterance_has_its_pauses_and_a_click_is_none() -> None:
    assert utterances([(0, 800), (800 + PAUSE, 5000), (9000, 9479)]) == [(0, 5000)]
    assert utterances([(0, 800), (801 + PAUSE, 5000)]) == [(0, 800), (801 + PAUSE, 5000)]


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


# -- interruptions --------------------------------------------------------------------------


def said(*spans: tuple[float, float, int]) -> list[Turn]:
    return sorted(
        Turn(round(start * SECOND), round(end * SECOND), speaker, round((end - start) * SECOND))
        for start, end, speaker in spans
    )


def test_who_silences_the_other_has_interrupted_successfully() -> None:
    (found,) = interruptions(said((0, 3, 0), (2, 5, 1)))
    assert found == Interruption(2 * SECOND, 1, 0, SECOND, "successful")
    (found,) = interruptions(said((0, 5, 0), (2, 5, 1)))
    assert found.outcome == "successful", "who falls silent with the other spoke no longer"


def test_who_gives_up_has_not() -> None:
    (found,) = interruptions(said((0, 5, 0), (1, 3, 1)))
    assert (found.by, found.outcome, found.overlap) == (1, "unsuccessful", 2 * SECOND)


def test_a_short_word_in_between_is_a_backchannel() -> None:
    (found,) = interruptions(said((0, 5, 0), (1, 1.5, 1)))
    assert found.outcome == "backchannel"


def test_starting_together_or_a_little_early_is_no_interruption() -> None:
    assert interruptions(said((0, 3, 0), (0.19, 5, 1))) == []
    assert interruptions(said((0, 3, 0), (2.81, 5, 1))) == []
    assert interruptions(said((0, 3, 0), (2.8, 5, 1))) != []
    assert interruptions(said((0, 3, 0), (2.98, 5, 1)), 1) != [], "an app reacts at once"


# -- responses ------------------------------------------------------------------------------


def voices_of(turns: list[Turn]) -> list[list[Span]]:
    return [[(t.start, t.end) for t in turns if t.speaker == speaker] for speaker in (0, 1)]


def test_a_response_comes_after_silence_and_after_another_speaker() -> None:
    turns = said((0, 1, 0), (1.5, 2, 1), (4, 5, 1), (4.5, 6, 0), (6.25, 7, 1))
    assert gaps(voices_of(turns)) == [
        ResponseGap(12_000, 1, 0, 4000),
        ResponseGap(50_000, 1, 0, 2000),
    ]


def test_nobody_responds_from_within_an_utterance() -> None:
    turns = said((0, 5, 0), (1, 2, 1), (5.5, 6, 0))
    assert gaps(voices_of(turns)) == []
    assert [each.at for each in responses(voices_of(turns), 0)] == [None, None]


def test_every_utterance_is_told_of_answered_or_not() -> None:
    turns = said((0, 1, 0), (0.9, 2, 1), (3, 4, 0), (4.5, 5, 0), (5.5, 6, 1))
    found = responses(voices_of(turns), 0)
    assert [each.latency for each in found] == [-SECOND // 10, None, SECOND // 2]
    assert [each.by for each in found] == [1, None, 1]


@given(voices)
def test_a_gap_is_silent_and_ends_in_no_interruption(speech: list[list[Span]]) -> None:
    turns = turns_of(speech)
    found = gaps(speech)
    interrupting = {(each.at, each.by) for each in interruptions(turns)}
    assert not {(each.at, each.by) for each in found} & interrupting
    for each in found:
        before = [(each.at - each.latency, each.at)]
        assert not intersection(before, at_least(speech, 1))


@given(voices)
def test_a_response_goes_on_when_what_it_responds_to_has_ended(speech: list[list[Span]]) -> None:
    for speaker, own in enumerate(speech):
        found = responses(speech, speaker)
        assert [each.after for each in found] == own
        for each in found:
            if each.by is not None and each.at is not None:
                (utterance,) = (span for span in speech[each.by] if span[0] == each.at)
                assert each.by != speaker
                assert each.at > each.after[0]
                assert utterance[1] > each.after[1]


@given(voices)
def test_interruptions_overlap(speech: list[list[Span]]) -> None:
    turns = turns_of(speech)
    for each in interruptions(turns):
        assert each.by != each.on
        assert each.overlap > 0
