from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sdk_documents import document as sdk_document
from sdk_documents import paths

from mediasim.twilio.twiml import Document, TwimlError, Verb, parse_twiml
from mediasim.twilio.twiml.grammar import ELEMENTS
from mediasim.twilio.twiml.parser import MOST_BYTES

SDK_PATHS = tuple(paths())


def parse(text: str, content_type: str | None = "text/xml") -> Document:
    return parse_twiml(text.encode(), content_type)


def inside(text: str) -> Document:
    return parse(f"<Response>{text}</Response>")


def names(verbs: tuple[Verb, ...]) -> list[str]:
    return [verb.name for verb in verbs]


# -- what is read -------------------------------------------------------------------------------


def test_verbs_nouns_attributes_text_and_lines() -> None:
    read = parse(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Response>\n"
        '  <Dial timeout="20" record="record-from-answer-dual" hangupOnStar="true">\n'
        '    <Number statusCallbackEvent="ringing answered">  +14155550100 </Number>\n'
        "    <Client>alice</Client>\n"
        "  </Dial>\n"
        "  <Hangup/>\n"
        "</Response>\n"
    )
    assert read.warnings == ()
    dial, hangup = read.verbs
    number, client = dial.children
    assert (dial.name, dial.text, dial.line) == ("Dial", "", 3)
    assert (number.name, number.text, number.line) == ("Number", "+14155550100", 4)
    assert (client.text, hangup.name, hangup.line) == ("alice", "Hangup", 7)
    assert dial.attribute("record") == "record-from-answer-dual"
    assert dial.seconds("timeout", 30) == 20
    assert dial.flag("hangupOnStar", False)
    assert number.words("statusCallbackEvent", "completed") == ("ringing", "answered")


def test_defaults_where_nothing_is_said() -> None:
    (verb,) = inside("<Dial/>").verbs
    assert verb.attribute("record") == ""
    assert verb.attribute("record", "do-not-record") == "do-not-record"
    assert verb.seconds("timeout", 30) == 30
    assert verb.number("timeLimit", 14_400) == 14_400
    assert verb.flag("answerOnBridge", True)
    assert not verb.flag("answerOnBridge", False)
    assert verb.words("recordingStatusCallbackEvent", "completed") == ("completed",)


def test_values_are_kept_as_twilio_spells_them() -> None:
    (dial,) = inside(
        '<Dial method="get" sequential="True" timeout=" 07 " trim="Do-Not-Trim"/>'
    ).verbs
    assert dial.attributes == {
        "method": "GET",
        "sequential": "true",
        "timeout": "7",
        "trim": "do-not-trim",
    }


def test_a_say_has_all_its_words() -> None:
    (say,) = inside(
        "<Say>One <emphasis level='strong'>two</emphasis>,\n   th<w>r</w>ee<break time='1s'/>four "
        "<sub alias='five'>5</sub><p>six</p><p>seven <s>eight</s></p></Say>"
    ).verbs
    assert say.text == "One two, three four five six seven eight"
    assert names(say.children) == ["emphasis", "w", "break", "sub", "p", "p"]


def test_text_in_cdata_and_character_references() -> None:
    (say,) = inside("<Say><![CDATA[a < b]]> &amp; c &#233;</Say>").verbs
    assert say.text == "a < b & c é"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><Response><Say>Grüße</Say></Response>'
    (say,) = parse_twiml(text.encode(encoding), "application/xml").verbs
    assert say.text == "Grüße"


def test_the_headers_charset_counts_where_the_document_names_none() -> None:
    body = "<Response><Say>Grüße</Say></Response>".encode("iso-8859-1")
    (say,) = parse_twiml(body, "text/xml; charset=ISO-8859-1").verbs
    assert say.text == "Grüße"


def test_an_empty_response() -> None:
    assert parse("<Response/>") == Document((), ())


@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/xml", "TEXT/HTML", 'text/xml; charset="utf-8"']
)
def test_content_types_of_twiml(content_type: str) -> None:
    assert names(parse("<Response><Hangup/></Response>", content_type).verbs) == ["Hangup"]


def test_plain_text_is_said_and_audio_is_played() -> None:
    assert parse("Hello\n <b>there</b>", "text/plain").verbs == (
        Verb("Say", text="Hello <b>there</b>"),
    )
    url = "http://127.0.0.1:5000/hold.mp3"
    read = parse_twiml(b"\xff\xfb" * MOST_BYTES, "audio/mpeg", url=url)
    assert read.verbs == (Verb("Play", text=url),)


@pytest.mark.parametrize("verb", sorted({path[0] for path in SDK_PATHS}))
def test_everything_the_sdk_builds_is_accepted(verb: str) -> None:
    for path in (path for path in SDK_PATHS if path[0] == verb):
        built = sdk_document(path)
        read = parse(built.to_xml())
        if read.warnings:
            (warning,) = read.warnings
            assert "is not carried out by this sandbox" in warning.message
            continue
        verbs, written = read.verbs, built.xml()
        for _ in path:
            (kept,), (written,) = verbs, tuple(written)
            assert (kept.name, dict(kept.attributes)) == (written.tag, written.attrib)
            verbs = kept.children


def test_the_sdk_reaches_every_row_of_the_table() -> None:
    reached = {element.tag for path in SDK_PATHS for element in sdk_document(path).xml().iter()}
    assert {name.rpartition("/")[2] for name in ELEMENTS} == {"Response", *reached}


# -- what is passed over -------------------------------------------------------------------------


def test_an_unknown_verb_is_left_out_with_what_is_in_it() -> None:
    read = inside("\n<Sya><Say>no</Say></Sya><Say>yes</Say>")
    assert [verb.text for verb in read.verbs] == ["yes"]
    (warning,) = read.warnings
    assert (warning.code, warning.line) == (12200, 2)
    assert "starting with element 'Sya' in 'Response'" in warning.message
    assert "is it 'Say' that is meant?" in warning.message


def test_a_verb_where_it_may_not_stand_is_left_out() -> None:
    read = inside("<Gather><Dial>+1</Dial><Say>yes</Say></Gather><Number>+1</Number>")
    assert names(read.verbs) == ["Gather"]
    assert names(read.verbs[0].children) == ["Say"]
    assert [warning.code for warning in read.warnings] == [13320, 12200]
    assert read.warnings[0].message.startswith("Gather: Invalid nested verb: ")
    assert "One of '{Say, Play, Pause}' is expected" in read.warnings[0].message


@pytest.mark.parametrize(
    ("written", "code", "wanted"),
    [
        ('<Dial timelimit="3">+1</Dial>', 12200, "is it 'timeLimit' that is meant?"),
        ('<Dial timeout="soon">+1</Dial>', 13212, "a whole number from 0 is"),
        ('<Dial timeout="-1">+1</Dial>', 13212, "a whole number from 0 is"),
        (f'<Dial timeout="{"9" * 5000}">+1</Dial>', 13212, "a whole number from 0 is"),
        ('<Dial timeout="٣">+1</Dial>', 13212, "a whole number from 0 is"),
        ('<Dial hangupOnStar="yes">+1</Dial>', 13213, "one of '[true, false]' is"),
        ('<Dial record="both">+1</Dial>', 13217, "record-from-answer-dual"),
        ('<Dial method="PUT">+1</Dial>', 13210, "one of '[GET, POST]' is"),
        (
            '<Dial recordingStatusCallbackEvent="completed ended">+1</Dial>',
            13621,
            "words of '[in-progress, completed, absent]' is",
        ),
        ('<Dial foo="1">+1</Dial>', 12200, "'foo' is not allowed to appear in element 'Dial'"),
    ],
)
def test_a_wrong_attribute_is_left_out(written: str, code: int, wanted: str) -> None:
    read = inside(written)
    assert read.verbs == (Verb("Dial", {}, "+1"),)
    (warning,) = read.warnings
    assert warning.code == code
    assert wanted in warning.message
    assert len(warning.message) < 400


def test_a_number_in_its_range() -> None:
    (dial,) = inside("<Dial><Conference maxParticipants='251'>room</Conference></Dial>").verbs
    assert dial.children[0].number("maxParticipants", 250) == 250


def test_verbs_that_are_known_and_not_carried_out() -> None:
    read = inside('<Prompt for="postal-code"/><Connect><Autopilot/></Connect>')
    assert names(read.verbs) == ["Connect"]
    assert [warning.message for warning in read.warnings] == [
        "<Prompt> is not carried out by this sandbox: it is passed over",
        "<Autopilot> is not carried out by this sandbox: it is passed over",
    ]


def test_what_is_right_and_not_acted_on_is_noted_in_its_verb() -> None:
    gather, dial, stream = inside(
        "<Gather hints='a'><Say>Wait</Say></Gather>"
        "<Dial><Conference region='ie1' jitterBufferSize='large'>room</Conference></Dial>"
        "<Connect><Stream url='ws://127.0.0.1' sampleRate='8000'/></Connect>"
    ).verbs
    assert [note.message.partition(" is not")[0] for note in gather.notes] == [
        "Attribute 'hints' of <Gather>"
    ]
    assert [note.message.partition(" is not")[0] for note in dial.notes] == [
        "Attribute 'region' of <Conference>",
        "Attribute 'jitterBufferSize' of <Conference>",
    ]
    assert not stream.notes, "it asks for what is done anyway"


def test_words_where_there_may_be_none() -> None:
    read = inside("hello<Hangup/>")
    assert names(read.verbs) == ["Hangup"]
    assert "must have no character [children]" in read.warnings[0].message


@pytest.mark.parametrize("text", ["<html><body/></html>", "<response><Say>a</Say></response>"])
def test_another_document_is_unreadable(text: str) -> None:
    with pytest.raises(TwimlError, match="where TwiML has <Response>, line 1") as raised:
        parse(text)
    assert raised.value.code == 12100


def test_namespaces_and_schemas_are_nobodys_concern() -> None:
    read = parse(
        '<Response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="twiml.xsd"><!-- a note --><?php ?><Hangup/></Response>'
    )
    assert (names(read.verbs), read.warnings) == (["Hangup"], ())


def test_there_are_only_so_many_warnings() -> None:
    assert len(inside("<a/>" * 5000).warnings) == 100


# -- what cannot be read --------------------------------------------------------------------------

_BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 20))
    + "]><Response><Say>&a19;</Say></Response>"
)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", 1),
        (b"Internal server error", 1),
        (b"<Response>\n<Say>open</Response>", 2),
        (b"<Response/><Response/>", 1),
        (b'<Response>\n<Say a="1" a="2"/></Response>', 2),
        (b"<Response><Say>&nbsp;</Say></Response>", 1),
        (b"<Response><Say>\xff</Say></Response>", 1),
        (b'<?xml version="1.0" encoding="nonsense"?><Response/>', 1),
        (b'<?xml version="1.0" encoding="shift_jis"?><Response/>', 1),
        (b'<?xml version="1.0" encoding="idna"?><Response/>', 1),
        (b"\x00" * 100, 1),
        (b"<!DOCTYPE html><html></html>", 1),
        (_BOMB.encode(), 1),
        (b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><Response>&f;</Response>', 1),
        (b'<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd"><Response/>', 1),
        (b"<Response>" + b"<Say>" * 10_000, 1),
        (b"<a>" * 20_000, 1),
    ],
)
def test_no_twiml(body: bytes, line: int) -> None:
    started = time.monotonic()
    with pytest.raises(TwimlError, match="Document parse failure") as caught:
        parse_twiml(body, "text/xml")
    assert (caught.value.code, caught.value.line) == (12100, line)
    assert time.monotonic() - started < 1


def test_too_large() -> None:
    body = b"<Response>" + b" " * MOST_BYTES + b"</Response>"
    with pytest.raises(TwimlError, match="at most 65536 are read") as caught:
        parse_twiml(body, "text/xml")
    assert caught.value.code == 11750


def test_hostile_text_of_full_size_is_read_fast() -> None:
    # The worst for us are many warnings, long names and many attributes.
    bodies = (
        b"<Response>" + b"<Sax/>" * 10_000 + b"</Response>",
        b"<Response>" + b'<Say loob="1"/>' * 4000 + b"</Response>",
        b"<Response><" + b"S" * 60_000 + b"/></Response>",
        b"<Response><Say " + b" ".join(b'a%d=""' % n for n in range(6000)) + b"/></Response>",
        b"<Response><Say>" + b"<p>" * 60 + b"a " * 30_000 + b"</p>" * 60 + b"</Say></Response>",
    )
    started = time.monotonic()
    for body in bodies:
        parse_twiml(body, "text/xml")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "image/png", "text", "multipart/form-data; x"]
)
def test_content_types_that_are_no_twiml(content_type: str | None) -> None:
    with pytest.raises(TwimlError, match="Invalid Content-Type") as caught:
        parse("<Response/>", content_type)
    assert caught.value.code == 12300


# -- whatever it is ------------------------------------------------------------------------------

_pieces = st.one_of(
    st.sampled_from(
        [
            *(b"<Response>", b"</Response>", b"<Say>", b"</Say>", b"<Dial", b">", b"/>", b"<!--"),
            *(b"-->", b"<![CDATA[", b"]]>", b"&amp;", b"&#xD800;", b"<!DOCTYPE", b' loop="1"'),
            *(b'<?xml version="1.0" encoding="', b'"?>', b"utf-16", b"ebcdic-us", b"cp1252"),
        ]
    ),
    st.binary(max_size=8),
)
_bodies = st.one_of(st.binary(max_size=200), st.lists(_pieces, max_size=20).map(b"".join))
_content_types = st.one_of(
    st.none(),
    st.sampled_from(["text/xml", "text/xml; charset=utf-16", "text/plain; charset=utf-7"]),
    st.text(max_size=30),
    st.text(max_size=20).map(lambda text: f"text/plain; {text}"),
    st.text(max_size=20).map(lambda text: f"text/xml; charset={text}"),
)


@given(body=_bodies, content_type=_content_types)
@example(body=b"\xff\xfe", content_type="text/plain; charset=base64")
@example(body=b"a", content_type="text/plain; charset=\x00")
@example(body=b"a", content_type='text/plain; charset*="x')
@example(body=b'<?xml version="1.0" encoding="punycode"?><Response/>', content_type="text/xml")
@example(body=b'<?xml version="1.0" encoding="undefined"?><Response/>', content_type="text/xml")
def test_no_bytes_whatever_raise_anything_else(body: bytes, content_type: str | None) -> None:
    with contextlib.suppress(TwimlError):
        assert isinstance(parse_twiml(body, content_type), Document)
