"""SIP domains, their lists, and Elastic SIP Trunking by the official Python SDK."""

from __future__ import annotations

from typing import Any

import pytest
from number_plan import ALICE_HZ, APP_NUMBER, BOB, BOB_HZ
from sandbox_process import Sandbox
from sdk_refusals import refused
from sound_checks import heard
from twilio.rest import Client
from user_app import UserApp

DOMAIN, TRUNK = "office.sip.twilio.com", "office.pstn.twilio.com"
PASSWORD = "Pa55wordPa55word"


@pytest.fixture
def trunking(sandbox: Sandbox) -> Any:
    client = Client(sandbox.account_sid, sandbox.auth_token)
    client.trunking.base_url = client.insights.base_url = sandbox.url
    return client.trunking.v1


# -- domains and lists ----------------------------------------------------------------------------


def test_lists_of_who_may_use_a_domain(client: Client) -> None:
    sip = client.sip
    users = sip.credential_lists.create("users")
    assert refused(sip.credential_lists.create, "users") == (400, 21240)
    assert users.update(friendly_name="people").friendly_name == "people"
    create = sip.credential_lists(users.sid).credentials.create
    alice = create("alice", PASSWORD)
    assert (alice.username, alice.credential_list_sid) == ("alice", users.sid)
    for name, password in (
        ("alice", PASSWORD),
        ("a" * 33, PASSWORD),
        ("a b", PASSWORD),
        ("bob", "short1A"),
        ("bob", "no-digit-No-digit"),
        ("bob", "no-capital-1-no"),
    ):
        assert refused(create, name, password) == (400, 21240)
    assert sip.credential_lists(users.sid).credentials(alice.sid).update(password=PASSWORD * 2)
    assert [each.sid for each in sip.credential_lists(users.sid).credentials.list()] == [alice.sid]
    assert sip.credential_lists(users.sid).credentials(alice.sid).fetch().username == "alice"
    hosts = sip.ip_access_control_lists.create("hosts")
    assert hosts.update(friendly_name="offices").friendly_name == "offices"
    addresses = sip.ip_access_control_lists(hosts.sid).ip_addresses
    office = addresses.create("office", "192.0.2.1")
    assert (office.ip_address, office.cidr_prefix_length) == ("192.0.2.1", 32)
    office = addresses(office.sid).update(ip_address="192.0.2.0", cidr_prefix_length=24)
    assert (office.ip_address, office.cidr_prefix_length) == ("192.0.2.0", 24)
    for address in ("192.0.2.256", "office.example.com", "::1"):
        assert refused(addresses.create, "wrong", address) == (400, 21238)
    assert refused(addresses.create, "wrong", "192.0.2.1", 33) == (400, 21238)
    assert addresses(office.sid).fetch().friendly_name == "office"
    other = sip.ip_access_control_lists.create("other")
    elsewhere = sip.ip_access_control_lists(other.sid).ip_addresses
    assert refused(elsewhere(office.sid).fetch) == (404, 20404)
    assert addresses(office.sid).delete()
    assert addresses.list() == []


def test_domains_and_their_mappings(client: Client) -> None:
    domains = client.sip.domains
    domain = domains.create(
        "Office.SIP.twilio.com", voice_url="http://127.0.0.1:9/voice", secure=True
    )
    assert (domain.domain_name, domain.friendly_name, domain.auth_type) == (DOMAIN, DOMAIN, "")
    (ignored,) = client.notifications.list()
    assert ignored.message_text.endswith("are ignored here: Secure")
    for wrong in (DOMAIN, "office.pstn.twilio.com", "sip.twilio.com", "a_b.sip.twilio.com"):
        assert refused(domains.create, wrong) == (400, 21231)
    domain = domain.update(voice_method="GET", sip_registration=True, voice_url="")
    assert (domain.voice_method, domain.voice_url) == ("GET", None)
    users = client.sip.credential_lists.create("users")
    hosts = client.sip.ip_access_control_lists.create("hosts")
    calls, registrations = domain.auth.calls, domain.auth.registrations
    mapped = calls.credential_list_mappings.create(users.sid)
    assert (mapped.sid, mapped.friendly_name) == (users.sid, "users")
    again = calls.credential_list_mappings.create
    assert refused(again, users.sid) == (400, 21231)
    assert refused(again, f"CL{'0' * 32}") == (400, 21231)
    assert refused(again, hosts.sid) == (400, 21231)
    assert domain.fetch().auth_type == "CREDENTIAL_LIST"
    # The older resources show the same mappings.
    assert domain.credential_list_mappings(users.sid).fetch().domain_sid == domain.sid
    domain.ip_access_control_list_mappings.create(hosts.sid)
    assert calls.ip_access_control_list_mappings(hosts.sid).fetch().sid == hosts.sid
    assert domain.fetch().auth_type == "IP_ACL,CREDENTIAL_LIST"
    assert refused(registrations.credential_list_mappings(users.sid).fetch) == (404, 20404)
    registrations.credential_list_mappings.create(users.sid)
    assert [each.sid for each in registrations.credential_list_mappings.list()] == [users.sid]
    assert domain.credential_list_mappings(users.sid).delete()
    assert calls.credential_list_mappings.list() == []
    assert len(registrations.credential_list_mappings.list()) == 1
    assert refused(client.sip.ip_access_control_lists(hosts.sid).delete) == (400, 21236)
    assert refused(client.sip.credential_lists(users.sid).delete) == (400, 21241)
    assert domain.ip_access_control_list_mappings(hosts.sid).delete()
    assert client.sip.ip_access_control_lists(hosts.sid).delete()
    assert (domain.fetch().auth_type, domain.ip_access_control_list_mappings.list()) == ("", [])
    assert domain.delete()
    assert domains.list() == []


def test_somebody_calls_a_domain(client: Client, sandbox: Sandbox, app: UserApp) -> None:
    """Parties of the plan are callers that no list keeps out."""
    domain = client.sip.domains.create(DOMAIN, voice_url=f"{app.url}/desk")
    with pytest.raises(AssertionError, match="Insufficient permissions"):
        sandbox.call(f"sip:desk@{DOMAIN}", "alice")
    users = client.sip.credential_lists.create("users")
    domain.auth.calls.credential_list_mappings.create(users.sid)
    app.replies["/desk"] = f"<Dial record='record-from-answer-dual'>{BOB}</Dial>"
    sid = sandbox.call(f"sip:desk@{DOMAIN}", "alice")
    sandbox.run_out()
    (asked,) = app.of("/desk")
    assert (asked["To"], asked["SipDomain"]) == (f"sip:desk@{DOMAIN}", DOMAIN)
    assert (asked["SipDomainSid"], asked["SipSourceIp"]) == (domain.sid, "127.0.0.1")
    (recording,) = client.calls(sid).recordings.list()
    assert recording.channels == 2


# -- trunks ---------------------------------------------------------------------------------------

FIELDS = {
    *("account_sid", "domain_name", "disaster_recovery_method", "disaster_recovery_url", "url"),
    *("friendly_name", "secure", "recording", "transfer_mode", "transfer_caller_id", "links"),
    *("cnam_lookup_enabled", "auth_type", "auth_type_set", "symmetric_rtp_enabled", "sid"),
    *("date_created", "date_updated"),
}


def test_trunks(trunking: Any, client: Client, sandbox: Sandbox) -> None:
    trunk = trunking.trunks.create(
        friendly_name="Office", domain_name=TRUNK, transfer_mode="enable-all"
    )
    assert vars(trunk).keys() >= FIELDS
    assert all(vars(trunk)[name] is not None for name in FIELDS - {"disaster_recovery_url"})
    assert trunk.url == f"{sandbox.url}/v1/Trunks/{trunk.sid}"
    assert trunk.links["phone_numbers"] == f"{trunk.url}/PhoneNumbers"
    assert trunk.recording == {"mode": "do-not-record", "trim": "do-not-trim"}
    assert "TransferMode" in client.notifications.list()[0].message_text
    assert refused(trunking.trunks.create, domain_name=TRUNK) == (400, 21248)
    assert refused(trunking.trunks.create, domain_name=DOMAIN) == (400, 21245)
    trunk = trunk.update(disaster_recovery_url="http://127.0.0.1:9/", cnam_lookup_enabled=True)
    assert (trunk.disaster_recovery_url, trunk.cnam_lookup_enabled) == ("http://127.0.0.1:9/", True)
    setting = trunking.trunks(trunk.sid).recordings()
    assert setting.update(mode="record-from-answer-dual").trim == "do-not-trim"
    assert setting.update(trim="trim-silence").mode == "record-from-answer-dual"
    assert refused(setting.update, mode="always") == (400, 21245)
    assert setting.fetch().mode == trunk.fetch().recording["mode"]
    for _ in range(4):
        trunking.trunks.create()
    sids = [each.sid for each in trunking.trunks.list(page_size=2)]
    assert (len(sids), len(set(sids)), sids[-1]) == (5, 5, trunk.sid)
    page = trunking.trunks.page(page_size=2)
    assert page.next_page_url.startswith(f"{sandbox.url}/v1/Trunks?PageSize=2&Page=1&PageToken=PA")
    assert page.previous_page_url is None
    assert trunk.delete()
    assert refused(trunking.trunks(trunk.sid).fetch) == (404, 20404)


def test_what_belongs_to_a_trunk(trunking: Any, client: Client, sandbox: Sandbox) -> None:
    trunk = trunking.trunks.create(domain_name=TRUNK)
    of = trunking.trunks(trunk.sid)
    url = of.origination_urls.create(10, 1, True, "first", "sip:pbx@pbx.example.com")
    assert (url.weight, url.priority, url.enabled) == (10, 1, True)
    assert url.update(weight=20, enabled=False).sip_url == "sip:pbx@pbx.example.com"
    assert of.origination_urls(url.sid).fetch().weight == 20
    wrong = (
        (70_000, 1, "sip:a"),
        (0, 1, "sip:a"),
        (1, -1, "sip:a"),
        (1, 1, "http://pbx.example.com"),
    )
    for weight, priority, sip_url in wrong:
        create = of.origination_urls.create
        assert refused(create, weight, priority, True, "wrong", sip_url) == (400, 21245)
    assert [each.sid for each in of.origination_urls.list()] == [url.sid]
    users = client.sip.credential_lists.create("users")
    hosts = client.sip.ip_access_control_lists.create("hosts")
    assert of.credentials_lists.create(users.sid).trunk_sid == trunk.sid
    assert of.ip_access_control_lists.create(hosts.sid).friendly_name == "hosts"
    assert of.fetch().auth_type_set == ["IP_ACL", "CREDENTIAL_LIST"]
    assert [each.sid for each in of.credentials_lists.list()] == [users.sid]
    assert of.ip_access_control_lists(hosts.sid).fetch().sid == hosts.sid
    assert refused(of.credentials_lists.create, users.sid) == (400, 21245)
    assert of.credentials_lists(users.sid).delete()
    assert of.fetch().auth_type == "IP_ACL"
    (number,) = client.incoming_phone_numbers.list(phone_number=APP_NUMBER)
    application = client.applications.create()
    number.update(voice_application_sid=application.sid)
    added = of.phone_numbers.create(number.sid)
    assert (added.phone_number, added.trunk_sid) == (APP_NUMBER, trunk.sid)
    assert (number.fetch().trunk_sid, number.fetch().voice_application_sid) == (trunk.sid, None)
    assert [each.sid for each in of.phone_numbers.list()] == [number.sid]
    assert of.phone_numbers(number.sid).delete()
    assert refused(of.phone_numbers(number.sid).fetch) == (404, 20404)
    assert refused(number.update, trunk_sid=f"TK{'0' * 32}") == (400, 20001)
    assert number.update(trunk_sid=trunk.sid).trunk_sid == trunk.sid
    number = number.update(voice_application_sid=application.sid)
    assert (number.trunk_sid, number.voice_application_sid) == (None, application.sid)
    number.update(trunk_sid=trunk.sid)
    assert of.delete()
    assert number.fetch().trunk_sid is None
    assert refused(of.origination_urls(url.sid).fetch) == (404, 20404)


def test_calls_over_a_trunk(trunking: Any, client: Client, sandbox: Sandbox, app: UserApp) -> None:
    trunk = trunking.trunks.create(domain_name=TRUNK)
    of = trunking.trunks(trunk.sid)
    of.recordings().update(mode="record-from-answer-dual")
    of.credentials_lists.create(client.sip.credential_lists.create("users").sid)
    of.origination_urls.create(10, 1, True, "office", "sip:bob@pbx.example.com")
    (number,) = client.incoming_phone_numbers.list(phone_number=APP_NUMBER)
    of.phone_numbers.create(number.sid)
    out = sandbox.call(f"sip:{BOB}@{TRUNK}", "alice")
    came = sandbox.call(APP_NUMBER, "alice")
    sandbox.run_out()
    calls = {call.sid: call for call in client.calls.list()}
    assert calls.keys() == {out, came}
    insights = trunking.domain.twilio.insights.v1
    assert calls[out].direction == "trunking-terminating"
    assert calls[came].direction == "trunking-originating"
    for sid in (out, came):
        assert (calls[sid].status, calls[sid].trunk_sid) == ("completed", trunk.sid)
        (recording,) = client.calls(sid).recordings.list()
        assert (recording.source, recording.channels) == ("Trunking", 2)
        caller, callee = sandbox.samples(recording.sid)
        assert heard(caller, ALICE_HZ, BOB_HZ) == {ALICE_HZ}
        assert heard(callee, ALICE_HZ, BOB_HZ) == {BOB_HZ}
        summary = insights.calls(sid).summary().fetch()
        assert (summary.call_type, summary.call_state) == ("trunking", "completed")
        assert summary.sip_edge is not None
        assert summary.carrier_edge is not None
        own, other = ("inbound", "outbound") if sid == out else ("outbound", "inbound")
        assert summary.sip_edge["properties"]["direction"] == own
        assert summary.sip_edge["properties"]["trunk_sid"] == trunk.sid
        assert summary.carrier_edge["properties"]["direction"] == other
    assert {each.call_sid for each in insights.call_summaries.list()} == {out, came}
    assert app.asked == []
    assert [each["sid"] for each in sandbox.control("GET", "/calls")["calls"]] == [out, came]
    # The account's rules: the caller is noted, whom it may not call is refused.
    abroad = sandbox.call(f"sip:+442079460018@{TRUNK}", "alice")
    sandbox.run_out()
    assert client.calls(abroad).fetch().status == "failed"
    noted = {(each.error_code, each.call_sid) for each in client.notifications.list()}
    assert noted == {("32204", out), ("32204", abroad), ("32205", abroad)}
