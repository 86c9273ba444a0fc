"""Messages, subaccounts, bought numbers, caller IDs, SIP domains and trunks are there again after a
restart."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings

PLAN = """
account: {caller_ids: ["+14155550170"]}
numbers: {+14155550100: {twiml: "<Response/>"}}
parties:
  alice: {number: +14155550101, messages: undelivered}
"""


PERMISSIONS = "/v1/DialingPermissions"


class Client:
    """A client of one account."""

    def __init__(self, url: str, sid: str, token: str) -> None:
        self.url, self.sid, self.token = url, sid, token
        self._key = b64encode(f"{sid}:{token}".encode()).decode()

    def ask(self, method: str, path: str, **form: str) -> Any:
        """The JSON of a path below the account, or an error's status."""
        where = path if path.startswith("/") else f"/2010-04-01/Accounts/{self.sid}/{path}"
        data = urlencode(form).encode() if form else None
        request = Request(self.url + where, data, {"Authorization": f"Basic {self._key}"})
        request.method = method
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except HTTPError as error:
            with error:
                return error.code

    def control(self, method: str, path: str, body: object) -> Any:
        request = Request(f"{self.url}/_mediasim{path}", json.dumps(body).encode(), method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            text = answer.read()
            return json.loads(text) if text else None


def test_what_was_there_is_there_again(tmp_path: Path) -> None:
    settings = Settings(
        config=parse_config(PLAN, base=tmp_path), clock="manual", data=tmp_path / "data"
    )

    def main(sandbox: EmbeddedSandbox) -> Client:
        account = sandbox.sandbox.service.account
        return Client(sandbox.base_url, account.sid, account.auth_token)

    message = {"From": "+14155550100", "To": "+14155550101", "Body": "Hello"}
    with EmbeddedSandbox(settings) as sandbox:
        client = main(sandbox)
        made = client.ask("POST", "/2010-04-01/Accounts.json", FriendlyName="Sub")
        sub = Client(client.url, made["sid"], made["auth_token"])
        assert sub.ask("POST", "IncomingPhoneNumbers.json", PhoneNumber="+14155550180")
        assert sub.ask("POST", "Queues.json", FriendlyName="line")
        germany = json.dumps([{"iso_code": "DE", "low_risk_numbers_enabled": True}])
        assert client.ask("POST", f"{PERMISSIONS}/BulkCountryUpdates", UpdateRequest=germany)
        first = client.ask("POST", "Messages.json", **message, MediaUrl="http://127.0.0.1:9/a.png")
        client.control("POST", "/clock/advance", {"by": 5})
        second = client.ask("POST", "Messages.json", **message)
        other = sub.ask("POST", "Messages.json", **{**message, "From": "+14155550180"})
        assert client.ask("GET", f"Messages/{second['sid']}.json")["status"] == "queued"
        users = client.ask("POST", "SIP/CredentialLists.json", FriendlyName="users")["sid"]
        user = {"Username": "alice", "Password": "Pa55wordPa55word"}
        assert client.ask("POST", f"SIP/CredentialLists/{users}/Credentials.json", **user)["sid"]
        trunk = client.ask("POST", "/v1/Trunks", DomainName="office.pstn.twilio.com")["sid"]
        client.ask("POST", f"/v1/Trunks/{trunk}/CredentialLists", CredentialListSid=users)
        client.ask("POST", f"/v1/Trunks/{trunk}/Recording", Mode="record-from-answer")

    with EmbeddedSandbox(settings) as sandbox:
        client = main(sandbox)
        sub = Client(client.url, sub.sid, sub.token)
        kept = client.ask("GET", f"{PERMISSIONS}/Countries/DE")
        assert kept["low_risk_numbers_enabled"] is True
        listed = client.ask("GET", "Messages.json")["messages"]
        assert [(each["sid"], each["status"], each["error_code"]) for each in listed] == [
            # What was on its way when the process ended has failed.
            (second["sid"], "failed", None),
            (first["sid"], "undelivered", 30008),
        ]
        media = client.ask("GET", f"Messages/{first['sid']}/Media.json")["media_list"]
        assert [each["content_type"] for each in media] == ["image/png"]
        (caller_id,) = client.ask("GET", "OutgoingCallerIds.json")["outgoing_caller_ids"]
        assert caller_id["phone_number"] == "+14155550170"
        assert [each["sid"] for each in sub.ask("GET", "Messages.json")["messages"]] == [
            other["sid"]
        ]
        (number,) = sub.ask("GET", "IncomingPhoneNumbers.json")["incoming_phone_numbers"]
        assert number["phone_number"] == "+14155550180"
        (queue,) = sub.ask("GET", "Queues.json")["queues"]
        assert queue["friendly_name"] == "line"
        assert client.ask("GET", "Queues.json")["queues"] == []
        assert client.ask("GET", f"Queues/{queue['sid']}.json") == 404
        accounts = client.ask("GET", "/2010-04-01/Accounts.json")["accounts"]
        assert {each["sid"] for each in accounts} == {client.sid, sub.sid}
        shown = client.ask("GET", f"/v1/Trunks/{trunk}")
        assert (shown["auth_type"], shown["recording"]["mode"]) == (
            "CREDENTIAL_LIST",
            "record-from-answer",
        )
        assert sandbox.submit(
            lambda: sandbox.sandbox.service.sip.access("office.pstn.twilio.com", "calls")
        ).result().passwords == {"alice": "Pa55wordPa55word"}
        called = {"to": "sip:+14155550101@office.pstn.twilio.com", "from": "alice"}
        assert client.control("POST", "/calls", called)["trunk_sid"] == trunk
        client.control("POST", "/reset", {})
        assert client.ask("GET", "Messages.json")["messages"] == []
        assert sub.ask("GET", "Messages.json") == 401
