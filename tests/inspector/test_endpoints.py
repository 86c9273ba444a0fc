"""What the inspector's page is told, without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from serving import App, Sandbox
from staged import HOSTILE, NUMBER, called, staged

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, App, str]]:
    with staged(tmp_path_factory.mktemp("stage")) as (sandbox, user_app):
        yield sandbox, user_app, called(sandbox)


def fetch(url: str, **headers: str) -> tuple[int, Any, bytes]:
    try:
        with build_opener(ProxyHandler({})).open(Request(url, headers=headers)) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def timeline(sandbox: Sandbox, sid: str) -> Any:
    return sandbox.control("GET", f"/inspector/calls/{sid}")


# -- the page -------------------------------------------------------------------------------------


def test_the_page_runs_nothing_but_its_own_scripts(stage: tuple[Sandbox, App, str]) -> None:
    status, headers, text = fetch(f"{stage[0].url}/")
    assert status == 200
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert policy["style-src"] == "'self'"
    assert "<style" not in text.decode()
    assert " style=" not in text.decode()


def test_the_coverage_is_a_page_json_and_markdown(stage: tuple[Sandbox, App, str]) -> None:
    path = f"{stage[0].url}/_mediasim/coverage"
    status, headers, page = fetch(path, Accept="text/html,*/*;q=0.8")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "'self'" in headers["Content-Security-Policy"]
    assert b"<td><code>&lt;Dial&gt;</code></td><td><code>ringTone</code>" in page
    for asset in re.findall(r'(?:src|href)="(/_mediasim[^"]+)"', page.decode()):
        assert fetch(stage[0].url + asset)[0] == 200, asset
    found = json.loads(fetch(f"{path}.json")[2])
    assert found == json.loads(fetch(path, Accept="application/json")[2])
    assert page.count(b"<tr data-state=") == len(found["coverage"])
    assert {"of": "Call", "name": "Byoc", "state": "noted", "since": None}.items() <= next(
        each for each in found["coverage"] if each["name"] == "Byoc"
    ).items()
    status, headers, text = fetch(path)
    assert headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert b"| `POST \xe2\x80\xa6/Calls` |" in text


def test_everything_the_page_loads_is_served_here(stage: tuple[Sandbox, App, str]) -> None:
    url = stage[0].url
    wanted = re.findall(r'(?:src|href)="(/[^"]+)"', fetch(f"{url}/")[2].decode())
    seen = set[str]()
    while wanted:
        path = wanted.pop()
        if path in seen:
            continue
        seen.add(path)
        status, headers, body = fetch(url + path)
        assert status == 200, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        if path.endswith(".js"):
            assert "javascript" in headers["Content-Type"]
            imports = re.findall(r'^import .*?"(\.[^"]+)";', body.decode(), re.MULTILINE)
            wanted += [str(Path(path).parent / each).replace("/app/../", "/") for each in imports]
        assert b"https://" not in body, path
    shared = {Path(path).name for path in seen if "/shared/" in path}
    assert shared == {"axis.js", "mixer.js", "waveform.js"}


@pytest.mark.parametrize("path", ["/", "/_mediasim/inspector/feed", "/_mediasim/inspector/plan"])
def test_strangers_are_refused(stage: tuple[Sandbox, App, str], path: str) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        status, _, body = fetch(stage[0].url + path, **headers)
        assert status == 403
        assert b"this machine only" in body


def test_assets_do_not_lead_out_of_their_folder(stage: tuple[Sandbox, App, str]) -> None:
    for path in ("../pages.py", "..%2Fpages.py", "app/../../pages.py", "%2e%2e/pages.py"):
        assert fetch(f"{stage[0].url}/_mediasim/inspector/assets/{path}")[0] == 404


# -- what is told ---------------------------------------------------------------------------------


def test_a_calls_timeline_has_all_on_one_axis(stage: tuple[Sandbox, App, str]) -> None:
    sandbox, _, sid = stage
    found = timeline(sandbox, sid)
    alice, bob = found["legs"]
    assert (alice["party"], bob["party"], bob["parent"]) == ("alice", "bob", sid)
    assert alice["received"]["lost"] > 0
    assert {each["why"] for each in alice["losses"]} == {"lost"}
    assert sum(each["packets"] for each in alice["losses"]) <= alice["received"]["lost"] + 2
    assert bob["losses"] == []
    verbs = [(each["verb"], each["line"]) for each in found["verbs"]]
    assert verbs == [("Start", 1), ("Gather", 2), ("Dial", 1)]
    gather = found["verbs"][1]
    (key,) = found["keys"]
    assert key["digit"] == "1"
    assert gather["start"] < key["at"] <= gather["end"]
    assert gather["text"] == "Gather: <script>alert(1)</script>"
    kinds = {each["kind"] for each in found["deliveries"]}
    assert {"twiml", "call-status", "recording-status"} <= kinds
    assert [each["source"] for each in found["recordings"]] == ["StartCallRecordingAPI", "DialVerb"]
    assert "call.bridged" in {each["kind"] for each in found["moments"]}
    assert ["Sing" in each["text"] for each in found["notes"]] == [True]
    for each in (*found["verbs"], *found["recordings"]):
        start = each.get("start", each.get("started"))
        assert alice["created"] <= start <= alice["ended"]


def test_a_recordings_words_are_found_on_the_axis_too(tmp_path: Path) -> None:
    with staged(tmp_path) as (sandbox, user_app):
        record = '<Response><Record timeout="2" transcribe="true"/></Response>'
        for query in ("<b>", "%3Cb%3E"):
            user_app.documents[f"/voice?{query}"] = record
        found = timeline(sandbox, called(sandbox))
        first = found["recordings"][0]["sid"]
        told = {each["kind"]: each["at"] for each in found["moments"] if each["about"] == first}
        assert told["transcription.started"] < told["transcription.completed"]


def test_a_childs_timeline_is_its_parents(stage: tuple[Sandbox, App, str]) -> None:
    sandbox, _, sid = stage
    found = timeline(sandbox, sid)
    of_child = timeline(sandbox, found["legs"][1]["sid"])
    assert of_child["root"] == sid
    assert of_child["verbs"] == found["verbs"]


def test_the_feed_tells_all_and_then_what_changes(stage: tuple[Sandbox, App, str]) -> None:
    sandbox, _, sid = stage
    request = Request(f"{sandbox.url}/_mediasim/inspector/feed")
    with build_opener(ProxyHandler({})).open(request, timeout=10) as feed:
        assert feed.headers["Content-Type"].startswith("text/event-stream")

        def message() -> Any:
            line = feed.readline()
            while not line.startswith(b"data: "):
                line = feed.readline()
            return json.loads(line[6:])

        first = message()
        assert first["reset"]
        assert first["clock"]["kind"] == "manual"
        assert first["calls"][0]["sid"] == sid
        assert (first["calls"][0]["party"], first["calls"][0]["troubles"]) == ("alice", 1)
        assert {each["status"] for each in first["recordings"]} == {"completed"}
        assert {each["state"] for each in first["deliveries"]} == {"delivered"}
        again = sandbox.control("POST", f"/deliveries/{first['deliveries'][0]['id']}/replay")
        news = message()
        assert [each["id"] for each in news["deliveries"]] == [again["id"]]
        assert "calls" not in news


def test_the_feed_tells_of_a_reset(tmp_path: Path) -> None:
    with staged(tmp_path) as (sandbox, _):
        sandbox.control("POST", "/calls", {"to": NUMBER, "from": "bob"})
        request = Request(f"{sandbox.url}/_mediasim/inspector/feed")
        with build_opener(ProxyHandler({})).open(request, timeout=10) as feed:
            told = [json.loads(feed.readline()[6:])]
            assert told[0]["calls"]
            sandbox.control("POST", "/reset")
            while not told[-1].get("reset") or len(told) == 1:
                line = feed.readline()
                if line.startswith(b"data: "):
                    told.append(json.loads(line[6:]))
            assert "calls" not in told[-1]


def test_a_deliverys_signature_is_checked(stage: tuple[Sandbox, App, str]) -> None:
    sandbox, _, sid = stage
    one = next(each for each in timeline(sandbox, sid)["deliveries"] if each["kind"] == "twiml")
    path = f"/inspector/deliveries/{one['id']}"
    check = sandbox.control("GET", path)["signature"]
    assert check["matches"]
    assert ["CallSid", sid] in check["params"]
    other = sandbox.control("GET", f"{path}?url=https://example.com/voice")["signature"]
    assert not other["matches"]
    assert (other["header"], other["url"]) == (check["header"], "https://example.com/voice")
    assert sandbox.control("GET", "/inspector/deliveries/none")[0] == 404


def test_a_recordings_media_are_given_without_credentials(
    stage: tuple[Sandbox, App, str],
) -> None:
    sandbox, _, sid = stage
    recording = timeline(sandbox, sid)["recordings"][0]
    url = f"{sandbox.url}/_mediasim/inspector/recordings/{recording['sid']}"
    for channels, form, begins in (("1", "wav", b"RIFF"), ("2", "wav", b"RIFF"), ("2", "mp3", b"")):
        status, headers, body = fetch(f"{url}/media?channels={channels}&format={form}&save=true")
        assert status == 200
        assert body.startswith(begins)
        name = f"{recording['sid']}-{channels}ch.{form}"
        assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
        if form == "wav":
            assert body[22] == int(channels)
    status, headers, body = fetch(f"{url}/media?channels=2", Range="bytes=0-3")
    assert (status, body) == (206, b"RIFF")
    assert fetch(f"{url}/media?channels=3")[0] == 422
    outline = json.loads(fetch(f"{url}/outline")[2])
    assert outline["seconds"] == recording["seconds"]
    assert [max(peaks) > 0.05 for peaks in outline["channels"]] == [True, True]
    assert sandbox.control("GET", "/inspector/recordings/RE1/media?channels=1")[0] == 404


def test_the_plan_and_scripts_for_placing_calls(stage: tuple[Sandbox, App, str]) -> None:
    sandbox, user_app, _ = stage
    plan = sandbox.control("GET", "/inspector/plan")
    assert plan["numbers"] == [
        {"number": NUMBER, "name": NUMBER, "answers": f"{user_app.url}/voice?<b>"}
    ]
    assert [each["name"] for each in plan["parties"]] == ["alice", "bob"]
    steps = sandbox.control("POST", "/inspector/script", {"yaml": "- say: hello\n- hangup"})
    assert steps == {"script": [{"say": "hello"}, "hangup"]}
    status, words = sandbox.control("POST", "/inspector/script", {"yaml": "- say: [hello"})
    assert status == 422
    assert words.startswith("1:8: is not YAML")


def test_hostile_words_come_through_as_they_are(stage: tuple[Sandbox, App, str]) -> None:
    sandbox, _, sid = stage
    recording = timeline(sandbox, sid)["recordings"][0]["sid"]
    truth = sandbox.control("GET", f"/recordings/{recording}/truth")
    assert HOSTILE in [each["text"] for each in truth["channels"][0]["intervals"]]


def test_an_open_page_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with staged(tmp_path, "--clock", "real", "--quiet") as (sandbox, _):
        request = Request(f"{sandbox.url}/_mediasim/inspector/feed")
        with build_opener(ProxyHandler({})).open(request, timeout=10) as feed:
            assert feed.readline().startswith(b"data: ")
            assert sandbox.end() < 2
        assert sandbox.process.returncode == 0
        assert sandbox.process.stderr is not None
        assert sandbox.process.stderr.read() == ""


def test_levels_are_told_of_live_legs_in_real_time(tmp_path: Path) -> None:
    with staged(tmp_path, "--clock", "real", "--quiet") as (sandbox, _):
        sid = sandbox.control("POST", "/calls", {"to": NUMBER, "from": "alice"})["sid"]
        request = Request(f"{sandbox.url}/_mediasim/inspector/feed")
        with build_opener(ProxyHandler({})).open(request, timeout=10) as feed:
            for _ in range(60):
                line = feed.readline()
                if line.startswith(b"data: "):
                    levels = json.loads(line[6:]).get("levels", {}).get(sid)
                    if levels is not None and levels[0] > -50:
                        break
            else:
                raise AssertionError("no level was told")
