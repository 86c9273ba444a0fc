"""SSML in a Say: exact pauses, manners of speaking, what is read aloud how, and what is noted."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from account_stage import AccountStage
from numpy.typing import NDArray
from test_say_play import RECORDED, heard, sent
from test_twiml_calls import calls_in

from mediasim.audio.levels import rms_dbfs
from mediasim.parties.voices.catalogue import VOICES, in_manner
from mediasim.parties.voices.speech import Speaker
from mediasim.truth.documents import RecordingTruth
from mediasim.truth.sidecar import recording_truth
from mediasim.twilio.ssml.pieces import Manner, Passage, Piece, Silence, pieces_of
from mediasim.twilio.ssml.say_as import said_as
from mediasim.twilio.studio import Studio
from mediasim.twilio.twiml import parse_twiml


def pieces(say: str) -> list[Piece]:
    return read(say)[0]


def read(say: str) -> tuple[list[Piece], list[str]]:
    document = parse_twiml(f"<Response><Say>{say}</Say></Response>".encode(), "text/xml")
    assert not document.warnings
    found, troubles = pieces_of(document.verbs[0], 4096)
    return found, [trouble.words for trouble in troubles]


def passage(say: str) -> Passage:
    (found,) = (piece for piece in pieces(say) if isinstance(piece, Passage))
    return found


def clip(text: str, **manner: float) -> NDArray[np.int16]:
    """What the voice of a Say says."""
    amy = in_manner(VOICES["amy"], manner.get("rate", 1.0), manner.get("pitch", 1.0))
    return Speaker().say(text, amy).pcm


@pytest.mark.parametrize(
    ("written", "samples"),
    [
        ('time="750ms"', 6000),
        ('time="1.25s"', 10_000),
        ('strength="none"', 0),
        ('strength="strong"', 3200),
        ("", 1200),
    ],
)
def test_a_break_is_silence_to_the_sample(tmp_path: Path, written: str, samples: int) -> None:
    one, two = clip("Please hold."), clip("Thank you.")
    said = sent(tmp_path, f"<Say>Please hold.<break {written}/> Thank you.</Say>")
    expected = np.concatenate((one, np.zeros(samples, np.int16), two))
    assert np.array_equal(said[: len(expected)], expected)


def test_the_words_of_the_truth_are_where_they_are_said(tmp_path: Path) -> None:
    twiml = f'{RECORDED}<Say>Please hold. <break time="2s"/>Thank you.</Say><Pause/>'
    truths: list[RecordingTruth] = []

    def also(account: AccountStage) -> None:
        account.exchange.before_media = lambda it: truths.append(recording_truth(it))

    calls_in(tmp_path, twiml, also=also)
    (said,) = truths[0].channels[1].intervals
    words = {word.text: (word.start, word.end) for word in said.words}
    assert list(words) == ["Please", "hold.", "Thank", "you."]
    first = len(clip("Please hold."))
    assert words["hold."][1] <= first
    assert words["Thank"][0] >= first + 16_000
    assert words["you."][1] <= first + 16_000 + len(clip("Thank you."))


def test_prosody_makes_speech_slower_and_softer(tmp_path: Path) -> None:
    plain = sent(tmp_path / "plain", "<Say>Please hold the line.</Say>")
    slow = sent(tmp_path / "slow", '<Say><prosody rate="50%">Please hold the line.</prosody></Say>')
    soft = sent(
        tmp_path / "soft", '<Say><prosody volume="-6dB">Please hold the line.</prosody></Say>'
    )
    length = len(plain) - 8000
    assert math.isclose(len(slow) - 8000, 2 * length, rel_tol=0.1)
    assert np.array_equal(np.flatnonzero(soft)[[0, -1]], np.flatnonzero(plain)[[0, -1]])
    assert math.isclose(rms_dbfs(plain) - rms_dbfs(soft), 6, abs_tol=0.1)
    silent = '<Say><prosody volume="silent">Please hold the line.</prosody></Say>'
    assert not sent(tmp_path / "silent", silent).any()


@pytest.mark.parametrize("engine", ["espeak", "hibari"])
def test_a_pitch_is_raised_on_voices_that_have_one(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", engine)

    def hertz(pcm: NDArray[np.int16]) -> float:
        """The median of the voice's pitch, by the autocorrelation of pieces of 40 ms."""
        found = []
        for at in range(0, len(pcm) - 320, 160):
            part = pcm[at : at + 320].astype(float)
            likeness = np.correlate(part, part, "full")[319:]
            lag = 20 + int(likeness[20:115].argmax())
            if likeness[lag] > 0.5 * likeness[0] > 0:
                found.append(8000 / lag)
        return float(np.median(found))

    words = "Good morning, we are all away now."
    assert hertz(clip(words, pitch=1.4)) > 1.2 * hertz(clip(words))
    slow, usual = clip(words, rate=0.5), clip(words)
    assert 1.5 < len(slow) / len(usual) < 2.3


@pytest.mark.parametrize(
    ("say", "manner"),
    [
        ('<prosody rate="slow">a</prosody>', Manner(rate=0.75)),
        ('<prosody rate="+10%" pitch="-12st">a</prosody>', Manner(rate=1.1, pitch=0.5)),
        ('<prosody pitch="high">a</prosody>', Manner(pitch=1.2)),
        ('<prosody volume="soft"><prosody rate="80%">a</prosody></prosody>', Manner(0.8, 1, -6)),
        ('<emphasis level="strong">a</emphasis>', Manner(rate=0.82, volume_db=3)),
        ("<emphasis>a</emphasis>", Manner(rate=0.92, volume_db=1.5)),
        ('<lang xml:lang="es-ES">a</lang>', Manner(language="es-ES")),
        ("<s>a</s>", Manner()),
    ],
)
def test_manners(say: str, manner: Manner) -> None:
    assert passage(say).manner == manner


def test_sentences_and_paragraphs_are_paused_between_and_one_break_is_all() -> None:
    found = pieces('<p><s>a</s> <s>b</s></p><p>c</p>d <break time="1s"/><p>e</p>')
    texts = [each.text if isinstance(each, Passage) else each for each in found]
    assert texts == [
        *("a", Silence(3200), "b", Silence(6400), "c"),
        *(Silence(6400), "d", Silence(8000), "e"),
    ]


def test_words_of_one_manner_are_one_passage_whatever_stands_around_them() -> None:
    assert passage("th<w role='amazon:VB'>r</w>ee <sub alias='World Wide Web'>WWW</sub>, ok.") == (
        Passage("three World Wide Web, ok.", Manner())
    )


@pytest.mark.parametrize(
    ("text", "how", "format", "words"),
    [
        ("ab1", "characters", "", "A B 1"),
        ("a-b", "spell-out", "", "A - B"),
        ("(415) 555-0100", "telephone", "", "4 1 5, 5 5 5, 0 1 0 0"),
        ("+1 415", "telephone", "", "plus 1, 4 1 5"),
        ("1234", "digits", "", "1 2 3 4"),
        ("12", "ordinal", "", "12th"),
        ("1,023", "ordinal", "", "1023rd"),
        ("42", "cardinal", "", "42"),
        ("3/4", "fraction", "", "3 quarters"),
        ("1+1/2", "fraction", "", "1 and 1 half"),
        ("2/9", "fraction", "", "2 9ths"),
        ("6ft", "unit", "", "6 feet"),
        ("1 km/h", "unit", "", "1 kilometer per hour"),
        ("1'21\"", "time", "", "1 minute 21 seconds"),
        ("2:05pm", "time", "hms12", "2 oh 5 P M"),
        ("9:00", "time", "", "9 o'clock"),
        ("01/31/2026", "date", "mdy", "January 31st, 2026"),
        ("31.1.2026", "date", "dmy", "January 31st, 2026"),
        ("20260131", "date", "yyyymmdd", "January 31st, 2026"),
        ("2026-01-05", "date", "", "January 5th, 2026"),
        ("5/2026", "date", "my", "May, 2026"),
        ("????0131", "date", "yyyymmdd", "January 31st"),
        ("13/13/2026", "date", "mdy", None),
        ("hello", "ordinal", "", None),
        ("hello", "sung", "", None),
    ],
)
def test_how_things_are_read_aloud(text: str, how: str, format: str, words: str | None) -> None:
    assert said_as(text, how, format) == words


def test_what_is_read_aloud_is_what_is_said(tmp_path: Path) -> None:
    said = sent(tmp_path, '<Say>Call <say-as interpret-as="telephone">555-0100</say-as></Say>')
    plain = clip("Call 5 5 5, 0 1 0 0")
    assert np.array_equal(said[: len(plain)], plain)


def test_a_bad_word_is_a_beep(tmp_path: Path) -> None:
    said = sent(tmp_path, '<Say><say-as interpret-as="expletive">darn</say-as></Say>')[:2240]
    spectrum = np.abs(np.fft.rfft(said, 8000))
    assert int(spectrum.argmax()) == 1000


@pytest.mark.parametrize(
    ("say", "words"),
    [
        ('<phoneme alphabet="ipa" ph="x">a</phoneme>', "<phoneme>: alphabet='ipa', ph='x' is not"),
        ('<w role="amazon:VB">a</w>', "<w>: role='amazon:VB' is not acted on"),
        ('<break time="soon"/>', "<break>: time 'soon' is not valid"),
        ('<break time="30s"/>', "<break>: time '30s' is longer than ten seconds"),
        ('<break strength="huge"/>', "<break>: strength 'huge' is not valid"),
        ("<lang>a</lang>", "<lang>: xml:lang is missing"),
        ("<sub>a</sub>", "<sub>: alias is missing"),
        ('<emphasis level="so">a</emphasis>', "<emphasis>: level 'so' is not valid"),
        ('<prosody pitch="+20Hz">a</prosody>', "<prosody>: pitch '+20Hz' is not acted on"),
        ('<prosody rate="x">a</prosody>', "<prosody>: rate 'x' is not acted on"),
        ('<prosody volume="0%">a</prosody>', "<prosody>: volume '0%' is not acted on"),
        ('<prosody rate="900%">a</prosody>', "<prosody>: what is asked for is from a fifth"),
        ('<say-as interpret-as="ordinal">a</say-as>', "<say-as>: 'a' as 'ordinal' is not acted on"),
    ],
)
def test_what_is_not_acted_on_is_named(say: str, words: str) -> None:
    _, (trouble,) = read(say)
    assert trouble.startswith(words)


def test_notes_are_warnings_of_the_call(tmp_path: Path) -> None:
    outbound, account = heard(
        tmp_path, '<Say>Hello\n<w role="amazon:VB">there</w>. <lang xml:lang="tlh">Two</lang></Say>'
    )
    assert np.abs(outbound).max() > 1000
    found = [(each.error_code, each.message_text) for each in account.service.notifications]
    assert [code for code, _ in found] == [12200, 13520]
    assert "<w>: role='amazon:VB'" in found[0][1]
    assert "(line 2)" in found[0][1]
    assert "<lang>: nobody here speaks 'tlh'" in found[1][1]


def test_a_text_too_long_is_cut_where_it_is_cut_without_markup() -> None:
    document = parse_twiml(b"<Response><Say>one two <s>three</s></Say></Response>", "text/xml")
    found, _ = pieces_of(document.verbs[0], 5)
    assert [each.text for each in found if isinstance(each, Passage)] == ["one t"]


def test_markup_without_effect_leaves_the_speech_as_it_was() -> None:
    import asyncio

    async def both() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        studio = Studio()
        plain = await studio.say("Good morning.")
        return plain, (await studio.clip("Good morning.", "", "", 1.0, 1.0)).pcm

    one, other = asyncio.run(both())
    assert np.array_equal(one, other)
