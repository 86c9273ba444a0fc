"""Say and Play as they are heard: how often, in whose voice, in what language; keys as tones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from account_stage import AccountStage
from numpy.typing import NDArray
from test_twiml_calls import calls_in

from mediasim.audio.dtmf import dtmf_digits
from mediasim.audio.files import encode_mp3
from mediasim.audio.tones import tone
from mediasim.audio.wav import write_wav
from mediasim.parties.voices.catalogue import LANGUAGES, VOICES, in_language
from mediasim.twilio.ports import HttpAnswer
from mediasim.twilio.voices import twilio_voice

RECORDED = '<Start><Recording trim="do-not-trim"/></Start>'


def heard(directory: Path, *verbs: str) -> tuple[NDArray[np.int16], AccountStage]:
    """What the caller was sent, from its first sample on, and the account."""
    account = calls_in(directory, RECORDED + "".join(verbs) + "<Pause/>")
    return account.media()[1], account


def sent(directory: Path, *verbs: str) -> NDArray[np.int16]:
    return heard(directory, *verbs)[0]


def test_speech_is_repeated_without_a_gap(tmp_path: Path) -> None:
    once = sent(tmp_path / "once", "<Say>Please hold the line.</Say>")
    thrice = sent(tmp_path / "thrice", '<Say loop="3">Please hold the line.</Say>')
    length = (len(thrice) - len(once)) // 2
    assert 8000 < length < 24_000
    for number in range(3):
        assert np.array_equal(thrice[number * length :][:length], once[:length])


def test_a_loop_of_none_goes_on_until_the_call_ends(tmp_path: Path) -> None:
    account = calls_in(tmp_path, f'{RECORDED}<Say loop="0">Hello.</Say>', 12.0, "hangup")
    outbound = account.media()[1]
    assert len(outbound) > 11 * 8000
    assert np.abs(outbound[-8000:]).max() > 1000


def test_a_voice_is_the_same_person_each_time(tmp_path: Path) -> None:
    names = ("man", "woman", "alice", "Polly.Joanna", "Polly.Joanna")
    man, woman, alice, joanna, again = (
        sent(tmp_path / str(number), f'<Say voice="{name}">Good morning.</Say>')
        for number, name in enumerate(names)
    )
    assert np.array_equal(woman, alice)
    assert np.array_equal(joanna, again)
    assert not np.array_equal(man, woman)


@pytest.mark.parametrize(
    ("voice", "who", "language"),
    [
        ("Polly.Joanna", "woman, American", "en-US"),
        ("Polly.Joanna-Neural", "woman, American", "en-US"),
        ("Polly.Matthew-Generative", "man, American", "en-US"),
        ("Polly.Brian", "man, British", "en-GB"),
        ("Polly.Céline", "woman", "fr-FR"),
        ("Polly.Geraint", "man, British", "en-GB-WLS"),
        ("Polly.Zhiyu", "woman", "zh-CN"),
        ("Google.en-US-Wavenet-D", "man, American", "en-US"),
        ("Google.en-US-Chirp3-HD-Kore", "woman, American", "en-US"),
        ("Google.en-GB-Chirp3-HD-Puck", "man, British", "en-GB"),
        ("Google.sv-SE-Standard-C", "woman", "sv-SE"),
        ("Google.sv-SE-Wavenet-C", "man", "sv-SE"),
        ("man", "man", "en"),
        ("", "woman", "en"),
    ],
)
def test_a_voice_has_its_published_gender_and_language(voice: str, who: str, language: str) -> None:
    ours = twilio_voice(voice)
    assert VOICES[ours.name].description.startswith(who)
    assert ours.language == language
    in_language(VOICES[ours.name], ours.language)


@pytest.mark.parametrize(
    "attributes", ['language="es-ES"', 'voice="Polly.Lucia"'], ids=["tag", "voice"]
)
def test_other_languages_are_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: str
) -> None:
    monkeypatch.delenv("MEDIASIM_SPEECH", raising=False)
    words = "Buenos dias, gracias por llamar."
    spanish = sent(tmp_path / "spanish", f"<Say {attributes}>{words}</Say>")
    english = sent(tmp_path / "english", f"<Say>{words}</Say>")
    assert np.abs(spanish).max() > 1000
    assert len(spanish) != len(english)  # each has a tempo of its own


def test_every_language_has_a_voice_of_its_own() -> None:
    amy = VOICES["amy"]
    spoken = {tag: in_language(amy, tag).variant for tag in LANGUAGES - {"en", "no"}}
    assert len(set(spoken.values())) == len(spoken)
    assert in_language(amy, "en-AU") is amy
    assert in_language(amy, "pt-BR").variant == "pt-br+f1"
    assert in_language(amy, "zh-HK").variant == "yue+f1"


def test_a_language_nobody_speaks_is_told_of(tmp_path: Path) -> None:
    outbound, account = heard(tmp_path, '<Say language="tlh">Good morning.</Say>')
    assert np.array_equal(outbound, sent(tmp_path / "english", "<Say>Good morning.</Say>"))
    (warning,) = account.service.notifications
    assert (warning.error_code, warning.log) == (12200, "1")
    assert "nobody here speaks 'tlh'" in warning.message_text


def test_a_text_without_words_is_passed_over(tmp_path: Path) -> None:
    outbound, account = heard(tmp_path, "<Say>...</Say>")
    assert len(outbound) == 8000
    assert not outbound.any()
    assert [each.error_code for each in account.service.notifications] == [13520]


def test_a_text_in_letters_of_no_such_language_is_passed_over(tmp_path: Path) -> None:
    outbound, account = heard(tmp_path, "<Say>你好</Say>")
    assert not outbound.any()
    (warning,) = account.service.notifications
    assert (warning.error_code, warning.log) == (13520, "1")
    assert "amy speaks 'en' and cannot say '你', '好'" in warning.message_text


@pytest.mark.parametrize(
    ("file", "plays", "words"),
    [
        ("unknown-tag.wav", False, "cannot be played: audio data: is in a format that cannot be"),
        ("page.mp3", True, "damaged packets of the file were passed over"),
        ("nothing.wav", False, "cannot be played: audio data: is not an audio file"),
    ],
)
def test_a_damaged_file_is_noted_and_the_next_verb_follows(
    tmp_path: Path, file: str, plays: bool, words: str
) -> None:
    sound = tone(440, 8000, -12)
    write_wav(tmp_path / "x.wav", sound[np.newaxis])
    data = bytearray((tmp_path / "x.wav").read_bytes())
    data[20:22] = b"\x34\x12"
    page = encode_mp3(sound[np.newaxis], 32_000) + b"<html>an error page</html>" * 9
    body = {"unknown-tag.wav": bytes(data), "page.mp3": page, "nothing.wav": b"\x00" * 99}[file]

    def serve(account: AccountStage) -> None:
        account.app.answers[f"/{file}"] = HttpAnswer(200, {}, body)

    twiml = f"<Play>/{file}</Play><Play digits='1'/><Pause/>"
    account = calls_in(tmp_path / "call", RECORDED + twiml, also=serve)
    outbound = account.media()[1]
    heard = np.flatnonzero(outbound)
    assert ((heard < 8000).sum() > 6000) == plays
    assert heard.size > 700  # the key
    (note,) = account.service.notifications
    assert note.error_code == 12300
    assert words in note.message_text


def test_keys_are_played_as_tones_with_their_pauses(tmp_path: Path) -> None:
    outbound = sent(tmp_path, '<Play digits="12ww#"/>')
    expected = dtmf_digits("12ww#")
    assert np.array_equal(outbound[: len(expected)], expected)
    assert not outbound[len(expected) :].any()


def test_recordings_are_stopped_by_name(tmp_path: Path) -> None:
    twiml = (
        '<Start><Recording name="first" trim="do-not-trim"/></Start>'
        '<Start><Recording name="second" track="inbound" trim="do-not-trim"/></Start>'
        '<Pause length="2"/><Stop><Recording name="first"/></Stop><Pause length="3"/>'
    )
    account = calls_in(tmp_path, twiml)
    seconds = [len(account.media(number)[0]) / 8000 for number in range(2)]
    assert seconds == [2.0, 5.0]
    assert [len(account.media(number)) for number in range(2)] == [2, 1]
