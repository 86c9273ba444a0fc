"""``mediasim serve`` from outside: started, asked, called, ended, killed and started again."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import App, Sandbox, app, serving
from typer.testing import CliRunner

from mediasim.cli import app as commands

pytestmark = pytest.mark.realtime

NUMBER = "+14155550100"


def plan(folder: Path, url: str, more: str = "") -> str:
    file = folder / "plan.yaml"
    file.write_text(
        f"numbers:\n  {NUMBER}: {{voice_url: {url}/voice, status_callback: {url}/status}}\n"
        "parties:\n  alice: {number: +14155550101, script: [{say: one two three}]}\n" + more
    )
    return str(file)


@pytest.fixture(scope="module")
def talking_app() -> Iterator[App]:
    with app(
        voice="<Start><Recording/></Start><Gather numDigits='1' action='/digit' timeout='30'/>",
        digit="<Say>Thank you</Say>",
    ) as found:
        yield found


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, talking_app: App) -> Iterator[Sandbox]:
    """One with a manual clock, in memory."""
    file = plan(tmp_path_factory.mktemp("plan"), talking_app.url)
    with serving("--in-memory", "--clock", "manual", "--config", file) as found:
        yield found


# -- starting and ending --------------------------------------------------------------------------


def test_it_tells_where_it_is_and_how_to_point_an_app_at_it(sandbox: Sandbox) -> None:
    first, *_, last = sandbox.lines
    assert first.startswith("mediasim sandbox at http://127.0.0.1:")
    assert last == "ready"
    assert list(sandbox.env) == ["MEDIASIM_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"]
    assert sandbox.env["TWILIO_ACCOUNT_SID"].startswith("AC")
    assert len(sandbox.env["TWILIO_AUTH_TOKEN"]) == 32
    shown = subprocess.run(
        [sys.executable, "-m", "mediasim", "env", "--url", sandbox.url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.splitlines() == [f"{name}={it}" for name, it in sandbox.env.items()]


def test_ctrl_c_ends_it_within_a_second_and_publishes_what_is_recorded(tmp_path: Path) -> None:
    with app(voice="<Start><Recording/></Start><Pause length='60'/>") as user_app:
        options = ("--data", str(tmp_path / "data"), "--config", plan(tmp_path, user_app.url))
        with serving(*options, "--quiet") as sandbox:
            placed = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "alice"})
            until(lambda: sandbox.control("GET", "/recordings")["recordings"])
            time.sleep(0.5)
            assert sandbox.end() < 1.5
            assert sandbox.process.returncode == 0
            assert sandbox.process.stderr is not None
            assert sandbox.process.stderr.read() == ""
        (wav,) = (tmp_path / "data" / "recordings").glob("*.wav")
        assert wav.stat().st_size > 44
        ended = [params for params in user_app.of("/status") if params["CallSid"] == placed["sid"]]
        assert [params["CallStatus"] for params in ended] == ["completed"]


def until(found: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not found():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--rate", "0"], "expected a rate from 0.001 to 1000, found 0"),
        (["--clock", "virtual", "--rate", "2"], "a virtual clock has no rate"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: cannot be read: No such file"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1:0: "),
        (["--public-url", "nonsense"], "--public-url: it must be an absolute URL that begins"),
        (["--public-url", "ftp://a/"], "--public-url: it must be an absolute URL that begins"),
        (["--public-url", "http://a:99999"], "--public-url: Port out of range"),
        (["--public-url", "http://a/?b"], "--public-url: it must have no query and no fragment"),
        (["--allowed-host", "http://a/"], "MEDIASIM_ALLOWED_HOSTS: expected the name or address"),
        (["--allowed-host", "a:80"], "without scheme and port, or *, found 'a:80'"),
        (["--allowed-host", "1.2.3.400"], "found '1.2.3.400'"),
        (["--spread", "numbers"], "--spread numbers says what workers share: expected --workers 2"),
        (["--data", "x"], "--in-memory keeps nothing: expected it without --data, --database"),
        (["--database", "sqlite:///x"], "--in-memory keeps nothing: expected it without --data"),
        (["--media", "s3://x"], "--in-memory keeps nothing: expected it without --data"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line(options: list[str], told: str) -> None:
    ended = CliRunner().invoke(commands, ["serve", "--in-memory", "--port", "0", *options])
    assert ended.exit_code == 2
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_database_that_there_is_not_is_told(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    ended = CliRunner().invoke(commands, ["serve", "--port", "0", *data, "--database", "nothing"])
    assert ended.exit_code == 2
    assert ended.stderr.startswith("'nothing' is no database URL")


# -- control --------------------------------------------------------------------------------------


def test_options_that_contradict_each_other_are_told_before_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = ["--in-memory", "--port", port, "--sip", "0", "--clock", "virtual"]
        found = CliRunner().invoke(commands, ["serve", *options])
    assert found.exit_code == 2
    assert found.stderr.startswith("SIP telephones live in real time, not at a virtual clock")


def test_health(sandbox: Sandbox) -> None:
    health = sandbox.control("GET", "/health")
    assert (health["status"], health["storage"]) == ("ok", "in memory")
    assert health["clock"]["kind"] == "manual"


def test_a_call_with_the_clock_in_hand(sandbox: Sandbox, talking_app: App) -> None:
    sandbox.control("POST", "/reset")
    before = sandbox.control("GET", "/clock")["seconds"]
    call = sandbox.control("POST", "/calls", {"to": NUMBER, "script": [{"say": "good morning"}]})
    assert (call["direction"], call["from"]) == ("inbound", "+14155550123")
    sid = call["sid"]
    after = sandbox.control("POST", "/clock/advance", {"by": "3s"})
    assert after["seconds"] == before + 3
    asked = [params for params in talking_app.of("/voice") if params["CallSid"] == sid]
    assert [params["CallStatus"] for params in asked] == ["ringing"]
    (recording,) = sandbox.control("GET", "/recordings")["recordings"]
    assert recording["status"] == "in-progress"
    refused = sandbox.control("GET", f"/recordings/{recording['sid']}/truth")
    assert refused[0] == 409
    sandbox.control("POST", f"/calls/{sid}/press", {"digits": "7"})
    sandbox.control("POST", "/clock/advance", {"by": 1})
    assert [params["Digits"] for params in talking_app.of("/digit")] == ["7"]
    assert sandbox.control("POST", "/clock/run-until-idle")["idle"]
    (done,) = sandbox.control("GET", "/calls")["calls"]
    assert done["status"] == "completed"
    ended = [params for params in talking_app.of("/status") if params["CallSid"] == sid]
    assert [params["CallStatus"] for params in ended] == ["completed"]
    truth = sandbox.control("GET", f"/recordings/{recording['sid']}/truth")
    said = [each["text"] for channel in truth["channels"] for each in channel["intervals"]]
    assert "good morning" in said
    events = sandbox.control("GET", "/events")["events"]
    assert {"call.answered", "recording.completed", "dtmf", "call.completed"} <= {
        event["kind"] for event in events
    }
    assert sandbox.control("GET", f"/events?after={events[-1]['number']}") == {"events": []}


def test_a_party_speaks_and_hangs_up(sandbox: Sandbox) -> None:
    sandbox.control("POST", "/reset")
    sid = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "alice"})["sid"]
    sandbox.control("POST", "/clock/advance", {"by": 1})
    sandbox.control("POST", f"/calls/{sid}/speak", {"text": "anybody there", "voice": "ben"})
    sandbox.control("POST", "/clock/advance", {"by": 4})
    sandbox.control("POST", f"/calls/{sid}/hang-up")
    sandbox.control("POST", "/clock/run-until-idle", {"most": "1m"})
    assert sandbox.control("GET", "/calls")["calls"][0]["status"] == "completed"
    (recording,) = sandbox.control("GET", "/recordings")["recordings"]
    truth = sandbox.control("GET", f"/recordings/{recording['sid']}/truth")
    said = [each["text"] for each in truth["channels"][0]["intervals"]]
    assert said == ["one two three", "anybody there"]
    status, words = sandbox.control("POST", f"/calls/{sid}/press", {"digits": "1"})
    assert status == 409
    assert "is completed" in words


def test_deliveries_and_replay(sandbox: Sandbox, talking_app: App) -> None:
    sandbox.control("POST", "/reset")
    sid = sandbox.control("POST", "/calls", {"to": NUMBER, "script": ["hangup"]})["sid"]
    sandbox.control("POST", "/clock/run-until-idle")
    found = sandbox.control("GET", f"/deliveries?kind=call-status&sid={sid}")["deliveries"]
    assert [each["state"] for each in found] == ["delivered"]
    one = found[0]["id"]
    assert sandbox.control("GET", f"/deliveries/{one}") == found[0]
    before = len(talking_app.of("/status"))
    again = sandbox.control("POST", f"/deliveries/{one}/replay")
    assert again["replay_of"] == one
    assert len(talking_app.of("/status")) == before + 1
    assert sandbox.control("POST", "/deliveries/none/replay")[0] == 404


def test_a_reset_begins_anew_with_the_same_sids(sandbox: Sandbox) -> None:
    sandbox.control("POST", "/reset")
    first = sandbox.control("POST", "/calls", {"to": NUMBER})["sid"]
    assert sandbox.control("POST", "/reset") is None
    assert sandbox.control("GET", "/calls") == {"calls": []}
    assert sandbox.control("GET", "/recordings") == {"recordings": []}
    assert sandbox.control("POST", "/calls", {"to": NUMBER})["sid"] == first
    sandbox.control("POST", "/reset")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/calls", {"to": "+14155559999"}, 404, "was not found"),
        ("POST", "/calls", {"to": NUMBER, "from": "nobody"}, 409, "nor a party's name"),
        ("POST", "/calls", {"to": NUMBER, "script": [{"sing": "la"}]}, 422, "unknown step"),
        ("POST", "/calls", {"to": NUMBER, "scrpt": []}, 422, "scrpt: Extra inputs"),
        ("POST", "/calls", {}, 422, "to: Field required"),
        ("POST", "/calls/CA1/press", {"digits": "1"}, 404, "was not found"),
        ("POST", "/message-outcomes", {"to": "5550100"}, 422, "expected a number such as +1"),
        (
            "POST",
            "/message-outcomes",
            {"to": "+14155550100", "status": "delivered", "error_code": 30003},
            422,
            "a message that is delivered has no error",
        ),
        (
            "POST",
            "/proxy",
            {"hosts": {"demo.ngrok.app": "http://127.0.0.1:5050/voice"}},
            422,
            "expected the address of an app such as http://127.0.0.1:5050, without path",
        ),
        ("POST", "/clock/advance", {"by": "soon"}, 422, "expected a duration such as 1.5s"),
        ("POST", "/clock/rate", {"rate": 2}, 409, "a manual clock has no rate"),
        ("GET", "/recordings/RE1/truth", None, 404, "was not found"),
        ("GET", "/deliveries/none", None, 404, "there is no delivery 'none'"),
        ("GET", "/nothing", None, 404, "Not Found"),
        ("GET", "/reset", None, 405, "Method Not Allowed"),
    ],
)
def test_what_cannot_be_done_is_told(
    sandbox: Sandbox, method: str, path: str, body: object, status: int, words: str
) -> None:
    refused = sandbox.control(method, path, body)
    assert refused[0] == status
    assert words in refused[1]


def test_strangers_are_refused(sandbox: Sandbox) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        status, words = sandbox.control("POST", "/reset", **headers)
        assert status == 403
        assert "this machine only" in words


# -- keeping --------------------------------------------------------------------------------------


def test_calls_outlive_their_sandbox_and_a_kill(tmp_path: Path) -> None:
    with app(voice="<Start><Recording/></Start><Pause length='60'/>") as user_app:
        options = ("--data", str(tmp_path / "data"), "--config", plan(tmp_path, user_app.url))
        with serving(*options, "--clock", "virtual") as sandbox:
            first = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "alice"})["sid"]
            sandbox.control("POST", "/clock/run-until-idle")
            env = sandbox.env
            sandbox.end()
        with serving(*options) as sandbox:
            assert sandbox.env["TWILIO_ACCOUNT_SID"] == env["TWILIO_ACCOUNT_SID"]
            assert sandbox.env["TWILIO_AUTH_TOKEN"] == env["TWILIO_AUTH_TOKEN"]
            second = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "alice"})["sid"]
            until(lambda: len(sandbox.control("GET", "/recordings")["recordings"]) == 2)
            time.sleep(1.2)  # recorders write once a second
            sandbox.process.kill()
            sandbox.process.wait()
        with serving(*options) as sandbox:
            calls = sandbox.control("GET", "/calls")["calls"]
            assert [call["sid"] for call in calls] == [first, second]
            assert {call["status"] for call in calls} == {"completed"}
            recordings = sandbox.control("GET", "/recordings")["recordings"]
            assert {each["status"] for each in recordings} == {"completed"}
            third = sandbox.control("POST", "/calls", {"to": NUMBER})["sid"]
            assert third not in (first, second)
            assert sandbox.control("GET", "/deliveries")["deliveries"]


def test_what_a_request_was_answered_is_in_the_database(tmp_path: Path) -> None:
    options = ("--data", str(tmp_path / "data"))
    with serving(*options) as sandbox:
        made = sandbox.rest("POST", "/IncomingPhoneNumbers.json", PhoneNumber="+15005550006")
        kept = sandbox.rest("POST", "/Queues.json", FriendlyName="support")
        sandbox.rest("DELETE", f"/IncomingPhoneNumbers/{made['sid']}.json")
        sandbox.process.kill()
        sandbox.process.wait()
    with serving(*options) as sandbox:
        assert sandbox.rest("GET", "/IncomingPhoneNumbers.json")["incoming_phone_numbers"] == []
        (queue,) = sandbox.rest("GET", "/Queues.json")["queues"]
        assert {**queue, "current_size": 0} == kept


def test_twilios_api_asks_who_is_there(sandbox: Sandbox) -> None:
    assert sandbox.rest("GET", ".json")["sid"] == sandbox.env["TWILIO_ACCOUNT_SID"]
    sandbox.env["TWILIO_AUTH_TOKEN"], token = "wrong", sandbox.env["TWILIO_AUTH_TOKEN"]
    assert sandbox.rest("GET", ".json")["code"] == 20003
    sandbox.env["TWILIO_AUTH_TOKEN"] = token


def test_an_outgoing_call_is_answered_by_the_default_party(
    sandbox: Sandbox, talking_app: App
) -> None:
    sandbox.control("POST", "/reset")
    made = sandbox.rest(
        "POST",
        "/Calls.json",
        To="+14155559999",
        From=NUMBER,
        Twiml="<Response><Record maxLength='3' playBeep='false'/></Response>",
    )
    assert made["status"] == "queued"
    sandbox.control("POST", "/clock/run-until-idle")
    (recording,) = sandbox.control("GET", "/recordings")["recordings"]
    assert (recording["source"], recording["status"]) == ("RecordVerb", "completed")
    truth = sandbox.control("GET", f"/recordings/{recording['sid']}/truth")
    assert [each["text"] for each in truth["channels"][0]["intervals"]] == ["Hello."]
