"""Session descriptions: what others write is understood, what is offered can be agreed on."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.audio.codecs import CODECS
from mediasim.net.sdp import SdpError, agreed, answer, offer, parse_sdp

FFMPEG = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=No Name
c=IN IP4 127.0.0.1
t=0 0
a=tool:libavformat 59.27.100
m=audio 5004 RTP/AVP 0
b=AS:64
"""
BARESIP = """v=0\r
o=- 3911 15 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
a=tool:baresip 1.0.0\r
m=audio 21000 RTP/AVP 111 8 101\r
a=rtpmap:111 opus/48000/2\r
a=fmtp:111 stereo=1;sprop-stereo=1\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=rtcp:21007\r
a=sendrecv\r
a=ptime:40\r
m=video 21002 RTP/AVP 97\r
a=rtpmap:97 H264/90000\r
a=sendrecv\r
"""


def test_static_payload_types_need_no_rtpmap() -> None:
    found = parse_sdp(FFMPEG)
    assert (found.host, found.port, found.rtcp_address) == ("127.0.0.1", 5004, ("127.0.0.1", 5005))
    assert [stream.encoding for stream in found.streams] == ["PCMU/8000"]
    _, format = answer(found, "127.0.0.1", 6000)
    assert (format.codec, format.payload_type, format.receives.codec) == ("PCMU", 0, "PCMU")


def test_an_offer_is_answered_with_one_codec_and_no_video() -> None:
    found = parse_sdp(BARESIP)
    assert found.rtcp_address == ("127.0.0.1", 21007)
    assert found.ptime == 40
    made, format = answer(found, "127.0.0.1", 6000, ["PCMU", "PCMA"])
    assert (format.codec, format.receives.event_payload_type) == ("PCMA", 101)
    text = made.text()
    assert "m=audio 6000 RTP/AVP 8 101\r\n" in text
    assert "m=video 0 RTP/AVP 97\r\n" in text
    assert text.index("m=audio") < text.index("m=video")
    assert "opus" not in text
    _, opus = answer(found, "127.0.0.1", 6000)
    assert (opus.codec, opus.payload_type, opus.receives.payload_type) == ("OPUS", 111, 111)


def test_each_side_numbers_payload_types_for_itself() -> None:
    ours = offer("127.0.0.1", 4000, ["OPUS", "PCMU"], event_payload_type=96)
    theirs = parse_sdp(
        "v=0\nc=IN IP4 127.0.0.9\nm=audio 9 RTP/AVP 107 110\na=rtpmap:107 OPUS/48000/2\n"
        "a=rtpmap:110 telephone-event/48000"
    )
    format = agreed(ours, theirs)
    assert (format.codec, format.payload_type) == ("OPUS", 107)
    assert (format.receives.payload_type, format.receives.event_payload_type) == (111, 96)


@pytest.mark.parametrize(
    ("theirs", "ours", "holds"),
    [
        ("sendrecv", "sendrecv", False),
        ("sendonly", "recvonly", True),
        ("recvonly", "sendonly", False),
        ("inactive", "inactive", True),
    ],
)
def test_directions_are_mirrored(theirs: str, ours: str, holds: bool) -> None:
    found = parse_sdp(BARESIP.replace("a=sendrecv", f"a={theirs}"))
    assert found.holds is holds
    assert answer(found, "127.0.0.1", 6000)[0].direction == ours


def test_the_old_way_to_hold() -> None:
    assert parse_sdp(FFMPEG.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")).holds


@given(
    st.lists(st.sampled_from([*CODECS]), min_size=1, unique=True),
    st.integers(1, 65535),
    st.sampled_from([10, 20, 40, 60]),
    st.booleans(),
)
def test_what_is_written_is_read(codecs: list[str], port: int, ptime: int, mux: bool) -> None:
    made = offer("127.0.0.1", port, codecs, ptime=ptime, rtcp_mux=mux, session_id=7, version=3)
    assert parse_sdp(made.text()) == made
    answered, format = answer(made, "::1", 4000)
    assert agreed(made, parse_sdp(answered.text())) == format


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected v=0 in the first line, found 'nothing'"),
        ("INVITE", "expected v=0"),
        ("v=0\nc=IN IP4 1.2.3.4", "expected an audio stream"),
        ("v=0\nc=IN IP4 1.2.3.4\nm=audio 0 RTP/AVP 0", "expected an audio stream"),
        ("v=0\nm=audio 4000 RTP/AVP 0", "expected an address"),
        ("v=0\nc=ATM x\nm=audio 4000 RTP/AVP 0", "expected c=IN IP4"),
        ("v=0\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/SAVP 0", "expected plain RTP"),
        ("v=0\nc=IN IP4 1.2.3.4\nm=audio 70000 RTP/AVP 0", "expected a port from 1 to 65535"),
        ("v=0\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP x", "expected a payload type"),
        ("v=0\nc=IN IP4 1.2.3.4\nm=audio", "expected m="),
    ],
)
def test_what_is_wrong_is_told(text: str, words: str) -> None:
    with pytest.raises(SdpError, match=words):
        parse_sdp(text)


@given(st.text(max_size=400), st.integers(0, 400))
def test_rubbish_raises_nothing_else(text: str, at: int) -> None:
    for each in (text, BARESIP[:at] + text + BARESIP[at:]):
        with contextlib.suppress(SdpError):
            parse_sdp(each)


def test_no_codec_in_common() -> None:
    video = BARESIP.replace("111 8 101", "3")
    with pytest.raises(SdpError, match="expected one of the codecs PCMU, PCMA, G722, OPUS"):
        answer(parse_sdp(video), "127.0.0.1", 6000)
    with pytest.raises(SdpError, match="expected a codec that was offered, found PCMU/8000"):
        agreed(offer("127.0.0.1", 2, ["PCMA"]), parse_sdp(FFMPEG))


@pytest.mark.parametrize(
    "first", ["RTP/SAVP 0", "RTP/AVP 18", "RTP/AVP 200", "UDP/TLS/RTP/SAVPF 0"]
)
def test_the_first_audio_line_that_can_be_spoken_is_taken(first: str) -> None:
    found = parse_sdp(
        f"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 {first}\r\nm=video 6 RTP/AVP 31\r\n"
        "m=audio 5000 RTP/AVPF 8\r\nm=audio 7000 RTP/AVP 0\r\n"
    )
    assert (found.port, found.streams[0].codec) == (5000, "PCMA")
    answered, _ = answer(found, "127.0.0.1", 9000)
    lines = [line for line in answered.text().splitlines() if line.startswith("m=")]
    assert lines == [
        f"m=audio 0 {first}",
        "m=video 0 RTP/AVP 31",
        "m=audio 9000 RTP/AVPF 8",
        "m=audio 0 RTP/AVP 0",
    ]
