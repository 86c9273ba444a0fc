"""Subaccounts by the official Python SDK: each has its own calls, numbers, token, signatures."""

from __future__ import annotations

import pytest
from judged_client import judged_client
from number_plan import ALICE, APP_NUMBER
from sandbox_process import Sandbox
from sdk_refusals import refused
from twilio.rest import Client
from user_app import UserApp

NUMBER = "+14155550180"
DIALS = "<Dial><Conference>room</Conference></Dial>"


@pytest.fixture
def sub(sandbox: Sandbox, client: Client) -> Client:
    """The SDK with a subaccount's own credentials."""
    made = client.api.v2010.accounts.create(friendly_name="Sub")
    own = judged_client(sandbox, made.sid, made.auth_token)
    own.account_sid = made.sid
    return own


def test_a_subaccount_is_created_listed_suspended_and_closed(
    sandbox: Sandbox, client: Client, sub: Client
) -> None:
    accounts = client.api.v2010.accounts
    record = accounts(sub.account_sid).fetch()
    assert (record.friendly_name, record.owner_account_sid, record.status) == (
        "Sub",
        sandbox.account_sid,
        "active",
    )
    assert accounts.create().friendly_name.startswith("SubAccount Created at 20")
    assert [each.sid for each in accounts.list(friendly_name="Sub")] == [sub.account_sid]
    assert len(accounts.list()) == 3
    assert [each.sid for each in sub.api.v2010.accounts.list()] == [sub.account_sid]
    assert refused(sub.api.v2010.accounts.create) == (401, 20003)
    assert refused(sub.api.v2010.accounts(sandbox.account_sid).fetch) == (401, 20003)
    number = sub.incoming_phone_numbers.create(phone_number=NUMBER)
    assert accounts(sub.account_sid).update(status="suspended").status == "suspended"
    assert refused(sub.calls.list) == (401, 20003)
    parents = judged_client(sandbox)
    parents.account_sid = sub.account_sid
    place = {"to": ALICE, "from_": NUMBER, "twiml": "<Response/>"}
    assert refused(parents.calls.create, **place) == (403, 20005)
    assert [each.sid for each in parents.incoming_phone_numbers.list()] == [number.sid]
    assert refused(parents.messages.create, to=ALICE, from_=NUMBER, body="?") == (403, 20005)
    assert accounts(sub.account_sid).update(status="active").status == "active"
    assert sub.calls.create(**place).status == "queued"
    assert accounts(sub.account_sid).update(status="closed").status == "closed"
    assert parents.incoming_phone_numbers.list() == []
    assert refused(accounts(sub.account_sid).update, status="active")[0] == 400
    assert [each.sid for each in accounts.list(status="closed")] == [sub.account_sid]


def test_what_a_subaccount_has_is_its_own(
    sandbox: Sandbox, client: Client, sub: Client, app: UserApp
) -> None:
    """Calls, recordings, conferences of one name, queues, numbers; signed with its own token."""
    app.auth_token = sub.auth[1]
    app.replies["/sub"] = f"{DIALS}"
    number = sub.incoming_phone_numbers.create(
        phone_number=NUMBER, voice_url=f"{app.url}/sub", status_callback=f"{app.url}/ended"
    )
    # Numbers are unique over all accounts.
    assert refused(client.incoming_phone_numbers.create, phone_number=NUMBER) == (400, 21422)
    called = sandbox.call(NUMBER, "quiet", {"pause": 4}, "hangup")
    placed = sub.calls.create(
        to=ALICE,
        from_=NUMBER,
        record=True,
        recording_status_callback=f"{app.url}/recorded",
        twiml="<Response><Enqueue>line</Enqueue></Response>",
        time_limit=3,
    )
    sandbox.run_out()
    assert {each.sid for each in sub.calls.list()} == {called, placed.sid}
    assert client.calls.list() == []
    assert refused(client.calls(called).fetch) == (404, 20404)
    assert refused(client.incoming_phone_numbers(number.sid).fetch) == (404, 20404)
    assert refused(client.incoming_phone_numbers(number.sid).delete) == (404, 20404)
    (recording,) = sub.recordings.list()
    assert recording.account_sid == sub.account_sid
    assert client.recordings.list() == []
    assert refused(client.calls(placed.sid).recordings.list) == (404, 20404)
    (conference,) = sub.conferences.list()
    assert client.conferences.list() == []
    assert refused(client.conferences(conference.sid).fetch) == (404, 20404)
    (queue,) = sub.queues.list()
    assert refused(client.queues(queue.sid).update, friendly_name="mine") == (404, 20404)
    assert client.queues.create("line").friendly_name == "line"
    assert {params["AccountSid"] for params in app.of("/sub")} == {sub.account_sid}
    (told,) = app.of("/recorded")
    assert told["RecordingUrl"].startswith(f"{sandbox.url}/2010-04-01/Accounts/{sub.account_sid}/")
    assert sandbox.download(recording.sid, ".wav")[0] == 404  # below the main account
    # The main account's token is valid for a subaccount, its keys are not.
    parents = judged_client(sandbox)
    parents.account_sid = sub.account_sid
    assert {each.sid for each in parents.calls.list()} == {called, placed.sid}
    key = client.new_keys.create()
    keyed = judged_client(sandbox, key.sid, key.secret)
    keyed.account_sid = sub.account_sid
    assert refused(keyed.calls.list) == (401, 20003)
    own = sub.new_keys.create()
    keyed = judged_client(sandbox, own.sid, own.secret)
    keyed.account_sid = sub.account_sid
    assert len(keyed.calls.list()) == 2
    assert client.keys.list()[0].sid == key.sid


def test_two_accounts_have_conferences_of_one_name(
    sandbox: Sandbox, client: Client, sub: Client, app: UserApp
) -> None:
    app.auth_token = ""
    app.replies["/voice"] = app.replies["/sub"] = DIALS
    sub.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=f"{app.url}/sub")
    for number in (NUMBER, APP_NUMBER):
        sandbox.call(number, "quiet", {"pause": 4}, "hangup")
    sandbox.run_out()
    found = [each.conferences.list()[0] for each in (client, sub)]
    assert found[0].sid != found[1].sid
    assert {each.friendly_name for each in found} == {"room"}


def test_a_number_is_handed_over_to_a_subaccount(
    sandbox: Sandbox, client: Client, sub: Client, app: UserApp
) -> None:
    (number,) = client.incoming_phone_numbers.list()
    assert number.update(account_sid=sub.account_sid).account_sid == sub.account_sid
    assert client.incoming_phone_numbers.list() == []
    app.auth_token = sub.auth[1]
    call = sandbox.call(APP_NUMBER, "quiet", "hangup")
    sandbox.run_out()
    assert app.of("/voice")
    assert sub.calls(call).fetch().phone_number_sid == number.sid
