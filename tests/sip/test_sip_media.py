"""What is agreed on with telephones, and heard of them: early, and in one codec after another."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray
from sip_stage import Phone, SipStage, header, media_of, noise, place_of, sip_sandbox

from mediasim.audio.codecs import Codec, SampleCoder, frame_coder, register
from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

pytestmark = pytest.mark.realtime

ANSWERS, RINGS, BOTH, BRIDGED = (f"+1415555010{number}" for number in range(4))
NUMBERS = {
    ANSWERS: "<Start><Recording channels='dual' trim='do-not-trim'/></Start><Pause length='20'/>",
    RINGS: (
        "<Dial record='record-from-ringing-dual' timeout='8' action='APP/after'>"
        "<Sip>sip:alice@any</Sip></Dial>"
    ),
    BRIDGED: (
        "<Dial answerOnBridge='true' record='record-from-ringing-dual' timeout='8' "
        "action='APP/after'><Sip>sip:alice@any</Sip></Dial>"
    ),
    BOTH: (
        "<Dial timeout='8' action='APP/after'><Sip>sip:alice@any</Sip><Sip>sip:bob@any</Sip></Dial>"
    ),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox(NUMBERS, {"alice": "secret", "bob": "other"}) as found:
        yield found


# -- early media --------------------------------------------------------------------------------


def progress(phone: Phone, status: str = "183 Session Progress", body: str | None = None) -> None:
    """What it says while it rings."""
    phone.respond(phone.invited, status, phone.sdp() if body is None else body)


@contextmanager
def ringing(caller: Phone, number: str, **phones: tuple[Phone, str]) -> Iterator[None]:
    """Telephones that have registered, with their passwords, and are called."""
    for phone, password in phones.values():
        phone.register(password)
    try:
        caller.call(number)
        for phone, _ in phones.values():
            phone.rung()
        yield
    finally:
        for phone, password in phones.values():
            phone.register(password, more="Expires: 0")


@pytest.mark.parametrize("described_again", [True, False])
def test_who_speaks_before_answering_is_heard_and_recorded(
    stage: SipStage, described_again: bool
) -> None:
    early, later = noise(21, 1.0), noise(22, 1.0)
    said = np.concatenate((early, later))
    with (
        Phone(stage) as caller,
        Phone(stage, "alice", said=said) as alice,
        ringing(caller, RINGS, alice=(alice, "secret")),
    ):
        progress(alice)
        alice.rtp.talk_to(*media_of(alice.invited))
        time.sleep(1.1)
        alice.respond(alice.invited, "200 OK", alice.sdp() if described_again else "")
        alice.expect("ACK")
        alice.rtp.say_all()
        alice.hang_up()
        caller.respond(caller.expect("BYE"), "200 OK")
        heard = caller.rtp.pcm()
        call_id = caller.call_id
    told = stage.until(lambda: stage.asked("/after", call_id), "the action")
    assert told["DialCallStatus"] == "completed"
    assert int(told["DialCallDuration"]) <= 2  # from the answer, not from the first word
    call = stage.until(lambda: stage.call_of(to=RINGS, status="completed"))
    _, pcm = stage.recording_of(call)
    for part in (early, later):
        assert place_of(heard, part)[1] > 0.85
        assert place_of(pcm[1], part)[1] > 0.85
    first, second = place_of(pcm[1], early)[0], place_of(pcm[1], later)[0]
    assert abs(second - first - 8000) <= 160  # nothing is lost nor doubled where it answers


@pytest.mark.parametrize("answers", [True, False])
def test_a_caller_who_is_not_answered_hears_it_too(stage: SipStage, answers: bool) -> None:
    early, later = noise(25, 1.0), noise(26, 1.0)
    with (
        Phone(stage) as caller,
        Phone(stage, "alice", said=np.concatenate((early, later))) as alice,
    ):
        alice.register("secret")
        caller.invite(BRIDGED)
        alice.rung()
        progress(alice)
        told = caller.expect("SIP/2.0 183", "INVITE")
        alice.rtp.talk_to(*media_of(alice.invited))
        time.sleep(1.2)
        if answers:
            alice.respond(alice.invited, "200 OK", "")
            alice.expect("ACK")
            answer = caller.expect("SIP/2.0 200", "INVITE")
            assert media_of(answer) == media_of(told)
            caller.acknowledge(answer)
            alice.rtp.say_all()
            alice.hang_up()
            caller.respond(caller.expect("BYE"), "200 OK")
        else:
            alice.respond(alice.invited, "486 Busy Here")
            caller.acknowledge_refusal(caller.expect("SIP/2.0 486", "INVITE"))
        heard, call_id = caller.rtp.pcm(), caller.call_id
        alice.register("secret", more="Expires: 0")
    status = "completed" if answers else "busy"
    assert stage.until(lambda: stage.asked("/after", call_id))["DialCallStatus"] == status
    call = stage.until(lambda: stage.call_of(to=BRIDGED, status=status))
    _, pcm = stage.recording_of(call)
    for part in (early, later)[: 1 + answers]:
        assert place_of(heard, part)[1] > 0.85
        assert place_of(pcm[1], part)[1] > 0.85
    stage.until(lambda: not stage.on_engine(lambda: len(stage.service.room.legs)))


def test_who_spoke_and_does_not_answer_leaves_nothing_behind(stage: SipStage) -> None:
    with (
        Phone(stage) as caller,
        Phone(stage, "alice") as alice,
        ringing(caller, RINGS, alice=(alice, "secret")),
    ):
        progress(alice, "180 Ringing")
        alice.rtp.talk_to(*media_of(alice.invited))
        stage.until(lambda: stage.call_of(direction="outbound-dial", status="ringing"))
        time.sleep(0.4)
        alice.respond(alice.invited, "486 Busy Here")
        alice.expect("ACK")
        told = stage.until(lambda: stage.asked("/after", caller.call_id), "the action")
        assert told["DialCallStatus"] == "busy"
        caller.expect("BYE")
    assert stage.on_engine(lambda: len(stage.service.room.legs)) == 0
    server = stage.embedded.sandbox.sip
    assert server is not None
    assert not server.agent.dialogs


def one_speaks_and_another_answers(stage: SipStage, number: str, other: tuple[str, str]) -> None:
    early, later = noise(23, 0.8), noise(24, 1.0)
    with (
        Phone(stage) as caller,
        Phone(stage, "alice", said=early) as alice,
        Phone(stage, other[0], said=later) as bob,
        ringing(caller, number, alice=(alice, "secret"), other=(bob, other[1])),
    ):
        progress(alice)
        alice.rtp.talk_to(*media_of(alice.invited))
        time.sleep(1.0)
        bob.answer()
        alice.respond(alice.expect("CANCEL"), "200 OK")
        alice.respond(alice.invited, "487 Request Terminated")
        time.sleep(1.2)
        bob.hang_up()
        caller.expect("BYE")
        heard = caller.rtp.pcm()
    assert place_of(heard, early)[1] > 0.85
    assert place_of(heard, later)[1] > 0.85


def test_one_is_heard_early_and_another_answers(stage: SipStage) -> None:
    one_speaks_and_another_answers(stage, BOTH, ("bob", "other"))


def test_so_it_is_with_two_telephones_of_one_user(stage: SipStage) -> None:
    one_speaks_and_another_answers(stage, RINGS, ("alice", "secret"))


# -- codecs -------------------------------------------------------------------------------------

ENCODED = {0: "PCMU", 8: "PCMA", 9: "G722"}


def encoded(pcm: NDArray[np.int16], payload_type: int) -> list[bytes]:
    frames = pcm[: len(pcm) // 160 * 160].reshape(-1, 160)
    if payload_type == 9:
        encoder = frame_coder("G722").encoder()
        return [encoder.encode(frame) for frame in frames]
    law = ulaw_encode if payload_type == 0 else alaw_encode
    return [law(frame).tobytes() for frame in frames]


def speak(
    by: socket.socket, to: tuple[str, int], payloads: list[bytes], kind: int, number: int
) -> int:
    """In real time, all as one stream; returns the number of the packet that comes next."""
    begun = time.monotonic()
    for at, payload in enumerate(payloads):
        time.sleep(max(0.0, begun + at * 0.02 - time.monotonic()))
        head = bytes([0x80, kind]) + number.to_bytes(2, "big") + (number * 160).to_bytes(4, "big")
        by.sendto(head + b"wxyz" + payload, to)
        number += 1
    return number


@pytest.mark.parametrize("second", [8, 9])
def test_a_new_offer_changes_the_codec_both_ways(stage: SipStage, second: int) -> None:
    one, other, third = noise(31, 0.8), tone(0.8, 900), noise(33, 0.8)
    with Phone(stage) as phone:
        phone.invite(ANSWERS)
        answer = phone.expect("SIP/2.0 200", "INVITE")
        phone.acknowledge(answer)
        to, by = media_of(answer), phone.rtp.socket
        number = speak(by, to, encoded(one, 0), 0, 0)
        phone.request("INVITE", body=phone.sdp(formats=str(second)))
        answer = phone.expect("SIP/2.0 200", "INVITE")
        assert f"RTP/AVP {second}" in answer
        phone.acknowledge(answer)
        assert media_of(answer) == to
        number = speak(by, to, encoded(other, second), second, number)
        assert phone.rtp.heard[-1][1] & 127 == second
        phone.request("INVITE", body=phone.sdp(formats="0"))
        phone.acknowledge(phone.expect("SIP/2.0 200", "INVITE"))
        speak(by, to, encoded(third, 0), 0, number)
        assert phone.rtp.heard[-1][1] & 127 == 0
        time.sleep(0.2)
        phone.hang_up()
        kinds = [packet[1] & 127 for packet in phone.rtp.heard]
        numbers = [int.from_bytes(packet[2:4], "big") for packet in phone.rtp.heard]
    assert [kind for at, kind in enumerate(kinds) if kinds[at - 1 : at] != [kind]] == [0, second, 0]
    assert {(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers)} == {1}
    call = stage.until(lambda: stage.call_of(to=ANSWERS, status="completed"))
    _, pcm = stage.recording_of(call)
    assert place_of(pcm[0], ulaw_decode(ulaw_encode(one)))[1] > 0.8
    assert place_of(pcm[0], ulaw_decode(ulaw_encode(third)))[1] > 0.8
    heard = alaw_decode(alaw_encode(other)) if second == 8 else other
    place, sure = place_of(pcm[0], heard)
    assert sure > 0.8
    assert place > place_of(pcm[0], one)[0]


def test_a_codec_that_was_added_is_answered_and_offered(stage: SipStage) -> None:
    linear = SampleCoder(
        lambda pcm: pcm.astype(">i2").view(np.uint8),
        lambda octets: octets.view(">i2").astype(np.int16),
        octets=2,
    )
    said = noise(34, 0.8)
    with register(Codec("L16", 97, linear)), Phone(stage) as phone:
        body = phone.sdp(formats="97").replace("rtpmap:0 PCMU", "rtpmap:97 L16")
        phone.invite(ANSWERS, body=body)
        answer = phone.expect("SIP/2.0 200", "INVITE")
        assert "a=rtpmap:97 L16/8000" in answer
        phone.acknowledge(answer)
        frames = [frame.astype(">i2").tobytes() for frame in said.reshape(-1, 160)]
        speak(phone.rtp.socket, media_of(answer), frames, 97, 0)
        time.sleep(0.2)
        phone.request("INVITE")
        offered = phone.expect("SIP/2.0 200", "INVITE")
        assert "a=rtpmap:97 L16/8000" in offered
        phone.acknowledge(offered, body)
        phone.hang_up()
        assert {(packet[1] & 127, len(packet)) for packet in phone.rtp.heard} == {(97, 332)}
        calls = (call for call in stage.calls() if call.sip and call.sip.call_id == phone.call_id)
        call = next(calls)
        stage.until(lambda: call.status == "completed")
        _, pcm = stage.recording_of(call)
    assert place_of(pcm[0], said)[1] > 0.8


def tone(seconds: float, hz: float) -> NDArray[np.int16]:
    """What every codec keeps well: a tone that glides, so that its place is known."""
    at = np.arange(int(seconds * 8000)) / 8000
    found: NDArray[np.int16] = (8000 * np.sin(2 * np.pi * (hz * at + 400 * at**2))).astype(np.int16)
    return found


TWO_LINES = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "{first}\r\nm=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


@pytest.mark.parametrize(
    ("first", "refused"),
    [
        ("m=audio 40000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "RTP/SAVP 0"),
        ("m=audio 40000 RTP/AVP 18", "RTP/AVP 18"),
        ("m=audio 40000 RTP/AVP 200", "RTP/AVP 200"),
        ("m=audio 0 RTP/AVP 0", "RTP/AVP 0"),
        ("m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2", "UDP/TLS"),
        ("m=audio 40000 RTP/AVP 0\r\nc=IN IP4", "RTP/AVP 0"),
    ],
)
def test_of_several_audio_lines_one_that_can_be_spoken_is_taken(
    stage: SipStage, first: str, refused: str
) -> None:
    said = noise(41, 0.8)
    with Phone(stage, "+14155550177", said=said) as phone:
        phone.invite(ANSWERS, body=TWO_LINES.format(first=first, port=phone.rtp.port))
        answer = phone.expect("SIP/2.0 200", "INVITE")
        phone.acknowledge(answer)
        lines = [line for line in answer.splitlines() if line.startswith("m=")]
        assert lines[0].startswith(f"m=audio 0 {refused}")
        assert lines[1].startswith("m=audio ")
        assert lines[1].endswith("RTP/AVP 0 101")
        phone.rtp.talk_to("127.0.0.1", int(lines[1].split()[1]))
        stage.until(lambda: len(phone.rtp.heard) > 10, "hearing it")
        phone.request("INVITE")  # what we offer has as many lines
        offer = phone.expect("SIP/2.0 200", "INVITE")
        assert offer.count("m=audio") == 2
        phone.acknowledge(offer, body=phone.sdp())
        phone.hang_up()


# -- bodies -------------------------------------------------------------------------------------


def parts(*each: str) -> str:
    return "".join(f"--b1\r\n{part}\r\n" for part in each) + "--b1--\r\n"


PLAIN = "Content-Type: text/plain\r\n\r\nhello"
ISUP = (
    "Content-Type: application/isup;version=ansi88\r\nContent-Transfer-Encoding: base64\r\n"
    "Content-Disposition: signal;handling=optional\r\n\r\nAQID"
)


@pytest.mark.parametrize(
    "kind", ["multipart/mixed;boundary=b1", 'Multipart/Alternative; boundary="b1"']
)
def test_a_description_among_several_parts_is_found(stage: SipStage, kind: str) -> None:
    with Phone(stage) as phone:
        described = f"Content-Type: application/sdp\r\n\r\n{phone.sdp()}"
        phone.call(ANSWERS, body=parts(PLAIN, described, ISUP), kind=kind)
        stage.until(lambda: len(phone.rtp.heard) > 10, "hearing it")
        phone.request("UPDATE", body=parts(ISUP, described), kind=kind)
        assert "m=audio" in phone.expect("SIP/2.0 200", "UPDATE")
        keys = "Content-Type: application/dtmf-relay\r\n\r\nSignal=4\r\nDuration=160"
        phone.request("INFO", body=parts(PLAIN, keys), kind=kind)
        phone.expect("SIP/2.0 200", "INFO")
        phone.hang_up()


def test_a_part_within_a_part_is_found(stage: SipStage) -> None:
    with Phone(stage) as phone:
        inner = f"--b2\r\nContent-Type: application/sdp\r\n\r\n{phone.sdp()}\r\n--b2--"
        outer = parts(PLAIN, f"Content-Type: multipart/related;boundary=b2\r\n\r\n{inner}")
        phone.call(ANSWERS, body=outer, kind="multipart/mixed;boundary=b1")
        phone.hang_up()


@pytest.mark.parametrize(
    ("body", "kind", "more"),
    [
        ("hello", "text/plain", ""),
        (parts(PLAIN), "multipart/mixed;boundary=b1", ""),
        ("--b1", "multipart/mixed", ""),
        ("v=0", "application/sdp", "Content-Encoding: gzip"),
        (
            parts(
                f"Content-Disposition: x;handling=required\r\n{PLAIN}",
                "Content-Type: application/sdp\r\n\r\nv=0",
            ),
            "multipart/mixed;boundary=b1",
            "",
        ),
    ],
)
def test_a_body_that_is_not_understood_is_refused(
    stage: SipStage, body: str, kind: str, more: str
) -> None:
    with Phone(stage) as phone:
        phone.invite(ANSWERS, body=body, kind=kind, more=more)
        refused = phone.expect("SIP/2.0 415", "INVITE")
        assert header(refused, "Accept") == "application/sdp"
        phone.acknowledge_refusal(refused)


# -- who calls whom -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_", "number"),
    [
        ("<sip:5550123;phone-context=+1415@h>", "+14155550123"),
        ("<sip:+1-415-555-0123;npdi;rn=+14155550000@h;user=phone>", "+14155550123"),
        ('"A, B" <tel:+1-415-555-0123;ext=4>', "+14155550123"),
        ("<tel:5550123;phone-context=+1-415>", "+14155550123"),
        ("tel:+14155550123", "+14155550123"),
        ("<tel:5550123;phone-context=shop.example>", "sip:5550123@127.0.0.1"),
        ("<sip:desk;x=1@shop.example>", "sip:desk@shop.example"),
        ("<isbn:2983792873>", "sip:anonymous@127.0.0.1"),
        ("<sip:shop.example>", "sip:anonymous@shop.example"),
    ],
)
def test_who_calls_is_read_of_every_kind_of_uri(stage: SipStage, from_: str, number: str) -> None:
    with Phone(stage) as phone:
        phone.from_ = from_
        phone.call(ANSWERS)
        phone.hang_up()
        call_id = phone.call_id
    call = next(call for call in stage.calls() if call.sip and call.sip.call_id == call_id)
    assert call.from_ == number


@pytest.mark.parametrize(
    "uri",
    [
        "sip:+14155550100;npdi;rn=+14155559999@{}",
        "sip:5550100;phone-context=+1415@{}",
        "sip:+1-415-555-0100@{};user=phone",
        "tel:+14155550100",
        "tel:+1-415-555-0100;isub=7",
        "tel:5550100;phone-context=+1415",
        "sip:%2B14155550100@{}",
    ],
)
def test_a_number_is_reached_by_every_kind_of_uri(stage: SipStage, uri: str) -> None:
    with Phone(stage) as phone:
        uri = uri.format(f"{stage.host}:{stage.port}")
        phone.request("INVITE", uri, body=phone.sdp())
        answer = phone.expect("SIP/2.0 200", "INVITE")
        phone.acknowledge(answer)
        phone.hang_up()
    call = stage.until(lambda: stage.call_of(status="completed"))
    assert call.to == ANSWERS
