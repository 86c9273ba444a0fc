"""Apps that are slow, broken or hostile: calls end as Twilio ends them, what was recorded is kept.

Each call is told about at ``/status``, and has a notification with Twilio's code.
"""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import pytest
from number_plan import ALICE_HZ, APP_NUMBER, BOB
from sandbox_process import Sandbox
from sound_checks import heard
from twilio.rest import Client
from user_app import Answer, Asked, UserApp, twiml

SOON = "#rt=150&tt=300"
"""Connection overrides: an app has so many milliseconds, not Twilio's fifteen seconds."""


def outcome(sandbox: Sandbox, client: Client, sid: str) -> tuple[str, list[str]]:
    """How a call ended, once it has: its status, and the errors noted of it."""
    sandbox.run_out()
    call = client.calls(sid).fetch()
    errors = [each.error_code for each in call.notifications.list() if each.log == "0"]
    return call.status, errors[::-1]


def bomb() -> bytes:
    """A billion laughs."""
    entities = '<!ENTITY l0 "ha">' + "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
    )
    return f"<!DOCTYPE Response [{entities}]><Response><Say>&l9;</Say></Response>".encode()


# -- documents ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(b"<Response><Pause>"), "12100"),
        (Answer(b""), "12100"),
        (Answer(b"not a document"), "12100"),
        (Answer(b"\xff\xfe\xfd<Response/>"), "12100"),
        (Answer(b"<Response/><Response/>"), "12100"),
        (Answer(b"<Answer/>"), "12100"),
        (Answer(bomb()), "12100"),
        (Answer(b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Response/>'), "12100"),
        (
            Answer(b'<!DOCTYPE r [<!ENTITY x SYSTEM "/etc/passwd">]><Response>&x;</Response>'),
            "12100",
        ),
        (Answer(b"<Response>" + b"<Pause/>" * 9000 + b"</Response>"), "11750"),
        (Answer(b"<Response>" + b"<Say>" * 20_000), "11750"),
        (Answer(b"{}", "application/json"), "12300"),
        (Answer(b"<Response/>", "image/png"), "12300"),
        (Answer(b"<Response/>", None), "12300"),
        (Answer(b"", "text/xml", 500), "11200"),
        (Answer(b"gone", "text/plain", 404), "11200"),
    ],
)
def test_documents_that_are_none(
    sandbox: Sandbox, client: Client, app: UserApp, answer: Answer, code: str
) -> None:
    app.replies["/voice"] = answer
    sid = sandbox.call(APP_NUMBER, "quiet")
    assert outcome(sandbox, client, sid) == ("completed", [code])
    assert app.told("/status", "CallStatus") == ["completed"]
    assert int(app.of("/status")[0]["CallDuration"]) >= 1, "the apology is heard"


def test_a_hostile_document_gets_nothing_of_this_machine(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies["/voice"] = "<Play>file:///etc/passwd</Play><Redirect>file:///etc/passwd</Redirect>"
    status, errors = outcome(sandbox, client, sandbox.call(APP_NUMBER, "quiet"))
    assert (status, errors) == ("completed", ["11100", "11100"])


def test_the_fallback_is_asked_when_the_app_fails(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies.update({"/broken": Answer(b"", "text/xml", 500), "/spare": "<Pause length='3'/>"})
    call = client.calls.create(
        to="+14155550104",
        from_=APP_NUMBER,
        url=f"{app.url}/broken",
        fallback_url=f"{app.url}/spare",
        fallback_method="GET",
    )
    assert outcome(sandbox, client, call.sid) == ("completed", ["11200"])
    assert call.fetch().duration == "3"
    assert [each.method for each in app.asked] == ["POST", "GET"]


@pytest.mark.parametrize("verb", ["Dial", "Gather", "Record", "Enqueue"])
def test_an_action_that_fails_ends_the_call(
    sandbox: Sandbox, client: Client, app: UserApp, verb: str
) -> None:
    inside = {
        "Dial": f'<Dial action="/next" timeLimit="2"><Number>{BOB}</Number></Dial>',
        "Gather": '<Gather action="/next" timeout="1" actionOnEmptyResult="true"/>',
        "Record": '<Record action="/next" maxLength="2"/>',
        "Enqueue": '<Enqueue action="/next" waitUrl="/wait">line</Enqueue>',
    }
    app.replies.update(
        {
            "/voice": inside[verb] + "<Pause length='60'/>",
            "/wait": "<Leave/>",
            "/next": Answer(b"<"),
        }
    )
    sid = sandbox.call(
        APP_NUMBER, "quiet", {"noise": {"kind": "babble", "for": "9s", "level": -20}}
    )
    assert outcome(sandbox, client, sid) == ("completed", ["12100"])
    assert int(client.calls(sid).fetch().duration) < 30


# -- redirects ------------------------------------------------------------------------------------


def test_documents_in_a_circle(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/voice"] = "<Redirect>/voice</Redirect>"
    status, errors = outcome(sandbox, client, sandbox.call(APP_NUMBER, "quiet"))
    assert (status in ("completed", "no-answer"), errors) == (True, ["12000"])


@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_redirects_of_http_in_a_circle(
    sandbox: Sandbox, client: Client, app: UserApp, status: int
) -> None:
    app.replies["/voice"] = Answer(b"", None, status, {"Location": "/voice?more=" + "x" * 100})
    assert outcome(sandbox, client, sandbox.call(APP_NUMBER, "quiet")) == ("completed", ["11215"])
    assert len(app.of("/voice")) == 11


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://example.com/voice", "11205"),
        ("http://169.254.169.254/latest", "11205"),
        ("file:///etc/passwd", "11100"),
        ("http://[::1", "11216"),
        ("", "11216"),
    ],
)
def test_redirects_to_where_nobody_may_go(
    sandbox: Sandbox, client: Client, app: UserApp, location: str, code: str
) -> None:
    app.replies["/voice"] = Answer(b"", None, 302, {"Location": location})
    assert outcome(sandbox, client, sandbox.call(APP_NUMBER, "quiet")) == ("completed", [code])


# -- connections ----------------------------------------------------------------------------------


def closes(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def closes_within_the_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 999\r\n\r\n<Resp"
    )


def says_nothing(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)


def says_it_letter_by_letter(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 99\r\n\r\n")
    for _ in range(8):
        handler.wfile.write(b"<")
        time.sleep(0.08)


def speaks_no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x16\x03\x01 hello? \x00\r\n\r\n")


def never_ends(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<Response>")
    try:
        while True:
            handler.wfile.write(b"<Pause/>" * 131_072)
    except OSError:
        pass


def headers_without_end(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    try:
        for _ in range(20_000):
            handler.wfile.write(b"X-More: " + b"m" * 1000 + b"\r\n")
    except OSError:
        pass


@pytest.mark.parametrize(
    ("behavior", "codes"),
    [
        (closes, {"11200", "11205"}),
        (closes_within_the_answer, {"11200"}),
        (says_nothing, {"11205"}),
        (says_it_letter_by_letter, {"11205"}),
        (speaks_no_http, {"11200"}),
        (never_ends, {"11200", "11205", "11750"}),
        (headers_without_end, {"11200"}),
    ],
)
def test_apps_that_break_the_connection(
    sandbox: Sandbox, client: Client, app: UserApp, behavior: object, codes: set[str]
) -> None:
    assert callable(behavior)
    app.takeovers["/outgoing"] = behavior
    call = client.calls.create(to="+14155550104", from_=APP_NUMBER, url=f"{app.url}/outgoing{SOON}")
    status, errors = outcome(sandbox, client, call.sid)
    assert status == "completed"
    assert len(errors) == 1
    assert set(errors) <= codes


def test_nobody_is_there(sandbox: Sandbox, client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}/voice"
    call = client.calls.create(to="+14155550104", from_=APP_NUMBER, url=url)
    assert outcome(sandbox, client, call.sid) == ("completed", ["11205"])


def test_callbacks_that_fail_stop_nothing(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.takeovers["/progress"] = closes
    call = client.calls.create(
        to="+14155550104",
        from_=APP_NUMBER,
        twiml="<Response><Pause length='2'/></Response>",
        status_callback=f"{app.url}/progress{SOON}&rc=0",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert outcome(sandbox, client, call.sid)[0] == "completed"
    assert app.told("/progress", "CallStatus") == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    log = sandbox.control("GET", f"/deliveries?sid={call.sid}")["deliveries"]
    assert [each["state"] for each in log] == ["failed"] * 4
    errors = outcome(sandbox, client, call.sid)[1]
    assert len(errors) == 4
    assert set(errors) <= {"11200", "11205"}


def test_a_notification_has_the_request_and_the_answer_that_it_is_about(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies["/outgoing"] = Answer(b"<Response><Say", "text/xml")
    app.replies["/progress"] = Answer(b"no room", "text/plain", 503)
    call = client.calls.create(
        to="+14155550104",
        from_=APP_NUMBER,
        url=f"{app.url}/outgoing",
        method="GET",
        status_callback=f"{app.url}/progress",
    )
    assert outcome(sandbox, client, call.sid) == ("completed", ["12100"])
    listed = client.calls(call.sid).notifications.list()
    progress, document = (client.notifications(each.sid).fetch() for each in listed)
    assert (document.request_method, document.error_code) == ("GET", "12100")
    assert document.request_url == f"{app.url}/outgoing"
    assert dict(parse_qsl(document.request_variables))["CallSid"] == call.sid
    assert dict(parse_qsl(document.response_headers))["content-type"] == "text/xml"
    assert document.response_body == "<Response><Say"
    assert (progress.request_method, progress.error_code, progress.log) == ("POST", "15003", "1")
    assert progress.request_url == f"{app.url}/progress"
    assert dict(parse_qsl(progress.request_variables))["CallStatus"] == "completed"
    assert progress.response_body == "no room"


# -- sounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"no sound at all", "audio/wav"),
        Answer(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00", "audio/x-wav"),
        Answer(b"\xff\xfb" + bytes(5000), "audio/mpeg"),
        Answer(b"", "audio/wav"),
        Answer(b"", "text/html", 404),
    ],
)
def test_files_that_cannot_be_played_are_passed_over(
    sandbox: Sandbox, client: Client, app: UserApp, answer: Answer
) -> None:
    app.replies.update({"/voice": "<Play>/sound</Play><Pause length='2'/>", "/sound": answer})
    sid = sandbox.call(APP_NUMBER, "quiet")
    status, errors = outcome(sandbox, client, sid)
    assert (status, len(errors)) == ("completed", 1)
    assert client.calls(sid).fetch().duration == "2"


# -- recordings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", ["<Broken", "a hang"])
def test_what_was_recorded_is_kept(
    sandbox: Sandbox, client: Client, app: UserApp, fails: str
) -> None:
    app.replies["/voice"] = (
        '<Start><Recording trim="do-not-trim" recordingStatusCallback="/recorded"/></Start>'
        f'<Pause length="3"/><Redirect>/next{escape(SOON)}</Redirect>'
    )
    app.replies["/next"] = Answer(fails.encode())
    if fails == "a hang":
        app.takeovers["/next"] = says_nothing
    sid = sandbox.call(APP_NUMBER, "alice")
    status, errors = outcome(sandbox, client, sid)
    assert (status, len(errors)) == ("completed", 1)
    (recording,) = client.recordings.list(call_sid=sid)
    assert recording.status == "completed"
    channels = sandbox.samples(recording.sid, ".wav?RequestedChannels=2")
    assert heard(channels[0], ALICE_HZ, start=0.5, end=2.5) == {ALICE_HZ}
    assert app.told("/recorded", "RecordingSid") == [recording.sid]


def test_an_app_that_ends_the_call_while_it_is_asked(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    """And deletes what it can, and asks for more."""

    def answer(asked: Asked) -> Answer:
        call = client.calls(asked.params["CallSid"])
        recording = call.recordings.create()
        call.update(status="completed")
        assert call.recordings(recording.sid).fetch().status in (
            "in-progress",
            "absent",
            "processing",
        )
        return twiml("<Say>nobody hears this</Say><Redirect>/voice</Redirect>")

    app.replies.update(
        {"/voice": "<Gather timeout='1'/><Redirect>/next</Redirect>", "/next": answer}
    )
    sid = sandbox.call(APP_NUMBER, "alice")
    assert outcome(sandbox, client, sid)[0] == "completed"
    assert len(app.of("/voice")) == 1
