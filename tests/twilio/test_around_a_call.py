"""Echo, the ringing tones of countries, and a WhatsApp noun, which is noted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from account_stage import BOB
from test_twiml_calls import HELLO, PATH, YES, calls_in, codes, dialled, place_of

from mediasim.audio.ringing_tones import ringing_tone

RECORDED = '<Start><Recording trim="do-not-trim"/></Start>'


def test_an_echo_sends_a_party_its_own_audio_until_it_hangs_up(tmp_path: Path) -> None:
    twiml = RECORDED + "<Echo/><Say>Nothing follows an echo.</Say>"
    account = calls_in(tmp_path, twiml, 0.5, HELLO, 1.0, YES, 1.0, "hangup")
    said, heard = account.media()
    assert place_of(said, HELLO) == place_of(heard, HELLO) == 4000 + PATH
    assert np.array_equal(said, heard)
    assert codes(account) == []


def test_an_echo_is_left_for_another_document(tmp_path: Path) -> None:
    account = calls_in(
        tmp_path, RECORDED + '<Gather timeout="1"/><Echo/>', 0.5, HELLO, 0.5, YES, 0.5, "hangup"
    )
    said, heard = account.media()
    assert place_of(said, HELLO) == 4000 + PATH
    assert place_of(heard, HELLO) == -1  # it was said before the echo
    assert place_of(heard, YES) == place_of(said, YES)


def test_a_ring_tone_is_heard_in_place_of_ringback(tmp_path: Path) -> None:
    uk = ringing_tone("uk")
    for number, attributes in enumerate(("", 'answerOnBridge="true"')):
        account = dialled(
            tmp_path / str(number),
            f'record="record-from-ringing-dual" ringTone="UK" {attributes}',
            BOB,
            bob=((0.5, YES), {"after": 2.0}),
        )
        _, child = account.media()
        assert np.array_equal(child[:16000], uk[:16000])
        assert place_of(child, YES) == 16000 + 4000 + PATH
        assert codes(account) == []


def test_a_ring_tone_that_no_country_has_is_told_and_the_usual_one_is_heard(
    tmp_path: Path,
) -> None:
    account = dialled(
        tmp_path,
        'record="record-from-ringing-dual" ringTone="xx"',
        BOB,
        bob=((0.5, YES), {"after": 2.0}),
    )
    assert np.array_equal(account.media()[1][:16000], account.exchange.ringback[:16000])
    (warning,) = account.service.notifications
    assert "Dial: Invalid ringTone value: 'xx'" in warning.message_text


def test_a_whatsapp_call_is_noted_and_fails(tmp_path: Path) -> None:
    account = dialled(tmp_path, "", "<WhatsApp>whatsapp:+15550100009</WhatsApp>")
    assert account.app.told("/after", "DialCallStatus") == ["failed"]
    (warning,) = account.service.notifications
    assert "<WhatsApp> is not carried out" in warning.message_text
