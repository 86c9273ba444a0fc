"""Everything that Twilio's description has of our resources is there, in the shape it has there.

The SDK's tests judge each answer they get in the same way (:mod:`judged_client`); here every
operation is asked for, whether the SDK uses it or not.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from api_description import check_response, description
from described_operations import OTHERS, operations, template_names
from number_plan import APP_NUMBER, CAROL, QUIET
from sandbox_process import Sandbox
from twilio.rest import Client
from user_app import UserApp

MEETS = '<Dial><Conference waitUrl="" record="record-from-start">room</Conference></Dial>'


def ask(
    sandbox: Sandbox, method: str, path: str, form: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """A request's status and JSON; the answer must be what the description says."""
    data = urlencode(form or {}).encode() if method == "POST" else None
    request = Request(sandbox.url + path, data, method=method)
    request.add_header("Authorization", sandbox.authorization)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except HTTPError as error:
        with error:
            status, text = error.code, error.read()
    body = json.loads(text) if text else None
    check_response(method, path, status, body)
    return status, body


@pytest.fixture
def sids(stepped: Sandbox, stepped_client: Client, app: UserApp) -> dict[str, str]:
    """An account in which there is one of everything: SIDs by the names of paths' variables."""
    client = stepped_client
    app.replies["/voice"] = '<Record timeout="1" transcribe="true" action="/end"/>'
    app.replies["/end"] = "<Hangup/>"
    for _ in range(2):
        stepped.call(APP_NUMBER, "quiet", {"say": "Please call me back as soon as you can."})
        stepped.advance(20)
    spoken, spoken_too = client.transcriptions.list()
    app.replies["/voice"] = f"<Sing/>{MEETS}"
    calls = [stepped.call(APP_NUMBER, each) for each in ("quiet", "alice")]
    stepped.advance(2)
    client.calls(calls[0]).recordings.create()
    client.calls(calls[0]).recordings.create()
    stepped.advance(1)
    for recording in client.calls(calls[0]).recordings.list():
        recording.update(status="stopped")
    waiting = client.calls.create(
        to=QUIET, from_=APP_NUMBER, twiml="<Response><Enqueue>line</Enqueue></Response>"
    )
    stepped.advance(3)
    validated = client.validation_requests.create(phone_number=CAROL)
    stepped.advance(2)
    digits = {"digits": validated.validation_code}
    stepped.control("POST", f"/calls/{validated.call_sid}/press", digits)
    message = client.messages.create(
        to=QUIET, from_=APP_NUMBER, media_url="http://127.0.0.1:9/a.png"
    )
    stepped.advance(3)
    (conference,) = client.conferences.list()
    sip = client.sip
    domain = sip.domains.create("office.sip.twilio.com")
    users = sip.credential_lists.create("users")
    user = users.credentials.create("alice", "Pa55wordPa55word")
    hosts = sip.ip_access_control_lists.create("hosts")
    host = hosts.ip_addresses.create("this machine", "127.0.0.1")
    domain.auth.calls.credential_list_mappings.create(users.sid)
    domain.auth.calls.ip_access_control_list_mappings.create(hosts.sid)
    domain.auth.registrations.credential_list_mappings.create(users.sid)
    others = sip.credential_lists.create("others")
    elsewhere = sip.ip_access_control_lists.create("elsewhere")
    domain.credential_list_mappings.create(others.sid)
    domain.ip_access_control_list_mappings.create(elsewhere.sid)
    call, told = client.calls(calls[0]), f"{app.url}/told"
    payment = call.payments.create(idempotency_key="a", status_callback=told)
    transcription = call.transcriptions.create(name="words", partial_results=True)
    subscription = call.user_defined_message_subscriptions.create(callback=told)
    return {
        "Domains": domain.sid,
        "DomainSid": domain.sid,
        "CredentialLists": users.sid,
        "CredentialListSid": users.sid,
        "Credentials": user.sid,
        "IpAccessControlLists": hosts.sid,
        "IpAccessControlListSid": hosts.sid,
        "IpAddresses": host.sid,
        "Domains/CredentialListMappings": others.sid,
        "Domains/IpAccessControlListMappings": elsewhere.sid,
        "CredentialListMappings": users.sid,
        "IpAccessControlListMappings": hosts.sid,
        "AccountSid": stepped.account_sid,
        "Applications": client.applications.create().sid,
        "CallSid": calls[0],
        "Calls": calls[0],
        "ConferenceSid": conference.sid,
        "Conferences": conference.sid,
        "Conferences/Recordings": conference.recordings.list()[0].sid,
        "IncomingPhoneNumbers": client.incoming_phone_numbers.list()[0].sid,
        "Keys": client.new_keys.create().sid,
        "Messages": message.sid,
        "MessageSid": message.sid,
        "Messages/Media": message.media.list()[0].sid,
        "Notifications": client.notifications.list(limit=50)[-1].sid,
        "CountryCode": "PL",
        "OutgoingCallerIds": client.outgoing_caller_ids.list()[0].sid,
        "Queues": client.queues.list()[0].sid,
        "QueueSid": client.queues.list()[0].sid,
        "Queues/Members": waiting.sid,
        "Recordings": client.calls(calls[0]).recordings.list()[0].sid,
        "RecordingSid": spoken.recording_sid,
        "Recordings/Transcriptions": spoken.sid,
        "Transcriptions": spoken_too.sid,
        "Calls/Payments": payment.sid,
        "Calls/Transcriptions": transcription.sid,
        "Calls/UserDefinedMessageSubscriptions": subscription.sid,
        "Calls/Recordings": client.calls(calls[0]).recordings.list()[1].sid,
        "SigningKeys": client.new_signing_keys.create().sid,
        "Accounts": stepped.account_sid,
    }


def filled(path: str, sids: Mapping[str, str]) -> str:
    """A path with the SIDs of what is there."""
    for name in template_names(path):
        parts = path.partition("{" + name + "}")[0].strip("/").split("/")
        kind = parts[-1]
        within = f"{parts[-3]}/{kind}" if len(parts) >= 3 else kind
        sid = sids.get(within) or (sids[kind] if name == "Sid" else sids[name])
        path = path.replace("{" + name + "}", sid)
    return path


def test_everything_can_be_read(stepped: Sandbox, sids: dict[str, str]) -> None:
    read = [path for path, method, _ in operations() if method == "GET"]
    assert len(read) == 74
    for path in read:
        status, body = ask(stepped, "GET", filled(path, sids))
        assert status == 200, (path, body)
        empty = ("Mobile", "TollFree")
        listed = [value for value in body.values() if isinstance(value, list)]
        assert all(listed) or path.endswith(tuple(f"{each}.json" for each in empty)), path


def test_everything_can_be_changed(stepped: Sandbox, sids: dict[str, str]) -> None:
    """An update that says nothing is one too; a member has to be sent somewhere, and a list of
    who may use SIP domains has nothing but its name."""
    told = {"StatusCallback": "http://127.0.0.1:9/"}
    needed = {
        "/Calls/{CallSid}/Transcriptions/": {"Status": "stopped"},
        "/Members/": {"Url": "http://127.0.0.1:9/"},
        "Lists/{Sid}": {"FriendlyName": "it"},
        "/Payments/": {**told, "IdempotencyKey": "b", "Status": "cancel"},
    }
    for path, method, _ in operations():
        if method == "POST" and path.endswith("Sid}.json") and "/Recordings/" not in path:
            form = next((form for part, form in needed.items() if part in path), {})
            status = 202 if "/Payments/" in path else 200
            assert ask(stepped, method, filled(path, sids), form)[0] == status, path


def test_everything_can_be_deleted(stepped: Sandbox, sids: dict[str, str]) -> None:
    """Parts before the whole, who takes part before the call that does has ended."""
    account = f"/2010-04-01/Accounts/{stepped.account_sid}"
    deleted = sorted(
        (path for path, method, _ in operations() if method == "DELETE"),
        key=lambda path: ("Participants" not in path, -path.count("/")),
    )
    assert len(deleted) == 26
    for number, path in enumerate(deleted):
        if number == 1:
            for call in (sids["Calls"], sids["Queues/Members"]):
                ask(stepped, "POST", f"{account}/Calls/{call}.json", {"Status": "completed"})
            where = f"{account}/Conferences/{sids['Conferences']}.json"
            ask(stepped, "POST", where, {"Status": "completed"})
            stepped.advance(1)
        status, body = ask(stepped, "DELETE", filled(path, sids))
        assert status == 204, (path, body)
        unread = "UserDefinedMessageSubscriptions" in path  # it cannot be fetched at all
        assert ask(stepped, "GET", filled(path, sids))[0] == (405 if unread else 404), path


def test_what_is_not_there_is_told_so(stepped: Sandbox, sids: dict[str, str]) -> None:
    unknown = {name: sid[:2] + "0" * 32 for name, sid in sids.items()}
    unknown |= {"AccountSid": stepped.account_sid, "Accounts": stepped.account_sid}
    for path, method, _ in operations():
        if len(template_names(path)) > 1:
            status, body = ask(
                stepped, method, filled(path, unknown), {"Url": "http://127.0.0.1:9/"}
            )
            assert (status, body["code"]) == (404, 20404), (method, path)


def test_what_the_sandbox_has_not_is_not_simulated(stepped: Sandbox) -> None:
    for name in OTHERS:
        for method in ("GET", "POST"):
            status, body = ask(
                stepped, method, f"/2010-04-01/Accounts/{stepped.account_sid}/{name}.json"
            )
            assert (status, body["code"]) == (501, 20501)
            assert body["message"].startswith(f"not simulated: {method} /2010-04-01/Accounts/AC…")
            assert f"/{name}" in body["message"]
            assert "see coverage: " in body["message"]


def test_methods_that_are_not_allowed(stepped: Sandbox, sids: dict[str, str]) -> None:
    allowed: dict[str, set[str]] = {}
    for path, method, _ in operations():
        allowed.setdefault(path, set()).add(method)
    for path, methods in allowed.items():
        for method in {"GET", "POST", "DELETE", "PUT", "PATCH"} - methods:
            status, body = ask(stepped, method, filled(path, sids))
            assert (status, body["code"]) == (405, 20004), (method, path)


def test_the_judge_itself(stepped: Sandbox, sids: dict[str, str]) -> None:
    description()  # without one it judges nothing
    path = f"/2010-04-01/Accounts/{stepped.account_sid}/Calls/{sids['Calls']}.json"
    _, right = ask(stepped, "GET", path)
    for wrong in ({"sid": 7}, {"surprise": 1}, {"status": "asleep"}, {"date_created": "today"}):
        with pytest.raises(AssertionError):
            check_response("GET", path, 200, {**right, **wrong})
    for name in right:
        less = copy.deepcopy(right)
        del less[name]
        with pytest.raises(AssertionError):
            check_response("GET", path, 200, less)
    with pytest.raises(AssertionError):
        check_response("GET", path, 404, {"message": "no"})
