"""The recogniser model: errors of the size that was asked for, the same for the same seed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mediasim.documents.diagnostics import ScenarioError
from mediasim.recogniser.confusions import mistaken_for
from mediasim.recogniser.model import attributed, recognise
from mediasim.recogniser.settings import PERFECT, REALISTIC, RecogniserSettings
from mediasim.recogniser.spec import parse_recogniser
from mediasim.recogniser.transcript import TranscriptWord, Utterance, utterances_of
from mediasim.seeds import Seeds
from mediasim.truth.analysis.transcription import word_error_rate

SENTENCE = "Hello, I would like to know whether order 4711 for the two big books is on its way."
SEEDS = Seeds(7)


def said(text: str, times: int = 1) -> list[TranscriptWord]:
    words = text.split() * times
    return [
        TranscriptWord(word, at * 4000, at * 4000 + 3000, "alice", word, origin=f"alice/0/{at}")
        for at, word in enumerate(words)
    ]


def text_of(words: list[TranscriptWord]) -> str:
    return " ".join(word.text for word in words)


def test_a_perfect_recogniser_hears_every_word() -> None:
    heard = recognise(said(SENTENCE), PERFECT, SEEDS)
    assert text_of(heard) == SENTENCE
    assert {word.confidence for word in heard} == {1.0}


@pytest.mark.parametrize(
    "settings",
    [
        REALISTIC,
        RecogniserSettings(substitutions=0.2),
        RecogniserSettings(deletions=0.2),
        RecogniserSettings(insertions=0.2),
        RecogniserSettings(substitutions=0.3, deletions=0.2, insertions=0.1),
    ],
    ids=["realistic", "substitutions", "deletions", "insertions", "all"],
)
def test_the_errors_are_those_asked_for(settings: RecogniserSettings) -> None:
    words = said(SENTENCE, 20)
    heard = recognise(words, settings, SEEDS)
    measured = word_error_rate(text_of(words), text_of(heard))
    rate = settings.word_error_rate
    # Three standard deviations of as many words; a deletion beside an insertion counts as one.
    assert measured is not None
    assert abs(measured - rate) < 3 * math.sqrt(rate / len(words)) + 0.03 * rate


def test_the_same_seed_mishears_the_same_words_and_others_alone() -> None:
    settings = parse_recogniser({"word_error_rate": "30%"})
    words = said(SENTENCE, 5)
    heard = recognise(words, settings, SEEDS)
    assert recognise(words, settings, SEEDS) == heard
    assert recognise(words, settings, Seeds(8)) != heard
    # A word is heard alike in a partial result and in one of more words.
    half = len(words) // 2
    assert heard[: len(recognise(words[:half], settings, SEEDS))] == recognise(
        words[:half], settings, SEEDS
    )


def test_no_word_is_mistaken_for_itself() -> None:
    words = {*SENTENCE.lower().split(), "a", "h", "hour", "zebra", "straße", "7", "don't", "x"}
    for word in words:
        for draw in (0.0, 0.5, 0.999):
            assert mistaken_for(word, draw).strip(",.").lower() != word.strip(",.").lower()
    assert mistaken_for("Four,", 0.0) == "For,"


def test_wrong_words_have_less_confidence_than_right_ones() -> None:
    heard = recognise(said(SENTENCE, 20), REALISTIC, SEEDS)
    right = [word.confidence for word in heard if word.text == word.said]
    wrong = [word.confidence for word in heard if word.text != word.said]
    assert wrong
    assert min(right) > max(wrong)
    assert sum(right) / len(right) == pytest.approx(REALISTIC.confidence, abs=0.01)


def test_without_punctuation_words_are_bare() -> None:
    heard = recognise(said("Hello, I can't!"), replace(PERFECT, punctuation=False), SEEDS)
    assert text_of(heard) == "hello i can't"


def test_an_utterance_may_be_attributed_to_the_other_speaker() -> None:
    every = [
        Utterance(1, (replace(word, origin=str(number)),), "alice")
        for number, word in enumerate(said("Yes. ", 1) * 400)
    ]

    def channels(settings: RecogniserSettings) -> list[int]:
        return [attributed(each, 2, settings, SEEDS).channel for each in every]

    assert set(channels(PERFECT)) == {1}
    assert set(channels(replace(PERFECT, swapped_channels=True))) == {2}
    assert channels(replace(PERFECT, speaker_confusion=0.25)).count(2) == pytest.approx(100, abs=27)
    assert set(channels(replace(PERFECT, speaker_confusion=0.5, mono=True))) == {1}


def test_a_pause_ends_an_utterance_and_so_does_another_speaker() -> None:
    one, two, three = said("one two three")
    words = [one, replace(two, party="bob"), replace(three, start=20_000, end=22_000)]
    apart = utterances_of(words, 1, "en-US")
    assert [(each.party, each.text) for each in apart] == [
        ("alice", "one"),
        ("bob", "two"),
        ("alice", "three"),
    ]
    together = utterances_of(words, 1, "en-US", together=True)
    assert [(each.party, each.text) for each in together] == [(None, "one two"), ("alice", "three")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("good", "expected one of perfect, realistic, found 'good'"),
        ({"word_error_rate": "120%"}, "expected a share such as 1% or 0.01, found '120%'"),
        ({"word_error_rate": 0.1, "deletions": 0.1}, "expected word_error_rate or deletions"),
        ({"substitutions": 0.7, "deletions": 0.6}, "at most 100% together"),
        ({"end_of_utterance": "0s"}, "longer than 0s"),
        ({"wer": 0.1}, "unknown key"),
    ],
    ids=["preset", "rate", "both", "sum", "silence", "key"],
)
def test_wrong_settings_are_refused_with_what_is_right(given: object, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        parse_recogniser(given)  # type: ignore[arg-type]


def test_settings_differ_from_what_they_are_like() -> None:
    settings = parse_recogniser({"like": "realistic", "word_error_rate": "20%", "language": "de"})
    assert settings.word_error_rate == pytest.approx(0.2)
    assert (settings.final_delay_ns, settings.language) == (REALISTIC.final_delay_ns, "de")
    assert parse_recogniser("realistic") == REALISTIC
    assert parse_recogniser({}) == PERFECT
