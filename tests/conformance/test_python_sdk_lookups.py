"""Lookups, tokens and the balance by the official Python SDK, and what is not simulated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox_process import Sandbox, running_sandbox
from sdk_refusals import refused
from twilio.rest import Client

PLAN = """
account: {balance: "12.50"}
numbers: {+14155550100: {twiml: "<Response/>"}}
parties:
  alice:
    number: +14155550101
    lookup: {carrier: Ring Co, caller_name: ALICE, line_type: fixedVoip}
  bob: {number: +14155550102, lookup: landline}
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("lookups")
    with running_sandbox("--clock", "virtual", config=PLAN, folder=folder) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    client = Client(sandbox.account_sid, sandbox.auth_token)
    for product in (client.api, client.lookups, client.verify, client.conversations):
        product.base_url = sandbox.url
    client.taskrouter.base_url = sandbox.url
    return client


def test_numbers_are_looked_up(client: Client, sandbox: Sandbox) -> None:
    def found(number: str, fields: str | None = None, **more: str) -> Any:
        return client.lookups.v2.phone_numbers(number).fetch(fields=fields, **more)

    plain = found("+14155550101")
    assert (plain.valid, plain.validation_errors) == (True, [])
    assert (plain.calling_country_code, plain.country_code) == ("1", "US")
    assert (plain.phone_number, plain.national_format) == ("+14155550101", "(415) 555-0101")
    assert plain.line_type_intelligence is None
    assert plain.caller_name is None
    assert plain.url == f"{sandbox.url}/v2/PhoneNumbers/+14155550101"
    both = "line_type_intelligence,caller_name"
    rows = {
        "+14155550101": ("fixedVoip", "Ring Co", "ALICE"),
        "+14155550102": ("landline", "Mediasim Telephone Company", None),
        "+14155550177": ("mobile", "Mediasim Telephone Company", None),
        "+18005550177": ("tollFree", "Mediasim Telephone Company", None),
        "+442079460018": ("landline", "Mediasim Telephone Company", None),
    }
    for number, row in rows.items():
        known = found(number, both)
        line, name = known.line_type_intelligence, known.caller_name
        assert (line["type"], line["carrier_name"], name["caller_name"]) == row
    national = found("020 7946 0018", country_code="GB")
    assert (national.phone_number, national.country_code) == ("+442079460018", "GB")
    for wrong, why in {"+1415": "TOO_SHORT", "abc": "NOT_A_NUMBER", "+9991": None}.items():
        known = found(wrong, both)
        assert (known.valid, known.line_type_intelligence) == (False, None)
        assert why in (None, *known.validation_errors)
    assert refused(found, "+14155550101", "shoe_size") == (400, 20001)
    assert found("+14155550101", "sim_swap").sim_swap is None
    assert "sim_swap" in client.notifications.list()[0].message_text


def test_version_one(client: Client) -> None:
    fetch = client.lookups.v1.phone_numbers("+14155550101").fetch
    assert (fetch().carrier, fetch().caller_name) == (None, None)
    known = fetch(type=["carrier", "caller-name"])
    assert (known.carrier["name"], known.carrier["type"]) == ("Ring Co", "voip")
    assert known.caller_name["caller_name"] == "ALICE"
    assert refused(client.lookups.v1.phone_numbers("+1415").fetch) == (404, 20404)


def test_tokens_and_the_balance(client: Client) -> None:
    balance = client.balance.fetch()
    assert (balance.balance, balance.currency) == ("12.50", "USD")
    first, second = client.tokens.create(ttl=60), client.tokens.create()
    assert (first.ttl, second.ttl) == ("60", "86400")
    assert first.username != second.username
    (stun, turn) = first.ice_servers
    assert stun["urls"].startswith("stun:127.0.0.1:")
    assert (turn["username"], turn["credential"]) == (first.username, first.password)


def test_what_is_not_simulated(client: Client, sandbox: Sandbox) -> None:
    sandbox.control("POST", "/reset")
    services = client.verify.v2.services("VA" + "0" * 32)
    for work, named in {
        client.conversations.v1.conversations.list: "Conversations",
        client.taskrouter.v1.workspaces.list: "TaskRouter",
        lambda: services.verifications.create(to="+14155550101", channel="sms"): "Verify",
        client.usage.records.list: "Usage",
    }.items():
        assert refused(work) == (501, 20501)
        assert named in client.notifications.list()[0].message_text
    counted = sandbox.control("GET", "/inspector/resources")["not_simulated"]
    assert [each["count"] for each in counted] == [1] * 4
    assert {"request": "POST /v2/Services/VA…/Verifications (Verify)", "count": 1} in counted
