"""SIP telephones are rung: by Dial and by the API, where they registered and where they are."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sip_stage import (
    Phone,
    SipStage,
    authorization,
    header,
    media_of,
    noise,
    place_of,
    sip_sandbox,
    tag_of,
)

from mediasim.exchange.records import CallRecord, SipFacts
from mediasim.sandbox.persistence import from_document, to_document

pytestmark = pytest.mark.realtime

ALICE, BOB = "+14155550100", "+14155550101"
DIAL = (
    "<Dial record='record-from-answer-dual' timeout='2' action='APP/after'>"
    "<Sip statusCallback='APP/status'>sip:{}@shop.example?X-Shop=a%20b</Sip></Dial>"
)


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    numbers = {ALICE: DIAL.format("alice"), BOB: DIAL.format("bob")}
    with sip_sandbox(numbers, {"alice": "secret", "bob": "other", "carol": "third"}) as found:
        yield found


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_both_are_recorded_each_in_its_channel(stage: SipStage, tcp: bool) -> None:
    ours, theirs = noise(2, 1.5), noise(3, 1.5)
    with Phone(stage, said=ours) as caller, Phone(stage, "alice", said=theirs, tcp=tcp) as alice:
        assert alice.register("secret").startswith("SIP/2.0 200")
        caller.invite(ALICE)
        invite = alice.rung()
        assert f"sip:alice@127.0.0.1:{alice.port}" in invite.splitlines()[0]
        assert header(invite, "X-Shop") == "a b"
        child = stage.until(lambda: stage.call_of(direction="outbound-dial"))
        assert header(invite, "X-Twilio-CallSid") == child.sid
        alice.respond(invite, "180 Ringing")
        stage.until(lambda: stage.call_of(sid=child.sid, status="ringing"), "ringing")
        answer = caller.expect("SIP/2.0 200", "INVITE")
        caller.acknowledge(answer)
        alice.answer()
        caller.rtp.talk_to(*media_of(answer))
        caller.rtp.say_all()
        alice.rtp.say_all()
        alice.hang_up()
        caller.respond(caller.expect("BYE"), "200 OK")
        heard = {"caller": caller.rtp.pcm(), "alice": alice.rtp.pcm()}
        alice.register("secret", more="Expires: 0")
    call = stage.until(lambda: stage.call_of(to=ALICE, status="completed"))
    _, pcm = stage.recording_of(call)
    first, sure = place_of(pcm[0], ours)
    second, as_sure = place_of(pcm[1], theirs)
    assert min(sure, as_sure) > 0.9  # some packets may be late on a busy machine
    assert abs(first - second) < 800  # they began to talk within milliseconds
    assert place_of(heard["caller"], theirs)[1] > 0.8
    assert place_of(heard["alice"], ours)[1] > 0.8
    told = stage.asked("/after", caller.call_id)
    assert told["DialCallStatus"] == "completed"
    assert told["DialSipResponseCode"] == "200"
    assert told["DialSipCallId"] == alice.call_id


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("486 Busy Here", "busy"),
        ("603 Decline", "busy"),
        ("480 Temporarily Unavailable", "no-answer"),
        ("404 Not Found", "failed"),
    ],
)
def test_what_it_answers_is_the_dial_s_status(stage: SipStage, answer: str, status: str) -> None:
    with Phone(stage) as caller, Phone(stage, "bob") as bob:
        bob.register("other")
        caller.call(BOB)
        bob.respond(bob.rung(), answer)
        bob.expect("ACK")
        told = stage.until(lambda: stage.asked("/after", caller.call_id), "the action")
        assert told["DialCallStatus"] == status
        told_of = [each.error_code for each in stage.service.notifications]
        assert (32011 in told_of[-1:]) == (status == "failed")
        assert told["DialSipResponseCode"] == answer[:3]
        ended = stage.until(lambda: stage.asked("/status", bob.call_id), "the callback")
        assert (ended["CallStatus"], ended["SipResponseCode"]) == (status, answer[:3])
        bob.register("other", more="Expires: 0")


@pytest.fixture
def rings_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Dial rings for 2 s, not for the 10 that Twilio rings at least."""
    monkeypatch.setattr("mediasim.twilio.verbs.dial.ring_seconds", lambda verb: 2)


@pytest.mark.usefixtures("rings_briefly")
def test_nobody_answers_in_time_and_it_stops_ringing(stage: SipStage) -> None:
    with Phone(stage) as caller, Phone(stage, "bob") as bob:
        bob.register("other")
        caller.call(BOB)
        invite = bob.rung()
        bob.respond(invite, "180 Ringing")
        cancel = bob.expect("CANCEL")
        bob.respond(cancel, "200 OK")
        bob.respond(invite, "487 Request Terminated")
        bob.expect("ACK")
        told = stage.until(lambda: stage.asked("/after", caller.call_id), "the action")
        assert told["DialCallStatus"] == "no-answer"
        bob.register("other", more="Expires: 0")


@pytest.mark.usefixtures("rings_briefly")
def test_who_has_not_registered_does_not_answer(stage: SipStage) -> None:
    with Phone(stage) as caller:
        caller.call(BOB)
        told = stage.until(lambda: stage.asked("/after", caller.call_id), "the action")
    assert told["DialCallStatus"] == "no-answer"
    notes = [each.message_text for each in stage.service.notifications if each.error_code == 32009]
    assert notes[-1] == "the SIP user bob is not registered"


def test_all_places_ring_and_the_first_to_answer_has_the_call(stage: SipStage) -> None:
    with Phone(stage, "carol") as desk, Phone(stage, "carol") as mobile:
        desk.register("third")
        assert mobile.register("third").count("Contact:") == 2
        call = stage.call_out("sip:carol@any", "<Pause length='20'/>")
        other = desk.rung()
        desk.respond(other, "180 Ringing")
        mobile.rung()
        mobile.answer()
        desk.respond(desk.expect("CANCEL"), "200 OK")
        desk.respond(other, "487 Request Terminated")
        desk.expect("ACK")
        stage.until(lambda: call.status == "in-progress", "talking")
        mobile.hang_up()
        stage.until(lambda: call.status == "completed", "its end")


@pytest.mark.parametrize("described_again", [True, False])
def test_of_a_forked_invite_the_first_answer_is_taken(
    stage: SipStage, described_again: bool
) -> None:
    """Two places ring behind one proxy; who speaks second answers first, and the other then too."""
    with Phone(stage, "desk") as desk, Phone(stage, "shop") as shop:
        call = stage.call_out(f"sip:7@127.0.0.1:{desk.port}", "<Pause length='1'/>")
        invite = desk.rung()

        def answer(status: str, tag: str, body: str) -> None:
            lines = [f"SIP/2.0 {status}", f"To: {header(invite, 'To')};tag={tag}"]
            lines += [
                f"{name}: {header(invite, name)}" for name in ("Via", "From", "Call-ID", "CSeq")
            ]
            lines += [f"Contact: <sip:{tag}@127.0.0.1:{desk.port}>"]
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            desk.send("\r\n".join(lines) + "\r\n\r\n" + body)

        def acknowledged() -> str:
            return tag_of(header(desk.expect("ACK"), "To"))

        answer("183 Session Progress", "shop", shop.sdp())
        answer("183 Session Progress", "desk", desk.sdp())
        answer("200 OK", "desk", desk.sdp() if described_again else "")
        assert acknowledged() == "desk"
        answer("200 OK", "shop", shop.sdp())
        assert acknowledged() == "shop"
        over = desk.expect("BYE")
        assert (over.split()[1][:8], tag_of(header(over, "To"))) == ("sip:shop", "shop")
        desk.respond(over, "200 OK")
        answer("200 OK", "desk", "")  # as if the ACK had been lost
        assert acknowledged() == "desk"
        stage.until(lambda: len(desk.rtp.heard) > 10, "hearing it")
        assert not shop.rtp.heard
        over = desk.expect("BYE")
        assert tag_of(header(over, "To")) == "desk"
        desk.respond(over, "200 OK")
    stage.until(lambda: call.status == "completed")


def test_an_address_on_this_machine_is_called_there(stage: SipStage) -> None:
    with Phone(stage, "desk") as desk:
        call = stage.call_out(f"sip:7@127.0.0.1:{desk.port}", "<Pause length='1'/>")
        assert desk.rung().startswith(f"INVITE sip:7@127.0.0.1:{desk.port} ")
        desk.answer()
        desk.respond(desk.expect("BYE"), "200 OK")
        stage.until(lambda: call.status == "completed", "its end")


def test_what_sip_knows_of_a_call_is_kept_with_it() -> None:
    sip = SipFacts("c@host", 486, "shop.example", "al", "127.0.0.1", {"X-Shop": "12"})
    call = CallRecord("CA1", "AC1", "sip:al@x", ALICE, "inbound", "ringing", 5, sip=sip)
    again = from_document(CallRecord, json.loads(json.dumps(to_document(call, 100))), 100)
    assert again.sip == sip
    older = to_document(call, 100)
    del older["sip"]
    assert from_document(CallRecord, older, 100).sip is None


@pytest.mark.parametrize("address", ["sip:7@192.0.2.1:5060", "sip:nobody@shop.example"])
def test_hosts_elsewhere_are_not_called(stage: SipStage, address: str) -> None:
    call = stage.call_out(address, "<Pause/>")
    stage.until(lambda: call.status == "failed", "its end")
    note = stage.service.notifications[-1]
    assert note.call_sid == call.sid
    assert "was not called: only this machine" in note.message_text


def test_what_is_no_address_is_not_called(stage: SipStage) -> None:
    with Phone(stage) as caller:
        to = "sip:9@127.0.0.1\r\nX-Evil: 1"
        dial = f"<Dial><Sip>{to}</Sip></Dial>"
        call = stage.call_out(f"sip:8@127.0.0.1:{caller.port}", dial)
        caller.rung()
        caller.answer()
        child = stage.until(lambda: stage.call_of(parent_call_sid=call.sid, status="failed"))
        note = stage.service.notifications[-1]
        assert (note.call_sid, note.error_code) == (child.sid, 13243)
        caller.respond(caller.expect("BYE"), "200 OK")


def test_after_a_reset_it_is_rung_as_before(stage: SipStage) -> None:
    with Phone(stage, "carol") as carol:
        carol.register("third")
        stage.reset()
        call = stage.call_out("sip:carol@any", "<Pause length='20'/>")
        carol.rung()
        carol.answer()
        stage.until(lambda: call.status == "in-progress", "talking")
        carol.hang_up()
        carol.register("third", more="Expires: 0")


def test_a_password_is_given_to_who_asks_for_it(stage: SipStage) -> None:
    with Phone(stage, "desk") as desk, Phone(stage) as caller:
        to = f"sip:9@127.0.0.1:{desk.port}"
        dial = f"<Dial><Sip username='shop' password='pw'>{to}</Sip></Dial>"
        call = stage.call_out(f"sip:8@127.0.0.1:{caller.port}", dial)
        caller.rung()
        caller.answer()
        challenge = 'Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"'
        desk.respond(desk.rung(), f"401 Unauthorized\r\nWWW-Authenticate: {challenge}")
        desk.expect("ACK")
        given = header(desk.rung(), "Authorization")
        asked = f"SIP/2.0 401 x\r\nWWW-Authenticate: {challenge}\r\n"
        for name in ("username", "realm", "uri"):
            assert f'{name}="' in given
        cnonce = given.partition('cnonce="')[2].partition('"')[0]
        expected = authorization(asked, "INVITE", to, "shop", "pw", cnonce=cnonce)
        response = expected.partition('response="')[2][:32]
        assert f'response="{response}"' in given
        desk.answer()
        stage.until(lambda: stage.call_of(parent_call_sid=call.sid, status="in-progress"))
        caller.hang_up()
        desk.respond(desk.expect("BYE"), "200 OK")
