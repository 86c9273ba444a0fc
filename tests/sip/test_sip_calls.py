"""SIP telephones call the app's numbers, over real sockets in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sip_stage import (
    Phone,
    SipStage,
    authorization,
    branch_of,
    header,
    media_of,
    noise,
    place_of,
    sip_sandbox,
)

pytestmark = pytest.mark.realtime

ANSWERS, GATHERS, REJECTS, BUSY, SLOW, SHORT = (f"+1415555010{n}" for n in range(6))
NUMBERS = {
    ANSWERS: "<Start><Recording channels='dual'/></Start><Pause length='20'/>",
    GATHERS: "<Gather numDigits='2' finishOnKey='' timeout='3' action='APP/keys'/>",
    REJECTS: "<Reject/>",
    BUSY: "<Reject reason='busy'/>",
    SLOW: "<Pause length='3'/><Reject/>",
    SHORT: "<Pause length='1'/>",
}


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox(NUMBERS, {"alice": "secret"}) as found:
        yield found


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_what_a_caller_says_is_in_its_channel(stage: SipStage, tcp: bool) -> None:
    said = noise(1, 1.2)
    with Phone(stage, "+14155550123", tcp=tcp, said=said) as phone:
        phone.call(ANSWERS)
        phone.rtp.say_all()
        phone.hang_up()
    call = stage.until(lambda: stage.call_of(to=ANSWERS, status="completed"))
    assert (call.from_, call.direction) == ("+14155550123", "inbound")
    record, pcm = stage.recording_of(call)
    place, sure = place_of(pcm[0], said)
    assert sure > 0.8  # some packets may be late on a busy machine
    assert 0 <= place < 4000
    truth = stage.service.store.truth(record.sid)
    assert truth["channels"][0]["unscripted"] == ["+14155550123"]


def test_it_holds_and_resumes(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.call(ANSWERS)
        stage.until(lambda: len(phone.rtp.heard) > 10, "hearing it")
        for direction, mirrored in (("sendonly", "recvonly"), ("inactive", "inactive")):
            phone.request("INVITE", body=phone.sdp(direction))
            answer = phone.expect("SIP/2.0 200", "INVITE")
            phone.acknowledge(answer)
            assert f"a={mirrored}" in answer
            time.sleep(0.1)
            before = len(phone.rtp.heard)
            time.sleep(0.3)
            assert len(phone.rtp.heard) == before
        phone.request("UPDATE", body=phone.sdp("sendrecv"))
        answer = phone.expect("SIP/2.0 200", "UPDATE")
        assert "a=sendrecv" in answer
        stage.until(lambda: len(phone.rtp.heard) > before + 10, "hearing it again")
        phone.hang_up()


def test_asked_for_an_offer_it_repeats_what_was_agreed_on(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.call(ANSWERS)
        stage.until(lambda: len(phone.rtp.heard) > 10, "hearing it")
        phone.request("INVITE")
        answer = phone.expect("SIP/2.0 200", "INVITE")
        assert "RTP/AVP 0 101" in answer
        phone.acknowledge(answer, body=phone.sdp("inactive"))
        time.sleep(0.1)
        before = len(phone.rtp.heard)
        time.sleep(0.3)
        assert len(phone.rtp.heard) == before
        phone.request("OPTIONS")
        phone.expect("SIP/2.0 200", "OPTIONS")
        phone.hang_up()


def test_a_codec_that_nobody_has_offered_before_is_refused_and_the_call_goes_on(
    stage: SipStage,
) -> None:
    with Phone(stage) as phone:
        phone.call(ANSWERS)
        phone.request("INVITE", body=phone.sdp(formats="18"))
        refused = phone.expect("SIP/2.0 488", "INVITE")
        phone.request("ACK", sequence=phone.sequence, branch=branch_of(refused))
        phone.request("BYE")
        assert phone.expect("SIP/2.0 200", "BYE")


@pytest.mark.parametrize(
    ("kind", "bodies"),
    [
        ("application/dtmf-relay", ("Signal=4\r\nDuration=160\r\n", "Signal= 11\r\nDuration=80")),
        ("application/dtmf", ("4", "#")),
    ],
)
def test_keys_told_by_info_are_gathered(
    stage: SipStage, kind: str, bodies: tuple[str, str]
) -> None:
    with Phone(stage) as phone:
        phone.call(GATHERS)
        phone.request("INFO", body="Signal=9", kind="text/plain")
        phone.expect("SIP/2.0 415", "INFO")
        for body in bodies:
            phone.request("INFO", body=body, kind=kind)
            phone.expect("SIP/2.0 200", "INFO")
        asked = stage.until(lambda: stage.asked("/keys", phone.call_id), "the action")
        assert asked["Digits"] == "4#"
        assert asked["SipCallId"] == phone.call_id
        assert asked["SipSourceIp"] == "127.0.0.1"


@pytest.mark.parametrize(("number", "status"), [(REJECTS, "404"), (BUSY, "486"), ("12", "404")])
def test_calls_that_nobody_takes(stage: SipStage, number: str, status: str) -> None:
    with Phone(stage) as phone:
        phone.invite(number)
        answer = phone.expect(f"SIP/2.0 {status}", "INVITE")
        phone.acknowledge_refusal(answer)


def test_a_caller_that_gives_up_has_not_been_answered(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.invite(SLOW)
        phone.expect("SIP/2.0 180", "INVITE")
        uri = f"sip:{SLOW}@{stage.host}:{stage.port}"
        phone.request("CANCEL", uri, sequence=1, branch=branch_of(phone.invited))
        phone.expect("SIP/2.0 200", "CANCEL")
        phone.acknowledge_refusal(phone.expect("SIP/2.0 487", "INVITE"))
    call = stage.until(lambda: stage.call_of(to=SLOW))
    assert call.status == "canceled"


def test_a_bye_before_the_answer_gives_up_as_well(stage: SipStage) -> None:
    with Phone(stage, "early") as phone:
        phone.invite(SLOW)
        ringing = phone.expect("SIP/2.0 180", "INVITE")
        phone.to_tag = header(ringing, "To").partition(";tag=")[2]
        phone.request("BYE", header(ringing, "Contact").strip("<>"))
        phone.expect("SIP/2.0 200", "BYE")
        phone.expect("SIP/2.0 487", "INVITE")
    call = stage.call_of(from_="sip:early@127.0.0.1")
    assert call is not None
    assert call.status == "canceled"


def test_the_server_hangs_up_with_a_bye(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.call(SHORT)
        bye = phone.expect("BYE")
        assert header(bye, "Call-ID") == phone.call_id
        phone.respond(bye, "200 OK")
        phone.request("BYE")
        phone.expect("SIP/2.0 481", "BYE")


def test_an_invite_without_a_description_gets_an_offer(stage: SipStage) -> None:
    said = noise(4, 1.0)
    with Phone(stage, "late", said=said) as phone:
        phone.invite(ANSWERS, body="")
        answer = phone.expect("SIP/2.0 200", "INVITE")
        assert "m=audio" in answer
        phone.acknowledge(answer, body=phone.sdp())
        phone.rtp.talk_to(*media_of(answer))
        stage.until(lambda: len(phone.rtp.heard) > 50, "hearing it")
        time.sleep(0.3)
        phone.hang_up()
    call = stage.until(lambda: stage.call_of(from_="sip:late@127.0.0.1", status="completed"))
    assert place_of(stage.recording_of(call)[1][0], said)[1] > 0.999


def test_a_repeated_invite_is_no_second_call(stage: SipStage) -> None:
    with Phone(stage, "again") as phone:
        invite = phone.invite(SLOW)
        phone.expect("SIP/2.0 180", "INVITE")
        phone.send(invite)
        phone.expect("SIP/2.0 180", "INVITE")
        calls = [call for call in stage.calls() if call.from_ == "sip:again@127.0.0.1"]
        assert len(calls) == 1
        uri = f"sip:{SLOW}@{stage.host}:{stage.port}"
        phone.request("CANCEL", uri, sequence=1, branch=branch_of(invite))


def test_who_says_to_be_a_user_of_ours_has_to_prove_it(stage: SipStage) -> None:
    uri = f"sip:{SHORT}@{stage.host}:{stage.port}"
    with Phone(stage, "alice") as alice:
        alice.invite(SHORT)
        asked = alice.expect("SIP/2.0 407", "INVITE")
        alice.acknowledge_refusal(asked)
        wrong = authorization(asked, "INVITE", uri, "alice", "wrong")
        alice.invite(SHORT, more=f"Proxy-Authorization: {wrong}")
        alice.acknowledge_refusal(alice.expect("SIP/2.0 403", "INVITE"))
        right = authorization(asked, "INVITE", uri, "alice", "secret")
        answer = alice.call(SHORT, more=f"Proxy-Authorization: {right}\r\nX-Shop: 12")
        assert answer.startswith("SIP/2.0 200")
    call = stage.call_of(from_="sip:alice@127.0.0.1")
    assert call is not None
    assert call.sip is not None
    assert (call.sip.username, call.sip.headers) == ("alice", {"X-Shop": "12"})


def test_options_are_told(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.request("OPTIONS", f"sip:{stage.host}:{stage.port}")
        answer = phone.expect("SIP/2.0 200", "OPTIONS")
        assert "INVITE" in header(answer, "Allow")
        phone.request("SUBSCRIBE", f"sip:{stage.host}:{stage.port}")
        phone.expect("SIP/2.0 405", "SUBSCRIBE")
        phone.invite(ANSWERS, more="Require: 100rel")
        answer = phone.expect("SIP/2.0 420", "INVITE")
        assert header(answer, "Unsupported") == "100rel"
        phone.acknowledge_refusal(answer)


def test_media_goes_nowhere_but_to_who_signals(stage: SipStage) -> None:
    with Phone(stage) as phone:
        for host, words in (("192.0.2.7", "192.0.2.7"), ("example.com", "no IP address")):
            phone.invite(ANSWERS, body=phone.sdp().replace("127.0.0.1", host))
            answer = phone.expect("SIP/2.0 488", "INVITE")
            assert words in answer.splitlines()[0]
            phone.acknowledge_refusal(answer)
