"""What Twilio has and the sandbox has not: 501 in Twilio's form, a notification, a count."""

from __future__ import annotations

from pathlib import Path

import pytest
from rest_stage import Api

WORKSPACE = "WS" + "0" * 32


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


@pytest.mark.parametrize(
    ("method", "path", "host", "named"),
    [
        ("GET", "Usage/Records.json", "", "GET /2010-04-01/Accounts/AC…/Usage/Records (Usage)"),
        ("POST", "Nothing.json", "", "POST /2010-04-01/Accounts/AC…/Nothing"),
        ("GET", f"Calls/CA{'0' * 32}/Feedback.json", "", "Calls/CA…/Feedback"),
        ("PUT", "/2010-04-01/Nothing.json", "", "PUT /2010-04-01/Nothing"),
        ("GET", f"/v1/Workspaces/{WORKSPACE}/Tasks", "", "/v1/Workspaces/WS…/Tasks (TaskRouter)"),
        ("POST", "/v1/Services/IS1/Documents", "", "(Sync)"),
        ("POST", "/v2/Services/VA1/Verifications", "", "(Verify)"),
        ("POST", "/v1/Conversations", "", "(Conversations)"),
        ("GET", "/v2/Services", "verify.twilio.com", "GET /v2/Services (verify)"),
        ("GET", "/Anything/else", "pricing.us1.twilio.com:443", "GET /Anything/else (pricing)"),
        # A path of one product is not another's.
        ("GET", "/v2/PhoneNumbers/+14155550100", "routes.twilio.com", "(routes)"),
    ],
)
def test_it_says_what_is_not_simulated(
    api: Api, method: str, path: str, host: str, named: str
) -> None:
    headers = {"Host": host} if host else {}
    for _ in range(3):
        answer = api.ask(method, path, headers=headers)
        assert answer.status_code == 501
        if "2010" in answer.request.url.path and ".json" not in path:
            assert answer.text.startswith("<?xml")
            continue
        body = answer.json()
        assert body["code"] == 20501
        assert body["status"] == 501
        assert body["message"].startswith("not simulated: ")
        assert named in body["message"]
        assert body["message"].endswith(", see coverage: http://127.0.0.1:8080/_mediasim/coverage")
    ((request, count),) = api.service.not_simulated.items()
    assert count == 3
    assert named in request
    # One notification, however often it is asked for.
    (noted,) = api.get("Notifications.json")["notifications"]
    assert (noted["error_code"], noted["log"]) == ("20501", "0")
    assert named in noted["message_text"]


def test_who_may_not_ask_is_told_that_first(api: Api) -> None:
    answer = api.ask("GET", "/v1/Workspaces", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)


def test_an_unknown_sid_of_what_is_served_is_not_found(api: Api) -> None:
    for path in ("Calls/CA", "Messages/SM", "IncomingPhoneNumbers/PN"):
        api.refused("GET", f"{path}{'0' * 32}.json", 404, 20404)


def test_lists_without_pages_and_inside_resources_are_xml_too(api: Api) -> None:
    found = api.ask("GET", "AvailablePhoneNumbers/US/Local?PageSize=2").text
    assert found.count("<AvailablePhoneNumber>") == 2
    assert f'<AvailablePhoneNumbers uri="{api.root}/AvailablePhoneNumbers/US/Local">' in found
    token = api.ask("POST", "Tokens").text
    assert token.count("<IceServer>") == 2
    assert "<Countries" in api.ask("GET", "AvailablePhoneNumbers").text
