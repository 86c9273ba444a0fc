"""What holds for every path: credentials, methods, suffixes, forms, and paths that lead nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from api_description import check_response, description
from rest_stage import ALICE, APP, BOB, TOKEN, Api, basic

GOOD = {"To": BOB, "From": ALICE, "Url": f"{APP}/voice"}


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


# -- the judge ----------------------------------------------------------------------------------


def test_answers_are_held_against_twilios_own_description(api: Api) -> None:
    description()  # skips where it is absent: then no answer is checked
    path = f"{api.root}/Calls.json"
    page = api.get(path)
    for wrong in (page | {"end": "0"}, page | {"calls": [{"sid": "CA1"}]}):
        with pytest.raises(AssertionError):
            check_response("GET", path, 200, wrong)
    with pytest.raises(AssertionError):
        check_response("GET", path, 202, page)


# -- who asks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("AC" + "0" * 32, TOKEN),
        basic("", ""),
        basic("SK" + "0" * 32, "secret"),
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /////w=="},
        {"Authorization": "Digest " + "x" * 9000},
    ],
)
def test_a_stranger_is_told_nothing(api: Api, headers: dict[str, str]) -> None:
    api.credentials = headers
    for path in ("Calls.json", "Nothing.json", f"Recordings/RE{'0' * 32}.wav", "Keys.json"):
        answer = api.ask("GET", path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Twilio API"'
        if path.endswith(".json"):
            assert answer.json()["code"] == 20003
    assert api.ask("POST", "Calls.json", data=GOOD).status_code == 401
    assert api.ask("PUT", "Calls.json").status_code == 401
    assert api.service.asked == []


def test_a_wrong_token(api: Api) -> None:
    api.credentials = basic(api.service.account.sid, TOKEN[:-1] + "é")
    assert api.refused("GET", "Calls.json", 401, 20003) == "Authenticate"


def test_another_accounts_path(api: Api) -> None:
    other = "/2010-04-01/Accounts/AC" + "0" * 32
    api.refused("GET", f"{other}/Calls.json", 401, 20003)
    api.refused("GET", f"{other}.json", 401, 20003)
    api.refused("POST", f"{other}/Calls.json", 401, 20003, data=GOOD)
    assert api.service.asked == []


# -- methods and paths --------------------------------------------------------------------------


def test_a_method_that_a_resource_has_not(api: Api) -> None:
    path = f"Calls/{api.service.call().sid}.json"
    for method in ("PUT", "PATCH"):
        answer = api.ask(method, path)
        assert (answer.status_code, answer.json()["code"]) == (405, 20004)
        assert answer.headers["allow"] == "GET, POST, DELETE, HEAD"
    api.refused("DELETE", "Calls.json", 405, 20004)
    api.refused("POST", "Recordings.json", 405, 20004)


@pytest.mark.parametrize(
    "path",
    [
        "Calls/.json",
        "Calls/",
        "Calls.csv",
        "calls.json",
        f"Calls/{'x' * 5000}.json",
        "Calls/%0a%00.json",
        "Queues/%F0%9F%92%A9/Members/Front.json",
        "/2010-04-01/Accounts/AC1/Calls/../Calls/x.json",
    ],
)
def test_paths_that_lead_nowhere(api: Api, path: str) -> None:
    answer = api.ask("GET", path)
    assert answer.status_code in (404, 401)
    assert ("20404" if answer.status_code == 404 else "20003") in answer.text


def test_a_path_that_is_misspelt_is_told_of_once(api: Api) -> None:
    for _ in range(2):
        api.refused("POST", "calls.json", 404, 20404, data={"Body": "hello"})
    api.refused("GET", "calls.json", 404, 20404)
    api.refused("GET", "Calls/CA1.json", 404, 20404)
    told = [each.message_text for each in api.service.notifications]
    assert len(told) == 2
    assert told[0].startswith(f"POST {api.root}/calls.json is not served by this sandbox")
    assert {(each.error_code, each.log) for each in api.service.notifications} == {(20404, "1")}


def test_outside_the_api_there_is_nothing(api: Api) -> None:
    answer = api.http.get("/docs")
    assert answer.json()["message"] == "The requested resource /docs was not found"


def test_head_of_a_resource(api: Api) -> None:
    path = f"Calls/{api.service.call().sid}.json"
    answer = api.ask("HEAD", path)
    assert answer.content == b""
    assert answer.headers["content-length"] == str(len(api.ask("GET", path).content))


# -- forms --------------------------------------------------------------------------------------


def test_a_body_that_is_no_form_says_nothing(api: Api) -> None:
    for kind in ("application/json", "text/plain", "application/xml", "nonsense"):
        answer = api.ask(
            "POST", "Calls.json", content=json.dumps(GOOD), headers={"Content-Type": kind}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, 21201)


def test_forms_of_both_kinds(api: Api) -> None:
    parts = {name: (None, value) for name, value in GOOD.items()}
    assert api.ask("POST", "Calls.json", files=parts).status_code == 201
    assert api.ask("POST", "Calls.json", data=GOOD).status_code == 201


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 400, None),
        (b"--x", "multipart/form-data", 400, 20001),
        (b"\xff\xfe%zz=%e9&&&=&To", "application/x-www-form-urlencoded", 400, 21201),
        (b"a=1&" * 2000, "application/x-www-form-urlencoded", 400, 20001),
        (b"a" * (1 << 20) + b"b", "application/x-www-form-urlencoded", 413, 20413),
        (b"--x\r\n" * 1000, "multipart/form-data; boundary=x", 400, None),
        (b"--x\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x", 400, None),
    ],
)
def test_broken_forms(api: Api, body: bytes, kind: str, status: int, code: int | None) -> None:
    answer = api.ask("POST", "Calls.json", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])


# -- XML ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".xml"])
def test_a_path_without_json_is_answered_in_xml(api: Api, suffix: str) -> None:
    call = api.service.call(caller_name="<Al & Ice>\x00")
    answer = api.ask("GET", f"Calls/{call.sid}{suffix}")
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.text)
    assert root.tag == "TwilioResponse"
    assert root.findtext("Call/Sid") == call.sid
    assert root.findtext("Call/CallerName") == "<Al & Ice>"
    assert root.findtext("Call/SubresourceUris/Recordings", "").endswith("/Recordings.json")
    assert root.findtext("Call/Price") == ""
    page = ElementTree.fromstring(api.ask("GET", f"Calls{suffix}").text).find("Calls")
    assert page is not None
    assert page.attrib["pagesize"] == "50"
    assert [each.findtext("Sid") for each in page] == [call.sid]


def test_an_error_in_xml(api: Api) -> None:
    answer = api.ask("POST", "Calls", data={"From": ALICE})
    assert answer.status_code == 400
    error = ElementTree.fromstring(answer.text).find("RestException")
    assert error is not None
    assert {child.tag: child.text for child in error}["Code"] == "21201"


def test_a_recording_without_suffix_is_its_media_and_with_xml_its_resource(
    api: Api, tmp_path: Path
) -> None:
    record = api.service.finished(tmp_path)
    assert api.ask("GET", f"Recordings/{record.sid}").content.startswith(b"RIFF")
    text = api.ask("GET", f"Recordings/{record.sid}.xml").text
    assert ElementTree.fromstring(text).findtext("Recording/Duration") == "1"


# -- faults of our own --------------------------------------------------------------------------


def test_a_fault_of_our_own_is_answered_too(api: Api) -> None:
    from starlette.testclient import TestClient

    del api.service.exchange.catalogue
    http = TestClient(api.app, raise_server_exceptions=False)
    answer = http.get(f"{api.root}/Calls.json", headers=api.credentials)
    assert (answer.status_code, answer.json()["code"]) == (500, 20500)
