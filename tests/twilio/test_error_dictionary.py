"""The codes of Twilio's error dictionary for what is wrong in a document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mediasim.twilio
from mediasim.twilio.error_dictionary import error_dictionary, is_error
from mediasim.twilio.twiml import parse_messaging_twiml, parse_twiml
from mediasim.twilio.twiml.codes import _ATTRIBUTES
from mediasim.twilio.twiml.grammar import ELEMENTS, MESSAGING

# A wrong value, and the code that Twilio's dictionary has for it.
WRONG = {
    "<Dial method='PUT'>+1</Dial>": 13210,
    "<Dial timeLimit='x'>+1</Dial>": 13216,
    "<Dial record='maybe'>+1</Dial>": 13217,
    "<Dial sequential='1'>+1</Dial>": 13218,
    "<Dial answerOnBridge='1'>+1</Dial>": 13219,
    "<Dial recordingTrack='all'>+1</Dial>": 13622,
    "<Dial recordingStatusCallback='ftp://a'>+1</Dial>": 13256,
    "<Dial><Say>no</Say></Dial>": 13215,
    "<Dial><Number method='PUT'>+1</Number></Dial>": 13221,
    "<Dial><Number sendDigits='1,2'>+1</Number></Dial>": 13222,
    "<Dial><Sip method='PUT'>sip:a@b</Sip></Dial>": 13241,
    "<Dial><Conference muted='1'>a</Conference></Dial>": 13230,
    "<Dial><Conference endConferenceOnExit='1'>a</Conference></Dial>": 13231,
    "<Dial><Conference startConferenceOnEnter='1'>a</Conference></Dial>": 13232,
    "<Dial><Conference waitUrl='ftp://a'>a</Conference></Dial>": 13233,
    "<Dial><Conference waitMethod='PUT'>a</Conference></Dial>": 13234,
    "<Dial><Conference beep='loud'>a</Conference></Dial>": 13235,
    "<Dial><Conference trim='1'>a</Conference></Dial>": 13239,
    "<Dial><Queue method='PUT'>a</Queue></Dial>": 14210,
    "<Dial><Queue url='mailto:a'>a</Queue></Dial>": 14211,
    "<Gather finishOnKey='x'/>": 13310,
    "<Gather method='PUT'/>": 13312,
    "<Gather timeout='x'/>": 13313,
    "<Gather numDigits='0'/>": 13314,
    "<Gather input='eyes'/>": 13326,
    "<Gather speechTimeout='x'/>": 13327,
    "<Gather maxSpeechTime='x'/>": 13328,
    "<Gather partialResultCallbackMethod='PUT'/>": 13329,
    "<Gather bargeIn='1'/>": 13332,
    "<Gather profanityFilter='1'/>": 13333,
    "<Gather actionOnEmptyResult='1'/>": 13338,
    "<Gather><Record/></Gather>": 13320,
    "<Gather><Say loop='x'>a</Say></Gather>": 13322,
    "<Play loop='-1'>/a.wav</Play>": 13410,
    "<Play digits='?'/>": 13430,
    "<Say loop='x'>a</Say>": 13510,
    "<Record method='PUT'/>": 13610,
    "<Record timeout='x'/>": 13611,
    "<Record maxLength='0'/>": 13612,
    "<Record finishOnKey='x'/>": 13613,
    "<Record transcribe='1'/>": 13614,
    "<Record playBeep='1'/>": 13616,
    "<Record recordingStatusCallbackEvent='done'/>": 13621,
    "<Record transcribeCallback='ftp://a'/>": 13257,
    "<Record trim='1'/>": 13699,
    "<Redirect method='PUT'>/a</Redirect>": 13710,
    "<Reject reason='rude'/>": 13810,
    "<Pause length='-1'/>": 13910,
    "<Sms method='PUT'>a</Sms>": 14104,
    "<Sms statusCallback='ftp://a'>a</Sms>": 14105,
    "<Enqueue method='PUT'>a</Enqueue>": 14201,
    "<Enqueue waitUrl='ftp://a'>a</Enqueue>": 14202,
    "<Enqueue action='ftp://a'>a</Enqueue>": 14203,
    "<Enqueue waitUrlMethod='PUT'>a</Enqueue>": 14206,
    "<Start><Say>a</Say></Start>": 14300,
    # What the dictionary has no code for is the schema's.
    "<Say foo='1'>a</Say>": 12200,
    "<Hello/>": 12200,
    "<Dial trim='1'>+1</Dial>": 13699,
    "<Dial><Client method='PUT'>a</Client></Dial>": 12200,
}


@pytest.mark.parametrize("written", WRONG)
def test_what_is_wrong_has_the_dictionarys_code(written: str) -> None:
    (warning,) = parse_twiml(f"<Response>{written}</Response>".encode(), "text/xml").warnings
    assert warning.code == WRONG[written]
    if warning.code != 12200:
        assert warning.message.startswith(error_dictionary()[warning.code].message + ": ")


def test_so_have_documents_that_answer_messages() -> None:
    written = b"<Response><Message method='PUT' statusCallback='ftp://a'>hi</Message></Response>"
    warnings = parse_messaging_twiml(written, "text/xml").warnings
    assert [each.code for each in warnings] == [14104, 14105]


@pytest.mark.parametrize("url", ["", "/a", "a?b=c", "https://a/b", "http://[::1]:5/", "//a/b"])
def test_urls_that_a_document_may_name(url: str) -> None:
    written = f"<Response><Enqueue waitUrl='{url}'>a</Enqueue></Response>"
    assert parse_twiml(written.encode(), "text/xml").warnings == ()


def test_every_row_of_codes_is_of_an_attribute_and_in_the_dictionary() -> None:
    for row, codes in _ATTRIBUTES.items():
        name = row.rpartition("/")[2]
        known = {**MESSAGING, **ELEMENTS}[name].attributes
        assert codes.keys() - known.keys() <= {"recordingTrack"}, row
        assert set(codes.values()) <= error_dictionary().keys(), row


def test_every_code_that_is_named_in_the_source_is_in_the_dictionary() -> None:
    # No page of Twilio's has these: documents in a circle, what is not simulated, a queue's name.
    others = {10000, 12000, 20501, 22003}
    root = Path(mediasim.twilio.__file__).parent
    found = {
        int(code)
        for path in root.rglob("*.py")
        for code in re.findall(r"(?m)^_[A-Z_]+: Final = (\d{5})$", path.read_text("utf-8"))
    }
    assert {13214, 21210} & found
    assert found - others <= error_dictionary().keys()
    assert is_error(13231)
    assert not is_error(13230)
    assert error_dictionary()[13214].more_info == "https://www.twilio.com/docs/errors/13214"
