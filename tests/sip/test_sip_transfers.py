"""REFER both ways with real telephones: written out here, and pjsua2's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sip_stage import Phone, SipStage, header, media_of, noise, sip_sandbox
from test_sip_peers import running, written

pytestmark = pytest.mark.realtime

REFERS, REFERS_PETE, DIALS, STAYS, ALONE = (f"+1415555010{n}" for n in range(5))
DESK = "sip:desk@127.0.0.1:5999?X-Account=7"
NUMBERS = {
    REFERS: f"<Refer action='APP/after'><Sip>{DESK}</Sip></Refer>",
    DIALS: "<Dial referUrl='APP/refer'><Sip>sip:alice@any</Sip></Dial>",
    STAYS: "<Dial answerOnBridge='true' referUrl='APP/refer'><Sip>sip:alice@any</Sip></Dial>",
    ALONE: "<Dial><Sip>sip:alice@any</Sip></Dial>",
}
TO_CAROL = "<Response><Dial><Sip>sip:carol@any</Sip></Dial></Response>"
USERS = {"alice": "secret", "carol": "third", "pete": "word"}


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox(NUMBERS, USERS) as found:
        yield found


def notify(
    phone: Phone, text: str, *, state: str = "active;expires=60", event: str = "refer"
) -> str:
    """Tell the sandbox how the call goes that it has asked for; returns its answer."""
    more = f"Event: {event}\nSubscription-State: {state}"
    phone.request("NOTIFY", more=more, body=text, kind="message/sipfrag;version=2.0")
    return phone.expect("SIP/2.0", "NOTIFY")


def told(stage: SipStage, phone: Phone) -> dict[str, str]:
    asked: dict[str, str] = stage.until(lambda: stage.asked("/after", phone.call_id), "the action")
    return asked


def test_a_telephone_is_referred(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.call(REFERS)
        refer = phone.expect("REFER")
        assert header(refer, "Refer-To") == f"<{DESK}>"
        assert header(refer, "Referred-By").startswith("<sip:")
        phone.respond(refer, "202 Accepted")
        assert notify(phone, "SIP/2.0 180 Ringing\r\n").startswith("SIP/2.0 200")
        assert notify(phone, "x", event="presence").startswith("SIP/2.0 489")
        over = "terminated;reason=noresource"
        assert notify(phone, "SIP/2.0 200 OK\r\n", state=over).startswith("SIP/2.0 200")
        asked = told(stage, phone)
        phone.respond(phone.expect("BYE"), "200 OK")  # the document is at its end
        assert notify(phone, "SIP/2.0 200 OK\r\n").startswith("SIP/2.0 481")
    names = ("ReferCallStatus", "ReferSipResponseCode", "NotifySipResponseCode")
    assert [asked[name] for name in names] == ["in-progress", "202", "200"]


@pytest.mark.parametrize(
    ("answer", "notified", "status"),
    [
        ("405 Method Not Allowed", "", "failed"),
        ("202 Accepted", "SIP/2.0 486 Busy Here", "busy"),
        ("202 Accepted", "SIP/2.0 503 Service Unavailable", "failed"),
    ],
)
def test_a_telephone_refuses_or_fails(
    stage: SipStage, answer: str, notified: str, status: str
) -> None:
    with Phone(stage) as phone:
        phone.call(REFERS)
        phone.respond(phone.expect("REFER"), answer)
        if notified:
            notify(phone, f"{notified}\r\n")
        asked = told(stage, phone)
        phone.respond(phone.expect("BYE"), "200 OK")
    assert asked["ReferCallStatus"] == status
    assert asked["ReferSipResponseCode"] == answer[:3]
    assert asked.get("NotifySipResponseCode", "") == notified[8:11]


def test_a_telephone_hangs_up_before_the_outcome(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.call(REFERS)
        phone.respond(phone.expect("REFER"), "202 Accepted")
        notify(phone, "SIP/2.0 180 Ringing\r\n")
        phone.hang_up()
        asked = told(stage, phone)
    assert (asked["ReferCallStatus"], asked["NotifySipResponseCode"]) == ("canceled", "180")


@pytest.mark.parametrize("number", [DIALS, STAYS])
def test_a_callee_has_the_caller_transferred(stage: SipStage, number: str) -> None:
    stage.app.documents["/refer"] = TO_CAROL
    with Phone(stage) as caller, Phone(stage, "alice") as alice, Phone(stage, "carol") as carol:
        assert alice.register("secret").startswith("SIP/2.0 200")
        assert carol.register("third").startswith("SIP/2.0 200")
        caller.invite(number)
        alice.rung()
        alice.answer()
        answer = caller.expect("SIP/2.0 200", "INVITE")
        caller.acknowledge(answer)
        sessions = stage.service.sessions
        stage.until(lambda: all(each.bridge for each in list(sessions.values())), "the bridge")
        target = "<sip:carol@any?X-Case=5>"
        alice.request("REFER", more=f"Refer-To: {target}")
        assert alice.expect("SIP/2.0", "REFER").startswith("SIP/2.0 202")
        trying = alice.expect("NOTIFY")
        alice.respond(trying, "200 OK")
        assert trying.endswith("SIP/2.0 100 Trying\r\n")
        assert header(trying, "Subscription-State").startswith("active")
        assert header(trying, "Event").startswith("refer")
        if number == DIALS:
            done = alice.expect("NOTIFY")
            alice.respond(alice.expect("BYE"), "200 OK")
            carol.rung()
            carol.answer()
        else:
            carol.rung()
            carol.answer()
            done = alice.expect("NOTIFY")
            alice.respond(alice.expect("BYE"), "200 OK")
        alice.respond(done, "200 OK")
        assert done.endswith("SIP/2.0 200 OK\r\n")
        assert header(done, "Subscription-State") == "terminated;reason=noresource"
        caller.rtp.talk_to(*media_of(answer))
        stage.until(lambda: len(carol.rtp.heard) > 20, "Carol hears the caller")
        carol.hang_up()
        caller.respond(caller.expect("BYE"), "200 OK")
        asked = stage.asked("/refer", caller.call_id)
        for phone, word in ((alice, "secret"), (carol, "third")):
            phone.register(word, more="Expires: 0")
    assert asked["ReferTransferTarget"] == target


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ("", "400"),
        ("Refer-To: <sip:a@b>\nRefer-To: <sip:c@d>", "400"),
        ("Refer-To: sip:a b", "400"),
        (f"Refer-To: <sip:{'a' * 300}@b>", "400"),
        ("Refer-To: <https://example.com/>", "416"),
        ("Refer-To: <sip:a@b>", "403"),  # no referUrl
    ],
)
def test_a_transfer_that_is_refused(stage: SipStage, more: str, status: str) -> None:
    with Phone(stage) as caller, Phone(stage, "alice") as alice:
        alice.register("secret")
        caller.invite(ALONE)
        alice.rung()
        alice.answer()
        caller.acknowledge(caller.expect("SIP/2.0 200", "INVITE"))
        alice.request("REFER", more=more)
        assert alice.expect("SIP/2.0", "REFER").startswith(f"SIP/2.0 {status}")
        alice.hang_up()
        caller.respond(caller.expect("BYE"), "200 OK")
        alice.register("secret", more="Expires: 0")


def test_pjsua2_transfers_its_caller(stage: SipStage, tmp_path: Path) -> None:
    pytest.importorskip("pjsua2", reason="needs pjsua2 (PyPI: pjsua2-python)")
    stage.app.documents["/refer"] = "<Response><Pause length='1'/></Response>"
    script = Path(__file__).with_name("pjsua_phone.py")
    server, file = f"{stage.host}:{stage.port}", written(tmp_path, noise(31, 1.0))
    steps = ("wait", "sleep:0.5", "refer:sip:carol@any", "sleep:0.8", "hangup")
    twiml = "<Dial referUrl='{}/refer'><Sip>sip:pete@any</Sip></Dial>"
    command = (sys.executable, script, server, "pete", "word", file, *steps)
    with running(*command, folder=tmp_path) as it:
        registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
        stage.until(lambda: stage.on_engine(lambda: registrar.contacts("pete")), "registering")
        with Phone(stage, "desk") as desk:
            stage.call_out(f"sip:desk@127.0.0.1:{desk.port}", twiml.format(stage.app.url))
            desk.rung()
            desk.answer()
            desk.respond(desk.expect("BYE"), "200 OK")
        out = it.communicate(timeout=8)[0].splitlines()
    told = [line for line in out if line.startswith("transfer")]
    assert list(dict.fromkeys(told)) == ["transfer 100", "transfer 200"]
    assert "sip:carol@any" in [each["ReferTransferTarget"] for each in stage.app.of("/refer")]


def test_pjsua2_follows_a_refer(stage: SipStage, tmp_path: Path) -> None:
    pytest.importorskip("pjsua2", reason="needs pjsua2 (PyPI: pjsua2-python)")
    script = Path(__file__).with_name("pjsua_phone.py")
    server, file = f"{stage.host}:{stage.port}", written(tmp_path, noise(32, 1.0))
    with Phone(stage, "target") as target:
        target.server = (stage.host, stage.port)
        refer = f"<Refer action='{{}}/after'><Sip>sip:target@127.0.0.1:{target.port}</Sip></Refer>"
        steps = ("wait", "sleep:2.5", "hangup")
        command = (sys.executable, script, server, "pete", "word", file, *steps)
        with running(*command, folder=tmp_path):
            registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
            stage.until(lambda: stage.on_engine(lambda: registrar.contacts("pete")), "registering")
            call = stage.call_out("sip:pete@any", refer.format(stage.app.url))
            invite, pete = target.socket.recvfrom(65536)
            target.server = (pete[0], pete[1])  # what comes now comes from pjsua2
            target.invited = invite.decode()
            target.respond(target.invited, "200 OK", target.sdp())
            stage.until(
                lambda: [a for a in stage.app.of("/after") if a["CallSid"] == call.sid],
                "the action",
            )
    (asked,) = [each for each in stage.app.of("/after") if each["CallSid"] == call.sid]
    assert (asked["ReferCallStatus"], asked["NotifySipResponseCode"]) == ("in-progress", "200")
