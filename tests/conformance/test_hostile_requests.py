"""Requests that no SDK sends: other people's SIDs, wrong bodies, too much of everything.

Each gets an error as Twilio writes it, and the next request is answered as if nothing had been.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from number_plan import APP_NUMBER, QUIET
from sandbox_process import Sandbox
from twilio.rest import Client

FORM = "application/x-www-form-urlencoded"
RIGHT = urlencode({"To": QUIET, "From": APP_NUMBER, "Twiml": "<Response/>"})


def send(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: str | bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """One request below the account; returns its status and JSON."""
    where = urlsplit(sandbox.url)
    given = {"Authorization": sandbox.authorization, "Content-Type": FORM, **(headers or {})}
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    with closing(connection):
        data = body.encode() if isinstance(body, str) else body
        connection.request(
            method, urlsplit(sandbox.account_url(path)).path + _query(path), data, given
        )
        answer = connection.getresponse()
        text = answer.read()
    return answer.status, json.loads(text) if text.startswith(b"{") else text


def _query(path: str) -> str:
    _, mark, query = path.partition("?")
    return mark + query


def is_refused(answer: tuple[int, Any], *statuses: int) -> None:
    """It is one of Twilio's errors, whole."""
    status, body = answer
    assert status in statuses, body
    assert set(body) == {"code", "message", "more_info", "status"}
    assert (body["status"], isinstance(body["code"], int)) == (status, True)


@pytest.fixture(autouse=True)
def lives_on(sandbox: Sandbox, client: Client) -> Iterator[None]:
    yield
    assert client.queues.list() == []


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps({"To": QUIET, "From": APP_NUMBER})),
        ("text/plain", RIGHT),
        ("application/xml", "<Call><To>+1</To></Call>"),
        ("multipart/form-data", RIGHT),
        ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n"),
        ("nonsense", RIGHT),
        (FORM, ""),
        (FORM, "&&&===&&"),
        (FORM, "To"),
        (FORM, "%"),
        (FORM, "To=%zz&From=%u1234"),
        (FORM, "To=%ff%fe&From=%00"),
        (FORM + "; charset=utf-7", "To=%2BACI-&From=1"),
        (FORM, "To[]=1&To[a]=2&From.x=1"),
        (FORM, b"\xff\xfe\x00\x01" * 100),
    ],
)
def test_bodies_that_ask_for_nothing(
    sandbox: Sandbox, content_type: str, body: str | bytes
) -> None:
    is_refused(send(sandbox, "POST", "/Calls.json", body, {"Content-Type": content_type}), 400)


def test_a_form_in_parts_is_a_form(sandbox: Sandbox) -> None:
    fields = {"To": QUIET, "From": APP_NUMBER, "Twiml": "<Response/>"}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join(parts) + "--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert send(sandbox, "POST", "/Calls.json", body, headers)[0] == 201


@pytest.mark.parametrize("path", ["/", "/2010-04-01/Accounts.json", "/_mediasim/calls"])
def test_what_stops_being_http_in_its_body(sandbox: Sandbox, path: str) -> None:
    """And the sandbox complains of nothing, which is seen when it ends."""
    where = urlsplit(sandbox.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"zz\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 4")


def test_too_much_of_everything(sandbox: Sandbox) -> None:
    is_refused(send(sandbox, "POST", "/Calls.json", "To=" + "1" * 2_000_000), 413)
    is_refused(send(sandbox, "POST", "/Calls.json", "a=1&" * 5000), 400)
    is_refused(send(sandbox, "POST", "/Queues.json", "FriendlyName=" + "q" * 65), 400)
    is_refused(send(sandbox, "POST", "/Applications.json", "FriendlyName=" + "a" * 65), 400)
    is_refused(send(sandbox, "POST", "/Calls.json", RIGHT + "&Url=http://a/" + "b" * 5000), 400)
    is_refused(send(sandbox, "POST", "/Calls.json", RIGHT + "&Twiml=" + "x" * 4001), 400)
    is_refused(send(sandbox, "GET", "/Calls.json?PageSize=" + "9" * 400), 400)
    is_refused(send(sandbox, "GET", "/Calls.json?PageToken=" + "x" * 4000), 400)
    is_refused(send(sandbox, "GET", "/Calls.json?" + "a=1&" * 5000), 400)
    is_refused(send(sandbox, "GET", "/Calls/CA" + "0" * 8000 + ".json"), 404)


@pytest.mark.parametrize(
    "query",
    [
        "PageSize=-1",
        "PageSize=many",
        "Page=-5",
        "PageToken=PA..",
        "Status=asleep",
        "StartTime=9999-99-99",
        "StartTime>=0000-00-00T00:00:00Z",
        "StartTime=%00",
        "StartTime=2020-01-01T00:00:00%2B99:99",
    ],
)
def test_wrong_filters(sandbox: Sandbox, query: str) -> None:
    is_refused(send(sandbox, "GET", f"/Calls.json?{query}"), 400)


@pytest.mark.parametrize(
    "query", ["Nonsense=1", "PageSize=", "To=%ff", "To=nobody", "=", "Page=999999"]
)
def test_filters_that_find_nothing_or_say_nothing(sandbox: Sandbox, query: str) -> None:
    assert send(sandbox, "GET", f"/Calls.json?{query}")[0] == 200


def test_unknown_parameters_are_ignored(sandbox: Sandbox) -> None:
    status, call = send(
        sandbox, "POST", "/Calls.json", RIGHT + "&Frobnicate=1&To2=x&MachineDetection="
    )
    assert (status, call["to"]) == (201, QUIET)


# -- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/Calls/CA" + "0" * 32 + ".json",
        "/Calls/RE" + "0" * 32 + ".json",
        "/Calls/nothing.json",
        "/Calls/%2e%2e.json",
        "/Calls/CA%00.json",
        "/Calls/CA%0d%0a.json",
        "/Calls/CA" + "0" * 32 + "/Recordings/RE" + "0" * 32 + ".json",
        "/Calls/../Calls.json",
        "/Calls.json.json",
        "//Calls.json",
        "/calls.json",
        "/Conferences/CF" + "0" * 32 + "/Participants/x/y.json",
        "/%F0%9F%92%A9.json",
    ],
)
def test_paths_that_lead_nowhere(sandbox: Sandbox, path: str) -> None:
    is_refused(send(sandbox, "GET", path), 404)


def test_another_account_s_resources(sandbox: Sandbox, client: Client) -> None:
    call = client.calls.create(to=QUIET, from_=APP_NUMBER, twiml="<Response/>")
    other = "AC" + "0" * 32
    where = urlsplit(sandbox.url)
    for path in ("/Calls.json", f"/Calls/{call.sid}.json", ".json", "/Recordings/RE1.wav"):
        for method in ("GET", "POST", "DELETE", "HEAD"):
            connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
            with closing(connection):
                headers = {"Authorization": sandbox.authorization}
                connection.request(method, f"/2010-04-01/Accounts/{other}{path}", headers=headers)
                answer = connection.getresponse()
                answer.read()
            assert answer.status in (401, 404)
    assert client.calls(call.sid).fetch().sid == call.sid


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic =",
        "Basic %%%",
        "Basic " + "A" * 20_000,
        "Bearer x",
        "basic Og==",
        "\xff",
    ],
)
def test_credentials_that_are_none(sandbox: Sandbox, authorization: str) -> None:
    is_refused(send(sandbox, "GET", "/Calls.json", headers={"Authorization": authorization}), 401)


# -- connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\x01\x02\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /2010-04-01/Accounts.json HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /2010-04-01/Accounts.json HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nTo=1",
        b"GET /2010-04-01/ HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request(sandbox: Sandbox, said: bytes) -> None:
    where = urlsplit(sandbox.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 10) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := connection.recv(65_536):
                answer += part
        except ConnectionError:
            pass
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:200]
