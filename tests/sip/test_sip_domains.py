"""SIP domains and trunks on the wire: who is let in, what the app is told, who is rung, and what is
recorded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sip_stage import Phone, SipStage, authorization, header, media_of, noise, place_of, sip_sandbox
from test_sip_peers import BARESIP, MODULES, SURE, free_port, needs, running, written
from twilio.rest import Client

from mediasim.audio.g711 import ulaw_encode
from mediasim.sandbox.config import parse_callee
from mediasim.sandbox.number_plan import place_call

pytestmark = pytest.mark.realtime

DIALS, TRUNKED, BOB, BUSY = (f"+1415555010{number}" for number in (0, 2, 1, 4))
DOMAIN, TRUNK = "office.sip.twilio.com", "office.pstn.twilio.com"
USER, PASSWORD = "alice", "Pa55wordPa55word"
PLAN: dict[str, Any] = {
    "parties": {
        "bob": {
            "number": BOB,
            "answer": {"after": "500ms"},
            "script": [{"say": "Good morning, this is Bob."}, {"pause": "3s"}],
        },
        "busy": {"number": BUSY, "answer": "busy"},
        "caller": {
            "number": "+14155550103",
            "script": [{"say": "The office, please."}, "hangup"],
            "lookup": {"caller_name": "CAROL"},
        },
    },
}


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    dial = f"<Dial timeout='5' action='APP/after'><Sip>sip:{USER}@{DOMAIN}</Sip></Dial>"
    with sip_sandbox({DIALS: dial, TRUNKED: "<Hangup/>"}, **PLAN) as found:
        yield found


@pytest.fixture
def client(stage: SipStage) -> Client:
    stage.reset()
    stage.app.asked.clear()  # SIDs come again
    service = stage.service
    client = Client(service.account.sid, service.account.auth_token)
    for product in (client.api, client.trunking):
        product.base_url = stage.embedded.base_url
    return client


def users_of(client: Client) -> str:
    """A credential list with one user; its SID."""
    users = client.sip.credential_lists.create("users")
    users.credentials.create(USER, PASSWORD)
    return str(users.sid)


def hosts_of(client: Client, address: str, prefix: int = 32) -> str:
    hosts = client.sip.ip_access_control_lists.create(address)
    hosts.ip_addresses.create("host", address, cidr_prefix_length=prefix)
    return str(hosts.sid)


def invites(phone: Phone, uri: str, password: str = "", **how: Any) -> str:
    """Call a SIP address, and prove who calls where that is asked for; the last answer so far."""

    def answer() -> str:
        while True:
            found = phone.receive()
            if not found.startswith("SIP/2.0 100"):
                return found

    phone.invited = phone.request("INVITE", uri, body=phone.sdp(), **how)
    found = answer()
    if found.startswith("SIP/2.0 407") and password:
        phone.acknowledge_refusal(found)
        given = authorization(found, "INVITE", uri, USER, password)
        how["more"] = f"{how.get('more', '')}\nProxy-Authorization: {given}".strip()
        phone.invited = phone.request("INVITE", uri, body=phone.sdp(), **how)
        found = answer()
    if found.startswith(("SIP/2.0 4", "SIP/2.0 6")):
        phone.acknowledge_refusal(found)
    return found


def notified(client: Client) -> set[str]:
    return {each.error_code for each in client.notifications.list()}


# -- domains ------------------------------------------------------------------------------------


def test_a_domain_lets_in_whom_its_lists_have(stage: SipStage, client: Client) -> None:
    uri = f"sip:{DIALS}@{DOMAIN}"

    def answer(password: str = "") -> str:
        with Phone(stage, USER) as phone:
            return invites(phone, uri, password).split("\r\n")[0][8:11]

    assert answer() == "404"  # there is no such domain yet
    domain = client.sip.domains.create(DOMAIN, voice_url=f"{stage.app.url}/keys")
    assert answer() == "403"
    assert notified(client) == {"20404", "32200"}
    elsewhere = hosts_of(client, "192.0.2.1")
    domain.auth.calls.ip_access_control_list_mappings.create(elsewhere)
    assert domain.fetch().auth_type == "IP_ACL"
    assert answer() == "403"
    assert "32201" in notified(client)
    here = hosts_of(client, "127.0.0.77", 24)
    domain.auth.calls.ip_access_control_list_mappings.create(here)
    assert answer()[0] in "12"
    domain.auth.calls.credential_list_mappings.create(users_of(client))
    assert domain.fetch().auth_type == "IP_ACL,CREDENTIAL_LIST"
    assert answer() == "407"
    assert answer("wrong") == "403"
    assert "32202" in notified(client)
    assert answer(PASSWORD)[0] in "12"
    for sid in (here, elsewhere):
        domain.auth.calls.ip_access_control_list_mappings(sid).delete()
    assert domain.fetch().auth_type == "CREDENTIAL_LIST"


def test_a_domains_app_is_told_of_the_call(stage: SipStage, client: Client) -> None:
    domain = client.sip.domains.create(
        DOMAIN,
        voice_url=f"{stage.app.url}/keys",
        voice_status_callback_url=f"{stage.app.url}/after",
    )
    domain.auth.calls.credential_list_mappings.create(users_of(client))
    with Phone(stage, USER) as phone:
        found = invites(phone, f"sip:desk@{DOMAIN};user=phone", PASSWORD, more="X-Shop: a b")
        assert found.startswith("SIP/2.0 180")
        told = stage.until(lambda: stage.asked("/keys", phone.call_id), "the request")
        ended = stage.until(lambda: stage.asked("/after", phone.call_id), "the callback")
    wanted = {
        "To": f"sip:desk@{DOMAIN}",
        "From": f"sip:{USER}@127.0.0.1",
        "SipDomain": DOMAIN,
        "SipDomainSid": domain.sid,
        "SipUsername": USER,
        "SipCallId": phone.call_id,
        "SipSourceIp": "127.0.0.1",
        "SipHeader_X-Shop": "a b",
        "Direction": "inbound",
    }
    assert {name: told.get(name) for name in wanted} == wanted
    assert ended["CallStatus"] == "no-answer"  # the document has no verb that answers


def test_users_register_with_a_domain_and_are_rung(stage: SipStage, client: Client) -> None:
    def register(phone: Phone, password: str, user: str = USER) -> str:
        uri, to = f"sip:{DOMAIN}", f"<sip:{user}@{DOMAIN}>"
        phone.call_id = f"registration-{phone.port}"
        phone.request("REGISTER", uri, to=to)
        found = phone.expect("SIP/2.0", "REGISTER")
        if not found.startswith("SIP/2.0 401"):
            return found
        given = authorization(found, "REGISTER", uri, USER, password)
        phone.request("REGISTER", uri, to=to, more=f"Authorization: {given}")
        return phone.expect("SIP/2.0", "REGISTER")

    with Phone(stage, USER, said=noise(2, 1.0)) as alice, Phone(stage, "other") as caller:
        domain = client.sip.domains.create(DOMAIN)
        assert register(alice, PASSWORD).startswith("SIP/2.0 403")  # it takes no registrations
        domain.update(sip_registration=True)
        assert register(alice, PASSWORD).startswith("SIP/2.0 403")  # of nobody
        assert {"32210", "32212"} <= notified(client)
        domain.auth.registrations.credential_list_mappings.create(users_of(client))
        caller.invite(DIALS)
        stage.until(lambda: stage.asked("/after", caller.call_id), "that nobody is there")
        assert "32009" in notified(client)
        assert register(alice, "wrong").startswith("SIP/2.0 403")
        assert register(alice, PASSWORD, "bob").startswith("SIP/2.0 403")
        assert "32106" in notified(client)
        assert register(alice, PASSWORD).startswith("SIP/2.0 200")
        caller.sequence, caller.call_id = 0, f"again-{caller.call_id}"
        caller.invite(DIALS)
        invite = alice.rung()
        assert f"sip:{USER}@127.0.0.1:{alice.port}" in invite.splitlines()[0]
        alice.answer()
        caller.acknowledge(caller.expect("SIP/2.0 200", "INVITE"))
        alice.hang_up()
        told = stage.until(lambda: stage.asked("/after", caller.call_id), "the action")
        # What of Twilio's cannot be called.
        client.trunking.v1.trunks.create(domain_name=TRUNK)
        for address in (f"sip:{DOMAIN}", f"sip:{BOB}@{TRUNK}", "sip:7@other.sip.us1.twilio.com"):
            dialled = stage.call_out(address, "<Hangup/>").sid
            stage.until(partial(stage.call_of, sid=dialled, status="failed"), address)
    assert {"32223", "32214", "32002"} <= notified(client)
    assert told["DialCallStatus"] == "completed"
    # A user of a domain is none of another, nor of the sandbox's own users.
    registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
    assert stage.on_engine(lambda: registrar.contacts(USER)) == []


def test_baresip_registers_with_a_domain(stage: SipStage, client: Client, tmp_path: Path) -> None:
    program = needs("baresip", "baresip-core")
    domain = client.sip.domains.create(DOMAIN, sip_registration=True)
    domain.auth.registrations.credential_list_mappings.create(users_of(client))
    said = written(tmp_path, noise(3, 1.0))
    config = BARESIP.format(port=free_port(), said=said, folder=tmp_path, modules=MODULES)
    (tmp_path / "config").write_text(config)
    (tmp_path / "contacts").write_text("")
    proxy = f'outbound="sip:{stage.host}:{stage.port}"'
    account = f"<sip:{USER}@{DOMAIN}>;auth_pass={PASSWORD};regint=60;{proxy}"
    (tmp_path / "accounts").write_text(f"{account};answermode=auto;audio_codecs=pcmu\n")
    with running(program, "-f", tmp_path, "-t", 40, folder=tmp_path):
        registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
        name = f"{USER}@{DOMAIN}"
        stage.until(lambda: stage.on_engine(lambda: registrar.contacts(name)), "registering")


# -- trunks -------------------------------------------------------------------------------------


def trunk_of(client: Client, mode: str, **more: Any) -> Any:
    trunk = client.trunking.v1.trunks.create(domain_name=TRUNK, **more)
    trunk.recordings().update(mode=mode)
    return trunk


def test_a_customers_call_is_connected_and_recorded(stage: SipStage, client: Client) -> None:
    trunk = trunk_of(client, "record-from-ringing-dual")
    client.trunking.v1.trunks(trunk.sid).credentials_lists.create(users_of(client))
    said = noise(4, 1.5)
    with Phone(stage, USER, said=said) as pbx:
        asserted = "P-Asserted-Identity: <sip:+14155550188@pbx.example.com>"
        by_proxy = f"Route: <sip:{stage.host}:{stage.port};lr>\n{asserted}"
        found = invites(pbx, f"sip:{BOB}@{TRUNK}", PASSWORD, more=by_proxy)
        assert found.startswith("SIP/2.0 180")  # he rings
        answer = pbx.expect("SIP/2.0 200", "INVITE")
        pbx.acknowledge(answer)
        pbx.rtp.talk_to(*media_of(answer))
        pbx.request("REFER", more=f"Refer-To: <sip:{BUSY}@{TRUNK}>")
        assert pbx.expect("SIP/2.0", "REFER").startswith("SIP/2.0 403")
        assert "32218" in notified(client)
        pbx.rtp.say_all()
        pbx.hang_up()
    (call,) = client.calls.list()
    assert (call.direction, call.trunk_sid) == ("trunking-terminating", trunk.sid)
    assert (call._from, call.to, call.parent_call_sid) == ("+14155550188", BOB, None)
    record = stage.until(lambda: stage.call_of(sid=call.sid, status="completed"))
    recording, pcm = stage.recording_of(record)
    assert (recording.source, recording.layout.plain_channels) == ("Trunking", 2)
    place, sure = place_of(pcm[0], said)
    assert sure > SURE
    assert place > 4000  # he rang for half a second
    assert abs(pcm[1][8000:20_000].astype(int)).max() > 1000
    assert stage.app.of("/keys") == []


def test_callees_that_are_not_there_are_told_to_the_customer(
    stage: SipStage, client: Client
) -> None:
    trunk = trunk_of(client, "do-not-record")
    trunks = client.trunking.v1.trunks(trunk.sid)
    trunks.ip_access_control_lists.create(hosts_of(client, "127.0.0.1"))
    for number, code in (("4155550100", "404"), (BUSY, "486")):
        with Phone(stage, USER) as pbx:
            assert invites(pbx, f"sip:{number}@{TRUNK}").startswith(f"SIP/2.0 {code}")
    assert {"32101", "32206"} <= notified(client)
    assert [each.status for each in client.calls.list()] == ["busy"]


def test_a_call_to_a_trunks_number_goes_to_the_customer(stage: SipStage, client: Client) -> None:
    trunk = trunk_of(client, "record-from-answer-dual", cnam_lookup_enabled=True)
    trunks = client.trunking.v1.trunks(trunk.sid)
    number = client.incoming_phone_numbers.list(phone_number=TRUNKED)[0]
    trunks.phone_numbers.create(number.sid)
    said = noise(5, 1.5)
    with Phone(stage, "pbx", said=said) as pbx, Phone(stage, "down") as down:
        for n, phone in enumerate((down, pbx)):
            url = f"sip:127.0.0.1:{phone.port}"
            trunks.origination_urls.create(10, n, True, f"url {n}", url)
        sandbox = stage.embedded.sandbox
        callee = parse_callee({}, base=Path())
        record = stage.on_engine(
            lambda: place_call(
                sandbox.service,
                sandbox.phones,
                to=TRUNKED,
                from_="caller",
                callee=callee,
                scripted=False,
            )
        )
        refused = down.expect("INVITE")
        down.respond(refused, "503 Service Unavailable")
        invite = pbx.rung()
        assert f"INVITE sip:{TRUNKED}@127.0.0.1:{pbx.port} SIP/2.0" in invite
        assert header(invite, "X-Twilio-CallSid") == record.sid
        assert header(invite, "To") == f"<sip:{TRUNKED}@127.0.0.1:{pbx.port}>"
        assert header(invite, "From").startswith('"CAROL" <sip:+14155550103@')
        pbx.answer()
        pbx.respond(pbx.expect("BYE"), "200 OK")
    call = client.calls(record.sid).fetch()
    assert (call.direction, call.trunk_sid) == ("trunking-originating", trunk.sid)
    assert (call.to, call.caller_name, call.phone_number_sid) == (TRUNKED, "CAROL", number.sid)
    assert [each.sid for each in client.calls.list()] == [record.sid]
    warnings = [each for each in client.notifications.list() if each.error_code == "32011"]
    assert [each.call_sid for each in warnings] == [record.sid]
    recording, pcm = stage.recording_of(record)
    assert recording.source == "Trunking"
    assert place_of(pcm[1], said[:8000])[1] > SURE


SIPP = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="a customer's exchange, over its trunk">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@TRUNK SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+14155550188@TRUNK>;tag=[call_number]
To: <sip:[service]@TRUNK>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:pbx@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

SDP
]]></send>
  <recv response="100" optional="true"/>
  <recv response="407" auth="true"/>
  <send><![CDATA[
ACK sip:[service]@TRUNK SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-6]
From: <sip:+14155550188@TRUNK>;tag=[call_number]
To: <sip:[service]@TRUNK>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[
INVITE sip:[service]@TRUNK SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+14155550188@TRUNK>;tag=[call_number]
To: <sip:[service]@TRUNK>
Call-ID: [call_id]
CSeq: 2 INVITE
Contact: sip:pbx@[local_ip]:[local_port]
[authentication username=USER password=PASSWORD]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

SDP
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+14155550188@TRUNK>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <nop><action><exec rtp_stream="said.ulaw,1,0"/></action></nop>
  <pause milliseconds="1600"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+14155550188@TRUNK>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 3 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""
SDP = """v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000"""


def test_sipp_calls_over_a_trunk(stage: SipStage, client: Client, tmp_path: Path) -> None:
    sipp = needs("sipp", "sip-tester")
    trunk = trunk_of(client, "record-from-answer")
    client.trunking.v1.trunks(trunk.sid).credentials_lists.create(users_of(client))
    said = noise(6, 1.2)
    (tmp_path / "said.ulaw").write_bytes(ulaw_encode(said).tobytes())
    scenario = SIPP.replace("SDP", SDP).replace("TRUNK", TRUNK)
    scenario = scenario.replace("USER", USER).replace("PASSWORD", PASSWORD)
    (tmp_path / "pbx.xml").write_text(scenario)
    how = ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", 1, "-nostdin", "-p", free_port())
    command = (sipp, "-sf", "pbx.xml", *how, "-s", BOB, f"{stage.host}:{stage.port}")
    with running(*command, folder=tmp_path) as process:
        assert process.wait(8) == 0
    (call,) = client.calls.list()
    assert (call.direction, call._from, call.to) == ("trunking-terminating", "+14155550188", BOB)
    record = stage.until(lambda: stage.call_of(sid=call.sid, status="completed"))
    recording, pcm = stage.recording_of(record)
    assert (recording.source, recording.layout.plain_channels) == ("Trunking", 1)
    assert place_of(pcm[0], said)[1] > SURE
