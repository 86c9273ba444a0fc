"""The log: what a sandbox says of calls, requests, recordings, warnings and errors."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import Any

import pytest
from serving import app, serving

from mediasim.sandbox.config import Config, parse_callee
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.log import Entry, LogWriter, SandboxLog
from mediasim.sandbox.log.writer import wants_colour
from mediasim.sandbox.number_plan import place_call
from mediasim.sandbox.settings import Settings
from mediasim.twilio.account import Account
from mediasim.twilio.sip.trunks import TrunkRecord

NUMBER = "+14155550100"
SCRIPT = [{"wait_for": {"quiet": "1s"}}, {"say": "Please call me back."}]


def call(served: EmbeddedSandbox, to: str = NUMBER) -> str:
    """Call the app and let time pass until nothing is left to do; returns the call's SID."""
    sandbox = served.sandbox
    callee = parse_callee({"script": SCRIPT}, base=sandbox.settings.config.base)
    record = served.submit(
        lambda: place_call(
            sandbox.service, sandbox.phones, to=to, from_="+14155550123", callee=callee,
            scripted=True,
        )
    ).result()  # fmt: skip
    served.submit(lambda: sandbox.clock.run_until_idle(10**11)).result()
    return str(record.sid)


@pytest.fixture
def entries() -> list[Entry]:
    return []


def test_each_call_request_recording_warning_and_error_is_an_entry(entries: list[Entry]) -> None:
    with app(
        voice="<Say>Hello.</Say><Foo/><Record timeout='2' action='/bye'/>", bye="<Hangup/"
    ) as user:
        numbers = {NUMBER: {"voice_url": f"{user.url}/voice", "status_callback": user.url + "/no"}}
        plan = {"numbers": numbers, "recordings": {"processing": "0s"}}
        settings = Settings(config=Config.model_validate(plan), clock="manual")
        with EmbeddedSandbox(settings, log=SandboxLog(entries.append)) as served:
            sid = call(served)
            logging.getLogger("mediasim").warning("the disk is nearly full")
    shown = [(each["event"], each["level"], each["message"]) for each in entries]
    recording = next(each["recording"] for each in entries if each["event"] == "recording")
    requests = [each for each in entries if each["event"] == "request"]
    others = [pair for pair in shown if pair[0] != "request"]
    completed = ("recording", "info", f"recording {recording} completed: 1.3 s, 1 channel")
    others.remove(completed)  # it is processed while the call goes on
    assert others == [
        ("call", "info", f"call from +14155550123 to {NUMBER} begins, inbound"),
        ("notification", "warning", shown[2][2]),
        ("call", "info", "answered"),
        ("recording", "info", f"recording {recording} started, RecordVerb"),
        ("notification", "error", next(it[2] for it in shown if it[2].startswith("error 12100"))),
        ("call", "info", next(it[2] for it in shown if it[2].startswith("completed after"))),
        ("sandbox", "warning", "the disk is nearly full"),
    ]
    assert shown[2][2].startswith("warning 12200: ")
    assert [(it["url"].removeprefix(user.url), it["status"]) for it in requests] == [
        ("/voice", 200),
        ("/bye", 200),
        ("/no", 204),
    ]
    assert all(isinstance(each["ms"], int) for each in requests)
    assert {each["call"] for each in entries[:-1]} == {sid}
    assert [each["code"] for each in entries if "code" in each] == [12200, 12100]
    assert entries[0]["time"] == "2026-01-05T09:00:00.000Z"
    assert entries[0]["from"] == "+14155550123"


def test_a_call_over_a_trunk_is_told_from_its_begin(entries: list[Entry]) -> None:
    settings = Settings(config=Config.model_validate({"numbers": {NUMBER: {}}}), clock="manual")

    def put_on_a_trunk(service: Account) -> None:
        service.sip.trunks.add(TrunkRecord(service.new_sid("TK"), service.sid, 0))
        service.numbers.all()[0].trunk_sid = service.sip.trunks.all()[0].sid

    with EmbeddedSandbox(settings, log=SandboxLog(entries.append)) as served:
        served.submit(lambda: put_on_a_trunk(served.sandbox.service)).result()
        call(served)
    words = [each["message"] for each in entries if each["event"] == "call"]
    begins = f"call from +14155550123 to {NUMBER} begins, trunking-originating"
    assert words == [begins, "failed"]


def test_a_request_that_fails_is_told_with_its_code_and_every_attempt(entries: list[Entry]) -> None:
    plan = Config.model_validate({"numbers": {NUMBER: {"voice_url": "http://127.0.0.1:9/voice"}}})
    log = SandboxLog(entries.append)
    with EmbeddedSandbox(Settings(config=plan, clock="manual"), log=log) as served:
        call(served)
    requests = [each for each in entries if each["event"] == "request"]
    assert [each.get("code") for each in requests] == [None, 11205]
    assert all(each["level"] == "error" for each in requests)
    assert requests[-1]["message"].endswith(", error 11205")
    assert "cannot connect" in requests[0]["message"]
    (note,) = [each for each in entries if each["event"] == "notification"]
    assert note["message"].startswith("error 11205: HTTP connection failure: POST")


def test_a_virtual_clock_that_only_limits_move_says_who_waits(entries: list[Entry]) -> None:
    plan = {NUMBER: {"twiml": "<Response><Enqueue>line</Enqueue></Response>"}}
    told = threading.Event()

    def write(each: Entry) -> None:
        entries.append(each)
        if each["message"].startswith("nothing more happens"):
            told.set()

    settings = Settings(config=Config.model_validate({"numbers": plan}), clock="virtual")
    with EmbeddedSandbox(settings, log=SandboxLog(write)) as served:
        sandbox = served.sandbox
        callee = parse_callee(
            {"script": [{"wait_for": {"digit": "1"}}]}, base=sandbox.settings.config.base
        )
        served.submit(
            lambda: place_call(
                sandbox.service, sandbox.phones, to=NUMBER, from_="+14155550123", callee=callee,
                scripted=True,
            )
        ).result()  # fmt: skip
        assert told.wait(20)
    said = [each["message"] for each in entries if each["level"] == "warning"]
    assert said == [
        "nothing more happens by itself: caller has waited for digit 1 since 0.0s; "
        "its document is in <Enqueue> on line 1 since 0.0s"
    ]


# -- lines ---------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


ENTRY: Entry = {
    "time": "2026-01-05T09:00:01.250Z",
    "level": "warning",
    "event": "notification",
    "call": "CA47c7b272127cbc6c25db9612870052c6",
    "code": 12200,
    "message": "warning 12200: <Foo>\nis unknown\x1b[2J",
}


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_lines_are_coloured_on_a_terminal_only(environment: dict[str, str], coloured: bool) -> None:
    assert wants_colour(Terminal(), environment) == coloured
    assert wants_colour(io.StringIO(), environment) == (coloured and "FORCE_COLOR" in environment)


def test_a_line_is_one_line_with_nothing_in_it_that_moves_a_terminal() -> None:
    line = LogWriter(io.StringIO()).line(ENTRY)
    assert line == "09:00:01.250  CA47c7b2  warning 12200: <Foo> is unknown\\x1b[2J"
    assert json.loads(LogWriter(io.StringIO(), "json").line(ENTRY)) == ENTRY


def test_a_stream_that_takes_nothing_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediasim.sandbox.log.writer._MOST_WAITING", 3)
    monkeypatch.setattr("mediasim.sandbox.log.writer._END_SECONDS", 0.01)
    blocked, written = threading.Event(), list[str]()

    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            blocked.wait(10)
            written.append(text)
            return len(text)

    with LogWriter(Pipe(), "json") as writer:
        for _ in range(10):
            writer.put(ENTRY)
    blocked.set()
    writer._thread.join(5)
    assert len(written) < 8
    assert any("lines are left out" in text for text in written)


# -- the command ---------------------------------------------------------------------------------


@pytest.mark.realtime
@pytest.mark.parametrize("workers", [1, 2])
def test_serve_says_it_as_lines_of_json(workers: int, tmp_path: Any) -> None:
    with app(voice="<Reject/>") as user:
        plan = tmp_path / "plan.yaml"
        plan.write_text(f"numbers: {{'{NUMBER}': {{voice_url: {user.url}/voice}}}}")
        options = ("--workers", str(workers), "--log", "json", "--config", str(plan))
        with serving(*options, "--data", str(tmp_path / "data")) as sandbox:
            assert f"inspector at {sandbox.url}/" in sandbox.lines
            assert (f"softphone at {sandbox.url}/softphone" in sandbox.lines) == (workers == 1)
            placed = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "+14155550123"})
            assert sandbox.process.stderr is not None
            found: list[Entry] = []
            while not found or found[-1].get("status") != "no-answer":
                found.append(json.loads(sandbox.process.stderr.readline()))
    assert [(each["event"], each["status"]) for each in found] == [
        ("call", "ringing"),
        ("request", 200),
        ("call", "no-answer"),
    ]
    assert {each["call"] for each in found} == {placed["sid"]}
